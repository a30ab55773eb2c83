/**
 * Every endpoint used by somebody who may, in one story: the answer fits its schema, and the events are exactly those
 * expected. The last test says when an endpoint has no place in the story.
 */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { type ApiRouteId, apiRouteIds } from '@tallyman/contract';
import { openApi, openSession } from '../../../tests/support/api.ts';
import { engines } from '../../../tests/support/house.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { account, openStory, useOrganisation, useProject } from './actions.fixture.ts';
import { useErasures, useHolds, useJobs, useRetention } from './forgetting.fixture.ts';
import { useNamespacePolicies, useProjectPolicies } from './immutability.fixture.ts';

for (const { engine, skip } of engines) {
  describe(`actions of the management API on ${engine}`, { skip }, () => {
    const used = new Set<ApiRouteId>();

    const begin = () => openStory(engine, used);

    it('creates the first administrator with the one-time code', async () => {
      await using api = await openApi(engine);
      const start = await api.ask('GET', '/api/v1/setup');
      assert.deepEqual(start.json, { needed: true });
      const body = { code: 'WRONG', username: 'root', password: 'a long password' };
      const wrong = await api.ask('POST', '/api/v1/setup', { body });
      assert.equal(wrong.status, 401);
      assert.deepEqual(
        wrong.events.map((event) => [event.type, event.reason, event.scope, event.actor, event.details]),
        [
          [
            'account.sign_in.refuse',
            'setup_code_wrong',
            {},
            { kind: 'anonymous', proven: false },
            { attempted: { action: 'setup' }, surface: 'setup' },
          ],
        ],
      );
      const short = await api.ask('POST', '/api/v1/setup', {
        body: { ...body, code: 'RIGHT-CODE', password: 'short' },
      });
      assert.deepEqual([short.status, short.json.field, short.events], [400, 'password', []]);
      const made = await api.ask('POST', '/api/v1/setup', { body: { ...body, code: 'RIGHT-CODE' } });
      assert.equal(made.status, 201, made.text);
      assert.deepEqual(
        made.events.map((event) => [event.type, event.actor.kind, event.details]),
        [
          ['account.user.create', 'anonymous', { roles: ['admin'], firstRun: true }],
          ['account.sign_in.succeed', 'user', { surface: 'console' }],
        ],
      );
      assert.match(
        String(made.headers['set-cookie']),
        /^tallyman_session=\S+; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Strict$/,
      );
      assert.deepEqual((await api.ask('GET', '/api/v1/setup')).json, { needed: false });
      const again = await api.ask('POST', '/api/v1/setup', { body: { ...body, code: 'RIGHT-CODE' } });
      assert.deepEqual([again.status, again.events], [409, []]);
      used.add('setup.get').add('setup.create');
    });

    it('bounds guesses of the one-time code, whoever makes them', async () => {
      await using api = await openApi(engine);
      const body = { code: 'WRONG', username: 'root', password: 'a long password' };
      for (let guess = 0; guess < 20; guess++)
        assert.equal((await api.ask('POST', '/api/v1/setup', { body })).status, 401);
      const refused = await api.ask('POST', '/api/v1/setup', { body: { ...body, code: 'RIGHT-CODE' } });
      assert.deepEqual([refused.status, refused.json.reason], [429, 'rate_limited']);
      assert.equal(refused.headers['retry-after'], '600');
      api.clock.advanceMs(600_000);
      assert.equal(
        (await api.ask('POST', '/api/v1/setup', { body: { ...body, code: 'RIGHT-CODE' } })).status,
        201,
      );
    });

    it('keeps a session', async () => {
      await using story = await begin();
      const { act, api, world } = story;
      await act('server.get', undefined);
      await act('session.get', undefined);
      const signedIn = await act('session.create', undefined, {
        body: { username: 'ada', password: 'password of ada' },
        events: [
          { type: 'account.sign_in.succeed', details: { surface: 'console' }, scope: account(world.ada) },
        ],
      });
      const { cookie, csrf } = await openSession(api, 'ada');
      const headers = { cookie, 'x-tallyman-csrf': csrf };
      assert.equal((await act('session.get', undefined, { headers })).json.csrfToken, csrf);
      const { items } = (await act('me.sessions.list', undefined, { headers })).json as {
        items: { id: string; current: boolean }[];
      };
      assert.deepEqual(
        items.map((item) => item.current),
        [true, false],
      );
      await act('me.sessions.delete', undefined, {
        headers,
        params: { session: items[1]!.id },
        events: [{ type: 'account.session.end', details: { sessions: 1 } }],
      });
      const ended = await api.ask('GET', '/api/v1/session', {
        headers: { cookie: String(signedIn.headers['set-cookie']).split(';')[0]! },
      });
      assert.deepEqual([ended.status, ended.json], [200, { signedIn: false }]);
      await openSession(api, 'ada');
      await act('me.sessions.delete_others', undefined, {
        headers,
        events: [{ type: 'account.session.end', details: { sessions: 1 } }],
      });
      await act('session.delete', undefined, {
        headers,
        events: [{ type: 'account.session.end', details: { sessions: 1 } }],
      });
    });

    it('does not sign a browser in for the page of somebody else', async () => {
      await using story = await begin();
      const answer = await story.api.ask('POST', '/api/v1/session', {
        body: { username: 'ada', password: 'password of ada' },
        headers: { origin: 'https://evil.example' },
      });
      assert.equal(answer.status, 403);
      assert.deepEqual(
        answer.events.map((event) => [event.type, event.reason]),
        [['account.sign_in.refuse', 'csrf_failed']],
      );
    });

    it('handles one’s own account', async () => {
      await using story = await begin();
      const {
        act,
        world: { ada },
      } = story;
      const scope = account(ada);
      const me = await act('me.get', ada.auth);
      assert.deepEqual([me.json.name, me.json.kind], ['ada', 'user']);
      await act('me.put_email', ada.auth, {
        body: { email: 'ada@example.org' },
        events: [{ type: 'account.email.change', scope, details: { to: 'ada@example.org' } }],
      });
      await act('me.put_display_name', ada.auth, {
        body: { displayName: 'Ada' },
        events: [{ type: 'account.display_name.change', scope, details: { to: 'Ada' } }],
      });
      const named = await act('me.put_display_name', ada.auth, {
        body: { displayName: null },
        events: [{ type: 'account.display_name.change', scope, details: { from: 'Ada' } }],
      });
      assert.equal(named.json.displayName, null);
      const made = await act('me.tokens.create', ada.auth, {
        body: { kind: 'app_token', name: 'phone', scopes: ['project:read'] },
        events: [{ type: 'token.app.create', scope, details: { scopes: ['project:read'] } }],
      });
      const { token, secret } = made.json as { token: { id: string }; secret: string };
      assert.ok(!JSON.stringify(made.events).includes(secret));
      await act('me.tokens.list', ada.auth);
      await act('me.tokens.get', ada.auth, { params: { token: token.id } });
      await act('me.tokens.revoke', ada.auth, {
        params: { token: token.id },
        events: [{ type: 'token.app.revoke', details: {} }],
      });
      await act('me.put_password', ada.auth, {
        body: { current: 'password of ada', password: 'another password' },
        events: [{ type: 'account.password.change', scope, details: { sessionsEnded: 0 } }],
      });
    });

    it('does not let a session guess the password', async () => {
      await using story = await begin();
      const {
        api,
        world: { ada },
      } = story;
      const { cookie, csrf } = await openSession(api, 'ada');
      const guess = (current: string) =>
        api.ask('PUT', '/api/v1/me/password', {
          body: { current, password: 'another password' },
          headers: { cookie, 'x-tallyman-csrf': csrf },
        });
      const wrong = await guess('wrong');
      assert.deepEqual(
        [wrong.status, wrong.json.reason, wrong.json.field],
        [403, 'wrong_password', 'current'],
      );
      assert.deepEqual(
        wrong.events.map((event) => [event.type, event.reason, event.actor, event.details.attempted]),
        [
          [
            'account.sign_in.refuse',
            'wrong_password',
            { kind: 'user', id: ada.id, name: 'ada', proven: false },
            { action: 'me.put_password' },
          ],
        ],
      );
      for (let guesses = 1; guesses < 10; guesses++) await guess(`wrong ${guesses}`);
      await waitFor('the lock-out', async () => (await guess('password of ada')).status === 403);
    });

    it('handles users as an administrator', async () => {
      await using story = await begin();
      const {
        act,
        api,
        world: { boss },
      } = story;
      const created = await act('users.create', boss.auth, {
        body: { name: 'zoe', password: 'password of zoe', email: 'zoe@example.org' },
        events: [{ type: 'account.user.create', details: { email: 'zoe@example.org', roles: [] } }],
      });
      const { id } = created.json as { id: string };
      const at = (name: string) => account({ id, name });
      const user = { user: 'zoe' };
      await act('users.list', boss.auth, { query: 'name=z' });
      await act('users.get', boss.auth, { params: user });
      await act('users.put_email', boss.auth, {
        params: user,
        body: { email: null },
        events: [{ type: 'account.email.change', scope: at('zoe'), details: { from: 'zoe@example.org' } }],
      });
      await act('users.put_display_name', boss.auth, {
        params: user,
        body: { displayName: 'Zoe Z.' },
        events: [{ type: 'account.display_name.change', scope: at('zoe'), details: { to: 'Zoe Z.' } }],
      });
      await act('users.put_roles', boss.auth, {
        params: user,
        body: { roles: ['auditor'] },
        events: [{ type: 'account.role.change', details: { roles: { from: [], to: ['auditor'] } } }],
      });
      await act('users.put_password', boss.auth, {
        params: user,
        body: { password: 'second password' },
        events: [{ type: 'account.password.change', details: { sessionsEnded: 0 } }],
      });
      for (let tries = 0; tries < 10; tries++) {
        await api.ask('POST', '/api/v1/session', { body: { username: 'zoe', password: `wrong ${tries}` } });
      }
      // The tenth wrong password locks the account behind its answer.
      await waitFor(
        'the lock-out',
        async () =>
          (await api.ask('GET', '/api/v1/users/zoe', { auth: boss.auth })).json.lockedUntil !== null,
      );
      await act('users.end_lockout', boss.auth, {
        params: user,
        events: [{ type: 'account.lockout.end', details: { by: 'administrator' } }],
      });
      assert.equal((await api.ask('DELETE', '/api/v1/users/zoe/lockout', { auth: boss.auth })).status, 409);
      await api.ask('POST', '/api/v1/session', { body: { username: 'zoe', password: 'second password' } });
      await act('users.end_sessions', boss.auth, {
        params: user,
        events: [{ type: 'account.session.end', details: { sessions: 1 } }],
      });
      await act('users.disable', boss.auth, {
        params: user,
        body: { note: 'left' },
        events: [{ type: 'account.user.disable', details: { note: 'left' } }],
      });
      await act('users.enable', boss.auth, {
        params: user,
        events: [{ type: 'account.user.enable', details: {} }],
      });
      await act('users.rename', boss.auth, {
        params: user,
        body: { name: 'zora' },
        events: [{ type: 'account.user.rename', scope: at('zora'), details: { from: 'zoe', to: 'zora' } }],
      });
      await act('users.delete', boss.auth, {
        params: { user: 'zora' },
        events: [
          { type: 'account.user.delete', scope: at('zora'), details: { projects: 0, tokensRevoked: 0 } },
        ],
      });
      const { items } = (await act('reserved_names.list', boss.auth)).json as { items: { name: string }[] };
      assert.deepEqual(
        items.map((item) => item.name),
        ['zoe', 'zora'],
      );
      await act('reserved_names.free', boss.auth, {
        params: { kind: 'namespace', name: 'zoe' },
        events: [{ type: 'namespace.name.free', details: { name: 'zoe' } }],
      });
    });

    it('handles organisations, applications and robots as an owner', async () => {
      await using story = await begin();
      await useOrganisation(story);
    });

    it('handles projects, tags and manifests', async () => {
      await using story = await begin();
      await useProject(story);
    });

    it('makes tags immutable by policies and by hand', async () => {
      await using story = await begin();
      await useNamespacePolicies(story);
      await useProjectPolicies(story);
    });

    it('turns switches and settings, once', async () => {
      await using story = await begin();
      const {
        act,
        api,
        world: { boss, ada, scope },
      } = story;
      const warning = /slow the database/;
      assert.match(String((await act('switches.list', boss.auth)).json.warning), warning);
      const pulls = { switch: 'failed_pulls' };
      await act('switches.put', boss.auth, {
        params: pulls,
        body: { mode: 'off' },
        events: [
          {
            type: 'trail.switch.change',
            scope: {},
            details: { group: 'failed_pulls', mode: { from: 'on', to: 'off' } },
          },
        ],
      });
      await act('switches.put', boss.auth, { params: pulls, body: { mode: 'off' } });
      for (let refusal = 0; refusal < 3; refusal++) {
        const hidden = await api.ask('GET', '/api/v1/projects/container/acme%2Fapp/tags', {
          auth: story.world.sid.auth,
        });
        assert.deepEqual([hidden.status, hidden.events], [404, []]);
      }
      const own = await api.ask('PUT', '/api/v1/namespaces/acme/switches/failed_pulls', {
        auth: ada.auth,
        body: { mode: 'off' },
      });
      assert.deepEqual(
        [own.status, own.events.map((event) => [event.type, event.reason])],
        [409, [['api.action.refuse', 'conflict']]],
      );
      await act('switches.put', boss.auth, {
        params: pulls,
        body: { mode: 'namespace' },
        events: [
          {
            type: 'trail.switch.change',
            details: { group: 'failed_pulls', mode: { from: 'off', to: 'namespace' }, unrecorded: 3 },
          },
        ],
      });
      await act('namespaces.switches.put', ada.auth, {
        params: { ...pulls, namespace: 'acme' },
        body: { mode: 'off' },
        events: [
          {
            type: 'trail.switch.change',
            scope: { namespace: scope.namespace! },
            details: { group: 'failed_pulls', mode: { from: 'on', to: 'off' } },
          },
        ],
      });
      const listed = (await act('namespaces.switches.list', ada.auth, { params: { namespace: 'acme' } }))
        .json as { items: { name: string; recording: boolean }[] };
      assert.equal(listed.items.find(({ name }) => name === 'failed_pulls')?.recording, false);
      await act('settings.list', boss.auth);
      const key = { key: 'organisations.create' };
      await act('settings.put', boss.auth, {
        params: key,
        body: { value: 'administrators' },
        events: [
          {
            type: 'system.setting.change',
            scope: {},
            details: { key: 'organisations.create', from: 'users', to: 'administrators' },
          },
        ],
      });
      await act('settings.put', boss.auth, { params: key, body: { value: 'administrators' } });
      const refused = await api.ask('POST', '/api/v1/organisations', {
        auth: ada.auth,
        body: { name: 'umbrella' },
      });
      assert.deepEqual(
        [refused.status, refused.events.map((event) => event.reason)],
        [403, ['not_permitted']],
      );
    });

    it('shows the trail', async () => {
      await using story = await begin();
      const {
        act,
        world: { ada, audrey, boss },
      } = story;
      await act('events.types', undefined);
      const own = (await act('events.list', ada.auth, { query: 'view=namespace&namespace=acme' })).json as {
        items: { id: string }[];
      };
      assert.ok(own.items.length > 0);
      const counted = (
        await act('events.histogram', ada.auth, { query: 'view=namespace&namespace=acme&interval=hour' })
      ).json as { total: { events: number } };
      assert.equal(counted.total.events, own.items.length);
      await act('events.facets', ada.auth, { query: 'facet=type&facet=actor&facet=ip&values=3' });
      await act('events.get', ada.auth, { params: { event: own.items[0]!.id } });
      await act('events.list', audrey.auth, {
        query: 'view=administration',
        events: [{ type: 'trail.events.read' }],
      });
      await act('events.list', audrey.auth, { query: 'view=administration' });
      await act('events.list', boss.auth, {
        query: 'view=project&project=acme/app',
        events: [{ type: 'trail.events.read', scope: story.world.scope }],
      });
      // Its answer never ends: events.test.ts follows it.
      used.add('events.tail');
    });

    it('proves what is in the log, and gives it another key', async () => {
      await using story = await begin();
      const { act, api, world } = story;
      const own = (await act('events.list', world.ada.auth, { query: 'view=me' })).json as {
        items: { id: string }[];
      };
      // Its answer is a file of lines; the log's own tests verify one.
      const proof = await api.ask('GET', `/api/v1/events/${own.items[0]?.id}/proof`, {
        auth: world.ada.auth,
      });
      assert.equal(proof.status, 200, proof.text);
      assert.match(String(proof.headers['content-type']), /^application\/vnd\.tallyman\.bundle/);
      used.add('events.proof');
      const before = (await act('log.get', undefined)).json as { origin: string; key: string };
      const rotated = (
        await act('log.rotate_key', world.boss.auth, { events: [{ type: 'log.key.rotate', scope: {} }] })
      ).json as { key: string; formerKey: string };
      assert.equal(rotated.formerKey, before.key);
      assert.equal((await act('log.get', undefined)).json.key, rotated.key);
    });

    it('sets how long events are kept', async () => {
      await using story = await begin();
      await useRetention(story);
    });

    it('places legal holds', async () => {
      await using story = await begin();
      await useHolds(story);
    });

    it('erases', async () => {
      await using story = await begin();
      await useErasures(story);
    });

    it('shows and hastens jobs', async () => {
      await using story = await begin();
      await useJobs(story);
    });

    it('records that a backup is made', async () => {
      await using story = await begin();
      const { act, world } = story;
      const details = { database: story.api.db.engine, withLogKey: true };
      const made = await act('backups.create', world.boss.auth, {
        body: { withLogKey: true },
        events: [{ type: 'system.backup.make', scope: {}, details }],
      });
      assert.match(String(made.json.eventId), /^[0-9a-f-]{36}$/);
    });

    after(() =>
      assert.deepEqual(
        apiRouteIds.filter((id) => !used.has(id)),
        [],
      ),
    );
  });
}
