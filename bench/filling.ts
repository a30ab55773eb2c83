/** Puts a busy registry's events into a log by the million, with its tree: as the server would, but without waiting for the disk. */
import { existsSync, mkdirSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import pg from 'pg';
import { LogTree, leafHashOf } from '../server/src/db/log-tree.ts';
import { searchTables } from '../server/src/db/migrations/0002-search.ts';
import { statementsFor } from '../server/src/db/migrations/migration.ts';
import { type DatabaseLocation, migrate } from '../server/src/db/open.ts';
import { openSearchFile, type SqliteFile } from '../server/src/db/search-file.ts';
import { openSqlite } from '../server/src/db/sqlite-file.ts';
import { SqliteLog } from '../server/src/db/sqlite-log.ts';
import type { SealedEvent } from '../server/src/db/store.ts';
import { eventsPerPortion, freshState } from '../server/src/trail/projector.ts';
import { eventsPerCounting } from '../server/src/trail/rollup.ts';
import { type Portion, SqliteSink } from '../server/src/trail/search-sink.sqlite.ts';
import { type BusyRegistry, busyRegistry } from './busy-registry.ts';

/** Bytes on the disk for each event: log and tree, and search index (measured at ten million). */
export const bytesPerEvent = { log: 2_150, search: 1_000 } as const;
const eventsPerCommit = 20_000;
/** PostgreSQL gets its rows in statements of so many. */
const eventsPerInsert = 5_000;

export type Progress = (done: number) => void;

/** Throws when the folder's disk has not the room for so many events, with a quarter more. */
export function requireRoom(folder: string, events: number): void {
  const needed = events * (bytesPerEvent.log + bytesPerEvent.search) * 1.25;
  const { bavail, bsize } = statfsSync(existsSync(folder) ? folder : dirname(folder));
  const free = bavail * bsize;
  if (free >= needed) return;
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  throw new Error(
    `${events} events need ${gigabytes(needed)} in ${folder}, and ${gigabytes(free)} are free.`,
  );
}

/** Goes on from what is there, up to `events`; returns how many were there before. A killed run loses its last commit only. */
export async function fillLog(
  location: DatabaseLocation,
  events: number,
  tell: Progress = () => {},
): Promise<number> {
  if (location.engine === 'sqlite') mkdirSync(dirname(location.path), { recursive: true });
  await migrate(location);
  return location.engine === 'sqlite'
    ? fillSqlite(location.path, events, tell)
    : fillPostgres(location.url, events, tell);
}

async function fillSqlite(path: string, events: number, tell: Progress): Promise<number> {
  const handle = openSqlite(path, { readOnly: false });
  const log = new SqliteLog(handle, new LogTree());
  try {
    handle.exec('PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 40000');
    log.load();
    const before = log.size;
    if (before >= events) return before;
    const registry = busyRegistry();
    while (log.size < events) {
      handle.exec('BEGIN IMMEDIATE');
      const first = log.size;
      const count = Math.min(events - first, eventsPerCommit);
      log.append(Array.from({ length: count }, (_, at) => registry.at(first + at)));
      log.writeTree();
      handle.exec('COMMIT');
      tell(log.size);
    }
    handle.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    return before;
  } finally {
    await log.close();
    handle.close();
  }
}

/**
 * Fills the projection of a log that `fillLog` made, with the server's own sink but without reading the log. Its secondary
 * indexes are made afterwards, by sorting: half the work, and no search may be asked before. Goes on from what is there; one
 * that is whole is left as it is.
 */
export function fillSearch(
  searchPath: string,
  events: number,
  { tell = () => {}, made = () => {} }: { tell?: Progress; made?: (index: string) => void } = {},
): void {
  const file = openSearchFile(searchPath);
  try {
    const state = new SqliteSink(file, { eventsPerCounting }).state();
    if (state !== undefined && state.next >= events && indexesMissing(file).length === 0) return;
    for (const sql of secondaryIndexes) file.exec(`DROP INDEX IF EXISTS ${nameOf(sql)}`);
    file.exec('PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 100000; PRAGMA cache_size = -1048576');
    const sink = new SqliteSink(file, { eventsPerCounting });
    if (sink.state() === undefined) sink.begin(freshState());
    const registry = busyRegistry();
    let next = sink.state()?.next ?? 0;
    while (next < events) {
      next = sink.write(portionsOf(registry, next, Math.min(events, next + eventsPerCommit)));
      tell(next);
    }
    file.exec('PRAGMA temp_store = FILE; PRAGMA cache_size = -262144');
    for (const sql of secondaryIndexes) {
      file.exec(sql);
      made(nameOf(sql));
    }
    file.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } finally {
    file.close();
  }
}

function indexesMissing(file: SqliteFile): string[] {
  const there = file.rows<{ name: string }>(`SELECT name FROM sqlite_schema WHERE type = 'index'`);
  return secondaryIndexes.map(nameOf).filter((wanted) => there.every(({ name }) => name !== wanted));
}

function* portionsOf(registry: BusyRegistry, from: number, to: number): Generator<Portion> {
  for (let low = from; low < to; low += eventsPerPortion) {
    const next = Math.min(to, low + eventsPerPortion);
    yield { rows: Array.from({ length: next - low }, (_none, at) => registry.rowAt(low + at)), next };
  }
}

const secondaryIndexes = statementsFor(
  { number: 2, name: 'search', statements: searchTables },
  'sqlite',
).filter((sql) => /^CREATE (UNIQUE )?INDEX/.test(sql));

function nameOf(sql: string): string {
  return /INDEX (\w+)/.exec(sql)?.[1] as string;
}

async function fillPostgres(url: string, events: number, tell: Progress): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('SET synchronous_commit = off');
    const tree = new LogTree();
    const { rows } = await client.query('SELECT size FROM log_edge');
    const before = Number(rows[0].size);
    if (before >= events) return before;
    const registry = busyRegistry();
    // The tree of what is there is made again: cheaper than to say how it is loaded.
    for (let index = 0; index < before; index++) tree.appendLeaf(leafHashOf(registry.at(index).body));
    tree.takeFullTiles();
    while (tree.size < events) {
      await client.query('BEGIN');
      const end = Math.min(events, tree.size + eventsPerInsert);
      const sealed: SealedEvent[] = [];
      const first = tree.size;
      while (tree.size < end) {
        const event = registry.at(tree.size);
        sealed.push(event);
        tree.appendLeaf(leafHashOf(event.body));
      }
      await insert(
        client,
        'event (idx, body)',
        first,
        sealed.map((event) => event.body),
      );
      await insert(
        client,
        'event_private (idx, fields)',
        first,
        sealed.map((event) => event.private),
      );
      for (const { level, n, hashes } of tree.takeFullTiles())
        await client.query('INSERT INTO log_tile (level, n, hashes) VALUES ($1, $2, $3)', [level, n, hashes]);
      const edge = tree.edge();
      await client.query('UPDATE log_edge SET size = $1, hashes = $2', [edge.size, edge.hashes]);
      await client.query('COMMIT');
      tell(tree.size);
    }
    await client.query('VACUUM ANALYZE event, event_private');
    return before;
  } finally {
    await client.end();
  }
}

async function insert(
  client: pg.Client,
  into: string,
  first: number,
  texts: readonly string[],
): Promise<void> {
  const text = `INSERT INTO ${into} SELECT $1::bigint + n - 1, text FROM unnest($2::text[]) WITH ORDINALITY AS given (text, n)`;
  await client.query({ name: into, text, values: [first, texts] });
}
