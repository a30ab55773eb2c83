/**
 * Every endpoint, asked by everybody who may not: status, problem and the whole event, in the scope of what the path
 * names. The personas and what they hold are tests/support/api.ts.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type ApiPermission,
  type ApiRoute,
  type ApiRouteId,
  type AuditEvent,
  apiRoute,
  apiRouteIds,
  problemSchema,
  type Reason,
  type Scope,
  tokenScopeNames,
} from '@tallyman/contract';
import {
  type Answer,
  type Api,
  digests,
  openApi,
  openSession,
  populate,
  type World,
} from '../../../tests/support/api.ts';
import { settled } from '../../../tests/support/events.ts';
import { engines, root } from '../../../tests/support/house.ts';
import { createToken } from '../identity/tokens.ts';
import { isSameOrigin } from './gates.ts';

type Refused = { status: number; reason: Reason; roleHeld?: string; roleNeeded?: string };
type Person = 'sid' | 'mia' | 'rita' | 'max' | 'robot';

const adminOnly: Refused = { status: 403, reason: 'not_permitted', roleHeld: 'none', roleNeeded: 'admin' };
const member = (held: string, needed: string): Refused => ({
  status: held === 'none' ? 404 : 403,
  reason: 'not_permitted',
  roleHeld: held,
  roleNeeded: needed,
});

/** What each persona is refused, by the permission of the row; what is not here is not refused. */
const refused: Record<Person, Partial<Record<ApiPermission, Refused>>> = {
  sid: {
    administrator: adminOnly,
    account: { ...adminOnly, status: 404 },
    namespace_member: member('none', 'member'),
    namespace_owner: member('none', 'owner'),
    project_read: member('none', 'reader'),
    project_write: member('none', 'maintainer'),
    project_delete: member('none', 'maintainer'),
    project_administer: member('none', 'owner'),
  },
  mia: {
    administrator: adminOnly,
    namespace_owner: member('member', 'owner'),
    project_read: member('none', 'reader'),
  },
  rita: {
    namespace_member: member('none', 'member'),
    namespace_owner: member('none', 'owner'),
    project_write: member('reader', 'maintainer'),
    project_delete: member('reader', 'maintainer'),
    project_administer: member('reader', 'owner'),
  },
  max: { namespace_owner: member('none', 'owner'), project_administer: member('maintainer', 'owner') },
  robot: {
    person: { status: 403, reason: 'not_permitted' },
    administrator: adminOnly,
    account: { ...adminOnly, status: 404 },
    namespace_owner: member('none', 'owner'),
    project_write: member('reader', 'maintainer'),
  },
};

function pathOf(row: ApiRoute, world: World): string {
  const values: Record<string, string> = {
    user: 'ada',
    organisation: 'acme',
    owner: 'acme',
    namespace: 'acme',
    robot: 'ci',
    format: 'container',
    path: encodeURIComponent('acme/app'),
    kind: row.path.includes('reserved-names') ? 'namespace' : 'user',
    subject: 'rita',
    name: 'former',
    tag: 'latest',
    digest: digests.one,
    application: world.application.id,
    token: world.ada.token.id,
    session: world.ada.token.id,
    event: world.ada.token.id,
    switch: 'failed_pulls',
    policy: world.ada.token.id,
    class: 'routine',
    hold: world.ada.token.id,
    erasure: world.ada.token.id,
    job: world.ada.token.id,
    key: 'organisations.create',
  };
  return row.path.replace(/\{(\w+)\}/g, (_whole, name: string) => values[name] ?? assert.fail(name));
}

/** Where the refusal stands: what the path names, else the caller's own account, else the system. */
function scopeOf(row: ApiRoute, world: World, actor: { id: string; name: string }): Scope {
  if (row.path.includes('{path}')) return world.scope;
  if (row.path.includes('{user}') && !row.path.includes('{organisation}')) return userScope(world.ada);
  if (/\{(organisation|owner|namespace)\}/.test(row.path)) return { namespace: world.scope.namespace! };
  if (row.permission === 'administrator') return {};
  return actor.name.includes('+') ? { namespace: world.scope.namespace! } : userScope(actor);
}

function userScope({ id, name }: { id: string; name: string }): Scope {
  return { namespace: { kind: 'user', id, name } };
}

function attemptedOf(row: ApiRoute, id: ApiRouteId, world: World) {
  const typed = Object.fromEntries(
    [...row.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => [
      name as string,
      decodeURIComponent(
        pathOf({ ...row, path: `/api/v1/{${name}}` } as ApiRoute, world).slice('/api/v1/'.length),
      ),
    ]),
  );
  const { format: _format, kind: _kind, path, namespace, organisation, owner, ...rest } = typed;
  const project = path ?? namespace ?? organisation ?? owner;
  const reference = Object.values(rest).join(' ');
  const words = {
    'container.pull.refuse': 'pull',
    'container.push.refuse': 'push',
    'container.delete.refuse': 'delete',
  } as const;
  const action =
    words[row.refusal as keyof typeof words] ?? (row.refusal === 'account.sign_in.refuse' ? 'sign_in' : id);
  return { action, ...(project && { project }), ...(reference && { reference }) };
}

type Expected = Refused & {
  actor: AuditEvent['actor'];
  credential: AuditEvent['credential'];
  scope: Scope;
};

function assertRefused(answer: Answer, id: ApiRouteId, world: World, expected: Expected): void {
  const row = apiRoute(id);
  const problem = problemSchema.parse(answer.json);
  assert.equal(answer.status, expected.status, `${id}: ${answer.text}`);
  assert.match(String(answer.headers['content-type']), /^application\/problem\+json/, id);
  const [event, ...more] = answer.events;
  assert.ok(event !== undefined && more.length === 0, `${id}: ${answer.events.length} events`);
  const { request, ...rest } = settled(event);
  const { ip: _ip, ...asked } = request;
  assert.deepEqual(
    { ...rest, request: asked },
    {
      v: 1,
      version: 1,
      type: row.refusal,
      outcome: 'denied',
      reason: expected.reason,
      actor: expected.actor,
      credential: expected.credential,
      scope: expected.scope,
      request: {
        id: problem.requestId,
        method: row.method,
        protocol: 'http',
        route: row.path.replace(/\{(\w+)\}/g, ':$1'),
        status: expected.status,
        userAgent: 'test/1',
      },
      details: {
        attempted: attemptedOf(row, id, world),
        message: problem.detail,
        ...(expected.roleHeld !== undefined && { roleHeld: expected.roleHeld }),
        ...(expected.roleNeeded !== undefined && { roleNeeded: expected.roleNeeded }),
      },
    },
    id,
  );
}

function whoIs(world: World, person: Person) {
  if (person === 'robot') {
    const { id, name, auth } = world.robot;
    return { id, name, auth, actor: { kind: 'robot', id, name, proven: true } as const };
  }
  const { id, name, auth } = world[person];
  return { id, name, auth, actor: { kind: 'user', id, name, proven: true } as const };
}

for (const { engine, skip } of engines) {
  describe(`refusals of the management API on ${engine}`, { skip }, () => {
    it('refuses everybody without the permission, and says so in the right scope', async () => {
      await using api = await openApi(engine);
      const world = await populate(api);
      let asked = 0;
      for (const person of Object.keys(refused) as Person[]) {
        const { auth, actor, ...who } = whoIs(world, person);
        for (const id of apiRouteIds) {
          const row = apiRoute(id);
          const expected = refused[person][row.permission];
          if (expected === undefined) continue;
          const answer = withoutSignIn(await api.ask(row.method, pathOf(row, world), { auth }));
          const { credential } = answer.events[0] ?? assert.fail(`${id}: no event`);
          const known = person === 'robot' ? 'robot_token' : 'access_token';
          assert.equal(credential.kind, known);
          assertRefused(answer, id, world, {
            ...expected,
            actor,
            credential,
            scope: scopeOf(row, world, who),
          });
          asked++;
        }
      }
      assert.ok(asked > 150, `${asked} requests`);
    });

    it('answers nothing presented with a challenge and no event', async () => {
      await using api = await openApi(engine);
      const world = await populate(api);
      for (const id of apiRouteIds) {
        const row = apiRoute(id);
        if (row.permission === 'anyone') continue;
        const answer = await api.ask(row.method, pathOf(row, world));
        assert.equal(answer.status, 401, id);
        assert.equal(problemSchema.parse(answer.json).reason, 'not_signed_in', id);
        assert.match(String(answer.headers['www-authenticate']), /^Bearer /, id);
        assert.deepEqual(answer.events, [], id);
      }
    });

    it('holds a token to its scopes', async () => {
      await using api = await openApi(engine);
      const world = await populate(api);
      for (const id of apiRouteIds) {
        const row = apiRoute(id);
        if (row.scope === undefined) continue;
        const { auth, credential } = await tokenWithout(api, world, row);
        const answer = await api.ask(row.method, pathOf(row, world), { auth });
        const { id: actorId, name } = world.boss;
        assertRefused(answer, id, world, {
          status: 403,
          reason: 'scope_missing',
          actor: { kind: 'user', id: actorId, name, proven: true },
          credential,
          scope: scopeOf(row, world, world.boss),
        });
      }
    });

    it('takes no change from a session without its proof', async () => {
      await using api = await openApi(engine);
      const world = await populate(api);
      const session = await openSession(api, 'boss');
      for (const id of apiRouteIds) {
        const row = apiRoute(id);
        if (row.method === 'GET' || row.permission === 'anyone') continue;
        const answer = await api.ask(row.method, pathOf(row, world), { headers: { cookie: session.cookie } });
        const credential = answer.events[0]?.credential;
        assert.equal(credential?.kind, 'session', id);
        assertRefused(answer, id, world, {
          status: 403,
          reason: 'csrf_failed',
          actor: { kind: 'user', id: world.boss.id, name: 'boss', proven: true },
          credential: credential!,
          scope: scopeOf(row, world, world.boss),
        });
      }
    });

    it('tells what a failed sign-in was for', async () => {
      await using api = await openApi(engine);
      const world = await populate(api);
      const auth = `Basic ${Buffer.from('acme+ci:wrong').toString('base64')}`;
      for (const id of apiRouteIds) {
        const row = apiRoute(id);
        if (['setup.get', 'setup.create', 'session.create', 'events.types'].includes(id)) continue;
        const answer = await api.ask(row.method, pathOf(row, world), { auth });
        const [event, ...more] = answer.events;
        assert.equal(answer.status, 401, id);
        assert.deepEqual(more, [], id);
        assert.equal(event?.type, 'account.sign_in.refuse', id);
        assert.equal(event.reason, 'wrong_token', id);
        assert.deepEqual(event.details.attempted, attemptedOf(row, id, world), id);
        assert.deepEqual(event.scope, { namespace: world.scope.namespace }, id);
      }
    });

    it('takes no registry token, whoever’s it is', async () => {
      await using api = await openApi(engine);
      const world = await populate(api);
      const request = { id: 'probe', protocol: 'http' } as const;
      const context = {
        surface: 'bearer',
        request,
        source: '192.0.2.1',
        attempted: { action: 'x' },
      } as const;
      const presented = { kind: 'bearer', token: world.boss.auth.slice('Bearer '.length) } as const;
      const boss = await api.identity.authenticate(presented, context);
      const grants = [{ project: 'acme/app', requested: ['pull'], granted: ['pull'] }];
      for (const holder of [boss, undefined]) {
        const auth = `Bearer ${api.identity.issueRegistryToken(holder, grants).token}`;
        for (const id of ['me.get', 'users.list', 'tags.list', 'projects.list', 'events.list'] as const) {
          const row = apiRoute(id);
          const answer = await api.ask(row.method, pathOf(row, world), { auth });
          assert.deepEqual([answer.status, answer.json.reason], [403, 'scope_missing'], id);
          assert.deepEqual(
            answer.events.map((event) => [event.type, event.reason, event.actor.id]),
            [[row.refusal, 'scope_missing', holder?.actor.id]],
            id,
          );
        }
      }
    });

    it('knows the methods of every path', async () => {
      await using api = await openApi(engine);
      const world = await populate(api);
      for (const path of new Set(apiRouteIds.map((id) => apiRoute(id).path))) {
        const rows = apiRouteIds.map(apiRoute).filter((row) => row.path === path);
        const allowed = new Set<string>(rows.map((row) => row.method));
        const method = ['PATCH', 'PUT', 'DELETE', 'POST'].find((other) => !allowed.has(other));
        assert.ok(method !== undefined && rows[0] !== undefined);
        const answer = await api.ask(method, pathOf(rows[0], world), { auth: world.sid.auth });
        assert.equal(answer.status, 405, path);
        for (const other of allowed)
          assert.match(String(answer.headers.allow), new RegExp(`\\b${other}\\b`), path);
        assert.deepEqual(
          answer.events.map((event) => [event.type, event.reason, event.actor.id]),
          [['api.action.refuse', 'method_not_allowed', world.sid.id]],
          path,
        );
        assert.deepEqual((await api.ask(method, pathOf(rows[0], world))).events, [], path);
      }
    });
  });
}

/** What a first use of a basic credential from an address adds, and for whom a robot acts, is tested in identity. */
function withoutSignIn(answer: Answer): Answer {
  const events = answer.events.filter((event) => event.type !== 'account.sign_in.succeed');
  return { ...answer, events: events.map(({ onBehalfOf: _behalf, ...event }) => event) };
}

async function tokenWithout(api: Api, world: World, row: ApiRoute) {
  const scopes = tokenScopeNames.filter((scope) => scope !== row.scope);
  const store = api.identity.parts;
  const { secret } = await createToken(store, {
    by: root,
    userId: world.boss.id,
    kind: 'access_token',
    name: 'narrow',
    scopes,
  });
  const auth = `Bearer ${secret.reveal()}`;
  const presented = { kind: 'bearer', token: secret.reveal() } as const;
  const request = { id: 'probe', protocol: 'http' } as const;
  const context = {
    surface: 'bearer',
    request,
    source: '192.0.2.1',
    attempted: { action: 'probe' },
  } as const;
  const caller = await api.identity.authenticate(presented, context);
  return { auth, credential: caller!.credential };
}

describe('same origin', () => {
  const from = (headers: Record<string, string>) => isSameOrigin({ headers }, 'https://registry.example');

  it('accepts the console, programs, and nobody else', () => {
    assert.equal(from({ host: 'registry.example' }), true);
    assert.equal(from({ host: 'registry.example', origin: 'https://registry.example' }), true);
    assert.equal(from({ host: 'inner:8080', origin: 'https://registry.example' }), true);
    assert.equal(from({ host: 'inner:8080', origin: 'http://inner:8080' }), true);
    assert.equal(from({ host: 'registry.example', 'sec-fetch-site': 'same-origin' }), true);
    assert.equal(from({ host: 'registry.example', 'sec-fetch-site': 'cross-site' }), false);
    assert.equal(from({ host: 'registry.example', 'sec-fetch-site': 'same-site' }), false);
    assert.equal(from({ host: 'registry.example', origin: 'https://evil.example' }), false);
    assert.equal(from({ host: 'registry.example', origin: 'null' }), false);
  });
});
