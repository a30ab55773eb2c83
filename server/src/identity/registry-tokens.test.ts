/** Registry tokens: what they carry, and that they stop with the credential they came from. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { settled } from '../../../tests/support/events.ts';
import {
  basic,
  contextOf,
  engines,
  type House,
  openHouse,
  request,
  root,
} from '../../../tests/support/house.ts';
import { createOrganisation } from '../access/organisations.ts';
import type { Caller, Grant } from '../domain/caller.ts';
import type { Presented } from '../http/presented.ts';
import { createRobot, disableRobot, rotateRobotToken } from './robots.ts';
import { createToken, revokeToken } from './tokens.ts';
import { changePassword, deleteUser, disableUser, enableUser, renameUser } from './users.ts';

const grants: Grant[] = [{ project: 'acme/app', requested: ['pull', 'push'], granted: ['pull'] }];
const bearerOf = (house: House, caller: Caller | undefined): Presented => ({
  kind: 'bearer',
  token: house.identity.issueRegistryToken(caller, grants).token,
});
const onRegistry = { surface: 'bearer' } as const;

for (const { engine, skip } of engines) {
  describe(`registry tokens on ${engine}`, { skip }, () => {
    it('bring back who asked, with the credential they asked with', async () => {
      await using house = await openHouse(engine);
      const alice = await house.user('alice', { roles: ['admin'] });
      const pat = await createToken(house.parts, {
        by: root,
        userId: alice.id,
        kind: 'access_token',
        name: 'x',
        scopes: ['project:read'],
      });
      for (const secret of ['password of alice', pat.secret.reveal()]) {
        const asked = await house.signIn(basic('alice', secret), { surface: 'registry_token' });
        const caller = await house.signIn(bearerOf(house, asked), onRegistry);
        assert.deepEqual(caller, { ...asked, grants });
      }
      const issued = house.identity.issueRegistryToken(undefined, grants);
      assert.equal(issued.expiresInSeconds, 300);
      assert.match(issued.issuedAt, /^2026-01-01T00:00:\d\d\.000Z$/);
      const nobody = await house.signIn({ kind: 'bearer', token: issued.token }, onRegistry);
      assert.deepEqual(nobody, {
        actor: { kind: 'anonymous', proven: true },
        credential: { kind: 'none' },
        roles: { admin: false, auditor: false },
        grants,
        request,
        source: '192.0.2.7',
      });
    });

    it('carry ids and grants only', async () => {
      await using house = await openHouse(engine);
      const alice = await house.user('alice', { email: 'alice@example.org' });
      const caller = await house.signIn(basic('alice', 'password of alice'));
      const { token } = house.identity.issueRegistryToken(caller, grants);
      const claims = JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString());
      assert.deepEqual(Object.keys(claims).sort(), ['exp', 'grants', 'iat', 'iss', 'jti', 'pwd', 'sub']);
      assert.deepEqual(
        [claims.sub, claims.grants, claims.exp - claims.iat],
        [`user:${alice.id}`, grants, 300],
      );
    });

    it('stop at once when the token behind them is revoked, the robot rotated, the password changed, the user disabled', async () => {
      await using house = await openHouse(engine);
      const { parts } = house;
      const alice = await house.user('alice');
      const bob = await house.user('bob');
      const acme = await createOrganisation(parts, { by: root, name: 'acme', ownerId: alice.id });
      const pat = await createToken(parts, {
        by: root,
        userId: alice.id,
        kind: 'access_token',
        name: 'x',
        scopes: ['project:read'],
      });
      const ci = await createRobot(parts, { by: root, namespaceId: acme.id, name: 'ci' });
      const cd = await createRobot(parts, { by: root, namespaceId: acme.id, name: 'cd' });
      const rows: [Presented, () => Promise<unknown>, string][] = [
        [
          basic('alice', pat.secret.reveal()),
          () => revokeToken(parts, { by: root, userId: alice.id, tokenId: pat.token.id }),
          'token_revoked',
        ],
        [
          basic('acme+ci', ci.secret.reveal()),
          () => rotateRobotToken(parts, { by: root, robotId: ci.robot.id }),
          'wrong_token',
        ],
        [
          basic('acme+cd', cd.secret.reveal()),
          () => disableRobot(parts, { by: root, robotId: cd.robot.id }),
          'robot_disabled',
        ],
        [
          basic('alice', 'password of alice'),
          () => changePassword(parts, { by: root, userId: alice.id, password: 'another one' }),
          'token_revoked',
        ],
        [
          basic('bob', 'password of bob'),
          () => disableUser(parts, { by: root, userId: bob.id }),
          'account_disabled',
        ],
      ];
      for (const [presented, change, reason] of rows) {
        const asked = await house.signIn(presented, { surface: 'registry_token' });
        const bearer = bearerOf(house, asked);
        await house.signIn(bearer, onRegistry);
        await change();
        const from = await house.db.head();
        assert.equal((await house.refused(bearer, onRegistry)).code, 'unauthenticated');
        const [event, ...more] = (await house.eventsSince(from)).map(settled);
        assert.deepEqual([event?.reason, more], [reason, []]);
        assert.deepEqual(event?.actor, { ...asked.actor, proven: false });
        assert.deepEqual(event?.credential, asked.credential);
        assert.deepEqual([event?.details.requested, event?.details.granted], [['pull', 'push'], ['pull']]);
      }
      await enableUser(parts, { by: root, userId: bob.id });
      const again = await house.signIn(basic('bob', 'password of bob'));
      await renameUser(parts, { by: root, userId: bob.id, name: 'robert' });
      assert.equal((await house.signIn(bearerOf(house, again), onRegistry)).actor.name, 'robert');
      await deleteUser(parts, { by: root, userId: bob.id, endRights: async () => {} });
      assert.equal((await house.refused(bearerOf(house, again), onRegistry)).reason, 'wrong_password');
    });

    it('are a client’s late clock for ten minutes, then a refusal', async () => {
      await using house = await openHouse(engine);
      const alice = await house.user('alice');
      const bearer = bearerOf(house, await house.signIn(basic('alice', 'password of alice')));
      const anonymous = bearerOf(house, undefined);
      const from = await house.db.head();
      house.clock.advanceMs(301_000);
      for (const token of [bearer, anonymous])
        assert.equal((await house.refused(token, onRegistry)).reason, 'token_expired');
      assert.deepEqual(await house.eventsSince(from), []);
      house.clock.advanceMs(600_000);
      for (const token of [bearer, anonymous])
        assert.equal((await house.refused(token, onRegistry)).reason, 'token_expired');
      const events = await house.eventsSince(from);
      assert.deepEqual(
        events.map((event) => [event.type, event.reason, event.actor]),
        [
          [
            'account.sign_in.refuse',
            'token_expired',
            { kind: 'user', id: alice.id, name: 'alice', proven: false },
          ],
          ['account.sign_in.refuse', 'token_expired', { kind: 'anonymous', proven: false }],
        ],
      );
    });

    it('are refused when anything of them was changed', async () => {
      await using house = await openHouse(engine, { sourceFailures: 100_000 });
      await house.user('alice');
      const caller = await house.signIn(basic('alice', 'password of alice'));
      const { token } = house.identity.issueRegistryToken(caller, grants);
      for (let at = 0; at < token.length; at += 7) {
        const changed = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
        const answer = await house.refused({ kind: 'bearer', token: changed }, onRegistry);
        assert.equal(answer.code, 'unauthenticated', changed);
      }
      const [header, payload] = token.split('.');
      const none = Buffer.from('{"alg":"none"}').toString('base64url');
      for (const forged of [`${none}.${payload}.`, `${header}.${payload}.`, '..', 'a.b.c', `${token}.x`]) {
        assert.equal(
          (await house.refused({ kind: 'bearer', token: forged }, onRegistry)).code,
          'unauthenticated',
          forged,
        );
      }
    });

    it('of an unscoped call are one sign-in', async () => {
      await using house = await openHouse(engine);
      const alice = await house.user('alice');
      const acme = await createOrganisation(house.parts, { by: root, name: 'acme', ownerId: alice.id });
      const ci = await createRobot(house.parts, { by: root, namespaceId: acme.id, name: 'ci' });
      const from = await house.db.head();
      const caller = await house.identity.authenticate(
        basic('acme+ci', ci.secret.reveal()),
        contextOf({ surface: 'registry_token' }),
      );
      await house.identity.recordRegistrySignIn(caller as Caller);
      assert.deepEqual((await house.eventsSince(from)).map(settled), [
        {
          v: 1,
          version: 1,
          type: 'account.sign_in.succeed',
          outcome: 'success',
          actor: { kind: 'robot', id: ci.robot.id, name: 'acme+ci', proven: true },
          credential: { kind: 'robot_token', id: ci.robot.credentialId, name: 'acme+ci' },
          scope: { namespace: { kind: 'organisation', id: acme.id, name: 'acme' } },
          request: { ...request, status: 200 },
          details: { surface: 'registry_token' },
        },
      ]);
    });
  });
}
