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
  return tryLockFile(join(folder, fileName)) ?? inUse(folder);
}

/** Undefined when another process, or this one, holds it. The file stays when the lock is released. */
export function tryLockFile(path: string): FolderLock | undefined {
  const handle = new DatabaseSync(path, { timeout: 0 });
  try {
    handle.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    handle.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
  return { release: () => handle.close() };
}

function isBusy(error: unknown): boolean {
  const { errcode } = error as { errcode?: number };
  return errcode !== undefined && (errcode & 0xff) === 5; // SQLITE_BUSY
}

function inUse(folder: string): never {
  const message = `Another Tallyman process uses the data folder ${folder}. Stop it first, or give this one a folder of its own (data.dir).`;
  throw new AppError('conflict', message);
}
