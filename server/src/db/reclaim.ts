/**
 * Takes deleted bytes out of what the database keeps besides its live rows. On SQLite pages are overwritten when rows go
 * (secure_delete), so what is left is the WAL, which is copied back and cut to nothing. On PostgreSQL dead rows lie in
 * their tables until these are vacuumed, and their bytes in the free space of pages until the table is rewritten. Its own
 * WAL, archived or not, is out of reach.
 */
import { Worker } from 'node:worker_threads';
import pg from 'pg';
import { AppError } from '../domain/error.ts';
import type { DatabaseLocation } from './open.ts';

export type Reclaiming = {
  /** PostgreSQL only. */
  tables: readonly string[];
  /** Rewrites the tables: writers of one wait while it is rewritten. */
  rewrite: boolean;
};

/** Off the main thread. Throws unavailable when readers or writers left no gap; call it again then. Idempotent. */
export async function reclaim(location: DatabaseLocation, { tables, rewrite }: Reclaiming): Promise<void> {
  if (location.engine === 'sqlite') await cutWal(location.path);
  else await vacuum(location.url, { tables, rewrite });
}

export type CutNews = { cut: boolean } | { failed: string };

async function cutWal(path: string): Promise<void> {
  const thread = new Worker(new URL('./reclaim-worker.ts', import.meta.url), { workerData: { path } });
  const news = await new Promise<CutNews>((resolve, reject) => {
    thread.once('message', resolve);
    thread.once('error', reject);
  });
  if ('failed' in news) throw new Error(news.failed);
  if (news.cut) return;
  throw new AppError(
    'unavailable',
    'The database was read without a pause, so its WAL could not be cut yet.',
    {
      reason: 'unavailable',
    },
  );
}

const lockTimeoutMs = 10_000;
/** SQLSTATE of a lock_timeout. */
const lockNotAvailable = '55P03';

function busy(cause: unknown): AppError {
  const message = 'A table was in use for longer than its vacuum may wait; it is tried again later.';
  return new AppError('unavailable', message, { reason: 'unavailable', cause });
}

async function vacuum(url: string, { tables, rewrite }: Reclaiming): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    // Who waits for a table makes everybody behind wait, too.
    await client.query(`SET lock_timeout = ${lockTimeoutMs}`);
    for (const table of tables)
      await client.query(`VACUUM ${rewrite ? '(FULL) ' : ''}${client.escapeIdentifier(table)}`);
  } catch (cause) {
    throw (cause as { code?: string }).code === lockNotAvailable ? busy(cause) : cause;
  } finally {
    await client.end();
  }
}
