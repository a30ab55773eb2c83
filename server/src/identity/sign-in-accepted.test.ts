/** Every kind of live credential, and the caller it becomes. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { basic, contextOf, engines, type House, openHouse, root } from '../../../tests/support/house.ts';
import { createOrganisation } from '../access/organisations.ts';
import type { Presented } from '../http/presented.ts';
import { createOauthApplication, createOauthToken } from './oauth-applications.ts';
import { createRobot } from './robots.ts';
import { createSession } from './sessions.ts';
import { createToken } from './tokens.ts';

for (const { engine, skip } of engines) {
  describe(`accepted sign-ins on ${engine}`, { skip }, () => {
    it('accepts every live credential, and says who it is', async () => {
      await using house = await openHouse(engine);
      await acceptAll(house);
    });
  });
}

async function acceptAll(house: House): Promise<void> {
  const { parts } = house;
  const alice = await house.user('alice', { email: 'alice@example.org', roles: ['admin'] });
  const acme = await createOrganisation(parts, { by: root, name: 'acme', ownerId: alice.id });
  const ci = await createRobot(parts, { by: root, namespaceId: acme.id, name: 'ci' });
  const bot = await createRobot(parts, { by: root, namespaceId: alice.id, name: 'bot' });
  const make = async (
    kind: 'access_token' | 'app_token',
    scopes: readonly ['admin'] | readonly ['events:read'],
  ) => createToken(parts, { by: root, userId: alice.id, kind, name: kind, scopes });
  const pat = await make('access_token', ['admin']);
  const app = await make('app_token', ['events:read']);
  const application = await createOauthApplication(parts, {
    by: root,
    organisationId: acme.id,
    name: 'dashboard',
  });
  const oauth = await createOauthToken(parts, {
    by: root,
    userId: alice.id,
    applicationId: application.id,
    scopes: ['project:read'],
  });
  const { secret } = await createSession(parts, {
    by: await house.signIn(basic('alice', 'password of alice'), { surface: 'console' }),
  });

  const user = { kind: 'user', id: alice.id, name: 'alice', proven: true };
  const admin = { admin: true, auditor: false };
  const none = { admin: false, auditor: false };
  const bearer = (made: { secret: { reveal(): string } }): Presented => ({
    kind: 'bearer',
    token: made.secret.reveal(),
  });
  const rows: [Presented, object, object][] = [
    [basic('alice', 'password of alice'), user, admin],
    [basic('ALICE@example.org', 'password of alice'), user, admin],
    [basic('alice', pat.secret.reveal()), user, { admin: true, auditor: true }],
    [basic('alice@example.org', app.secret.reveal()), user, { admin: false, auditor: true }],
    [basic('__token__', pat.secret.reveal()), user, { admin: true, auditor: true }],
    [bearer(pat), user, { admin: true, auditor: true }],
    [basic('$app', app.secret.reveal()), user, { admin: false, auditor: true }],
    [basic('$oauthtoken', oauth.secret.reveal()), user, none],
    [bearer(oauth), user, none],
    [{ kind: 'session', secret: secret.reveal() }, user, admin],
    [
      basic('acme+ci', ci.secret.reveal()),
      { kind: 'robot', id: ci.robot.id, name: 'acme+ci', proven: true },
      none,
    ],
    [
      basic('alice+bot', bot.secret.reveal()),
      { kind: 'robot', id: bot.robot.id, name: 'alice+bot', proven: true },
      none,
    ],
  ];
  for (const [presented, actor, roles] of rows) {
    const caller = await house.signIn(presented);
    assert.deepEqual([caller.actor, caller.roles], [actor, roles]);
  }
  const behalf = await house.signIn(basic('alice+bot', bot.secret.reveal()));
  assert.deepEqual(behalf.onBehalfOf, { kind: 'user', id: alice.id, name: 'alice' });
  assert.equal(await house.identity.authenticate({ kind: 'none' }, contextOf()), undefined);
}
