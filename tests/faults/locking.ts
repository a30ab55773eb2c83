/** A policy carried to very many tags by a server that is killed on the way: every tag locked, each with its event. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { openDb } from '../../server/src/db/open.ts';
import type { Db } from '../../server/src/db/store.ts';
import { requireClean } from '../support/fsck.ts';
import { createManagement } from '../support/management.ts';
import { pushImage, smallImage } from '../support/registry-client.ts';
import { type Engine, startTestServer, type TestServer } from '../support/server.ts';
import { waitFor } from '../support/wait-for.ts';
import { createWire } from '../support/wire.ts';

type Locking = { engine: Engine; tags: number; kills: number; timeoutMs: number };

export async function lockUnderKills({ engine, tags, kills, timeoutMs }: Locking): Promise<void> {
  await using server = await startTestServer({ engine });
  using wire = createWire(server.url);
  const { basic, username } = server.adminAuth;
  const path = `${username}/app`;
  await pushImage(wire, { project: path, tag: 'first', image: smallImage() }, { authorization: basic });
  await server.stop();
  await withDb(server, (db) => addTags(db, tags));
  await server.restart();
  const admin = createManagement(wire, basic);
  const place = `/projects/container/${encodeURIComponent(path)}/immutability-policies`;
  const { id } = await admin.call('POST', place, { pattern: 'v.*' });
  const run = async () =>
    (
      (await admin.call('GET', `${place}/${String(id)}`)) as unknown as {
        run: { state: string; locked: number };
      }
    ).run;
  for (let kill = 1; kill <= kills; kill++) {
    await waitFor(
      'the run to come further',
      async () => (await run()).locked >= (tags * kill) / (kills + 2),
      {
        timeoutMs,
      },
    );
    await server.kill('SIGKILL');
    await withDb(server, (db) => requireTold(db));
    await server.restart();
  }
  const done = await waitFor(
    'the run',
    async () => {
      const now = await run();
      return now.state === 'done' && now;
    },
    { timeoutMs },
  );
  assert.equal(done.locked, tags);
  await server.stop();
  await withDb(server, async (db) => assert.equal(await requireTold(db), tags));
  await requireClean(server);
}

async function withDb<T>(server: TestServer, work: (db: Db) => Promise<T>): Promise<T> {
  const { engine, dataDir, databaseUrl } = server;
  const db = await openDb(
    engine === 'sqlite' ? { engine, path: join(dataDir, 'tallyman.db') } : { engine, url: databaseUrl ?? '' },
  );
  try {
    return await work(db);
  } finally {
    await db.close();
  }
}

/** As the first one is, and told by its event: no check asks an event for the name. */
async function addTags(db: Db, count: number): Promise<void> {
  const first = await db.read.q.selectFrom('tag').selectAll().executeTakeFirstOrThrow();
  const began = await db.read.q.selectFrom('tag_history').selectAll().executeTakeFirstOrThrow();
  const names = Array.from({ length: count }, (_, at) => `v${String(at).padStart(7, '0')}`);
  for (let at = 0; at < count; at += 1_000)
    await db.transact(async (tx) => {
      const some = names.slice(at, at + 1_000);
      await tx.q
        .insertInto('tag')
        .values(some.map((name) => ({ ...first, name })))
        .execute();
      await tx.q
        .insertInto('tag_history')
        .values(some.map((name) => ({ ...began, name })))
        .execute();
    });
}

/** As many locked tags as events that lock one, each named by its tag. Returns how many. */
async function requireTold(db: Db): Promise<number> {
  await db.head();
  const count = ({ count: found }: { count: unknown }): number => Number(found);
  const locked = await db.read.q
    .selectFrom('tag')
    .select((eb) => eb.fn.count('lock_event_id').distinct().as('count'))
    .where('lock_trigger', '=', 'policy')
    .executeTakeFirstOrThrow();
  const events = await db.read.q
    .selectFrom('event')
    .select((eb) => eb.fn.countAll().as('count'))
    .where('body', 'like', '%"type":"container.tag.lock"%')
    .executeTakeFirstOrThrow();
  assert.equal(count(locked), count(events));
  return count(events);
}
