/**
 * Plain SQLite connections for worker threads: `search.db`, the projection's own file, and the main database opened for
 * reading. Synchronous, one thread each.
 */
import { rmSync } from 'node:fs';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { limits } from './limits.ts';
import { searchTables } from './migrations/0002-search.ts';
import { statementsFor } from './migrations/migration.ts';
import { openSqlite } from './sqlite-file.ts';
import type { Value } from './statement.ts';

export class SqliteFile {
  readonly #handle: DatabaseSync;
  readonly #prepared = new Map<string, StatementSync>();

  constructor(handle: DatabaseSync) {
    this.#handle = handle;
  }

  rows<R>(sql: string, params: readonly Value[] = []): R[] {
    return this.#of(sql).all(...params) as R[];
  }

  /** The only column of each row; it costs a fifth less than rows. Not for a statement that `rows` is asked too. */
  numbers(sql: string, params: readonly Value[]): number[] {
    const statement = this.#of(sql);
    statement.setReturnArrays(true);
    return (statement.all(...params) as unknown as [number][]).map(([value]) => value);
  }

  run(sql: string, params: readonly Value[] = []): void {
    this.#of(sql).run(...params);
  }

  /** Runs all of `work` in one transaction. */
  transaction<R>(work: () => R): R {
    this.#handle.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#handle.exec('COMMIT');
      return result;
    } catch (error) {
      if (this.#handle.isTransaction) this.#handle.exec('ROLLBACK');
      throw error;
    }
  }

  exec(sql: string): void {
    this.#handle.exec(sql);
  }

  close(): void {
    this.#prepared.clear();
    this.#handle.close();
  }

  #of(sql: string): StatementSync {
    let found = this.#prepared.get(sql);
    if (found) return found;
    if (this.#prepared.size >= limits.preparedStatements)
      this.#prepared.delete(this.#prepared.keys().next().value as string);
    found = this.#handle.prepare(sql);
    this.#prepared.set(sql, found);
    return found;
  }
}

export function openForReading(path: string): SqliteFile {
  return new SqliteFile(openSqlite(path, { readOnly: true }));
}

/** Opens, or makes, the projection's file. It can be rebuilt, so a commit need not reach the disk. */
export function openSearchFile(path: string): SqliteFile {
  const handle = openSqlite(path, { readOnly: false });
  try {
    // A batch changes pages all over the file, many of them again and again: they are copied back less often.
    handle.exec('PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 16000');
    const made = handle.prepare(`SELECT 1 FROM sqlite_schema WHERE name LIKE 'search_%' LIMIT 1`).get();
    if (!made) {
      const tables = statementsFor({ number: 2, name: 'search', statements: searchTables }, 'sqlite');
      handle.exec(`BEGIN; ${tables.join('; ')}; COMMIT`);
    }
  } catch (error) {
    handle.close();
    throw error;
  }
  return new SqliteFile(handle);
}

/** Removes the file with its WAL; connections still open on it read what it held until they are closed. */
export function removeSearchFile(path: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true });
}

/** The file is torn or no database: SQLITE_CORRUPT, SQLITE_NOTADB, a table or index that is missing. */
export function isTorn(error: unknown): boolean {
  const { errcode, message } = error as { errcode?: number; message?: string };
  if (errcode === undefined) return false;
  return [11, 26].includes(errcode & 0xff) || /no such (table|column|index)|malformed/.test(message ?? '');
}
