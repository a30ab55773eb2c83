/** Metrics of the trail and the stores, read when they are asked for: nothing on the way of a request counts for them. */
import { Counter, Gauge, type Registry } from 'prom-client';
import { sizeOf } from '../db/sqlite-file.ts';
import { statement } from '../db/statement.ts';
import type { Db } from '../db/store.ts';
import type { Clock } from '../stdx/clock.ts';
import type { Search } from '../trail/search.ts';
import type { Trail } from '../trail/trail.ts';
import { version } from './version.ts';

export type TrailMetricParts = {
  db: Db;
  trail: Trail;
  clock: Clock;
  search: Pick<Search, 'lag' | 'restarts'>;
};

/** Adding up blobs reads a table that may be long: once a minute at most. */
const blobBytesKeptMs = 60_000;

export function addTrailMetrics(registry: Registry, parts: TrailMetricParts): void {
  const registers = [registry];
  const info = new Gauge({
    name: 'tallyman_build_info',
    help: 'Always 1; the version is a label',
    labelNames: ['version', 'database'],
    registers,
  });
  info.set({ version, database: parts.db.engine }, 1);
  addEventCounts(registry, parts.trail);
  addGauge(
    registry,
    'tallyman_trail_open_refusals',
    'Refusals whose repeats are being counted',
    async () => parts.trail.openAttempts,
  );
  addUnrecordedReads(registry, parts.trail);
  addGauge(registry, 'tallyman_trail_head', 'Events in the log', () => parts.db.head());
  addGauge(
    registry,
    'tallyman_search_lag_events',
    'Events in the log that a search does not find yet',
    async () => parts.search.lag(),
  );
  addGauge(
    registry,
    'tallyman_search_projector_restarts',
    'How often the projector of the search index broke and was started again, since the start',
    async () => parts.search.restarts(),
  );
  addGauge(
    registry,
    'tallyman_database_size_bytes',
    'Size of the database on the disk',
    databaseSize(parts.db),
  );
  addGauge(
    registry,
    'tallyman_blobs_size_bytes',
    'Size of all blobs that are kept, at most a minute old',
    blobSize(parts),
  );
}

function addEventCounts(registry: Registry, trail: Trail): void {
  new Counter({
    name: 'tallyman_events_total',
    help: 'Events and refusals since the start, repeats and unrecorded refusals included, by type, outcome and reason',
    labelNames: ['type', 'outcome', 'reason'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [key, count] of trail.counts) {
        const [type = '', outcome = '', reason = ''] = key.split(' ');
        this.inc({ type, outcome, reason }, count);
      }
    },
  });
}

function addUnrecordedReads(registry: Registry, trail: Trail): void {
  new Counter({
    name: 'tallyman_trail_unrecorded_reads_total',
    help: 'Allowed reads answered without an event because the trail could not be written',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(trail.unrecordedReads);
    },
  });
}

/** A value that cannot be had now is left out: a scrape must not fail because the database is gone. */
function addGauge(registry: Registry, name: string, help: string, read: () => Promise<number>): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    async collect() {
      const value = await read().catch(() => undefined);
      if (value === undefined) this.remove();
      else this.set(value);
    },
  });
}

function databaseSize(db: Db): () => Promise<number> {
  if (db.engine === 'sqlite' && 'path' in db) return async () => sizeOf(db.path as string);
  const sizeQuery = statement<{ size: number }>('SELECT pg_database_size(current_database()) AS size');
  return async () => (await db.read.get(sizeQuery))?.size ?? 0;
}

function blobSize({ db, clock }: TrailMetricParts): () => Promise<number> {
  let last: { bytes: number; atMs: number } | undefined;
  return async () => {
    if (last === undefined || clock.nowMs() - last.atMs >= blobBytesKeptMs) {
      const row = await db.read.q
        .selectFrom('blob')
        .select((eb) => eb.fn.sum<number | null>('size_bytes').as('bytes'))
        .executeTakeFirst();
      last = { bytes: Number(row?.bytes ?? 0), atMs: clock.nowMs() };
    }
    return last.bytes;
  };
}
