/** The life of users, robots, tokens, applications and sessions: each change with its event, and the rules around it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AuditEvent } from '@tallyman/contract';
import {
  basic,
  deleteNothing,
  engines,
  type House,
  openHouse,
  refusal,
  request,
  root,
} from '../../../tests/support/house.ts';
import { addMember, createOrganisation, listMembers } from '../access/organisations.ts';
import { endRightsOfUser } from '../access/rights.ts';
import {
  createOauthApplication,
  createOauthToken,
  deleteOauthApplication,
  listOauthTokens,
  updateOauthApplication,
} from './oauth-applications.ts';
import {
  createRobot,
  disableRobot,
  enableRobot,
  findRobotByName,
  listRobots,
  rotateRobotToken,
} from './robots.ts';
import { createSession, endSession, endSessions, listSessions } from './sessions.ts';
import { createToken, listTokens, revokeToken } from './tokens.ts';
import {
  changeDisplayName,
  changeEmail,
  changePassword,
  createFirstAdmin,
  createUser,
  deleteUser,
  disableUser,
  enableUser,
  findUser,
  isPasswordOf,
  listUsers,
  renameUser,
  setSystemRoles,
} from './users.ts';

const short = (event: AuditEvent) => [event.type, event.target?.name, event.details];

async function remove(house: House, userId: string): Promise<void> {
  const endRights = endRightsOfUser(house.parts, { by: root, userId, deleteContent: deleteNothing });
  await deleteUser(house.parts, { by: root, userId, endRights });
}

for (const { engine, skip } of engines) {
  describe(`accounts on ${engine}`, { skip }, () => {
    it('begin with one administrator, once', async () => {
      await using house = await openHouse(engine);
      const creation = { by: root, name: 'admin1', password: 'long enough' };
      const both = await Promise.allSettled([
        createFirstAdmin(house.parts, creation),
        createFirstAdmin(house.parts, { ...creation, name: 'admin2' }),
      ]);
      assert.deepEqual(both.map((one) => one.status).sort(), ['fulfilled', 'rejected']);
      const { users } = await listUsers(house.parts, {});
      assert.deepEqual(
        users.map((user) => user.roles),
        [['admin']],
      );
      const events = await house.eventsSince(0);
      assert.deepEqual(events.map(short), [
        ['account.user.create', users[0]?.name, { roles: ['admin'], firstRun: true }],
      ]);
    });

    it('change with their events, and keep their id through all of it', async () => {
      await using house = await openHouse(engine);
      const { parts } = house;
      const alice = await house.user('alice', { email: 'Alice@Example.org', displayName: 'Alice' });
      const from = await house.db.head();
      const userId = alice.id;
      await renameUser(parts, { by: root, userId, name: 'alicia' });
      await changeEmail(parts, { by: root, userId, email: 'new@example.org' });
      await changeEmail(parts, { by: root, userId, email: 'NEW@example.org' });
      await changeDisplayName(parts, { by: root, userId, displayName: 'Alicia A.' });
      await changeDisplayName(parts, { by: root, userId, displayName: 'Alicia A.' });
      await changeDisplayName(parts, { by: root, userId });
      await disableUser(parts, { by: root, userId, note: 'on leave' });
      await disableUser(parts, { by: root, userId });
      await enableUser(parts, { by: root, userId });
      await setSystemRoles(parts, { by: root, userId, roles: ['auditor'] });
      await changePassword(parts, { by: root, userId, password: 'another one' });
      const events = await house.eventsSince(from);
      assert.deepEqual(events.map(short), [
        ['account.user.rename', 'alicia', { from: 'alice', to: 'alicia' }],
        ['account.email.change', 'alicia', { from: 'alice@example.org', to: 'new@example.org' }],
        ['account.display_name.change', 'alicia', { from: 'Alice', to: 'Alicia A.' }],
        ['account.display_name.change', 'alicia', { from: 'Alicia A.' }],
        ['account.user.disable', 'alicia', { note: 'on leave' }],
        ['account.user.enable', 'alicia', {}],
        ['account.role.change', 'alicia', { roles: { from: [], to: ['auditor'] } }],
        ['account.password.change', 'alicia', { sessionsEnded: 0 }],
      ]);
      assert.ok(events.every((event) => event.target?.id === userId && event.scope.namespace?.id === userId));
      const found = await findUser(parts, { name: 'alicia' });
      assert.deepEqual([found?.id, found?.roles, found?.email], [userId, ['auditor'], 'new@example.org']);
      assert.equal(await findUser(parts, { name: 'alice' }), undefined);
      assert.equal(await isPasswordOf(house.parts, { userId, password: 'another one' }), true);
    });

    it('reserve former names for their former owner', async () => {
      await using house = await openHouse(engine);
      const { parts } = house;
      const alice = await house.user('alice');
      const bob = await house.user('bob');
      await renameUser(parts, { by: root, userId: alice.id, name: 'alicia' });
      const steal = { by: root, userId: bob.id, name: 'alice' };
      assert.deepEqual((await refusal(renameUser(parts, steal))).reason, 'name_reserved');
      assert.deepEqual(
        (await refusal(createUser(parts, { by: root, name: 'alice' }))).reason,
        'name_reserved',
      );
      assert.deepEqual(
        (await refusal(createUser(parts, { by: root, name: 'alicia' }))).reason,
        'name_reserved',
      );
      assert.deepEqual((await refusal(createUser(parts, { by: root, name: 'api' }))).reason, 'name_reserved');
      assert.deepEqual(
        (await refusal(createUser(parts, { by: root, name: '../etc' }))).reason,
        'name_invalid',
      );
      await renameUser(parts, { by: root, userId: alice.id, name: 'alice' });
      assert.equal((await findUser(parts, { name: 'alice' }))?.id, alice.id);
      const taken = { by: root, name: 'carol', email: 'not an address' };
      assert.equal((await refusal(createUser(parts, taken))).code, 'invalid');
      // Two at once: one gets the name.
      const both = await Promise.allSettled([house.user('dave'), house.user('dave')]);
      assert.deepEqual(both.map((one) => one.status).sort(), ['fulfilled', 'rejected']);
    });

    it('keep an administrator who can act', async () => {
      await using house = await openHouse(engine);
      const { parts } = house;
      const one = await house.user('one', { roles: ['admin'] });
      const two = await house.user('two', { roles: ['admin'] });
      await Promise.allSettled([
        disableUser(parts, { by: root, userId: one.id }),
        setSystemRoles(parts, { by: root, userId: two.id, roles: [] }),
      ]);
      const left = (await listUsers(parts, {})).users.filter(
        (user) => user.roles.includes('admin') && !user.isDisabled,
      );
      assert.equal(left.length, 1);
      const userId = left[0]?.id as string;
      assert.equal((await refusal(disableUser(parts, { by: root, userId }))).code, 'conflict');
      assert.equal((await refusal(setSystemRoles(parts, { by: root, userId, roles: [] }))).code, 'conflict');
      assert.equal((await refusal(remove(house, userId))).code, 'conflict');
    });

    it('end with everything they had, and leave their history and their name', async () => {
      await using house = await openHouse(engine);
      const { parts } = house;
      const alice = await house.user('alice', { email: 'a@example.org' });
      const bob = await house.user('bob');
      const acme = await createOrganisation(parts, { by: root, name: 'acme', ownerId: alice.id });
      assert.equal((await refusal(remove(house, alice.id))).code, 'conflict', 'the last owner');
      await addMember(parts, { by: root, organisationId: acme.id, userId: bob.id, role: 'owner' });
      const token = await createToken(parts, {
        by: root,
        userId: alice.id,
        kind: 'access_token',
        name: 'x',
        scopes: ['admin'],
      });
      const bot = await createRobot(parts, { by: root, namespaceId: alice.id, name: 'bot' });
      await house.signIn(basic('alice+bot', bot.secret.reveal()));
      const from = await house.db.head();
      await remove(house, alice.id);
      const events = await house.eventsSince(from);
      assert.deepEqual(events.map(short), [
        ['account.user.delete', 'alice', { projects: 0, tokensRevoked: 1 }],
        ['organisation.member.remove', 'alice', { role: 'owner' }],
      ]);
      assert.equal(events[1]?.cause, events[0]?.id);
      for (const presented of [
        basic('alice', 'password of alice'),
        basic('alice+bot', bot.secret.reveal()),
        basic('__token__', token.secret.reveal()),
      ]) {
        assert.equal((await house.refused(presented)).code, 'unauthenticated');
      }
      assert.equal((await refusal(house.user('alice'))).reason, 'name_reserved');
      await house.user('other', { email: 'a@example.org' });
      assert.deepEqual(
        (await listMembers(parts, { organisationId: acme.id })).members.map((member) => member.name),
        ['bob'],
      );
    });

    it('list users by name in pages', async () => {
      await using house = await openHouse(engine);
      for (const name of ['carol', 'alice', 'bob', 'bo-b']) await house.user(name);
      const first = await listUsers(house.parts, { limit: 3 });
      const second = await listUsers(house.parts, { limit: 3, after: first.next as string });
      assert.deepEqual(
        [...first.users, ...second.users].map((user) => user.name),
        ['alice', 'bo-b', 'bob', 'carol'],
      );
      assert.equal(second.next, undefined);
      assert.deepEqual(
        (await listUsers(house.parts, { prefix: 'bo' })).users.map((user) => user.name),
        ['bo-b', 'bob'],
      );
    });

    it('have robots with one live token each', async () => {
      await using house = await openHouse(engine);
      const { parts } = house;
      const alice = await house.user('alice');
      const from = await house.db.head();
      const made = await createRobot(parts, {
        by: root,
        namespaceId: alice.id,
        name: 'ci',
        description: 'builds',
      });
      const robotId = made.robot.id;
      const again = createRobot(parts, { by: root, namespaceId: alice.id, name: 'ci' });
      assert.equal((await refusal(again)).code, 'conflict');
      const rotated = await rotateRobotToken(parts, { by: root, robotId });
      await disableRobot(parts, { by: root, robotId });
      await enableRobot(parts, { by: root, robotId });
      await house.signIn(basic('alice+ci', rotated.secret.reveal()), {
        surface: 'registry_token',
        source: '203.0.113.1',
      });
      await house.identity.stop();
      const seen = await findRobotByName(parts, { namespaceId: alice.id, name: 'ci' });
      assert.deepEqual(
        [seen?.name, seen?.lastUsedSource, seen?.credentialId],
        ['alice+ci', '203.0.113.1', rotated.robot.credentialId],
      );
      assert.deepEqual((await listRobots(parts, { namespaceId: alice.id })).robots, [seen]);
      const credential = { from: made.robot.credentialId, to: rotated.robot.credentialId };
      assert.deepEqual((await house.eventsSince(from)).map(short), [
        ['robot.account.create', 'alice+ci', { description: 'builds' }],
        ['robot.token.rotate', 'alice+ci', { credential }],
        ['robot.account.disable', 'alice+ci', {}],
        ['robot.account.enable', 'alice+ci', {}],
      ]);
    });

    it('have tokens that are listed dead or alive, and stop at once', async () => {
      await using house = await openHouse(engine);
      const { parts } = house;
      const alice = await house.user('alice');
      const bob = await house.user('bob');
      const from = await house.db.head();
      const create = async (name: string, more = {}) =>
        createToken(parts, {
          by: root,
          userId: alice.id,
          kind: 'access_token',
          name,
          scopes: ['project:write', 'project:read'],
          ...more,
        });
      const kept = await create('kept');
      const ended = await create('ended');
      const expiresAtUs = house.clock.nowUs() + 1_000_000;
      await create('short', { expiresAtUs });
      const bearer = { kind: 'bearer', token: ended.secret.reveal() } as const;
      await house.signIn(bearer, { surface: 'bearer' });
      assert.equal(
        (await refusal(revokeToken(parts, { by: root, userId: bob.id, tokenId: ended.token.id }))).code,
        'not_found',
      );
      await revokeToken(parts, { by: root, userId: alice.id, tokenId: ended.token.id });
      assert.equal(
        (await refusal(revokeToken(parts, { by: root, userId: alice.id, tokenId: ended.token.id }))).code,
        'not_found',
      );
      assert.equal((await house.refused(bearer, { surface: 'bearer' })).code, 'unauthenticated');
      house.clock.advanceMs(2_000);
      const { tokens } = await listTokens(parts, { userId: alice.id });
      assert.deepEqual(
        tokens.map((token) => [token.name, token.state]),
        [
          ['short', 'expired'],
          ['ended', 'revoked'],
          ['kept', 'live'],
        ],
      );
      assert.deepEqual(tokens[2]?.scopes, ['project:read', 'project:write']);
      assert.ok(kept.secret.reveal().startsWith(tokens[2]?.hint ?? 'none'));
      const stored = JSON.stringify(await house.db.read.q.selectFrom('credential').selectAll().execute());
      assert.ok(!stored.includes(kept.secret.reveal()));
      const types = (await house.eventsSince(from)).map((event) => event.type);
      const made = 'token.access.create';
      assert.deepEqual(types, [made, made, made, 'token.access.revoke', 'account.sign_in.refuse']);
      for (const more of [
        { scopes: [] },
        { scopes: ['everything'] },
        { name: '' },
        { name: 'a\0b' },
        { expiresAtUs: 1 },
      ]) {
        assert.equal((await refusal(create('bad', more))).code, 'invalid', JSON.stringify(more));
      }
    });

    it('generate tokens for applications, which end with the application', async () => {
      await using house = await openHouse(engine);
      const { parts } = house;
      const alice = await house.user('alice');
      const acme = await createOrganisation(parts, { by: root, name: 'acme', ownerId: alice.id });
      const from = await house.db.head();
      const { id: applicationId } = await createOauthApplication(parts, {
        by: root,
        organisationId: acme.id,
        name: 'board',
      });
      await updateOauthApplication(parts, {
        by: root,
        applicationId,
        name: 'dashboard',
        description: 'shows',
      });
      const { token, secret } = await createOauthToken(parts, {
        by: root,
        userId: alice.id,
        applicationId,
        scopes: ['project:read'],
      });
      const bearer = { kind: 'bearer', token: secret.reveal() } as const;
      await house.signIn(bearer, { surface: 'bearer' });
      await deleteOauthApplication(parts, { by: root, applicationId });
      assert.equal((await house.refused(bearer, { surface: 'bearer' })).code, 'unauthenticated');
      assert.deepEqual(
        (await listOauthTokens(parts, { applicationId })).tokens.map((one) => [one.id, one.state]),
        [[token.id, 'revoked']],
      );
      const events = (await house.eventsSince(from)).slice(0, 4);
      assert.deepEqual(events.map(short), [
        ['oauth.application.create', 'board', {}],
        [
          'oauth.application.update',
          'board',
          { name: { from: 'board', to: 'dashboard' }, description: { from: '', to: 'shows' } },
        ],
        [
          'oauth.token.create',
          'dashboard',
          { application: 'dashboard', applicationId, scopes: ['project:read'] },
        ],
        ['oauth.application.delete', 'dashboard', { tokensRevoked: 1 }],
      ]);
      assert.ok(events.every((event) => event.scope.namespace?.id === acme.id));
    });

    it('have console sessions that end by themselves, by hand and with the password', async () => {
      await using house = await openHouse(engine, { sessionIdleMs: 60_000, sessionAbsoluteMs: 150_000 });
      const { parts } = house;
      const alice = await house.user('alice');
      const begin = async () => {
        const by = await house.signIn(basic('alice', 'password of alice'), { surface: 'console' });
        return createSession(parts, { by });
      };
      const from = await house.db.head();
      const first = await begin();
      const [event] = await house.eventsSince(from);
      assert.deepEqual(
        [event?.type, event?.details, event?.target],
        ['account.sign_in.succeed', { surface: 'console' }, { kind: 'session', id: first.session.id }],
      );
      const cookie = { kind: 'session', secret: first.secret.reveal() } as const;
      const caller = await house.signIn(cookie);
      assert.deepEqual(
        [caller.credential, caller.actor.id, caller.request],
        [{ kind: 'session', id: first.session.id }, alice.id, request],
      );
      // Used within the idle time it goes on, to its absolute end.
      for (const wait of [50_000, 50_000]) {
        house.clock.advanceMs(wait);
        await house.signIn(cookie);
      }
      const quiet = await house.db.head();
      house.clock.advanceMs(50_001);
      assert.equal((await house.refused(cookie)).reason, 'token_expired');
      const idle = await begin();
      house.clock.advanceMs(60_001);
      assert.equal(
        (await house.refused({ kind: 'session', secret: idle.secret.reveal() })).reason,
        'token_expired',
      );
      assert.deepEqual(
        (await house.eventsSince(quiet)).map((one) => one.type),
        ['account.sign_in.succeed'],
      );
      const [one, two, three] = [await begin(), await begin(), await begin()];
      await endSession(parts, { by: caller, userId: alice.id, sessionId: one.session.id });
      await changePassword(parts, {
        by: caller,
        userId: alice.id,
        password: 'password of alice',
        keepSessionId: two.session.id,
      });
      await house.signIn({ kind: 'session', secret: two.secret.reveal() });
      for (const dead of [one, three]) await house.refused({ kind: 'session', secret: dead.secret.reveal() });
      assert.equal(await endSessions(parts, { by: caller, userId: alice.id }), 1);
      assert.equal(await endSessions(parts, { by: caller, userId: alice.id }), 0);
      assert.equal((await listSessions(parts, { userId: alice.id })).tokens.length, 5);
    });

    it('begin a session only with a password, and prove where a form comes from', async () => {
      await using house = await openHouse(engine);
      const alice = await house.user('alice');
      const pat = await createToken(house.parts, {
        by: root,
        userId: alice.id,
        kind: 'access_token',
        name: 'x',
        scopes: ['admin'],
      });
      const by = await house.signIn(basic('alice', pat.secret.reveal()));
      assert.equal((await refusal(createSession(house.parts, { by }))).code, 'forbidden');
      const { identity } = house;
      const token = identity.csrfToken('secret');
      assert.equal(identity.isCsrfToken('secret', token), true);
      for (const wrong of [undefined, '', 'x', identity.csrfToken('other')])
        assert.equal(identity.isCsrfToken('secret', wrong), false);
    });
  });
}
