/** Opens and migrates the database that the configuration names. */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import pg from 'pg';
import { AppError } from '../domain/error.ts';
import { migrations } from './migrations/all.ts';
import { checksum, type Engine, statementsFor } from './migrations/migration.ts';
import { PostgresDb } from './postgres.ts';
import { SqliteDb } from './sqlite.ts';
import { openSqlite } from './sqlite-file.ts';
import { loadSteps, type StepHook } from './steps.ts';
import type { Db } from './store.ts';

/** A file path, or a postgres:// URL. */
export type DatabaseLocation = { engine: 'sqlite'; path: string } | { engine: 'postgres'; url: string };

/**
 * Migrates, then opens. Throws when the database is newer than this program, and a FatalError when the log's edge is not
 * that of its entries. `hook`: where a test is told of the durable steps.
 */
export async function openDb(location: DatabaseLocation, hook?: StepHook): Promise<Db> {
  await migrate(location);
  const atStep = await loadSteps(hook);
  return location.engine === 'sqlite'
    ? new SqliteDb({ path: location.path, atStep })
    : PostgresDb.open({ url: location.url, atStep });
}

export type MigrationReport = { before: number; after: number; applied: string[] };

type Runner = {
  engine: Engine;
  exec(sql: string): Promise<void>;
  rows(sql: string): Promise<{ number: number; checksum: string }[]>;
};

/** Brings the database to the newest schema; each migration is one transaction. Idempotent. */
export async function migrate(location: DatabaseLocation): Promise<MigrationReport> {
  return location.engine === 'sqlite' ? migrateSqlite(location.path) : migratePostgres(location.url);
}

async function migrateSqlite(path: string): Promise<MigrationReport> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const handle = openSqlite(path, { readOnly: false });
  try {
    return await apply({
      engine: 'sqlite',
      exec: async (sql) => handle.exec(sql),
      rows: async (sql) => handle.prepare(sql).all() as { number: number; checksum: string }[],
    });
  } finally {
    handle.close();
  }
}

async function migratePostgres(url: string): Promise<MigrationReport> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock(7305802)');
    return await apply({
      engine: 'postgres',
      exec: async (sql) => void (await client.query(sql)),
      rows: async (sql) => (await client.query(sql)).rows,
    });
  } finally {
    await client.end();
  }
}

async function apply(runner: Runner): Promise<MigrationReport> {
  await runner.exec(
    'CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL)',
  );
  const done = await runner.rows('SELECT number, checksum FROM migration ORDER BY number');
  const newest = migrations.length;
  if (done.length > newest) {
    throw new AppError(
      'unsupported',
      `The database has schema ${done.length}, but this program only knows ${newest}. Start the newer version of Tallyman again, or restore a backup.`,
    );
  }
  for (const row of done) {
    const known = migrations[row.number - 1];
    if (!known || checksum(known) !== row.checksum) {
      throw new AppError(
        'unsupported',
        `Migration ${row.number} of this database is not the one this program knows. It was made by a changed or unreleased version.`,
      );
    }
  }
  const applied: string[] = [];
  for (const migration of migrations.slice(done.length)) {
    const record = `INSERT INTO migration (number, name, checksum) VALUES (${migration.number}, '${migration.name}', '${checksum(migration)}')`;
    await runner.exec('BEGIN');
    try {
      for (const sql of statementsFor(migration, runner.engine)) await runner.exec(sql);
      await runner.exec(record);
      await runner.exec('COMMIT');
    } catch (error) {
      await runner.exec('ROLLBACK');
      throw error;
    }
    applied.push(`${migration.number} ${migration.name}`);
  }
  return { before: done.length, after: newest, applied };
}
