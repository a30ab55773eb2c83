/** Retention keeps what explains a policy that lives, and one that was deleted for as long as a tag is locked by it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { engines, root } from '../../../tests/support/house.ts';
import { lockingKind } from '../containers/locking.ts';
import { unlockTag } from '../containers/locks.ts';
import { deleteTag, pointTag } from '../containers/tags.ts';
import { whyImmutable } from '../containers/why.ts';
import { digestOf } from '../domain/digest.ts';
import { type ForgettingHouse, live, openForgetting, populate } from '../main/forgetting.fixture.ts';
import { putRetention } from '../trail/forget/settings.ts';
import { changePolicy, createPolicy, deletePolicy } from './policies.ts';

const dayMs = 86_400_000;

async function kept({ db }: ForgettingHouse, policyId: string): Promise<string[]> {
  await db.head();
  const rows = await db.read.q.selectFrom('event').select('body').orderBy('idx').execute();
  return rows
    .map(({ body }) => JSON.parse(body) as { type: string; details: { policyId?: string } })
    .filter(({ type, details }) => type.startsWith('policy.immutability.') && details.policyId === policyId)
    .map(({ type }) => type.slice('policy.immutability.'.length));
}

for (const { engine, skip } of engines) {
  describe(`what explains policies on ${engine}`, { skip }, () => {
    test('is kept while the policy lives, or a tag is locked by it', async () => {
      await using house = await openForgetting(engine);
      const { parts, jobs } = house;
      jobs.register(lockingKind(parts));
      const world = await populate(house);
      const { scope } = world;
      const projectId = scope.project.id;
      const place = { namespaceId: scope.namespace.id, projectId, scope };
      const make = (pattern: string) =>
        createPolicy(
          { ...parts, jobs },
          { by: root, place, words: { pattern, matches: true, description: '' } },
        );
      const [living, holding, empty] = [await make('never'), await make('first'), await make('nothing')];
      const words = { pattern: 'v.*', matches: true, description: '' };
      await changePolicy({ ...parts, jobs }, { by: root, place, id: holding.id, words });
      await house.db.transact((tx) =>
        pointTag(parts, tx, {
          ...{ by: root, scope, projectId, tag: 'v1', how: 'push' },
          digest: digestOf('sha256', 'one'),
        }),
      );
      for (const { id } of [holding, empty]) await deletePolicy({ ...parts, jobs }, { by: root, place, id });
      await jobs.settle();
      await putRetention(parts, root, { class: 'project', days: 30, namespaces: null });
      await live(house, world, 300);
      const retain = async (): Promise<void> => {
        house.clock.advanceMs(31 * dayMs);
        await live(house, world, 300);
        await house.db.transact((tx) => jobs.enqueue(tx, { kind: 'retention', key: 'retention' }));
        await house.caughtUp();
        await jobs.settle();
      };
      await retain();
      assert.deepEqual(
        [await kept(house, living.id), await kept(house, holding.id), await kept(house, empty.id)],
        [['create'], ['create', 'change', 'delete'], []],
      );
      const why = await whyImmutable(house, { projectId, path: 'acme/app', tag: 'v1' });
      assert.deepEqual(
        why.policy?.steps.map(({ what }) => what),
        ['create', 'change', 'delete'],
      );
      await unlockTag(parts, { by: root, scope, projectId, tag: 'v1', reason: 'nobody needs it' });
      await retain();
      assert.deepEqual(await kept(house, holding.id), []);
      await deleteTag(parts, { by: root, scope, projectId, tag: 'v1' });
      await house.fsck();
    });
  });
}
