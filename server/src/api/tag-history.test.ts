/** Where a tag pointed at any time, who moved it, to whom that is told; and going back, which is a push like any other. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TagHistoryEntry } from '@tallyman/contract';
import { digests, openApi, populate } from '../../../tests/support/api.ts';
import { engines, root } from '../../../tests/support/house.ts';
import { expireTags } from '../containers/expiry.ts';
import { createToken } from '../identity/tokens.ts';
import { createPolicy } from '../policies/policies.ts';
import { formatUs } from '../stdx/clock.ts';

const { one, two } = digests;
const tags = '/api/v1/projects/container/acme%2Fapp/tags';

async function open(engine: 'sqlite' | 'postgres') {
  const api = await openApi(engine);
  const people = await populate(api);
  const { max } = people;
  const ask = async (method: string, path: string, auth: string, body?: unknown) => {
    api.clock.advanceMs(60_000);
    return api.ask(method, `${tags}/${path}`, { auth, body });
  };
  return {
    api,
    ...people,
    ask,
    put: (tag: string, digest: string) => ask('PUT', tag, max.auth, { digest }),
    now: () => formatUs(api.clock.nowUs()),
    async history(tag: string, auth: string, query = ''): Promise<TagHistoryEntry[]> {
      const answer = await ask('GET', `${tag}/history${query}`, auth);
      assert.equal(answer.status, 200, answer.text);
      return (answer.json as unknown as { items: TagHistoryEntry[] }).items;
    },
    [Symbol.asyncDispose]: () => api[Symbol.asyncDispose](),
  };
}

type Told = TagHistoryEntry['begun'];
const short = (told: Told) =>
  told && `${told.by.name ?? told.by.kind} ${told.type.split('.')[2]} ${told.how}`;
const lines = (items: TagHistoryEntry[]) =>
  items.map(({ digest, begun, ended }) => [digest === one ? 'one' : 'two', short(begun), short(ended)]);

for (const { engine, skip } of engines) {
  describe(`the history of a tag on ${engine}`, { skip }, () => {
    test('has every state with who began and ended it, also of tags that expired, went and came back', async () => {
      await using world = await open(engine);
      const { api, ask, put, history, max, ada } = world;
      await put('v', one);
      await put('v', two);
      await ask('DELETE', 'v', max.auth);
      await ask('POST', 'v/restore', ada.auth, { digest: one });
      await ask('PATCH', 'v', max.auth, { expiresAt: formatUs(api.clock.nowUs() + 90_000_000) });
      api.clock.advanceMs(120_000);
      await expireTags(api);
      await put('v', two);
      assert.deepEqual(lines(await history('v', ada.auth)), [
        ['two', 'max create retag', null],
        ['one', 'ada create restore', 'tag expiry delete expiry'],
        ['two', 'max move retag', 'max delete request'],
        ['one', 'max create retag', 'max move retag'],
      ]);
      const paged = await ask('GET', 'v/history?limit=1', ada.auth);
      const next = encodeURIComponent(String(paged.json.next));
      assert.deepEqual(lines(await history('v', ada.auth, `?limit=1&cursor=${next}`)), [
        ['one', 'ada create restore', 'tag expiry delete expiry'],
      ]);
    });

    test('tells where the tag pointed at a time, and that it did not exist', async () => {
      await using world = await open(engine);
      const { ask, put, history, now, max } = world;
      const before = now();
      await put('v', one);
      const first = now();
      await put('v', two);
      const second = now();
      await ask('DELETE', 'v', max.auth);
      const gone = now();
      const at = async (time: string) =>
        (await history('v', max.auth, `?at=${time}`)).map(({ digest }) => digest);
      assert.deepEqual(
        [await at(before), await at(first), await at(second), await at(gone)],
        [[], [one], [two], []],
      );
      const [state] = await history('v', max.auth, `?at=${second}`);
      const whole = await history('v', max.auth);
      assert.deepEqual(state, whole[0]);
      // From the moment it begins to the moment it ends, which is the next one's.
      assert.deepEqual(
        [await at(String(whole[1]?.from)), await at(String(whole[1]?.to)), await at(String(whole[0]?.to))],
        [[one], [two], []],
      );
      for (const [query, field] of [
        ['?at=2999-01-01T00:00:00Z', 'at'],
        ['?at=yesterday', 'at'],
        [`?at=${first}&cursor=MQ`, 'cursor'],
      ]) {
        const refused = await ask('GET', `v/history${query}`, max.auth);
        assert.deepEqual([refused.status, refused.json.field], [400, field]);
      }
      assert.equal((await ask('GET', `never/history?at=${first}`, max.auth)).status, 404);
    });

    test('tells who did it to those alone who may read the event', async () => {
      await using world = await open(engine);
      const { api, put, ask, history, ada, mia, max, rita, sid, boss } = world;
      await put('v', one);
      const who = async (auth: string) => lines(await history('v', auth))[0]?.[1];
      assert.deepEqual([await who(ada.auth), await who(max.auth)], ['max create retag', 'max create retag']);
      // Readers see where it pointed and when, and no name; strangers do not see the project.
      assert.equal(await who(rita.auth), null);
      assert.equal(await who(mia.auth).catch(() => 404), 404);
      assert.equal((await ask('GET', 'v/history', sid.auth)).status, 404);
      // A token without the scope for events does not read them this way.
      const { secret } = await createToken(api.identity.parts, {
        by: root,
        userId: max.id,
        kind: 'access_token',
        name: 'for pulls',
        scopes: ['project:read'],
      });
      assert.equal(await who(`Bearer ${secret.reveal()}`), null);
      // That staff read what is somebody else's is an event, once in ten minutes.
      const staff = await ask('GET', 'v/history', boss.auth);
      assert.deepEqual(
        staff.events.map(({ type, actor, details }) => [type, actor.name, details.filter]),
        [['trail.events.read', 'boss', '{"history":"v"}']],
      );
      assert.deepEqual((await ask('GET', 'v/history', boss.auth)).events, []);
    });

    test('tells a state also when retention has dropped the event that told who began it', async () => {
      await using world = await open(engine);
      const { api, put, history, max } = world;
      const { events } = await put('v', one);
      const index = (await api.db.head()) - 1;
      assert.equal(lines(await history('v', max.auth))[0]?.[1], 'max create retag');
      await api.search.forget([{ first: index, last: index }]);
      const [state] = await history('v', max.auth);
      assert.deepEqual([state?.digest, state?.fromEventId, state?.begun], [one, events[0]?.id, null]);
    });

    test('going back is a push: judged by policies, refused over a lock, and its event names what it goes back to', async () => {
      await using world = await open(engine);
      const { api, acme, scope, ask, put, history, ada, max, rita } = world;
      const { json: first } = await put('v', one);
      await put('v', two);
      const restored = await ask('POST', 'v/restore', max.auth, { digest: one });
      assert.deepEqual(
        restored.events.map(({ type, details, actor }) => [type, details, actor.name]),
        [
          [
            'container.tag.move',
            { by: 'restore', from: two, restores: first.eventId, tag: 'v', to: one },
            'max',
          ],
        ],
      );
      assert.deepEqual((await ask('POST', 'v/restore', max.auth, { digest: one })).events, []);
      const place = { namespaceId: acme.id, projectId: '', scope: { namespace: scope.namespace } };
      const words = { pattern: 'v', matches: true, description: '' };
      const policy = await createPolicy(api, { by: root, place, words });
      await api.jobs.settle();
      const refused = await ask('POST', 'v/restore', max.auth, { digest: two });
      const [denied] = refused.events;
      assert.deepEqual(
        [refused.status, refused.json.reason, denied?.type, denied?.reason],
        [409, 'tag_immutable', 'container.push.refuse', 'tag_immutable'],
      );
      const lock = denied?.details.lock as { policy: { id: string } } | undefined;
      assert.equal(lock?.policy.id, policy.id);
      // Unlocked by an owner it goes back, and is born locked anew.
      await ask('POST', 'v/unlock', ada.auth, { reason: 'a wrong build' });
      const again = await ask('POST', 'v/restore', max.auth, { digest: two });
      const born = again.events[0]?.details.immutability as { previous: string; policy: { id: string } };
      assert.deepEqual([born.previous, born.policy.id], ['unlocked', policy.id]);
      assert.equal((await ask('POST', 'v/restore', rita.auth, { digest: two })).status, 403);
      assert.equal((await history('v', max.auth))[0]?.begun?.how, 'restore');
    });
  });
}
