/**
 * A look at a database beside whoever writes it, or at one that nobody writes: read-only, one connection, for fsck and
 * backup. Migrates nothing. What one `view` reads belongs together; hold it shortly, because on SQLite the WAL cannot
 * be copied back past it and on PostgreSQL nothing can be vacuumed.
 */
import pg from 'pg';
import { AppError } from '../domain/error.ts';
import { migrations } from './migrations/all.ts';
import type { Engine } from './migrations/migration.ts';
import type { DatabaseLocation } from './open.ts';
import { openForReading, type SqliteFile } from './search-file.ts';
import type { Value } from './statement.ts';

export interface View {
  readonly engine: Engine;
  /** `?` for parameters, on both engines. Bytes come as Uint8Array, all integers as numbers. */
  rows<R>(sql: string, params?: readonly Value[]): Promise<R[]>;
}

export interface Onlooker {
  readonly engine: Engine;
  /** Runs `work` on one consistent state. One at a time. */
  view<T>(work: (view: View) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Throws `unsupported` when the schema is not the one this program knows, and `not_found` when there is no database. */
export async function openOnlooker(location: DatabaseLocation): Promise<Onlooker> {
  const onlooker =
    location.engine === 'sqlite' ? lookAtFile(location.path) : await lookAtPostgres(location.url);
  try {
    await onlooker.view(requireSchema);
  } catch (error) {
    await onlooker.close();
    throw error;
  }
  return onlooker;
}

/** Any SQLite file, whatever stands in it: `search.db`. */
export function lookAtFile(path: string): Onlooker {
  let file: SqliteFile;
  try {
    file = openForReading(path);
  } catch (cause) {
    throw noDatabase(path, cause);
  }
  const view: View = { engine: 'sqlite', rows: async (sql, params) => file.rows(sql, params) };
  return {
    engine: 'sqlite',
    view: async (work) => {
      file.exec('BEGIN');
      try {
        return await work(view);
      } finally {
        file.exec('ROLLBACK');
      }
    },
    close: async () => file.close(),
  };
}

function noDatabase(path: string, cause: unknown): AppError {
  return new AppError('not_found', `There is no database that can be read at ${path}.`, { cause });
}

const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === 20
      ? (text: string) => Number(text)
      : pg.types.getTypeParser(oid, format as 'text')) as typeof pg.types.getTypeParser,
};

async function lookAtPostgres(url: string): Promise<Onlooker> {
  const client = new pg.Client({ connectionString: url, types });
  client.on('error', () => {});
  await client.connect().catch((cause: unknown) => {
    throw new AppError('unavailable', 'The database cannot be reached.', { cause });
  });
  const view: View = {
    engine: 'postgres',
    rows: async <R>(sql: string, params: readonly Value[] = []) => {
      let parameter = 0;
      const text = sql.replace(/\?/g, () => `$${++parameter}`);
      return (await client.query(text, params as unknown[])).rows as R[];
    },
  };
  return {
    engine: 'postgres',
    view: async (work) => {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY');
      try {
        return await work(view);
      } finally {
        await client.query('ROLLBACK');
      }
    },
    close: () => client.end(),
  };
}

async function requireSchema(view: View): Promise<void> {
  const found = await view
    .rows<{ number: number | null }>('SELECT max(number) AS number FROM migration')
    .catch((cause: unknown) => {
      throw new AppError('not_found', 'This is no database of Tallyman, or it was never started.', { cause });
    });
  const schema = found[0]?.number ?? 0;
  if (schema === migrations.length) return;
  const what =
    schema < migrations.length
      ? 'Run `tallyman migrate` (or start the server) first.'
      : 'Use the version of Tallyman that made it.';
  throw new AppError(
    'unsupported',
    `The database has schema ${schema}, and this program knows ${migrations.length}. ${what}`,
  );
}
