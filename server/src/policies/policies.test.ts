/** Policies through the API on both engines: what bad input gets, bounds, versions, and who may. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { policyLimits } from '@tallyman/contract';
import { openApi, populate } from '../../../tests/support/api.ts';
import { engines, root } from '../../../tests/support/house.ts';
import { uuidv7 } from '../stdx/random.ts';
import { createPolicy, listPolicies } from './policies.ts';

const place = '/api/v1/namespaces/acme/immutability-policies';

for (const { engine, skip } of engines) {
  describe(`immutability policies on ${engine}`, { skip }, () => {
    test('bad patterns get 422 with their position, store nothing, and are refusals', async () => {
      await using api = await openApi(engine);
      const { ada } = await populate(api);
      for (const [pattern, position] of [
        ['v(', 1],
        ['(?=v)', 0],
        ['v'.repeat(5_000), 256],
      ] as const) {
        for (const path of [place, `${place}/preview`]) {
          const { status, json, events } = await api.ask('POST', path, { auth: ada.auth, body: { pattern } });
          assert.deepEqual([status, json.field, json.position], [422, 'pattern', position]);
          assert.deepEqual(
            events.map(({ type, reason }) => [type, reason]),
            [['api.action.refuse', 'request_invalid']],
          );
          api.clock.advanceMs(3_600_000);
          await api.trail.trySweep();
        }
      }
      assert.equal((await api.ask('POST', place, { auth: ada.auth, body: {} })).json.field, 'pattern');
      const listed = await api.ask('GET', place, { auth: ada.auth });
      assert.deepEqual(listed.json, { items: [], next: null });
    });

    test('a duplicate is refused, the same words the other way round are another policy; everything may be locked', async () => {
      await using api = await openApi(engine);
      const { ada } = await populate(api);
      const make = async (body: object) => (await api.ask('POST', place, { auth: ada.auth, body })).status;
      assert.deepEqual(
        [
          await make({ pattern: '.*' }),
          await make({ pattern: '.*' }),
          await make({ pattern: '.*', matches: false }),
        ],
        [201, 409, 201],
      );
      const { items } = (await api.ask('GET', place, { auth: ada.auth })).json as { items: { id: string }[] };
      const [first, second] = items;
      const change = await api.ask('PUT', `${place}/${second?.id}`, {
        auth: ada.auth,
        body: { pattern: '.*', matches: true },
      });
      assert.deepEqual([change.status, change.json.field], [409, 'pattern']);
      await api.ask('DELETE', `${place}/${first?.id}`, { auth: ada.auth });
      const again = await api.ask('DELETE', `${place}/${first?.id}`, { auth: ada.auth });
      assert.deepEqual([again.status, again.json.field], [404, 'policy']);
      assert.equal(await make({ pattern: '.*' }), 201);
    });

    test('there are only so many, and together they cost only so much', async () => {
      await using api = await openApi(engine);
      const { acme, project, scope } = await populate(api);
      const on = { namespaceId: acme.id, projectId: project.id, scope };
      const create = (pattern: string) =>
        createPolicy(api, { by: root, place: on, words: { pattern, matches: true, description: '' } });
      for (let at = 0; at < policyLimits.perProject; at++) await create(`v${at}`);
      await assert.rejects(create('one more'), { code: 'conflict' });
      const wide = { ...on, projectId: '' };
      const heavy = (at: number) =>
        createPolicy(api, {
          by: root,
          place: wide,
          words: { pattern: `${at}x{120}`, matches: true, description: '' },
        });
      let made = 0;
      await assert.rejects(
        (async () => {
          for (; made < 100; made++) await heavy(made);
        })(),
        { code: 'unprocessable', message: /take too long to match/ },
      );
      assert.ok(made > 10 && made < 100, String(made));
      assert.equal((await listPolicies(api.db.read, wide)).length, made);
    });

    test('one says who made and changed it, and, when it is gone, how many tags it still holds', async () => {
      await using api = await openApi(engine);
      const { ada, boss, max } = await populate(api);
      const made = await api.ask('POST', place, { auth: ada.auth, body: { pattern: 'lat.*' } });
      await api.jobs.settle();
      const one = `${place}/${made.json.id}`;
      const tag = '/api/v1/projects/container/acme%2Fapp/tags/latest';
      assert.equal((await api.ask('GET', tag, { auth: max.auth })).json.immutable, 'policy');
      await api.ask('DELETE', one, { auth: boss.auth });
      const { json } = await api.ask('GET', one, { auth: ada.auth });
      const { name: creator } = json.createdBy as { name: string };
      const { name: changer } = json.changedBy as { name: string };
      assert.deepEqual(
        [creator, changer, json.deletedAt === null, json.holds],
        ['ada', 'boss', false, { tags: 1, complete: true }],
      );
      const deleted = await api.ask('GET', `${place}?state=deleted`, { auth: ada.auth });
      assert.deepEqual(
        (deleted.json.items as { id: string }[]).map(({ id }) => id),
        [made.json.id],
      );
      await api.ask('POST', `${one}/release`, { auth: ada.auth, body: { reason: 'superseded' } });
      await api.jobs.settle();
      const after = await api.ask('GET', one, { auth: ada.auth });
      assert.deepEqual(after.json.holds, { tags: 0, complete: true });
      assert.equal((await api.ask('GET', tag, { auth: max.auth })).json.immutable, null);
    });

    test('a policy of another place is not there', async () => {
      await using api = await openApi(engine);
      const { ada, max, scope, acme } = await populate(api);
      const words = { pattern: 'x', matches: true, description: '' };
      const on = { namespaceId: acme.id, projectId: '', scope };
      const { id } = await createPolicy(api, { by: root, place: on, words });
      const ofProject = '/api/v1/projects/container/acme%2Fapp/immutability-policies';
      assert.equal((await api.ask('GET', `${ofProject}/${id}`, { auth: ada.auth })).status, 404);
      assert.equal((await api.ask('GET', `${place}/${uuidv7(1)}`, { auth: ada.auth })).status, 404);
      const refused = await api.ask('POST', ofProject, { auth: max.auth, body: { pattern: 'x' } });
      assert.deepEqual([refused.status, refused.events[0]?.details.roleNeeded], [403, 'owner']);
      const short = await api.ask('POST', `${place}/${id}/release`, {
        auth: ada.auth,
        body: { reason: ' a ' },
      });
      assert.deepEqual([short.status, short.json.field], [400, 'reason']);
    });
  });
}
