/** A SQLite file as we open it, and what its errors and its size tell. */
import { existsSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { limits } from './limits.ts';

/** Opens a connection with the settings every connection of ours has. */
export function openSqlite(path: string, options: { readOnly: boolean }): DatabaseSync {
  const handle = new DatabaseSync(path, {
    readOnly: options.readOnly,
    timeout: 5_000,
    enableForeignKeyConstraints: false,
  });
  handle.exec('PRAGMA temp_store = MEMORY; PRAGMA cache_size = -65536; PRAGMA mmap_size = 268435456');
  if (!options.readOnly) {
    // Decides only for a file that is not there yet.
    handle.exec(`PRAGMA page_size = ${limits.pageBytes}`);
    handle.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON');
    handle.exec(
      `PRAGMA wal_autocheckpoint = ${limits.walWriterPages}; PRAGMA journal_size_limit = ${limits.walKeepBytes}`,
    );
  }
  return handle;
}

export function isDiskFull(error: unknown): boolean {
  const code = (error as { errcode?: number }).errcode;
  return code !== undefined && (code & 0xff) === 13; // SQLITE_FULL
}

/** Bytes of the database and its WAL, for metrics. */
export function sizeOf(path: string): number {
  return [path, `${path}-wal`].reduce((sum, file) => sum + (existsSync(file) ? statSync(file).size : 0), 0);
}
