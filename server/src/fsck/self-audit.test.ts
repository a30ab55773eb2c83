/** What a pass of the server over itself finds is told once, remembered over restarts, and told again when it comes back. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { postgresSkip } from '../../../tests/support/postgres.ts';
import { createSeededRandom } from '../../../tests/support/seeded-random.ts';
import { serverItself } from '../main/life-events.ts';
import { Trail } from '../trail/trail.ts';
import { openWorld, plainDrafts, type World } from './fsck-world.fixture.ts';
import { SelfAudit } from './self-audit.ts';

function auditOf({ db, clock, location, dataDir }: World): SelfAudit {
  const place = { location, dataDir, blobsUrl: undefined, heads: [] };
  return new SelfAudit({
    db,
    clock,
    trail: new Trail({ db, clock }),
    server: () => serverItself(clock),
    place: async () => place,
    share: 1,
  });
}

async function told(
  world: World,
): Promise<{ count: number; findings: { what: string; index?: number }[] }[]> {
  await world.db.head();
  const rows = await world.db.read.q.selectFrom('event').select('body').orderBy('idx').execute();
  return rows
    .map(({ body }) => JSON.parse(body))
    .filter(({ type }) => type === 'system.inconsistency.find')
    .map(({ details }) => details);
}

for (const { engine, skip } of [
  { engine: 'sqlite', skip: false },
  { engine: 'postgres', skip: postgresSkip() },
] as const) {
  it(`tells each finding once, on ${engine}`, { skip }, async () => {
    await using world = await openWorld(engine);
    await world.append(plainDrafts(300, createSeededRandom(5)));
    const audit = auditOf(world);
    await audit.load();
    assert.deepEqual([audit.last?.errors], [undefined], 'nothing to remember yet');
    const never = new AbortController().signal;
    await audit.run(never);
    assert.deepEqual([audit.last?.errors, audit.last?.events], [0, 300]);
    assert.deepEqual(await told(world), []);

    const { body } = await world.db.read.q
      .selectFrom('event')
      .select('body')
      .where('idx', '=', 7)
      .executeTakeFirstOrThrow();
    const set = (text: string) => world.run('UPDATE event SET body = ? WHERE idx = 7', [text]);
    await set(body.replace(/"version":\d+/, '"version":99'));
    await audit.run(never);
    assert.equal(audit.last?.errors, 1);
    await audit.run(never);
    const again = auditOf(world);
    await again.load();
    assert.deepEqual(again.last, audit.last, 'a restart remembers');
    await again.run(never);
    const once = await told(world);
    assert.deepEqual(
      once.map(({ count, findings }) => [count, findings[0]?.what, findings[0]?.index]),
      [[1, 'leaf_differs', 7]],
    );

    await set(body);
    await again.run(never);
    assert.equal(again.last?.errors, 0);
    await set(body.replace(/"version":\d+/, '"version":99'));
    await again.run(never);
    assert.equal((await told(world)).length, 2, 'told again when it came back');
  });
}

it('a stop breaks a pass off, which changes nothing', async () => {
  await using world = await openWorld('sqlite');
  await world.append(plainDrafts(300, createSeededRandom(5)));
  const audit = auditOf(world);
  const stopping = new AbortController();
  const run = audit.run(stopping.signal);
  setImmediate(() => stopping.abort());
  assert.equal(await run, undefined);
  assert.equal(await audit.run(AbortSignal.abort()), undefined);
  assert.deepEqual([audit.last?.errors], [undefined]);
});
