/**
 * Retention and an erasure on a server that is killed in the middle of each by a real kill -9: after the next start each
 * goes on at once, does the rest exactly once, and leaves no byte of the person and no event that was to go.
 */
import assert from 'node:assert/strict';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openDb } from '../../server/src/db/open.ts';
import type { DurableStep } from '../../server/src/db/steps.ts';
import type { Db } from '../../server/src/db/store.ts';
import {
  type ForgettingHouse,
  findBytes,
  performer,
  traces,
} from '../../server/src/main/forgetting.fixture.ts';
import { manualClock, systemClock } from '../../server/src/stdx/clock.ts';
import type { EventDraft } from '../../server/src/trail/draft.ts';
import { sealDraft } from '../../server/src/trail/seal.ts';
import { requireClean } from '../support/fsck.ts';
import { createManagement, type Management } from '../support/management.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { type Engine, startTestServer, type TestServer } from '../support/server.ts';
import { createTempFolder } from '../support/temp-folder.ts';
import { waitFor } from '../support/wait-for.ts';
import { createWire } from '../support/wire.ts';

/** Enough for more units than the kills need. */
const eventsOfPerson = 1_500;
const oldEvents = 2_000;
/** 256 * floor(…): what stands below the last full tile when the server has started. */
const droppable = 256 * Math.floor(oldEvents / 256);
const dayMs = 86_400_000;

export async function forgetUnderKills({ engine, twice }: { engine: Engine; twice: boolean }): Promise<void> {
  await using opened = new AsyncDisposableStack();
  const folder = opened.use(await createTempFolder('forgetting'));
  const database = engine === 'postgres' ? opened.use(await createTestDatabase()) : undefined;
  const location = database
    ? ({ engine: 'postgres', url: database.url } as const)
    : ({ engine: 'sqlite', path: folder.join('tallyman.db') } as const);
  const withDb = async <T>(work: (db: Db) => Promise<T>): Promise<T> => {
    const db = await openDb(location);
    return work(db).finally(() => db.close());
  };
  await withDb((db) => appendOld(db));
  const orders = folder.join('kill');
  const server = opened.use(
    await startTestServer({
      program: join(import.meta.dirname, 'serve-with-steps.ts'),
      env: {
        TALLYMAN_DATA_DIR: folder.path,
        TALLYMAN_TEST_KILL_ORDERS: orders,
        ...(database && { TALLYMAN_DATABASE_URL: database.url }),
      },
    }),
  );
  const run = new KilledServer({ server, orders, engine, withDb });
  await retainUnderKills(run, twice);
  await eraseUnderKills(run, twice);
  await server.stop();
  await requireClean({ engine, dataDir: folder.path, databaseUrl: database?.url }, { deep: false });
  assert.equal(await withDb(countOld), oldEvents - droppable);
  await withDb(async (db) => {
    const house = { engine, folder, location, db, lines: [server.logs()] } as unknown as ForgettingHouse;
    await rmFolders(folder.path);
    assert.deepEqual(await findBytes(house), []);
  });
}

/** What the search for bytes cannot read as files: none of them holds rows. */
async function rmFolders(path: string): Promise<void> {
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    for (const file of await readdir(join(path, entry.name), { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue;
      const bytes = await readFile(join(file.parentPath, file.name));
      for (const trace of Object.values(traces)) assert.ok(!bytes.includes(trace), `${file.name}: ${trace}`);
    }
    await rm(join(path, entry.name), { recursive: true });
  }
}

type Parts = {
  server: TestServer;
  orders: string;
  engine: Engine;
  withDb: <T>(work: (db: Db) => Promise<T>) => Promise<T>;
};

/** A server that is told when to die. */
class KilledServer {
  readonly #parts: Parts;
  readonly withDb: Parts['withDb'];

  constructor(parts: Parts) {
    this.#parts = parts;
    this.withDb = parts.withDb;
  }

  get server(): TestServer {
    return this.#parts.server;
  }

  async manage<T>(work: (admin: Management) => Promise<T>): Promise<T> {
    const { server } = this.#parts;
    using wire = createWire(server.url);
    return await work(createManagement(wire, server.adminAuth.basic));
  }

  /** Killed after so many units from now on, in the middle of one or right behind it; the server is down afterwards. */
  async kill(where: 'within' | 'behind', units: number, begin: () => Promise<unknown>): Promise<void> {
    const { server, orders, engine } = this.#parts;
    const steps: Record<'within' | 'behind', DurableStep> =
      engine === 'sqlite'
        ? { within: 'batch.rows', behind: 'batch.committed' }
        : { within: 'unit.rows', behind: 'unit.committed' };
    await writeFile(orders, `${steps[where]} ${units}`);
    // It may be gone before it has answered, or before it was ready.
    await begin().catch((error: unknown) => {
      assert.match(String(error), /socket hang up|ECONNRESET|ended at once/);
    });
    await server.ended();
    await rm(orders);
  }
}

/** Pulls of half a year ago, which are kept for 90 days. */
async function appendOld(db: Db): Promise<void> {
  const clock = manualClock(Date.now() - 180 * dayMs);
  const by = performer({ id: 'passer-by', name: 'passer-by' }, { ip: '198.51.100.9' });
  await append(db, oldEvents, () => sealDraft(pull(by), clock));
}

function pull(by: EventDraft['by']): EventDraft {
  const namespace = { kind: 'organisation', id: 'acme-id', name: 'acme' } as const;
  return {
    type: 'container.manifest.pull',
    by,
    scope: { namespace, project: { format: 'container', id: 'app-id', path: 'acme/app' } },
    details: { digest: 'sha256:00', reference: 'latest', by: 'tag', mediaType: 'm' },
  } as EventDraft;
}

async function append(db: Db, count: number, seal: () => ReturnType<typeof sealDraft>): Promise<void> {
  for (let made = 0; made < count; made += 500) await db.append(Array.from({ length: 500 }, seal));
  await db.head();
}

async function retainUnderKills(run: KilledServer, twice: boolean): Promise<void> {
  const { server } = run;
  const begin = () =>
    run.manage(async (admin) => {
      const { id } = await retentionJob(admin);
      await admin.call('POST', `/jobs/${id}/run`);
    });
  await run.kill('behind', 8, begin);
  const first = await run.withDb(countOld);
  assert.ok(first < oldEvents && first > oldEvents - droppable, `${first} are left after the first kill`);
  if (twice) {
    await run.kill('within', 6, () => server.restart());
    const second = await run.withDb(countOld);
    assert.ok(second <= first && second > oldEvents - droppable, `${second} are left after the second kill`);
  }
  await server.restart();
  await run.manage((admin) =>
    waitFor('the end of the run', async () => (await retentionJob(admin)).progress.ended === 1),
  );
}

type RetentionJob = { id: string; kind: string; progress: Record<string, unknown> };

async function retentionJob(admin: Management): Promise<RetentionJob> {
  const { items } = (await admin.call('GET', '/jobs?limit=100')) as unknown as { items: RetentionJob[] };
  return items.find(({ kind }) => kind === 'retention') ?? assert.fail('there is no job for retention');
}

async function countOld(db: Db): Promise<number> {
  const row = await db.read.q
    .selectFrom('event')
    .select((eb) => eb.fn.countAll().as('count'))
    .where('idx', '<', oldEvents)
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

async function eraseUnderKills(run: KilledServer, twice: boolean): Promise<void> {
  const { server } = run;
  const { id: userId } = await run.manage((admin) =>
    admin.call('POST', '/users', { name: traces.name, password: 'correct-horse-battery-staple' }),
  );
  await server.stop();
  const clock = systemClock();
  const own = performer(
    { id: String(userId), name: traces.name },
    { ip: traces.address, agent: traces.agent },
  );
  await run.withDb((db) => append(db, eventsOfPerson, () => sealDraft(pull(own), clock)));
  await server.restart();
  const erasure = await run.manage(async (admin) => {
    await admin.call('DELETE', `/users/${traces.name}`);
    const { id } = await admin.call('POST', '/erasures', { kind: 'user', id: userId });
    await waitFor(
      'the preview',
      async () => (await admin.call('GET', `/erasures/${id}`)).state === 'previewed',
    );
    return String(id);
  });
  const removed = () =>
    run.withDb(async (db) => {
      const row = await db.read.q
        .selectFrom('erasure')
        .selectAll()
        .where('id', '=', erasure)
        .executeTakeFirstOrThrow();
      return { state: row.state, events: Number((JSON.parse(row.removed) as { events: number }).events) };
    });
  await run.kill('behind', 12, () =>
    run.manage((admin) => admin.call('POST', `/erasures/${erasure}/confirm`)),
  );
  const first = await removed();
  assert.ok(
    first.state === 'erasing' && first.events > 0 && first.events < eventsOfPerson,
    JSON.stringify(first),
  );
  if (twice) {
    await run.kill('within', 10, () => server.restart());
    const second = await removed();
    assert.ok(second.state === 'erasing' && second.events >= first.events, JSON.stringify(second));
    assert.ok(second.events < eventsOfPerson, JSON.stringify(second));
  }
  await server.restart();
  await run.manage((admin) =>
    waitFor('the erasure', async () => (await admin.call('GET', `/erasures/${erasure}`)).state === 'done'),
  );
}
