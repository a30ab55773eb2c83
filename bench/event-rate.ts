/**
 * Row b: durable audited events per second. Ours = units of work that record one event each through the real trail and
 * database; theirs = a bare loop that puts rows of the same bytes into the same engine.
 */
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import type { DatabaseLocation } from '../server/src/db/open.ts';
import { openDb } from '../server/src/db/open.ts';
import { systemClock } from '../server/src/stdx/clock.ts';
import { sealDraft } from '../server/src/trail/seal.ts';
import { Trail } from '../server/src/trail/trail.ts';
import { compare, inFolder, type Side } from './pairs.ts';
import { sampleEvents } from './sample-events.ts';
import type { BenchRow } from './table.ts';

export type EventRateOptions = {
  seconds: number;
  pairs: number;
  writers: readonly number[];
  postgresUrl?: () => Promise<string>;
};

const clock = systemClock();
const drafts = (() => {
  const samples = sampleEvents();
  return Array.from({ length: 1_000 }, () => samples.next());
})();

/** Runs `writers` loops for the time, each awaiting its own write; returns writes per second. */
async function rate(
  writers: number,
  seconds: number,
  write: (at: number) => Promise<unknown>,
): Promise<number> {
  const from = performance.now();
  const end = from + seconds * 1000;
  let done = 0;
  await Promise.all(
    Array.from({ length: writers }, async () => {
      while (performance.now() < end) await write(done++);
    }),
  );
  return done / ((performance.now() - from) / 1000);
}

async function ours(location: DatabaseLocation, writers: number, seconds: number): Promise<number> {
  const db = await openDb(location);
  const trail = new Trail({ db, clock });
  const unit = (at: number) =>
    db.transact(async (tx) => {
      trail.record(tx, drafts[at % drafts.length] as (typeof drafts)[0]);
    });
  const result = await rate(writers, seconds, unit);
  await db.close();
  return result;
}

/** Group commit like ours, no index but the key, nothing but the insert. */
async function bareSqlite(path: string, writers: number, seconds: number): Promise<number> {
  const sealed = sealDraft(drafts[0] as (typeof drafts)[0], clock);
  const db = new DatabaseSync(path);
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  db.exec(
    'CREATE TABLE body (idx INTEGER PRIMARY KEY, text TEXT) STRICT; CREATE TABLE fields (idx INTEGER PRIMARY KEY, text TEXT) STRICT',
  );
  const body = db.prepare('INSERT INTO body VALUES (?, ?)');
  const fields = db.prepare('INSERT INTO fields VALUES (?, ?)');
  let waiting: (() => void)[] = [];
  let index = 0;
  const flush = () => {
    const batch = waiting;
    waiting = [];
    db.exec('BEGIN');
    for (let at = 0; at < batch.length; at++) {
      body.run(index, sealed.body);
      fields.run(index++, sealed.private);
    }
    db.exec('COMMIT');
    for (const resolve of batch) resolve();
  };
  const put = () =>
    new Promise<void>((resolve) => {
      if (waiting.push(resolve) === 1) setImmediate(flush);
    });
  const result = await rate(writers, seconds, put);
  db.close();
  return result;
}

/** As the reference registry does it: one row per transaction, five secondary indexes. */
async function barePostgres(url: string, writers: number, seconds: number): Promise<number> {
  const sealed = sealDraft(drafts[0] as (typeof drafts)[0], clock);
  const pool = new pg.Pool({ connectionString: url, max: Math.min(writers, 32) });
  await pool.query(`CREATE TABLE logentry (id BIGSERIAL PRIMARY KEY, kind INT, account INT, performer INT, repository INT,
    at TIMESTAMP, ip VARCHAR(255), metadata TEXT)`);
  for (const columns of ['account, at', 'performer, at', 'repository, at, kind', 'at', 'kind']) {
    await pool.query(`CREATE INDEX ON logentry (${columns})`);
  }
  const metadata = sealed.body.slice(0, 340);
  const result = await rate(writers, seconds, (at) =>
    pool.query({
      name: 'put',
      text: 'INSERT INTO logentry (kind, account, performer, repository, at, ip, metadata) VALUES ($1, $2, $3, $4, now(), $5, $6)',
      values: [at % 60, at % 1000, at % 5000, at % 20000, '10.0.0.1', metadata],
    }),
  );
  await pool.end();
  return result;
}

function sqlite(writers: number, seconds: number): Side {
  return inFolder((folder) => ours({ engine: 'sqlite', path: folder.join('ours.db') }, writers, seconds));
}

export async function eventRateRows(options: EventRateOptions): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const writers of options.writers) {
    const comparison = await compare(
      sqlite(writers, options.seconds),
      inFolder((folder) => bareSqlite(folder.join('bare.db'), writers, options.seconds)),
      { pairs: options.pairs },
    );
    rows.push({
      row: 'b',
      what: `${writers} units, bursts, beside bare SQLite`,
      unit: 'events/s',
      comparison,
      bar: { ratio: 0.5, by: 'median' },
    });
  }
  const url = options.postgresUrl;
  if (url === undefined) return rows;
  for (const writers of options.writers) {
    const comparison = await compare(
      async () => ours({ engine: 'postgres', url: await url() }, writers, options.seconds),
      async () => barePostgres(await url(), writers, options.seconds),
      { pairs: options.pairs },
    );
    rows.push({
      row: 'b',
      what: `${writers} units on PostgreSQL beside a row per transaction there`,
      unit: 'events/s',
      comparison,
    });
    const across = await compare(
      sqlite(writers, options.seconds),
      async () => barePostgres(await url(), writers, options.seconds),
      { pairs: options.pairs },
    );
    rows.push({
      row: 'b',
      what: `${writers} units beside PostgreSQL, a row per transaction, five indexes`,
      unit: 'events/s',
      comparison: across,
      bar: { ratio: 2, by: 'median' },
    });
    // How much of that any store on SQLite could have: with one writer both wait for one flush each.
    const bare = await compare(
      inFolder((folder) => bareSqlite(folder.join('bare.db'), writers, options.seconds)),
      async () => barePostgres(await url(), writers, options.seconds),
      { pairs: options.pairs },
    );
    rows.push({
      row: 'b',
      what: `bare SQLite from ${writers} beside PostgreSQL, a row per transaction, five indexes`,
      unit: 'events/s',
      comparison: bare,
    });
  }
  return rows;
}
