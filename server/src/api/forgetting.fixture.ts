/** The stories of actions.test.ts about forgetting: retention, legal holds, erasures, jobs. */
import assert from 'node:assert/strict';
import type { Story } from './actions.fixture.ts';

/** As the administrator, and as an owner within what the administrator leaves. */
export async function useRetention({ act, api, world }: Story): Promise<void> {
  const { boss, ada, scope } = world;
  const namespaceScope = { namespace: scope.namespace ?? assert.fail() };
  await act('retention.list', boss.auth);
  const routine = { class: 'routine' };
  const bounds = { shortestDays: 30, longestDays: 90 };
  const change = {
    params: routine,
    body: { days: 60, namespaces: bounds },
    events: [
      {
        type: 'trail.retention.change',
        scope: {},
        details: {
          class: 'routine',
          keep: { from: { days: 90 }, to: { days: 60, namespaces: bounds } },
        },
      },
    ],
  };
  const set = await act('retention.put', boss.auth, change);
  assert.deepEqual([set.json.days, set.json.defaultDays, set.json.namespaces], [60, 90, bounds]);
  await act('retention.put', boss.auth, { ...change, events: [] });
  const own = { namespace: 'acme', ...routine };
  await act('namespaces.retention.list', ada.auth, { params: { namespace: 'acme' } });
  const chosen = await act('namespaces.retention.put', ada.auth, {
    params: own,
    body: { days: 45 },
    events: [
      {
        type: 'trail.retention.change',
        scope: namespaceScope,
        details: { class: 'routine', keep: { from: { follows: 'server' }, to: { days: 45 } } },
      },
    ],
  });
  assert.deepEqual([chosen.json.days, chosen.json.chosenDays], [45, 45]);
  const refused = async (path: string, body: unknown) => {
    const { status, json, events } = await api.ask('PUT', `/api/v1/namespaces/acme/retention/${path}`, {
      auth: ada.auth,
      body,
    });
    return [status, json.field, events.map((event) => event.reason)];
  };
  assert.deepEqual(await refused('routine', { days: 29 }), [400, 'days', ['request_invalid']]);
  assert.deepEqual(await refused('routine', { days: 91 }), [400, 'days', ['request_invalid']]);
  assert.deepEqual(await refused('routine', { days: null }), [400, 'days', ['request_invalid']]);
  assert.deepEqual(await refused('account', { days: 91 }), [409, 'days', ['conflict']]);
  assert.deepEqual(await refused('evidence', { days: 91 }), [400, 'class', ['request_invalid']]);
  await act('retention.put', boss.auth, {
    params: routine,
    body: { days: null, namespaces: { shortestDays: 50, longestDays: null } },
    events: [{ type: 'trail.retention.change' }],
  });
  const listed = await act('namespaces.retention.list', ada.auth, { params: { namespace: 'acme' } });
  const rules = (listed.json as { items: { class: string; days: number; chosenDays: number }[] }).items;
  const now = rules.find((rule) => rule.class === 'routine');
  assert.deepEqual([now?.days, now?.chosenDays], [50, 45], 'the bound wins over the choice');
  await act('namespaces.retention.delete', ada.auth, {
    params: own,
    events: [
      {
        type: 'trail.retention.change',
        details: { class: 'routine', keep: { from: { days: 45 }, to: { follows: 'server' } } },
      },
    ],
  });
  await act('namespaces.retention.delete', ada.auth, { params: own });
}

export async function useHolds({ act, api, world }: Story): Promise<void> {
  const { boss, acme, project, ada } = world;
  const place = (kind: string, id: string, name: string) =>
    act('holds.create', boss.auth, {
      body: { kind, id, note: 'the case of the missing tag' },
      events: [{ type: 'trail.hold.place', scope: {} }],
    }).then((answer) => {
      assert.deepEqual([answer.json.subjectName, answer.json.subjectId], [name, id]);
      return String(answer.json.id);
    });
  const onNamespace = await place('namespace', acme.id, 'acme');
  await place('project', project.id, 'acme/app');
  await place('user', ada.id, 'ada');
  const { items } = (await act('holds.list', boss.auth)).json as { items: unknown[] };
  assert.equal(items.length, 3);
  const wrong = async (body: unknown) => {
    const { status, json } = await api.ask('POST', '/api/v1/holds', { auth: boss.auth, body });
    return [status, json.field];
  };
  const body = { kind: 'user', id: ada.id, note: 'again' };
  assert.equal((await wrong(body))[0], 409);
  assert.deepEqual(await wrong({ ...body, id: acme.id }), [404, 'id']);
  assert.deepEqual(await wrong({ ...body, id: 'ada' }), [400, 'id']);
  assert.deepEqual(await wrong({ ...body, note: ' ' }), [400, 'note']);
  assert.deepEqual(await wrong({ ...body, kind: 'tag' }), [400, 'kind']);
  await act('holds.delete', boss.auth, {
    params: { hold: onNamespace },
    events: [{ type: 'trail.hold.lift', scope: {} }],
  });
  const again = await api.ask('DELETE', `/api/v1/holds/${onNamespace}`, { auth: boss.auth });
  assert.equal(again.status, 404);
}

export async function useErasures({ act, api, world }: Story): Promise<void> {
  const { boss, sid, ada, audrey } = world;
  const ask = (body: unknown, auth: string = boss.auth) =>
    api.ask('POST', '/api/v1/erasures', { auth, body });
  const wrong = async (body: unknown) => {
    const { status, json } = await ask(body);
    return [status, json.field];
  };
  assert.deepEqual(await wrong({ kind: 'user', id: sid.id }), [409, 'id'], 'the account lives');
  assert.deepEqual(await wrong({ kind: 'user', id: world.acme.id }), [404, 'id']);
  assert.deepEqual(await wrong({ kind: 'name', name: 'ada' }), [409, 'name'], 'somebody’s name');
  for (const name of ['', 'ab', 'two\nlines', 'x'.repeat(300)])
    assert.deepEqual(await wrong({ kind: 'name', name }), [400, 'name']);
  for (const address of ['', '10.0.0', '10.0.0.0/8', 'localhost', '::zz'])
    assert.deepEqual(await wrong({ kind: 'address', address }), [400, 'address']);
  assert.equal((await wrong({ kind: 'robot', id: sid.id }))[0], 400);
  for (const person of [ada, audrey]) assert.equal((await ask({}, person.auth)).status, 403);

  await act('users.delete', boss.auth, {
    params: { user: 'sid' },
    events: [{ type: 'account.user.delete' }],
  });
  const begin = () =>
    act('erasures.create', boss.auth, {
      body: { kind: 'user', id: sid.id },
      events: [{ type: 'trail.erasure.request', scope: {} }],
    }).then((answer) => ({ erasure: String(answer.json.id) }));
  const first = await begin();
  assert.equal((await ask({ kind: 'user', id: sid.id })).status, 409, 'one at a time');
  const early = await api.ask('POST', `/api/v1/erasures/${first.erasure}/confirm`, {
    auth: boss.auth,
  });
  assert.equal(early.status, 409, 'not previewed yet');
  await act('erasures.cancel', boss.auth, { params: first, events: [{ type: 'trail.erasure.cancel' }] });
  assert.equal(
    (await api.ask('DELETE', `/api/v1/erasures/${first.erasure}`, { auth: boss.auth })).status,
    409,
  );

  const second = await begin();
  await api.jobs.settle();
  const previewed = await act('erasures.get', boss.auth, { params: second });
  assert.equal(previewed.json.state, 'previewed');
  const found = previewed.json.found as { events: number; entries: number };
  assert.ok(found.events > 0 && found.entries >= found.events);
  assert.ok(!previewed.text.includes('"sid"'), 'a preview says counts, not names');
  await act('erasures.confirm', boss.auth, {
    params: second,
    events: [{ type: 'trail.erasure.confirm', scope: {} }],
  });
  await api.jobs.settle();
  const done = (await act('erasures.get', boss.auth, { params: second })).json;
  assert.equal(done.state, 'done', JSON.stringify(done));
  assert.ok((done.removed as { entries: number }).entries >= found.entries);
  const { items } = (await act('erasures.list', boss.auth)).json as { items: { id: string }[] };
  assert.deepEqual(items.map((item) => item.id).sort(), [first.erasure, second.erasure].sort());
  assert.equal(
    (await api.ask('POST', `/api/v1/erasures/${second.erasure}/confirm`, { auth: boss.auth })).status,
    409,
  );
}

export async function useJobs({ act, api, world }: Story): Promise<void> {
  const { boss, ada } = world;
  await api.jobs.putRecurring();
  const { items } = (await act('jobs.list', boss.auth)).json as { items: { id: string; kind: string }[] };
  const job = { job: items.find(({ kind }) => kind === 'retention')?.id ?? assert.fail() };
  await act('jobs.get', boss.auth, { params: job });
  await act('jobs.run', boss.auth, {
    params: job,
    events: [{ type: 'system.job.request', scope: {}, details: { kind: 'retention' } }],
  });
  await api.jobs.settle();
  const ran = await act('jobs.get', boss.auth, { params: job });
  assert.deepEqual([ran.json.state, ran.json.error], ['waiting', null]);
  const missing = await api.ask('POST', `/api/v1/jobs/${world.acme.id}/run`, { auth: boss.auth });
  assert.equal(missing.status, 404);
  assert.equal((await api.ask('GET', '/api/v1/jobs', { auth: ada.auth })).status, 403);
}
