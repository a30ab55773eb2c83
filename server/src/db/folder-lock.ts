/**
 * One process per data folder. The lock is an exclusive transaction on a small SQLite file, so the operating system
 * holds it and drops it with the process, however that ends: there is no stale lock to clean up after a crash.
 */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { AppError } from '../domain/error.ts';

export type FolderLock = { release(): void };

const fileName = 'server.lock';

/** Throws `conflict` at once when another process (or this one) holds it. The folder must exist. */
export function lockFolder(folder: string): FolderLock {
  const handle = new DatabaseSync(join(folder, fileName), { timeout: 0 });
  try {
    handle.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (cause) {
    handle.close();
    throw isBusy(cause) ? inUse(folder, cause) : cause;
  }
  return { release: () => handle.close() };
}

function isBusy(error: unknown): boolean {
  const { errcode } = error as { errcode?: number };
  return errcode !== undefined && (errcode & 0xff) === 5; // SQLITE_BUSY
}

function inUse(folder: string, cause: unknown): AppError {
  const message = `Another Tallyman process uses the data folder ${folder}. Stop it first, or give this one a folder of its own (data.dir).`;
  return new AppError('conflict', message, { cause });
}
