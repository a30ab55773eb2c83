/** The erasure of one person among many events, and the search for what is left; small in npm test, large in the long run. */
import assert from 'node:assert/strict';
import { type Engine, root } from '../../../tests/support/house.ts';
import type { Db } from '../db/store.ts';
import { confirmErasure, requestErasure } from '../jobs/erasures.ts';
import { getErasure } from '../trail/forget/erasure-rows.ts';
import { deleteAccount, findBytes, live, openForgetting, populate, tracesIn } from './forgetting.fixture.ts';

export type StoredRow = { body: string; fields: string };

export async function readStored(db: Db): Promise<Map<number, StoredRow>> {
  await db.head();
  const rows = await db.read.q
    .selectFrom('event as e')
    .innerJoin('event_private as p', 'p.idx', 'e.idx')
    .select(['e.idx', 'body', 'fields'])
    .orderBy('e.idx')
    .execute();
  return new Map(rows.map(({ idx, body, fields }) => [idx, { body, fields }]));
}

export async function eraseAndSearch(engine: Engine, events: number): Promise<void> {
  await using house = await openForgetting(engine);
  const world = await populate(house);
  await live(house, world, events);
  await house.caughtUp();
  assert.ok((await findBytes(house)).length > 10, 'the search finds what is there');
  const before = await readStored(house.db);
  await deleteAccount(house, world);
  const { id } = await requestErasure(house.erasures, root, { kind: 'user', id: world.plum.id });
  await house.jobs.settle();
  const { found } = await getErasure(house.db.read, id);
  assert.ok(found.events > events / 3 && Object.keys(found.byType).length > 5);
  await confirmErasure(house.erasures, root, id);
  await house.caughtUp();
  await house.jobs.settle();
  const { state, removed } = await getErasure(house.db.read, id);
  assert.equal(state, 'done', JSON.stringify(await house.db.read.q.selectFrom('job').selectAll().execute()));
  assert.ok(removed.entries >= found.entries);
  await house.caughtUp();
  assert.deepEqual(await findBytes(house), []);
  requireOthersWhole(before, await readStored(house.db));
  await house.fsck();
  await house.restart();
  await house.caughtUp();
  assert.deepEqual(await findBytes(house), []);
}

/** Bodies are untouched, and of the entries only those are gone that speak of the person or stand beside the person's acts. */
function requireOthersWhole(
  before: ReadonlyMap<number, StoredRow>,
  after: ReadonlyMap<number, StoredRow>,
): void {
  let kept = 0;
  for (const [idx, { body, fields }] of before) {
    const now = after.get(idx);
    assert.equal(now?.body, body);
    if (now?.fields === fields) {
      kept++;
      continue;
    }
    const [had, has] = [JSON.parse(fields), JSON.parse(now?.fields ?? '{}')] as Record<string, unknown>[];
    for (const [pointer, entry] of Object.entries(had ?? {})) {
      if (has?.[pointer] !== undefined) assert.deepEqual(has[pointer], entry);
      else if (!/^\/(?:credential|request)\/|^\/details\/repeats\/samples$|name$/i.test(pointer))
        assert.ok(tracesIn('', Buffer.from(JSON.stringify(entry))).length > 0, `${pointer} of ${idx}`);
    }
  }
  assert.ok(kept > before.size / 4, 'the events of others are as they were');
}
