/** For tests: a log over a database of either engine that can be closed, crashed, altered by hand and opened again. */
import { readFile } from 'node:fs/promises';
import { rangeNodes, tileHashes } from '@tallyman/verifier';
import { edgeChanged } from '../../../../tests/support/log-edge.ts';
import { createTestDatabase, postgresSkip } from '../../../../tests/support/postgres.ts';
import { createTempFolder, type TempFolder } from '../../../../tests/support/temp-folder.ts';
import { type DatabaseLocation, openDb } from '../../db/open.ts';
import { statement, type Value } from '../../db/statement.ts';
import type { Db } from '../../db/store.ts';
import { type Clock, manualClock } from '../../stdx/clock.ts';
import { uuidv7 } from '../../stdx/random.ts';
import type { Performer } from '../draft.ts';
import { openStored } from '../projected-row.ts';
import { Trail } from '../trail.ts';
import { Log, type LogParts, type LogSettings } from './log.ts';
import { rootAt } from './proofs.ts';
import { LogTiles } from './tiles.ts';

export const logEngines = [
  { engine: 'sqlite', skip: false },
  { engine: 'postgres', skip: postgresSkip() },
] as const;
export type LogEngine = (typeof logEngines)[number]['engine'];

export type LogHouse = AsyncDisposable & {
  readonly db: Db;
  readonly clock: Clock & { advanceMs(ms: number): void };
  readonly folder: TempFolder;
  readonly settings: LogSettings;
  /** The one opened last. */
  readonly log: Log;
  readonly by: Performer;
  /** A new process over what the one before left, which is not told. */
  open(parts?: Partial<Pick<LogParts, 'atStep' | 'atKeyStep' | 'db'>>): Promise<Log>;
  /** The database of another process: what was changed by hand is read again. */
  reopenDb(): Promise<void>;
  add(count: number): Promise<void>;
  byHand(sql: string, params?: readonly Value[]): Promise<void>;
  /** As restoring a backup of the database alone does. */
  rollBack(size: number): Promise<void>;
  /** Details of the events of a type, oldest first. */
  details(type: string): Promise<Record<string, unknown>[]>;
  file(name: string): Promise<string>;
};

let bodies = 0;

export async function openLogHouse(
  engine: LogEngine,
  checkpoint: Partial<LogSettings['checkpoint']> = {},
): Promise<LogHouse> {
  const folder = await createTempFolder('log');
  const database = engine === 'postgres' ? await createTestDatabase() : undefined;
  const location: DatabaseLocation =
    database === undefined
      ? { engine: 'sqlite', path: folder.join('tallyman.db') }
      : { engine: 'postgres', url: database.url };
  const settings: LogSettings = {
    dataDir: folder.path,
    publicUrl: 'https://registry.example.org',
    checkpoint: { origin: undefined, keyPath: folder.join('log/key'), copies: [], ...checkpoint },
  };
  const clock = manualClock();
  let db = await openDb(location);
  let log: Log | undefined;
  const by: Performer = {
    actor: { kind: 'system', id: 'server', name: 'server', proven: true },
    credential: { kind: 'none' },
    request: { id: uuidv7(clock.nowUs()), protocol: 'internal' },
  };
  const house: LogHouse = {
    get db() {
      return db;
    },
    clock,
    folder,
    settings,
    get log() {
      if (!log) throw new Error('no log was opened');
      return log;
    },
    by,
    async open(parts = {}) {
      const trail = new Trail({ db, clock });
      log = await Log.open({ db, clock, trail, server: () => by, settings, ...parts });
      return log;
    },
    async reopenDb() {
      await db.close();
      db = await openDb(location);
    },
    async add(count) {
      const events = Array.from({ length: count }, () => ({ body: `{"id":"${bodies++}"}`, private: '{}' }));
      for (let at = 0; at < count; at += 5_000) await db.append(events.slice(at, at + 5_000));
      await db.head();
    },
    async byHand(sql, params = []) {
      await db.transact((tx) => tx.run(statement(sql), params));
    },
    async rollBack(size) {
      const tiles = new LogTiles(db.read);
      const hashes = await Promise.all(
        rangeNodes(0, size).map(async ({ level, index }) => rootOfNode(tiles, { level, index, size })),
      );
      for (const table of ['event', 'event_private'])
        await house.byHand(`DELETE FROM ${table} WHERE idx >= ?`, [size]);
      for (let level = 0; level < 4; level++)
        await house.byHand('DELETE FROM log_tile WHERE level = ? AND n >= ?', [
          level,
          Math.floor(size / tileHashes ** (level + 1)),
        ]);
      await house.byHand('DELETE FROM log_checkpoint WHERE size > ?', [size]);
      await house.byHand(...edgeChanged(engine, { size, hashes: Buffer.concat(hashes) }));
      await house.reopenDb();
    },
    async details(type) {
      await db.head();
      const rows = await db.read.q
        .selectFrom('event as e')
        .leftJoin('event_private as p', 'p.idx', 'e.idx')
        .select(['e.idx', 'e.body', 'p.fields'])
        .where('e.body', 'like', `%"type":"${type}"%`)
        .orderBy('e.idx')
        .execute();
      return rows.map((row) => openStored(row).details as Record<string, unknown>);
    },
    file: (name) => readFile(folder.join(name), 'utf8'),
    async [Symbol.asyncDispose]() {
      log?.close();
      await db.close();
      await database?.[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
  return house;
}

/** Root of a perfect subtree: of the tree that its leaves alone would be. */
async function rootOfNode(
  tiles: LogTiles,
  { level, index, size }: { level: number; index: number; size: number },
): Promise<Uint8Array> {
  const first = index * 2 ** level;
  const moved = {
    read: async (tile: { level: number; n: number; width: number }) => {
      const span = tileHashes ** tile.level;
      const from = first / span;
      const n = Math.floor(from / tileHashes) + tile.n;
      const skip = from % tileHashes;
      const whole = await tiles.read({
        level: tile.level,
        n,
        width: Math.min(tileHashes, Math.floor(size / span) - n * tileHashes),
      });
      return whole.subarray(skip * 32);
    },
  };
  return rootAt(moved, 2 ** level);
}
