/**
 * Row f: what the log costs and what it gives. Units of work with tree and checkpoints beside the same units without;
 * one event's proof in a large log; a full verification of the tree beside bare SHA-256 of the same bytes.
 */
import { hash } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { LogTree, leafHashOf } from '../server/src/db/log-tree.ts';
import { migrate, openDb } from '../server/src/db/open.ts';
import { SqliteDb } from '../server/src/db/sqlite.ts';
import type { Db } from '../server/src/db/store.ts';
import { runFsck } from '../server/src/fsck/fsck.ts';
import { systemClock } from '../server/src/stdx/clock.ts';
import { uuidv7 } from '../server/src/stdx/random.ts';
import { Log } from '../server/src/trail/log/log.ts';
import { proveInclusion } from '../server/src/trail/log/proofs.ts';
import { LogTiles } from '../server/src/trail/log/tiles.ts';
import { sealDraft } from '../server/src/trail/seal.ts';
import { Trail } from '../server/src/trail/trail.ts';
import { createSeededRandom } from '../tests/support/seeded-random.ts';
import { createTempFolder, type TempFolder } from '../tests/support/temp-folder.ts';
import { compare, inFolder, median, type Side } from './pairs.ts';
import { sampleEvents } from './sample-events.ts';
import type { BenchRow } from './table.ts';

export type LogOptions = {
  seconds: number;
  pairs: number;
  writers: readonly number[];
  /** Size of the log that a proof is made in. */
  proofEvents: number;
  verifyEvents: number;
};

const clock = systemClock();
const drafts = (() => {
  const samples = sampleEvents();
  return Array.from({ length: 1_000 }, () => samples.next());
})();

export async function logRows(options: LogOptions): Promise<BenchRow[]> {
  await using folder = await createTempFolder('bench-log');
  const rows: BenchRow[] = [];
  for (const writers of options.writers) rows.push(await costRow(writers, options));
  rows.push(await proofRow(folder, options));
  rows.push(...(await verifyRows(folder, options)));
  return rows;
}

async function costRow(writers: number, options: LogOptions): Promise<BenchRow> {
  const comparison = await compare(
    inFolder(({ path }) => withLog(path, writers, options.seconds)),
    inFolder(({ path }) => withoutLog(path, writers, options.seconds)),
    { pairs: options.pairs },
  );
  return {
    row: 'f',
    what: `${writers} units with tree and checkpoints, beside without`,
    unit: 'events/s',
    comparison,
    bar: { ratio: 0.9, by: 'median' },
  };
}

async function withLog(dataDir: string, writers: number, seconds: number): Promise<number> {
  const db = await openDb({ engine: 'sqlite', path: `${dataDir}/tallyman.db` });
  const trail = new Trail({ db, clock });
  const by = {
    actor: { kind: 'system', id: 'server', name: 'server', proven: true },
    credential: { kind: 'none' },
    request: { id: uuidv7(clock.nowUs()), protocol: 'internal' },
  } as const;
  const checkpoint = { origin: undefined, keyPath: `${dataDir}/key`, copies: [] };
  const settings = { dataDir, publicUrl: 'https://bench.example.org', checkpoint };
  const log = await Log.open({ db, clock, trail, server: () => by, settings });
  const signing = setInterval(() => void log.checkpoint(), 1_000);
  const rate = await unitRate({ db, trail }, writers, seconds);
  clearInterval(signing);
  await log.checkpoint();
  await db.close();
  return rate;
}

async function withoutLog(dataDir: string, writers: number, seconds: number): Promise<number> {
  const path = `${dataDir}/tallyman.db`;
  await migrate({ engine: 'sqlite', path });
  const db = new SqliteDb({ path, makeLog: rowsAlone });
  const rate = await unitRate({ db, trail: new Trail({ db, clock }) }, writers, seconds);
  await db.close();
  return rate;
}

function rowsAlone(handle: DatabaseSync) {
  const body = handle.prepare('INSERT INTO event (idx, body) VALUES (?, ?)');
  const fields = handle.prepare('INSERT INTO event_private (idx, fields) VALUES (?, ?)');
  let size = 0;
  return {
    get size() {
      return size;
    },
    append(events: readonly { body: string; private: string }[]) {
      for (const event of events) {
        body.run(size, event.body);
        fields.run(size++, event.private);
      }
    },
    partialTile: () => undefined,
    writeTree() {},
    load() {},
    close: async () => {},
  };
}

async function unitRate(
  { db, trail }: { db: Db; trail: Trail },
  writers: number,
  seconds: number,
): Promise<number> {
  const from = performance.now();
  const end = from + seconds * 1000;
  let done = 0;
  const work = async () => {
    while (performance.now() < end) {
      const draft = drafts[done++ % drafts.length] as (typeof drafts)[0];
      await db.transact(async (tx) => void trail.record(tx, draft));
    }
  };
  await Promise.all(Array.from({ length: writers }, work));
  return done / ((performance.now() - from) / 1000);
}

/** Beside reading one body by its index: what a proof costs more than the event itself. */
async function proofRow(folder: TempFolder, { proofEvents, pairs }: LogOptions): Promise<BenchRow> {
  const path = folder.join('proof.db');
  await fillTree(path, proofEvents);
  const db = await openDb({ engine: 'sqlite', path });
  const random = createSeededRandom(11);
  const times: number[] = [];
  let bytes = 0;
  const perRun = 200;
  const prove = async () => {
    // Fresh tiles: nothing is remembered from the run before.
    const tiles = new LogTiles(db.read);
    const from = performance.now();
    for (let at = 0; at < perRun; at++) {
      const started = performance.now();
      const index = Math.floor(random.next() * proofEvents);
      const proof = await proveInclusion(tiles, { index, size: proofEvents });
      times.push(performance.now() - started);
      bytes = proof.length * 32;
    }
    return perRun / ((performance.now() - from) / 1000);
  };
  const read = async () => {
    const from = performance.now();
    for (let at = 0; at < perRun; at++) {
      await db.read.q
        .selectFrom('event')
        .select('body')
        .where('idx', '=', proofEvents - 1)
        .execute();
    }
    return perRun / ((performance.now() - from) / 1000);
  };
  const comparison = await compare(prove, read, { pairs });
  await db.close();
  const slowest = times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)] as number;
  return {
    row: 'f',
    what: `proof of one event in ${proofEvents.toLocaleString('en-GB')}, beside reading its body`,
    unit: '/s',
    comparison,
    note: `${bytes} bytes, ${median(times).toFixed(2)} ms, 99 of 100 under ${slowest.toFixed(2)} ms`,
  };
}

/** Tiles and edge of a log of so many events, and only the bodies that its last, partial tile is made from. */
async function fillTree(path: string, events: number): Promise<void> {
  await migrate({ engine: 'sqlite', path });
  const handle = new DatabaseSync(path);
  const tile = handle.prepare('INSERT INTO log_tile (level, n, hashes) VALUES (?, ?, ?)');
  const body = handle.prepare('INSERT INTO event (idx, body) VALUES (?, ?)');
  const tree = new LogTree();
  // The last tile's, by which the tree is loaded; the edge stands with the last of them.
  const withBodies = events - ((events - 1) % 256) - 1;
  handle.exec('BEGIN');
  for (let index = 0; index < events; index++) {
    if (index < withBodies) tree.appendLeaf(hash('sha256', String(index), 'latin1'));
    else {
      tree.appendLeaf(leafHashOf(`{"index":${index}}`));
      body.run(index, `{"index":${index}}`);
    }
    for (const full of tree.takeFullTiles()) tile.run(full.level, full.n, full.hashes);
  }
  const { size, hashes } = tree.edge();
  handle.prepare('UPDATE event SET edge = ? WHERE idx = ?').run(hashes, size - 1);
  handle.exec('COMMIT');
  handle.close();
}

/**
 * Every stored body hashed again, and the tree, tiles and edge made anew from them, by fsck's own code, in as many threads
 * as it takes. Beside two sides of one thread: a thousand bodies that stay in the processor's cache, hashed again and
 * again, which is the bar; and the bodies read one after another from the same file and hashed, which no verification can
 * do without. The note tells the same by the time that processors worked, all threads together.
 */
async function verifyRows(folder: TempFolder, { verifyEvents, pairs }: LogOptions): Promise<BenchRow[]> {
  const path = folder.join('verify.db');
  const bodies = (await fillLog(path, verifyEvents)).map((body) => Buffer.from(body));
  const location = { engine: 'sqlite', path } as const;
  const place = { location, dataDir: folder.path, blobsUrl: undefined, heads: [] };
  const verify = async () => {
    const { events, errors } = await runFsck(place, { clock, only: ['tree'] });
    if (errors > 0 || events !== verifyEvents) throw new Error('the verification found something wrong');
  };
  const bare = async () => {
    for (let at = 0; at < verifyEvents; at++) hash('sha256', bodies[at % bodies.length] as Buffer, 'latin1');
  };
  const bareFromFile = async () => {
    const handle = new DatabaseSync(path, { readOnly: true });
    const rows = handle.prepare('SELECT body FROM event ORDER BY idx').iterate();
    for (const { body } of rows) hash('sha256', body as string, 'latin1');
    handle.close();
  };
  const beside = async (other: () => Promise<void>) => {
    const [ours, theirs] = [timed(verify, verifyEvents), timed(other, verifyEvents)];
    const comparison = await compare(ours.side, theirs.side, { pairs });
    const cpu = ours.rateOfProcessors() / theirs.rateOfProcessors();
    return { comparison, note: `by the time of processors ${cpu.toFixed(2)}` };
  };
  const what = `full verification of ${verifyEvents.toLocaleString('en-GB')} events`;
  const row = { row: 'f', unit: 'events/s' };
  return [
    {
      ...row,
      what: `${what}, beside bare SHA-256 of their bytes`,
      ...(await beside(bare)),
      bar: { ratio: 0.5, by: 'median' },
    },
    { ...row, what: `${what}, beside reading and hashing them`, ...(await beside(bareFromFile)) },
  ];
}

/** Resolves to the bodies, which come again and again. */
async function fillLog(path: string, events: number): Promise<string[]> {
  const db = await openDb({ engine: 'sqlite', path });
  const sealed = drafts.map((draft) => sealDraft(draft, clock));
  for (let from = 0; from < events; from += sealed.length) await db.append(sealed.slice(0, events - from));
  await db.close();
  return sealed.map(({ body }) => body);
}

/** A side that does this work, and the median of what its runs took of the processors, all threads of this process. */
function timed(work: () => Promise<void>, events: number): { side: Side; rateOfProcessors(): number } {
  const rates: number[] = [];
  return {
    async side() {
      const before = process.cpuUsage();
      const from = performance.now();
      await work();
      const elapsedMs = performance.now() - from;
      const { user, system } = process.cpuUsage(before);
      rates.push(events / ((user + system) / 1e6));
      return events / (elapsedMs / 1_000);
    },
    rateOfProcessors: () => median(rates),
  };
}
