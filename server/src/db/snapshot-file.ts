/** One consistent copy of a whole database in a file of its own, taken beside whoever writes it, whom it does not hold up. */
import { spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { AppError } from '../domain/error.ts';

/**
 * SQLite's VACUUM INTO: as of the moment it begins, without free pages, so that nothing that was erased is copied. While
 * it runs the WAL cannot be copied back. Blocks this thread. Durable when it resolves; the file must not exist.
 */
export async function copySqlite(from: string, to: string): Promise<void> {
  const handle = new DatabaseSync(from, { readOnly: true, timeout: 5_000 });
  try {
    handle.prepare('VACUUM INTO ?').run(to);
  } finally {
    handle.close();
  }
  const file = await open(to, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The environment of a program that is run, with more variables than this one has. */
export type EnvironmentWith = (more: Readonly<Record<string, string>>) => NodeJS.ProcessEnv;

/** Throws `unavailable` when there is no pg_dump, so that it can be asked before anything is done. */
export async function requirePgDump(environment: EnvironmentWith): Promise<void> {
  const { code } = await runPgDump(['--version'], environment({})).catch(() => ({ code: -1 }));
  if (code === 0) return;
  throw new AppError(
    'unavailable',
    'pg_dump was not found, and it makes the copy of a PostgreSQL database. Install the client programs of PostgreSQL, or back the database up by its own means and give --without-database.',
  );
}

/** pg_dump in its own format, for pg_restore. The password goes by the environment: command lines can be read by others. */
export async function dumpPostgres(
  url: string,
  { to, environment }: { to: string; environment: EnvironmentWith },
): Promise<void> {
  const place = new URL(url);
  const password = decodeURIComponent(place.password);
  place.password = '';
  const { code, said } = await runPgDump(
    ['--format=custom', '--no-owner', '--no-privileges', `--file=${to}`, `--dbname=${place}`],
    environment(password === '' ? {} : { PGPASSWORD: password }),
  );
  if (code !== 0) {
    throw new AppError(
      'unavailable',
      `pg_dump could not copy the database: ${said.trim() || `exit code ${code}`}`,
    );
  }
}

const mostSaid = 2_000;

function runPgDump(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ code: number | null; said: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn('pg_dump', args, {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(0, mostSaid);
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, said }));
  });
}
