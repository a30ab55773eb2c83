/**
 * For tests: a log with checkpoints in a database of its own that can be damaged by hand and put right again. The heads
 * are signed here, by a key that the first event announces, so that nothing of the server's own checkpointer is needed.
 */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { type EventDetails, type EventType, eventTypes } from '@tallyman/contract';
import {
  formatCheckpoint,
  hashBytes,
  rootOfEdge,
  signatureTypes,
  signNote,
  splitTile,
  timestampKey,
  type VerifierKey,
  verifierKey,
} from '@tallyman/verifier';
import { createTestDatabase } from '../../../tests/support/postgres.ts';
import type { SeededRandom } from '../../../tests/support/seeded-random.ts';
import { createTempFolder } from '../../../tests/support/temp-folder.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { type DatabaseLocation, openDb } from '../db/open.ts';
import { statement } from '../db/statement.ts';
import type { Db, SealedEvent } from '../db/store.ts';
import { type Clock, manualClock } from '../stdx/clock.ts';
import type { EventDraft } from '../trail/draft.ts';
import { nodeSha256, sealDraft } from '../trail/seal.ts';
import { Search } from '../trail/search.ts';
import { randomDraft } from '../trail/search-world.fixture.ts';
import { Trail } from '../trail/trail.ts';
import type { CheckName, Finding } from './findings.ts';
import { type FsckReport, runFsck } from './fsck.ts';

export type LogKey = { key: VerifierKey; secret: KeyObject };

export function makeLogKey(): LogKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  const key = verifierKey({ name: 'log.test', type: signatureTypes.ed25519, publicKey: raw }, nodeSha256);
  return { key, secret: privateKey };
}

export type World = AsyncDisposable & {
  db: Db;
  clock: ReturnType<typeof manualClock>;
  location: DatabaseLocation;
  dataDir: string;
  key: LogKey;
  append(drafts: readonly EventDraft[]): Promise<void>;
  appendSealed(events: readonly SealedEvent[]): Promise<void>;
  /** A stored checkpoint over everything so far. */
  signHead(by?: LogKey): Promise<void>;
  run(sql: string, params?: readonly (string | number | Uint8Array)[]): Promise<void>;
  /** `heads`: kept elsewhere. */
  fsck(only?: readonly CheckName[], heads?: readonly string[]): Promise<FsckReport>;
  /** Changes by hand, looks, and puts everything back. */
  damaged(change: () => Promise<void>, only?: readonly CheckName[]): Promise<Finding[]>;
  /** Brings the projection up to the log, and closes it. */
  project(): Promise<void>;
};

/** Events of types that nothing but themselves stands behind. */
export function plainDrafts(count: number, random: SeededRandom): EventDraft[] {
  const plain = eventTypes.filter((type) => !/^(log|trail|system)\./.test(type));
  return Array.from({ length: count }, () => randomDraft(random, random.pick(plain)));
}

/** By the server itself. */
export function systemDraft<T extends EventType>(type: T, details: EventDetails<T>): EventDraft {
  return {
    type,
    by: {
      actor: { kind: 'system', id: 'server', name: 'server', proven: true },
      credential: { kind: 'none' },
      request: { id: 'r', protocol: 'internal' },
    },
    scope: {},
    details,
  } as unknown as EventDraft;
}

const logTables = [
  'event',
  'event_private',
  'log_tile',
  'log_checkpoint',
  'event_gap',
  'event_erasure',
] as const;
/** On SQLite the edge stands in `event`. */
const keptTables = { sqlite: logTables, postgres: [...logTables, 'log_edge'] } as const;

export async function openWorld(engine: 'sqlite' | 'postgres'): Promise<World> {
  await using owned = new AsyncDisposableStack();
  const folder = owned.use(await createTempFolder('fsck'));
  const location: DatabaseLocation =
    engine === 'sqlite'
      ? { engine, path: folder.join('tallyman.db') }
      : { engine, url: owned.use(await createTestDatabase()).url };
  const db = await openDb(location);
  owned.defer(() => db.close());
  const clock = manualClock();
  const key = makeLogKey();
  const run: World['run'] = async (sql, params = []) => {
    await db.transact((tx) => tx.run(statement(sql), params));
  };
  const appendSealed = async (events: readonly SealedEvent[]): Promise<void> => {
    await db.append(events);
    await db.head();
  };
  const fsck = (only?: readonly CheckName[], heads: readonly string[] = []): Promise<FsckReport> =>
    runFsck(
      { location, dataDir: folder.path, blobsUrl: undefined, heads },
      { clock, ...(only !== undefined && { only }) },
    );
  const held = owned.move();
  return {
    db,
    clock,
    location,
    dataDir: folder.path,
    key,
    run,
    fsck,
    appendSealed,
    append: (drafts) => appendSealed(drafts.map((draft) => sealDraft(draft, clock))),
    signHead: (by = key) => signHead(db, clock, by),
    damaged: async (change, only = ['events', 'tree']) => {
      for (const table of keptTables[engine])
        await run(`CREATE TABLE kept_${table} AS SELECT * FROM ${table}`);
      try {
        await change();
        return (await fsck(only)).findings;
      } finally {
        for (const table of keptTables[engine]) {
          await run(`DELETE FROM ${table}`);
          await run(`INSERT INTO ${table} SELECT * FROM kept_${table}`);
          await run(`DROP TABLE kept_${table}`);
        }
      }
    },
    project: async () => {
      const search = await Search.open({ db, location, clock, trail: new Trail({ db, clock }) });
      try {
        await waitFor('the projection', () => search.lag() === 0);
      } finally {
        await search.close();
      }
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

async function signHead(db: Db, clock: Clock, { key, secret }: LogKey): Promise<void> {
  const edge = await db.read.q.selectFrom('log_edge').select(['size', 'hashes']).executeTakeFirstOrThrow();
  const hashes = splitTile(edge.hashes, edge.hashes.length / hashBytes);
  const root = rootOfEdge(hashes, nodeSha256);
  const text = formatCheckpoint({ origin: key.name, size: edge.size, root, extensions: [] });
  const timeSec = Math.floor(clock.nowMs() / 1000);
  const signers = [key, timestampKey(key, nodeSha256)].map((one) => ({
    key: one,
    sign: (message: Uint8Array) => sign(null, message, secret),
  }));
  const note = signNote(text, { signers, timeSec });
  await db.transact((tx) =>
    tx.q
      .insertInto('log_checkpoint')
      .values({ size: edge.size, signed_at: clock.nowUs(), note })
      .onConflict((conflict) => conflict.column('size').doUpdateSet({ note }))
      .execute(),
  );
}
