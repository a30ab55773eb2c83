/**
 * Every credential that can be refused, in every way it can be wrong, through every way in: one event each, which names
 * the right person and stands in the right namespace, or in the system scope when it names nobody. Each request has a
 * source of its own, so that nothing is folded or throttled.
 */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { AuditEvent, Reason } from '@tallyman/contract';
import { type Dead, makeDead } from '../support/dead-credentials.ts';
import { performer, refusalEvent, routes } from '../support/expected.ts';
import { testEngines } from '../support/server.ts';
import type { PlainEvent } from '../support/trail-reader.ts';
import { basicAuth, type WireAnswer } from '../support/wire.ts';
import { type Key, openWorld, type World } from '../support/world.ts';

type Surface = 'token' | 'basic' | 'bearer' | 'restBasic' | 'restBearer' | 'session';
/** Presented with a user name: as `docker login`, directly on the registry, and to the API. */
const named: readonly Surface[] = ['token', 'basic', 'restBasic'];
const bearing: readonly Surface[] = ['bearer', 'restBearer'];
const agent = 'attribution/1';

type Presented = { username: string; secret: string };
type Claimed = Pick<PlainEvent, 'actor' | 'onBehalfOf' | 'credential' | 'scope'> & {
  reason: Reason;
  application?: string;
};

const onSurface: Record<
  Surface,
  {
    method: string;
    path: string;
    route: string;
    attempted: { action: string; project?: string; reference?: string };
    surface: 'registry_token' | 'basic' | 'bearer' | 'console';
  }
> = {
  token: {
    method: 'GET',
    path: '/v2/auth?service=test&scope=repository:acme/app:pull,push',
    route: routes.token,
    attempted: { action: 'push', project: 'acme/app' },
    surface: 'registry_token',
  },
  basic: {
    method: 'GET',
    path: '/v2/acme/app/manifests/v1',
    route: routes.manifest,
    attempted: { action: 'pull', project: 'acme/app', reference: 'v1' },
    surface: 'basic',
  },
  bearer: {
    method: 'DELETE',
    path: '/v2/acme/app/manifests/v1',
    route: routes.manifest,
    attempted: { action: 'delete', project: 'acme/app', reference: 'v1' },
    surface: 'bearer',
  },
  restBasic: {
    method: 'GET',
    path: '/api/v1/me',
    route: '/api/v1/me',
    attempted: { action: 'me.get' },
    surface: 'basic',
  },
  restBearer: {
    method: 'PUT',
    path: '/api/v1/projects/container/acme%2Fapp/tags/v2',
    route: '/api/v1/projects/:format/:path/tags/:tag',
    attempted: { action: 'push', project: 'acme/app', reference: 'v2' },
    surface: 'bearer',
  },
  session: {
    method: 'POST',
    path: '/api/v1/session',
    route: '/api/v1/session',
    attempted: { action: 'sign_in' },
    surface: 'console',
  },
};

for (const { engine, skip } of testEngines()) {
  describe(`attribution on ${engine}`, { skip }, () => {
    let world: World;
    let dead: Dead;
    before(async () => {
      // The one proxy trusted is the test itself, which gives each request an address of its own.
      world = await openWorld({ engine, env: { TALLYMAN_HTTP_TRUSTED_PROXIES: '127.0.0.1' } });
      dead = await makeDead(world);
    });
    after(() => world[Symbol.asyncDispose]());
    beforeEach(() => world.trail.mark());

    let sources = 0;
    const nextIp = (): string => {
      sources += 1;
      return `198.51.${100 + Math.floor(sources / 250)}.${1 + (sources % 250)}`;
    };

    const present = (surface: Surface, { username, secret }: Presented, ip: string): Promise<WireAnswer> => {
      const { method, path } = onSurface[surface];
      const isBearer = onSurface[surface].surface === 'bearer';
      const authorization =
        surface === 'session' ? undefined : isBearer ? `Bearer ${secret}` : basicAuth(username, secret);
      const headers = { authorization, 'x-forwarded-for': ip, 'user-agent': agent };
      return world.wire.send({
        method,
        path,
        headers,
        ...(surface === 'session' && { json: { username, password: secret } }),
        ...(surface === 'restBearer' && { json: { digest: world.image.manifest.digest } }),
      });
    };

    /** Presents it on each surface; each time exactly one refused sign-in, as claimed. Returns what was answered. */
    const refused = async (
      surfaces: readonly Surface[],
      presented: Presented,
      claimed: Claimed,
    ): Promise<Map<Surface, WireAnswer>> => {
      const answers = new Map<Surface, WireAnswer>();
      for (const surface of surfaces) {
        const ip = nextIp();
        const answer = await present(surface, presented, ip);
        assert.equal(answer.status, 401, `${surface}: ${answer.text}`);
        answers.set(surface, answer);
        await world.trail.expect([signInRefusal(surface, presented, claimed, ip)]);
      }
      return answers;
    };

    const claim = (key: Key, reason: Reason, more: Partial<Claimed> = {}): Claimed => ({
      ...performer({ key: { ...key, actor: { ...key.actor, proven: false } } }),
      scope: key.home,
      reason,
      ...more,
    });
    const nobody = (
      kind: AuditEvent['actor']['kind'],
      credential: AuditEvent['credential']['kind'],
      reason: Reason,
      scope: AuditEvent['scope'] = {},
    ): Claimed => ({ actor: { kind, proven: false }, credential: { kind: credential }, scope, reason });

    describe('user and password', () => {
      test('wrong: the user, in their own namespace; unknown: nobody, in the system scope; both answered alike', async () => {
        const { mara } = world.people;
        const surfaces: Surface[] = [...named, 'session'];
        const wrong = await refused(
          surfaces,
          { username: 'mara', secret: 'not it' },
          claim(mara.key, 'wrong_password'),
        );
        const unknown = await refused(
          surfaces,
          { username: 'no-such-person', secret: 'not it' },
          nobody('user', 'password', 'unknown_user'),
        );
        for (const surface of surfaces)
          assert.deepEqual(withoutIds(wrong.get(surface)), withoutIds(unknown.get(surface)), surface);
      });

      test('the one whose account was tried sees it; nobody else below administrators does', async () => {
        const { mara, rita } = world.people;
        const ip = nextIp();
        await present('token', { username: 'mara', secret: 'guess' }, ip);
        const seen = async (person: typeof mara): Promise<number> => {
          const page: unknown = await world
            .as(person)
            .call('GET', `/events?type=account.sign_in.refuse&ip=${ip}`);
          return (page as { items: unknown[] }).items.length;
        };
        assert.deepEqual([await seen(mara), await seen(rita)], [1, 0]);
      });

      test('a disabled account with the right and with a wrong password', async () => {
        const { daria } = dead;
        const surfaces: Surface[] = [...named, 'session'];
        await refused(surfaces, daria, claim(daria, 'account_disabled'));
        await refused(['token'], { ...daria, secret: 'wrong' }, claim(daria, 'wrong_password'));
      });

      test('a locked account, also with the right password; tokens of it go on', async () => {
        const { lou } = dead;
        await refused([...named, 'session'], lou, claim(lou, 'locked_out'));
        const answer = await world.wire.send({
          path: '/v2/',
          headers: { authorization: dead.louToken.basic, 'x-forwarded-for': nextIp() },
        });
        assert.equal(answer.status, 200);
      });

      test('two plus signs, and an e-mail with one, are no robots: nobody’s robot log is touched', async () => {
        const secret = 'not it';
        for (const username of ['mara+ci+x', 'mara+x@example.org', '+', 'mara+', '+ci'])
          await refused(['token', 'basic'], { username, secret }, nobody('user', 'password', 'unknown_user'));
      });

      test('an e-mail address names its user', async () => {
        const { rita } = world.people;
        await world.as(rita).call('PUT', '/me/email', { email: 'rita+work@example.org' });
        await world.trail.mark();
        const typed = { username: 'rita+work@example.org', secret: 'not it' };
        await refused(['token', 'session'], typed, claim(rita.key, 'wrong_password'));
      });
    });

    describe('robot', () => {
      test('wrong token: the robot, in the namespace of its owner, person or organisation', async () => {
        for (const key of [world.keys.userRobot, world.keys.organisationRobot]) {
          const { name } = key.actor;
          const credential = { kind: 'robot_token' } as const;
          await refused(
            named,
            { username: name ?? '', secret: 'not it' },
            claim(key, 'wrong_token', { credential }),
          );
        }
      });

      test('unknown: in the namespace of the owner, a user or an organisation; without an owner in the system scope', async () => {
        const secret = 'not it';
        const { mara } = world.people;
        for (const [username, scope] of [
          ['mara+ghost', mara.home],
          ['acme+ghost', world.acme.home],
          ['nobody+ghost', {}],
        ] as const)
          await refused(named, { username, secret }, nobody('robot', 'robot_token', 'unknown_robot', scope));
      });

      test('disabled, expired, deleted, rotated, and with a disabled owner', async () => {
        await refused(named, dead.robotDisabled, claim(dead.robotDisabled, 'robot_disabled'));
        await refused(named, dead.robotExpired, claim(dead.robotExpired, 'token_expired'));
        await refused(named, dead.robotDeleted, claim(dead.robotDeleted, 'unknown_robot'));
        await refused(named, dead.robotOrphaned, claim(dead.robotOrphaned, 'owner_disabled'));
        await refused(named, dead.robotRotated, claim(dead.robotRotated, 'wrong_token'));
      });

      test('as a bearer, too', async () => {
        await refused(bearing, dead.robotExpired, claim(dead.robotExpired, 'token_expired'));
        await refused(bearing, dead.robotDisabled, claim(dead.robotDisabled, 'robot_disabled'));
      });
    });

    describe('tokens', () => {
      const every: readonly Surface[] = [...named, ...bearing];

      test('OAuth: expired, revoked, of a disabled person, of a deleted application: who granted it, at the organisation', async () => {
        for (const [key, reason, application] of [
          [dead.oauthExpired, 'token_expired', 'Deployer'],
          [dead.oauthRevoked, 'token_revoked', 'Deployer'],
          [dead.oauthDisabled, 'account_disabled', 'Deployer'],
          [dead.oauthOrphaned, 'token_revoked', 'Shortlived'],
        ] as const)
          await refused(every, key, claim(key, reason, { application }));
      });

      test('app token: expired, revoked, of a disabled person', async () => {
        for (const [key, reason] of [
          [dead.appExpired, 'token_expired'],
          [dead.appRevoked, 'token_revoked'],
          [dead.appDisabled, 'account_disabled'],
        ] as const)
          await refused(every, key, claim(key, reason));
      });

      test('access token: expired, revoked, of a disabled person', async () => {
        for (const [key, reason] of [
          [dead.accessExpired, 'token_expired'],
          [dead.accessRevoked, 'token_revoked'],
          [dead.accessDisabled, 'account_disabled'],
        ] as const)
          await refused(every, key, claim(key, reason));
      });

      test('unknown: nobody, in the system scope, named by the kind it was presented as', async () => {
        for (const [username, kind] of [
          ['$oauthtoken', 'oauth_token'],
          ['$app', 'app_token'],
          ['__token__', 'access_token'],
        ] as const)
          await refused(named, { username, secret: 'not it' }, nobody('anonymous', kind, 'unknown_token'));
        await refused(
          bearing,
          { username: '', secret: 'not-it' },
          nobody('anonymous', 'access_token', 'unknown_token'),
        );
      });

      test('somebody else’s token under my name stays unnamed', async () => {
        const { rita } = world.people;
        const { secret } = world.keys.accessToken;
        await refused(
          named,
          { username: 'rita', secret },
          claim(rita.key, 'unknown_token', { credential: { kind: 'access_token' } }),
        );
      });

      test('a token without the scope: its person, refused what they tried, and the sign-in itself is none', async () => {
        const { narrow } = dead;
        const by = { key: narrow, agent: 'attribution', ip: nextIp() };
        const headers = {
          authorization: narrow.basic,
          'x-forwarded-for': by.ip,
          'user-agent': agent,
        };
        const tried = await world.wire.send({ method: 'POST', path: '/v2/acme/app/blobs/uploads/', headers });
        assert.equal(tried.status, 403, tried.text);
        const [signIn, refusal] = (await world.trail.since()) as [unknown, unknown];
        assert.equal((signIn as AuditEvent).type, 'account.sign_in.succeed');
        const { message } = (refusal as AuditEvent).details as { message: string };
        assert.match(message, /scope/);
        await world.trail.mark();
        const again = await world.wire.send({
          method: 'DELETE',
          path: '/v2/acme/app/manifests/v1',
          headers: { ...headers },
        });
        assert.equal(again.status, 403);
        const [deletion] = await world.trail.since();
        await world.trail.expect([
          refusalEvent({
            by,
            action: 'delete',
            scope: world.projects.app.scope,
            project: 'acme/app',
            reference: 'v1',
            reason: 'scope_missing',
            request: { method: 'DELETE', route: routes.manifest, status: 403 },
            details: {
              roleHeld: 'maintainer',
              roleNeeded: 'maintainer',
              message: (deletion as AuditEvent).details.message,
            },
          }),
        ]);
      });
    });

    describe('sessions', () => {
      test('a cookie that is none, one that was ended, and one of an account that was disabled', async () => {
        const ip = nextIp();
        const cookie = (secret: string) => ({
          cookie: `tallyman_session=${secret}`,
          'user-agent': agent,
          'x-forwarded-for': ip,
        });
        const ask = (secret: string) => world.wire.send({ path: '/api/v1/me', headers: cookie(secret) });
        assert.equal((await ask('not-a-session')).status, 401);
        const surface = onSurface.restBasic;
        const expected = (claimed: Claimed): PlainEvent => {
          const { details, ...event } = signInRefusal(
            'restBearer',
            { username: '', secret: '' },
            claimed,
            ip,
          );
          return {
            ...event,
            request: { ...event.request, method: 'GET', route: surface.route },
            details: { ...details, attempted: surface.attempted },
          };
        };
        await world.trail.expect([expected(nobody('anonymous', 'session', 'unknown_token'))]);
        assert.equal((await ask(dead.endedSession.secret)).status, 401);
        await world.trail.expect([expected(claim(dead.endedSession, 'token_revoked'))]);
        // Disabling an account ends its sessions.
        assert.equal((await ask(dead.dariaSession.secret)).status, 401);
        await world.trail.expect([expected(claim(dead.dariaSession, 'token_revoked'))]);
      });
    });

    describe('nothing, or nothing that can be read', () => {
      test('a challenge is no event; the twenty-first bare one from a source in a row is one', async () => {
        const ip = nextIp();
        const headers = { 'x-forwarded-for': ip, 'user-agent': agent };
        for (let at = 0; at < 30; at++) {
          const answer = await world.wire.send({ path: '/v2/acme/app/manifests/v1', headers });
          assert.equal(answer.status, 401);
          assert.match(
            answer.headers['www-authenticate'] ?? '',
            /^Bearer realm="http:\/\/127\.0\.0\.1:\d+\/v2\/auth"/,
          );
        }
        const expected = signInRefusal(
          'basic',
          { username: '', secret: '' },
          nobody('anonymous', 'none', 'not_signed_in'),
          ip,
        );
        const { typedName: _none, ...details } = expected.details;
        await world.trail.expect([{ ...expected, details: { ...details, surface: 'bearer' } }]);
      });

      test('an anonymous token refused: in the namespace of the project', async () => {
        const ip = nextIp();
        const headers = { 'x-forwarded-for': ip, 'user-agent': agent };
        const granted = await world.wire.send({
          path: '/v2/auth?service=test&scope=repository:acme/app:pull',
          headers,
        });
        assert.equal(granted.status, 200);
        const { token } = granted.json() as { token: string };
        const answer = await world.wire.send({
          path: '/v2/acme/app/manifests/v1',
          headers: { ...headers, authorization: `Bearer ${token}` },
        });
        assert.equal(answer.status, 401);
        const anonymous = {
          ...world.people.sam.key,
          actor: { kind: 'anonymous', proven: true },
          credential: { kind: 'none' },
        } as const;
        const { message } = (answer.json() as { errors: [{ message: string }] }).errors[0];
        await world.trail.expect([
          refusalEvent({
            by: { key: anonymous, agent: 'attribution', ip },
            action: 'pull',
            scope: world.projects.app.scope,
            project: 'acme/app',
            reference: 'v1',
            reason: 'not_signed_in',
            request: { method: 'GET', route: routes.manifest, status: 401 },
            details: { roleHeld: 'none', roleNeeded: 'reader', requested: ['pull'], granted: [], message },
          }),
        ]);
      });

      test('an Authorization header that cannot be read', async () => {
        for (const authorization of [
          'Basic',
          'Basic !!!',
          'Digest x',
          'Basic bm9jb2xvbg==',
          `Basic ${'A'.repeat(9000)}`,
        ]) {
          const ip = nextIp();
          const answer = await world.wire.send({
            path: '/v2/acme/app/manifests/v1',
            headers: { authorization, 'x-forwarded-for': ip, 'user-agent': agent },
          });
          assert.equal(answer.status, 401, authorization);
          const expected = signInRefusal(
            'basic',
            { username: '', secret: '' },
            nobody('anonymous', 'none', 'credential_malformed'),
            ip,
          );
          const { typedName: _none, ...details } = expected.details;
          const surface = authorization.startsWith('Basic') ? 'basic' : 'bearer';
          await world.trail.expect([{ ...expected, details: { ...details, surface } }]);
        }
      });

      test('a registry token of another server, or changed', async () => {
        const good = await world.wire.send({
          path: '/v2/auth?service=test&scope=repository:acme/app:pull',
          headers: { authorization: world.people.mara.key.basic, 'x-forwarded-for': nextIp() },
        });
        const { token } = good.json() as { token: string };
        const at = token.lastIndexOf('.') + 3;
        const changed = `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`;
        await world.trail.mark();
        const ip = nextIp();
        const answer = await present('bearer', { username: '', secret: changed }, ip);
        assert.equal(answer.status, 401);
        await world.trail.expect([
          signInRefusal(
            'bearer',
            { username: '', secret: '' },
            nobody('anonymous', 'none', 'token_invalid'),
            ip,
          ),
        ]);
      });
    });
  });
}

function signInRefusal(surface: Surface, { username }: Presented, claimed: Claimed, ip: string): PlainEvent {
  const { method, route, attempted, surface: told } = onSurface[surface];
  const { application, ...who } = claimed;
  return {
    ...who,
    type: 'account.sign_in.refuse',
    outcome: 'denied',
    request: { ip, method, protocol: 'http', route, status: 401, userAgent: 'attribution' },
    details: {
      attempted,
      surface: told,
      ...(told !== 'bearer' && { typedName: username }),
      ...(application !== undefined && { application }),
    },
  };
}

/** What the world sees of an answer, without what is different each time. */
function withoutIds(answer: WireAnswer | undefined): unknown {
  const { date: _date, 'x-request-id': _id, ...headers } = answer?.headers ?? {};
  return [answer?.status, headers, answer?.text.replace(/"requestId":"[^"]*"/, '')];
}
