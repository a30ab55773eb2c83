/**
 * Every endpoint used by somebody who may, in one story: the answer fits its schema, and the events are exactly those
 * expected. The last test says when an endpoint has no place in the story.
 */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { type ApiRoute, type ApiRouteId, type AuditEvent, apiRoute, apiRouteIds } from '@tallyman/contract';
import {
  type Answer,
  type Ask,
  digests,
  openApi,
  openSession,
  populate,
  type World,
} from '../../../tests/support/api.ts';
import { engines } from '../../../tests/support/house.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';

type Step = Ask & {
  params?: Record<string, string>;
  query?: string;
  /** `type target-name` and details, of each event. */
  events?: Told[];
};
/** What is left out is not looked at. */
type Told = { type: AuditEvent['type']; details?: unknown; scope?: AuditEvent['scope'] | undefined };

for (const { engine, skip } of engines) {
  describe(`actions of the management API on ${engine}`, { skip }, () => {
    const used = new Set<ApiRouteId>();

    const begin = async () => {
      const api = await openApi(engine);
      const world = await populate(api);
      const act = async (id: ApiRouteId, auth: string | undefined, step: Step = {}): Promise<Answer> => {
        const row = apiRoute(id);
        const answer = await api.ask(row.method, pathOf(row, step), {
          ...step,
          ...(auth !== undefined && { auth }),
        });
        assert.equal(answer.status, row.status, `${id}: ${answer.text}`);
        if (row.response !== undefined) row.response.parse(answer.json);
        else assert.equal(answer.text, '', id);
        assert.equal(answer.headers['cache-control'], 'no-store', id);
        const expected = (step.events ?? []).map((event, at) => ({ ...told(answer.events[at]), ...event }));
        assert.deepEqual(answer.events.map(told), expected, id);
        assertActor(answer, auth, world);
        for (const { type } of answer.events)
          assert.ok(type.startsWith('trail.') || isDeclared(row, type), `${id} records ${type}`);
        used.add(id);
        return answer;
      };
      return { api, world, act, [Symbol.asyncDispose]: () => api[Symbol.asyncDispose]() };
    };

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
      assert.equal(ended.status, 401);
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
      const { act, world } = story;
      const { ada, acme } = world;
      const scope = { namespace: world.scope.namespace! };
      const organisation = { organisation: 'acme' };
      await act('organisations.list', ada.auth);
      await act('organisations.get', ada.auth, { params: organisation });
      await act('namespaces.get', ada.auth, { params: { namespace: 'acme' } });
      await act('organisations.put_default_role', ada.auth, {
        params: organisation,
        body: { role: 'reader' },
        events: [
          {
            type: 'organisation.default_role.change',
            scope,
            details: { role: { from: 'none', to: 'reader' } },
          },
        ],
      });
      await act('organisations.members.list', ada.auth, { params: organisation });
      await act('organisations.members.put', ada.auth, {
        params: { ...organisation, user: 'sid' },
        body: { role: 'member' },
        events: [{ type: 'organisation.member.add', details: { role: 'member' } }],
      });
      await act('organisations.members.put', ada.auth, {
        params: { ...organisation, user: 'sid' },
        body: { role: 'owner' },
        events: [{ type: 'organisation.member.change', details: { role: { from: 'member', to: 'owner' } } }],
      });
      await act('organisations.members.delete', ada.auth, {
        params: { ...organisation, user: 'sid' },
        events: [{ type: 'organisation.member.remove', details: { role: 'owner' } }],
      });
      const made = await act('applications.create', ada.auth, {
        params: organisation,
        body: { name: 'deployer' },
        events: [{ type: 'oauth.application.create', scope, details: {} }],
      });
      const application = { ...organisation, application: String(made.json.id) };
      await act('applications.list', ada.auth, { params: organisation });
      await act('applications.get', ada.auth, { params: application });
      await act('applications.update', ada.auth, {
        params: application,
        body: { description: 'puts things live' },
        events: [
          {
            type: 'oauth.application.update',
            details: { description: { from: '', to: 'puts things live' } },
          },
        ],
      });
      const grant = async () => {
        const granted = await act('applications.tokens.create', ada.auth, {
          params: application,
          body: { name: 'for ada', scopes: ['project:read'] },
          events: [
            {
              type: 'oauth.token.create',
              scope,
              details: {
                application: 'deployer',
                applicationId: application.application,
                scopes: ['project:read'],
              },
            },
          ],
        });
        return (granted.json as { token: { id: string } }).token.id;
      };
      const ended = {
        type: 'oauth.token.revoke',
        scope,
        details: { application: 'deployer', applicationId: application.application },
      };
      const first = await grant();
      await act('applications.tokens.list', ada.auth, { params: application });
      await act('applications.tokens.revoke', ada.auth, {
        params: { ...application, token: first },
        events: [ended],
      });
      const second = await grant();
      await act('me.oauth_tokens.list', ada.auth);
      await act('me.oauth_tokens.revoke', ada.auth, { params: { token: second }, events: [ended] });
      await act('applications.delete', ada.auth, {
        params: application,
        events: [{ type: 'oauth.application.delete', details: { tokensRevoked: 0 } }],
      });
      await act('robots.list', ada.auth, { params: { owner: 'acme' } });
      await act('robots.create', ada.auth, {
        params: { owner: 'acme' },
        body: { name: 'cd', description: 'deploys' },
        events: [{ type: 'robot.account.create', scope, details: { description: 'deploys' } }],
      });
      const robot = { owner: 'acme', robot: 'cd' };
      const { token: before } = (await act('robots.get', ada.auth, { params: robot })).json as {
        token: { id: string };
      };
      const rotated = await story.api.ask('POST', '/api/v1/robots/acme/cd/rotate', {
        auth: ada.auth,
        body: {},
      });
      const { robot: after } = rotated.json as { robot: { token: { id: string } } };
      assert.deepEqual(
        rotated.events.map((event) => event.details),
        [{ credential: { from: before.id, to: after.token.id } }],
      );
      await act('robots.rotate', ada.auth, { params: robot, events: [{ type: 'robot.token.rotate' }] });
      await act('robots.disable', ada.auth, {
        params: robot,
        events: [{ type: 'robot.account.disable', details: {} }],
      });
      await act('robots.enable', ada.auth, {
        params: robot,
        events: [{ type: 'robot.account.enable', details: {} }],
      });
      await act('robots.delete', ada.auth, {
        params: robot,
        events: [{ type: 'robot.account.delete', details: {} }],
      });
      const role = { namespace: 'acme', kind: 'user', subject: 'sid' };
      const sid = { subjectKind: 'user', subject: 'sid', subjectId: world.sid.id };
      await act('namespaces.roles.put', ada.auth, {
        params: role,
        body: { role: 'reader' },
        events: [{ type: 'namespace.role.grant', scope, details: { ...sid, role: 'reader' } }],
      });
      await act('namespaces.roles.list', ada.auth, { params: { namespace: 'acme' } });
      await act('namespaces.roles.delete', ada.auth, {
        params: role,
        events: [{ type: 'namespace.role.revoke', details: { ...sid, role: 'reader' } }],
      });
      const fresh = await act('organisations.create', ada.auth, {
        body: { name: 'globex' },
        events: [
          { type: 'organisation.account.create' },
          { type: 'organisation.member.add', details: { role: 'owner' } },
        ],
      });
      assert.notEqual(fresh.json.id, acme.id);
      await act('organisations.rename', ada.auth, {
        params: { organisation: 'globex' },
        body: { name: 'initech' },
        events: [{ type: 'organisation.account.rename', details: { from: 'globex', to: 'initech' } }],
      });
      await act('organisations.delete', ada.auth, {
        params: { organisation: 'initech' },
        events: [{ type: 'organisation.account.delete', details: { projects: 0, robots: 0 } }],
      });
    });

    it('handles projects, tags and manifests', async () => {
      await using story = await begin();
      const { act, world } = story;
      const { ada, max, scope } = world;
      const project = { format: 'container', path: 'acme/app' };
      await act('projects.list', undefined);
      await act('projects.list', max.auth, { query: 'namespace=acme' });
      await act('projects.get', max.auth, { params: project });
      await act('tags.list', max.auth, { params: project });
      const latest = { ...project, tag: 'latest' };
      await act('tags.get', max.auth, { params: latest });
      await act('tags.put', max.auth, {
        params: { ...project, tag: 'v1' },
        body: { digest: digests.one },
        events: [
          { type: 'container.tag.create', scope, details: { by: 'retag', digest: digests.one, tag: 'v1' } },
        ],
      });
      await act('tags.put', max.auth, {
        params: latest,
        body: { digest: digests.two },
        events: [
          {
            type: 'container.tag.move',
            scope,
            details: { by: 'retag', from: digests.one, tag: 'latest', to: digests.two },
          },
        ],
      });
      await act('tags.put_expiry', max.auth, {
        params: latest,
        body: { expiresAt: '2027-01-01T00:00:00Z' },
        events: [
          {
            type: 'container.tag.expire',
            details: { digest: digests.two, tag: 'latest', to: '2027-01-01T00:00:00.000000Z' },
          },
        ],
      });
      const history = (await act('tags.history', max.auth, { params: latest })).json as {
        items: { digest: string }[];
      };
      assert.deepEqual(
        history.items.map((item) => item.digest),
        [digests.two, digests.one],
      );
      await act('tags.delete', max.auth, {
        params: latest,
        events: [
          { type: 'container.tag.delete', details: { by: 'request', digest: digests.two, tag: 'latest' } },
        ],
      });
      await act('tags.restore', max.auth, {
        params: latest,
        body: { digest: digests.one },
        events: [
          { type: 'container.tag.create', details: { by: 'restore', digest: digests.one, tag: 'latest' } },
        ],
      });
      await act('manifests.list', max.auth, { params: project });
      const manifest = { ...project, digest: digests.two };
      await act('manifests.get', max.auth, { params: manifest });
      await act('manifests.delete', max.auth, {
        params: manifest,
        events: [
          {
            type: 'container.manifest.delete',
            scope,
            details: {
              digest: digests.two,
              mediaType: 'application/vnd.oci.image.manifest.v1+json',
              tagCount: 0,
              tags: [],
            },
          },
        ],
      });
      await act('projects.put_visibility', ada.auth, {
        params: project,
        body: { visibility: 'public' },
        events: [
          {
            type: 'project.visibility.change',
            scope,
            details: { visibility: { from: 'private', to: 'public' } },
          },
        ],
      });
      await act('tags.list', undefined, { params: project });
      await act('projects.put_description', ada.auth, {
        params: project,
        body: { description: 'The app' },
        events: [
          { type: 'project.description.change', details: { description: { from: '', to: 'The app' } } },
        ],
      });
      const subject = { ...project, kind: 'robot', subject: 'acme+ci' };
      const robot = { subjectKind: 'robot', subject: 'acme+ci', subjectId: world.robot.id };
      await act('projects.roles.put', ada.auth, {
        params: subject,
        body: { role: 'maintainer' },
        events: [
          { type: 'project.role.grant', details: { ...robot, role: 'maintainer', previous: 'reader' } },
        ],
      });
      await act('projects.roles.list', ada.auth, { params: project });
      await act('projects.roles.delete', ada.auth, {
        params: subject,
        events: [{ type: 'project.role.revoke', details: { ...robot, role: 'maintainer' } }],
      });
      await act('projects.create', ada.auth, {
        body: { format: 'container', path: 'acme/new/one', description: 'Another' },
        events: [
          { type: 'project.entry.create', details: { visibility: 'private', by: 'request' } },
          { type: 'project.description.change', details: { description: { from: '', to: 'Another' } } },
        ],
      });
      await act('projects.rename', ada.auth, {
        params: { ...project, path: 'acme/new/one' },
        body: { name: 'two' },
        events: [{ type: 'project.entry.rename', details: { from: 'acme/new/one', to: 'acme/two' } }],
      });
      await act('projects.delete', ada.auth, {
        params: project,
        events: [{ type: 'project.entry.delete', scope, details: { tags: 2, manifests: 1, by: 'request' } }],
      });
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

    after(() =>
      assert.deepEqual(
        apiRouteIds.filter((id) => !used.has(id)),
        [],
      ),
    );
  });
}

/** Whoever asked did it, proven, with what they presented. */
function assertActor({ events }: Answer, auth: string | undefined, world: World): void {
  const people = [world.boss, world.audrey, world.ada, world.mia, world.max, world.rita, world.sid];
  const who = people.find((person) => person.auth === auth);
  if (who === undefined) return;
  for (const { actor, credential, outcome } of events) {
    assert.deepEqual(actor, { kind: 'user', id: who.id, name: who.name, proven: true });
    assert.deepEqual([credential.kind, credential.id, outcome], ['access_token', who.token.id, 'success']);
  }
}

function account({ id, name }: { id: string; name: string }): AuditEvent['scope'] {
  return { namespace: { kind: 'user', id, name } };
}

function isDeclared(row: ApiRoute, type: string): boolean {
  return (row.records as readonly string[]).includes(type);
}

function pathOf(row: ApiRoute, { params = {}, query }: Step): string {
  const path = row.path.replace(/\{(\w+)\}/g, (_whole, name: string) =>
    encodeURIComponent(params[name] ?? assert.fail(name)),
  );
  return query === undefined ? path : `${path}?${query}`;
}

function told(event: AuditEvent | undefined): Told {
  if (event === undefined) return { type: 'none' };
  return { type: event.type, details: event.details, scope: event.scope };
}
