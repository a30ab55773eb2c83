/** The table of the design's section 7, row by row: what is presented, what the world sees, and the whole event. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AuditEvent } from '@tallyman/contract';
import { settled } from '../../../tests/support/events.ts';
import {
  basic,
  contextOf,
  deleteNothing,
  engines,
  type House,
  openHouse,
  request,
  root,
} from '../../../tests/support/house.ts';
import { createOrganisation } from '../access/organisations.ts';
import { endRightsOfRobot, endRightsOfUser } from '../access/rights.ts';
import type { Presented } from '../http/presented.ts';
import {
  createOauthApplication,
  createOauthToken,
  deleteOauthApplication,
  revokeOauthToken,
} from './oauth-applications.ts';
import { createRobot, deleteRobot, disableRobot, rotateRobotToken } from './robots.ts';
import { createSecret } from './secrets.ts';
import { createSession, endSession } from './sessions.ts';
import { createToken, revokeToken } from './tokens.ts';
import { deleteUser, disableUser } from './users.ts';

type Expected = Pick<AuditEvent, 'actor' | 'credential' | 'scope' | 'reason'> & {
  onBehalfOf?: AuditEvent['onBehalfOf'];
  application?: string;
};
type Case = { name: string; presented: Presented; expected: Expected; answer?: string };

const hourUs = 3_600_000_000;

for (const { engine, skip } of engines) {
  describe(`refused sign-ins on ${engine}`, { skip }, () => {
    it('names whom each credential claims, and nobody else', async () => {
      await using house = await openHouse(engine);
      const cases = await prepare(house);
      for (const [at, { name, presented, expected, answer }] of cases.entries()) {
        const from = await house.db.head();
        const source = `198.51.100.${at}`;
        const seen = await house.refused(presented, { source });
        const events = (await house.eventsSince(from)).map(settled);
        const { application, ...envelope } = expected;
        const typedName = presented.kind === 'basic' ? { typedName: presented.username } : {};
        const details = {
          attempted: contextOf().attempted,
          surface: 'basic',
          ...typedName,
          ...(application !== undefined && { application }),
        };
        const event = {
          v: 1,
          version: 1,
          type: 'account.sign_in.refuse',
          outcome: 'denied',
          ...envelope,
          request: { ...request, status: 401 },
          details,
        };
        assert.deepEqual(events, [event], name);
        assert.deepEqual(
          [seen.code, seen.reason],
          ['unauthenticated', answer ?? outside(expected.credential.kind)],
          name,
        );
      }
    });
  });
}

function outside(kind: string): string {
  return kind === 'password' ? 'wrong_password' : kind === 'robot_token' ? 'wrong_token' : 'unknown_token';
}

async function prepare(house: House): Promise<Case[]> {
  const { parts } = house;
  const alice = await house.user('alice', { email: 'alice@example.org' });
  const bob = await house.user('bob');
  const gone = await house.user('gone');
  const joe = await house.user('joe');
  const acme = await createOrganisation(parts, { by: root, name: 'acme', ownerId: alice.id });
  const expiresAtUs = house.clock.nowUs() + hourUs;
  const robot = async (namespaceId: string, name: string, more = {}) =>
    createRobot(parts, { by: root, namespaceId, name, ...more });
  const token = async (userId: string, kind: 'access_token' | 'app_token', name: string, more = {}) =>
    createToken(parts, { by: root, userId, kind, name, scopes: ['project:read'], ...more });

  const ci = await robot(acme.id, 'ci');
  const old = await robot(acme.id, 'old');
  const off = await robot(acme.id, 'off');
  const late = await robot(acme.id, 'late', { expiresAtUs });
  const bots = await robot(bob.id, 'bot');
  const own = await robot(alice.id, 'bot');
  const dead = await robot(acme.id, 'dead');
  await rotateRobotToken(parts, { by: root, robotId: old.robot.id });
  await disableRobot(parts, { by: root, robotId: off.robot.id });
  await deleteRobot(parts, {
    by: root,
    robotId: dead.robot.id,
    endRights: endRightsOfRobot(parts, { by: root, robotId: dead.robot.id }),
  });

  const pat = await token(alice.id, 'access_token', 'laptop');
  const revoked = await token(alice.id, 'access_token', 'lost');
  await revokeToken(parts, { by: root, userId: alice.id, tokenId: revoked.token.id });
  const expired = await token(alice.id, 'access_token', 'short', { expiresAtUs });
  const appExpired = await token(alice.id, 'app_token', 'phone', { expiresAtUs });
  const appRevoked = await token(alice.id, 'app_token', 'tablet');
  await revokeToken(parts, { by: root, userId: alice.id, tokenId: appRevoked.token.id });
  const bobs = await token(bob.id, 'access_token', 'desk');
  const bobsApp = await token(bob.id, 'app_token', 'desk app');
  const gones = await token(gone.id, 'access_token', 'gone');
  const application = await createOauthApplication(parts, {
    by: root,
    organisationId: acme.id,
    name: 'dashboard',
  });
  const endedApplication = await createOauthApplication(parts, {
    by: root,
    organisationId: acme.id,
    name: 'ended',
  });
  const grant = async (userId: string, applicationId = application.id, more = {}) =>
    createOauthToken(parts, { by: root, userId, applicationId, scopes: ['project:read'], ...more });
  const oauthExpired = await grant(alice.id, application.id, { expiresAtUs });
  const oauthRevoked = await grant(alice.id);
  await revokeOauthToken(parts, { by: root, tokenId: oauthRevoked.token.id, of: { userId: alice.id } });
  const oauthBob = await grant(bob.id);
  const oauthEnded = await grant(alice.id, endedApplication.id);
  await deleteOauthApplication(parts, { by: root, applicationId: endedApplication.id });
  const caller = await house.signIn(basic('alice', 'password of alice'), { surface: 'console' });
  const session = await createSession(parts, { by: caller });
  await endSession(parts, { by: root, userId: alice.id, sessionId: session.session.id });
  await disableUser(parts, { by: root, userId: bob.id });
  const endRights = endRightsOfUser(parts, { by: root, userId: gone.id, deleteContent: deleteNothing });
  await deleteUser(parts, { by: root, userId: gone.id, endRights });
  house.clock.advanceMs(hourUs / 1000 + 1);

  const claimed = (user: { id: string; name: string }) => ({
    kind: 'user' as const,
    id: user.id,
    name: user.name,
    proven: false,
  });
  const claimedRobot = (id: string, name: string) => ({ kind: 'robot' as const, id, name, proven: false });
  const of = (user: { id: string; name: string }) => ({
    namespace: { kind: 'user' as const, id: user.id, name: user.name },
  });
  const inAcme = { namespace: { kind: 'organisation' as const, id: acme.id, name: 'acme' } };
  const nobodyUser = { kind: 'user' as const, proven: false };
  const nobodyRobot = { kind: 'robot' as const, proven: false };
  const nobody = { kind: 'anonymous' as const, proven: false };
  const password = (user: { id: string }) => ({ kind: 'password' as const, id: user.id });
  const shown = (made: { token: { id: string; kind: string; name: string } }) => ({
    kind: made.token.kind as 'access_token',
    id: made.token.id,
    name: made.token.name,
    scopes: ['project:read'],
  });
  const robotToken = (made: { robot: { credentialId?: string; name: string } }) => ({
    kind: 'robot_token' as const,
    id: made.robot.credentialId as string,
    name: made.robot.name,
  });
  const unmade = (kind: 'access_token' | 'app_token' | 'oauth_token' | 'robot_token' | 'session') =>
    createSecret(kind).secret.reveal();

  return [
    {
      name: 'wrong password',
      presented: basic('alice', 'nope nope'),
      expected: {
        actor: claimed(alice),
        credential: password(alice),
        scope: of(alice),
        reason: 'wrong_password',
      },
    },
    {
      name: 'wrong password, by e-mail',
      presented: basic('Alice@Example.org', 'nope nope'),
      expected: {
        actor: claimed(alice),
        credential: password(alice),
        scope: of(alice),
        reason: 'wrong_password',
      },
    },
    {
      name: 'unknown user',
      presented: basic('nemo', 'nope nope'),
      expected: { actor: nobodyUser, credential: { kind: 'password' }, scope: {}, reason: 'unknown_user' },
    },
    {
      name: 'an organisation is no user',
      presented: basic('acme', 'nope nope'),
      expected: { actor: nobodyUser, credential: { kind: 'password' }, scope: {}, reason: 'unknown_user' },
    },
    {
      name: 'disabled user, right password',
      presented: basic('bob', 'password of bob'),
      expected: {
        actor: claimed(bob),
        credential: password(bob),
        scope: of(bob),
        reason: 'account_disabled',
      },
    },
    {
      name: 'deleted user',
      presented: basic('gone', 'password of gone'),
      expected: { actor: nobodyUser, credential: { kind: 'password' }, scope: {}, reason: 'unknown_user' },
    },
    {
      name: 'an e-mail with a plus sign is no robot of joe',
      presented: basic('joe+x@y.z', 'nope nope'),
      expected: { actor: nobodyUser, credential: { kind: 'password' }, scope: {}, reason: 'unknown_user' },
    },
    {
      name: 'two plus signs are no robot',
      presented: basic('a+b+c', 'nope nope'),
      expected: { actor: nobodyUser, credential: { kind: 'password' }, scope: {}, reason: 'unknown_user' },
    },
    {
      name: 'control characters and half characters reach no database',
      presented: basic('al\0ice', 'nope\0nope'),
      expected: { actor: nobodyUser, credential: { kind: 'password' }, scope: {}, reason: 'unknown_user' },
    },
    {
      name: 'robot of an organisation, wrong token',
      presented: basic('acme+ci', unmade('robot_token')),
      expected: {
        actor: claimedRobot(ci.robot.id, 'acme+ci'),
        credential: { kind: 'robot_token' },
        scope: inAcme,
        reason: 'wrong_token',
      },
    },
    {
      name: 'robot with something that is no token',
      presented: basic('acme+ci', 'eyJhbGciOi.x.y'),
      expected: {
        actor: claimedRobot(ci.robot.id, 'acme+ci'),
        credential: { kind: 'robot_token' },
        scope: inAcme,
        reason: 'wrong_token',
      },
    },
    {
      name: 'robot with the token of another',
      presented: basic('acme+ci', off.secret.reveal()),
      expected: {
        actor: claimedRobot(ci.robot.id, 'acme+ci'),
        credential: { kind: 'robot_token' },
        scope: inAcme,
        reason: 'wrong_token',
      },
    },
    {
      name: 'robot of a user, wrong token',
      presented: basic('alice+bot', unmade('robot_token')),
      expected: {
        actor: claimedRobot(own.robot.id, 'alice+bot'),
        onBehalfOf: { kind: 'user', id: alice.id, name: 'alice' },
        credential: { kind: 'robot_token' },
        scope: of(alice),
        reason: 'wrong_token',
      },
    },
    {
      name: 'robot, token rotated away',
      presented: basic('acme+old', old.secret.reveal()),
      expected: {
        actor: claimedRobot(old.robot.id, 'acme+old'),
        credential: robotToken(old),
        scope: inAcme,
        reason: 'wrong_token',
      },
    },
    {
      name: 'robot disabled',
      presented: basic('acme+off', off.secret.reveal()),
      expected: {
        actor: claimedRobot(off.robot.id, 'acme+off'),
        credential: robotToken(off),
        scope: inAcme,
        reason: 'robot_disabled',
      },
    },
    {
      name: 'robot, token expired',
      presented: basic('acme+late', late.secret.reveal()),
      expected: {
        actor: claimedRobot(late.robot.id, 'acme+late'),
        credential: robotToken(late),
        scope: inAcme,
        reason: 'token_expired',
      },
      answer: 'token_expired',
    },
    {
      name: 'robot, owner disabled',
      presented: basic('bob+bot', bots.secret.reveal()),
      expected: {
        actor: claimedRobot(bots.robot.id, 'bob+bot'),
        onBehalfOf: { kind: 'user', id: bob.id, name: 'bob' },
        credential: robotToken(bots),
        scope: of(bob),
        reason: 'owner_disabled',
      },
    },
    {
      name: 'robot deleted, still named by its token',
      presented: basic('acme+dead', dead.secret.reveal()),
      expected: {
        actor: claimedRobot(dead.robot.id, 'acme+dead'),
        credential: robotToken(dead),
        scope: inAcme,
        reason: 'unknown_robot',
      },
    },
    {
      name: 'no such robot of an organisation',
      presented: basic('acme+ghost', unmade('robot_token')),
      expected: {
        actor: nobodyRobot,
        credential: { kind: 'robot_token' },
        scope: inAcme,
        reason: 'unknown_robot',
      },
    },
    {
      name: 'no such robot of a user',
      presented: basic('joe+ghost', unmade('robot_token')),
      expected: {
        actor: nobodyRobot,
        credential: { kind: 'robot_token' },
        scope: of(joe),
        reason: 'unknown_robot',
      },
    },
    {
      name: 'robot of nobody',
      presented: basic('nemo+ci', unmade('robot_token')),
      expected: {
        actor: nobodyRobot,
        credential: { kind: 'robot_token' },
        scope: {},
        reason: 'unknown_robot',
      },
    },
    {
      name: 'OAuth token unknown',
      presented: basic('$oauthtoken', unmade('oauth_token')),
      expected: { actor: nobody, credential: { kind: 'oauth_token' }, scope: {}, reason: 'unknown_token' },
    },
    {
      name: 'OAuth token malformed',
      presented: basic('$oauthtoken', 'whatever'),
      expected: { actor: nobody, credential: { kind: 'oauth_token' }, scope: {}, reason: 'unknown_token' },
    },
    {
      name: 'OAuth token expired: the user who granted it, in the organisation of the application',
      presented: basic('$oauthtoken', oauthExpired.secret.reveal()),
      expected: {
        actor: claimed(alice),
        credential: shown(oauthExpired),
        scope: inAcme,
        reason: 'token_expired',
        application: 'dashboard',
      },
      answer: 'token_expired',
    },
    {
      name: 'OAuth token revoked, as bearer',
      presented: { kind: 'bearer', token: oauthRevoked.secret.reveal() },
      expected: {
        actor: claimed(alice),
        credential: shown(oauthRevoked),
        scope: inAcme,
        reason: 'token_revoked',
        application: 'dashboard',
      },
    },
    {
      name: 'OAuth token, granter disabled',
      presented: basic('$oauthtoken', oauthBob.secret.reveal()),
      expected: {
        actor: claimed(bob),
        credential: shown(oauthBob),
        scope: inAcme,
        reason: 'account_disabled',
        application: 'dashboard',
      },
    },
    {
      name: 'OAuth token of a deleted application',
      presented: basic('$oauthtoken', oauthEnded.secret.reveal()),
      expected: {
        actor: claimed(alice),
        credential: shown(oauthEnded),
        scope: inAcme,
        reason: 'token_revoked',
        application: 'ended',
      },
    },
    {
      name: 'app token unknown',
      presented: basic('$app', unmade('app_token')),
      expected: { actor: nobody, credential: { kind: 'app_token' }, scope: {}, reason: 'unknown_token' },
    },
    {
      name: 'app token expired',
      presented: basic('$app', appExpired.secret.reveal()),
      expected: {
        actor: claimed(alice),
        credential: shown(appExpired),
        scope: of(alice),
        reason: 'token_expired',
      },
      answer: 'token_expired',
    },
    {
      name: 'app token revoked',
      presented: basic('$app', appRevoked.secret.reveal()),
      expected: {
        actor: claimed(alice),
        credential: shown(appRevoked),
        scope: of(alice),
        reason: 'token_revoked',
      },
    },
    {
      name: 'app token of a disabled user',
      presented: basic('$app', bobsApp.secret.reveal()),
      expected: {
        actor: claimed(bob),
        credential: shown(bobsApp),
        scope: of(bob),
        reason: 'account_disabled',
      },
    },
    {
      name: 'access token revoked, with the own name',
      presented: basic('alice', revoked.secret.reveal()),
      expected: {
        actor: claimed(alice),
        credential: shown(revoked),
        scope: of(alice),
        reason: 'token_revoked',
      },
    },
    {
      name: 'access token expired, as bearer',
      presented: { kind: 'bearer', token: expired.secret.reveal() },
      expected: {
        actor: claimed(alice),
        credential: shown(expired),
        scope: of(alice),
        reason: 'token_expired',
      },
      answer: 'token_expired',
    },
    {
      name: 'access token of a disabled user',
      presented: basic('__token__', bobs.secret.reveal()),
      expected: { actor: claimed(bob), credential: shown(bobs), scope: of(bob), reason: 'account_disabled' },
    },
    {
      name: 'access token of a deleted user',
      presented: { kind: 'bearer', token: gones.secret.reveal() },
      expected: { actor: claimed(gone), credential: shown(gones), scope: of(gone), reason: 'token_revoked' },
    },
    {
      name: 'access token of somebody else stays unnamed',
      presented: basic('joe', pat.secret.reveal()),
      expected: {
        actor: claimed(joe),
        credential: { kind: 'access_token' },
        scope: of(joe),
        reason: 'unknown_token',
      },
    },
    {
      name: 'access token with the name of nobody',
      presented: basic('nemo', pat.secret.reveal()),
      expected: {
        actor: nobodyUser,
        credential: { kind: 'access_token' },
        scope: {},
        reason: 'unknown_user',
      },
    },
    {
      name: 'access token mistyped',
      presented: { kind: 'bearer', token: `${pat.secret.reveal().slice(0, -1)}-` },
      expected: { actor: nobody, credential: { kind: 'access_token' }, scope: {}, reason: 'unknown_token' },
    },
    {
      name: 'a cookie stolen from a browser is no bearer',
      presented: { kind: 'bearer', token: session.secret.reveal() },
      expected: { actor: nobody, credential: { kind: 'access_token' }, scope: {}, reason: 'unknown_token' },
    },
    {
      name: 'an access token is no cookie',
      presented: { kind: 'session', secret: pat.secret.reveal() },
      expected: { actor: nobody, credential: { kind: 'session' }, scope: {}, reason: 'unknown_token' },
    },
    {
      name: 'session ended',
      presented: { kind: 'session', secret: session.secret.reveal() },
      expected: {
        actor: claimed(alice),
        credential: { kind: 'session', id: session.session.id },
        scope: of(alice),
        reason: 'token_revoked',
      },
    },
    {
      name: 'foreign registry token',
      presented: { kind: 'bearer', token: 'eyJhbGciOiJub25lIn0.e30.' },
      expected: { actor: nobody, credential: { kind: 'none' }, scope: {}, reason: 'token_invalid' },
      answer: 'token_invalid',
    },
    {
      name: 'unreadable header',
      presented: { kind: 'malformed', scheme: 'other' },
      expected: { actor: nobody, credential: { kind: 'none' }, scope: {}, reason: 'credential_malformed' },
      answer: 'credential_malformed',
    },
  ];
}
