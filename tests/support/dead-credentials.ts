/** Credentials of every kind that were good once, with what events still say of whose they are. */
import assert from 'node:assert/strict';
import { createManagement } from './management.ts';
import { waitFor } from './wait-for.ts';
import { basicAuth } from './wire.ts';
import type { Key, World } from './world.ts';

export type Dead = Record<
  | 'daria'
  | 'dariaSession'
  | 'lou'
  | 'louToken'
  | 'robotDisabled'
  | 'robotExpired'
  | 'robotDeleted'
  | 'robotRotated'
  | 'robotOrphaned'
  | `${'oauth' | 'app' | 'access'}${'Expired' | 'Revoked' | 'Disabled'}`
  | 'oauthOrphaned'
  | 'narrow'
  | 'endedSession',
  Key
>;

const lifeMs = 4_000;

/** Makes them, and waits until those with an end have ended. */
export async function makeDead(world: World): Promise<Dead> {
  const { admin, acme, people } = world;
  const { mara, olivia } = people;
  const owner = world.as(olivia);
  const expiresAt = new Date(Date.now() + lifeMs).toISOString();
  const scopes = ['project:read', 'project:write', 'project:delete'];
  const person = async (name: string): Promise<Key> => {
    const secret = `the long password of ${name}`;
    const { id } = (await admin.call('POST', '/users', { name, password: secret })) as unknown as {
      id: string;
    };
    return {
      username: name,
      secret,
      basic: basicAuth(name, secret),
      actor: { kind: 'user', id, name, proven: true },
      credential: { kind: 'password', id },
      home: { namespace: { kind: 'user', id, name } },
    };
  };
  const token = async (
    by: Key,
    kind: 'access_token' | 'app_token',
    more: { scopes?: string[]; expiresAt?: string } = {},
  ): Promise<Key> => {
    const name = `dead ${kind}`;
    const made: unknown = await createManagement(world.wire, by.basic).call('POST', '/me/tokens', {
      kind,
      name,
      scopes,
      ...more,
    });
    const { secret, token: shown } = made as { secret: string; token: { id: string } };
    const username = kind === 'app_token' ? '$app' : by.username;
    const credential = { kind, id: shown.id, name, scopes: more.scopes ?? scopes };
    return { ...by, username, secret, basic: basicAuth(username, secret), credential };
  };
  const revoke = async (by: Key, key: Key): Promise<Key> => {
    await createManagement(world.wire, by.basic).call('DELETE', `/me/tokens/${key.credential.id}`);
    return key;
  };
  const robot = async (
    name: string,
    by: { management: typeof owner; owner: string; home: Key['home'] },
    more: object = {},
  ) => {
    const made: unknown = await by.management.call('POST', `/robots/${by.owner}`, { name, ...more });
    const { secret, robot: shown } = made as {
      secret: string;
      robot: { id: string; token: { id: string } };
    };
    const full = `${by.owner}+${name}`;
    const isPersons = by.home.namespace?.kind === 'user';
    return {
      username: full,
      secret,
      basic: basicAuth(full, secret),
      actor: { kind: 'robot', id: shown.id, name: full, proven: true },
      ...(isPersons && {
        onBehalfOf: { kind: 'user', id: by.home.namespace?.id ?? '', name: by.home.namespace?.name ?? '' },
      }),
      credential: { kind: 'robot_token', id: shown.token.id, name: full },
      home: by.home,
    } satisfies Key;
  };
  const applications: unknown = await owner.call('GET', '/organisations/acme/applications');
  const [deployer] = (applications as { items: { id: string }[] }).items;
  const shortlived: unknown = await owner.call('POST', '/organisations/acme/applications', {
    name: 'Shortlived',
  });
  const grant = async (by: Key, applicationId: string, more: object = {}): Promise<Key> => {
    const made: unknown = await createManagement(world.wire, by.basic).call(
      'POST',
      `/organisations/acme/applications/${applicationId}/tokens`,
      { name: 'grant', scopes, ...more },
    );
    const { secret, token: shown } = made as { secret: string; token: { id: string } };
    const credential = { kind: 'oauth_token', id: shown.id, name: 'grant', scopes } as const;
    return {
      ...by,
      username: '$oauthtoken',
      secret,
      basic: basicAuth('$oauthtoken', secret),
      credential,
      home: acme.home,
    };
  };
  const daria = await person('daria');
  const lou = await person('lou');
  await owner.call('PUT', '/organisations/acme/members/daria', { role: 'member' });
  const acmeRobots = { management: owner, owner: 'acme', home: acme.home };
  const applicationId = deployer?.id ?? '';
  const shortlivedId = (shortlived as { id: string }).id;
  const made: Dead = {
    daria,
    lou,
    louToken: await token(lou, 'access_token'),
    robotDisabled: await robot('disabled', acmeRobots),
    robotExpired: await robot(
      'expired',
      { management: world.as(mara), owner: 'mara', home: mara.home },
      { expiresAt },
    ),
    robotDeleted: await robot('deleted', acmeRobots),
    robotRotated: await robot('rotated', acmeRobots),
    robotOrphaned: await robot('ci', {
      management: createManagement(world.wire, daria.basic),
      owner: 'daria',
      home: daria.home,
    }),
    oauthExpired: await grant(mara.key, applicationId, { expiresAt }),
    oauthRevoked: await grant(mara.key, applicationId),
    oauthDisabled: await grant(daria, applicationId),
    oauthOrphaned: await grant(mara.key, shortlivedId),
    appExpired: await token(mara.key, 'app_token', { expiresAt }),
    appRevoked: await revoke(mara.key, await token(mara.key, 'app_token')),
    appDisabled: await token(daria, 'app_token'),
    accessExpired: await token(mara.key, 'access_token', { expiresAt }),
    accessRevoked: await revoke(mara.key, await token(mara.key, 'access_token')),
    accessDisabled: await token(daria, 'access_token'),
    narrow: await token(mara.key, 'access_token', { scopes: ['project:read'] }),
    endedSession: await endedSession(world),
    dariaSession: { ...daria, ...(await beginSession(world, daria)) },
  };
  await owner.call('POST', '/robots/acme/disabled/disable');
  await owner.call('DELETE', '/robots/acme/deleted');
  await owner.call('POST', '/robots/acme/rotated/rotate', {});
  await world.as(mara).call('DELETE', `/me/oauth-tokens/${made.oauthRevoked.credential.id}`);
  await owner.call('DELETE', `/organisations/acme/applications/${shortlivedId}`);
  await admin.call('POST', '/users/daria/disable', {});
  for (let at = 0; at < 10; at++) {
    const headers = { authorization: basicAuth('lou', `guess ${at}`), 'x-forwarded-for': '192.0.2.200' };
    await world.wire.send({ path: '/v2/', headers });
  }
  await waitFor('the short-lived credentials to end', () => Date.now() > Date.parse(expiresAt) + 50);
  return made;
}

type Session = Pick<Key, 'secret' | 'credential'> & { headers: Record<string, string> };

async function beginSession({ wire }: World, { username, secret: password }: Key): Promise<Session> {
  const begun = await wire.send({ method: 'POST', path: '/api/v1/session', json: { username, password } });
  const secret = /tallyman_session=([^;]+)/.exec(String(begun.headers['set-cookie']))?.[1] ?? '';
  const { csrfToken } = begun.json() as { csrfToken: string };
  const headers = { cookie: `tallyman_session=${secret}`, 'x-tallyman-csrf': csrfToken };
  const sessions: unknown = (await wire.send({ path: '/api/v1/me/sessions', headers })).json();
  const [session] = (sessions as { items: { id: string }[] }).items;
  return { secret, headers, credential: { kind: 'session', id: session?.id ?? '' } };
}

async function endedSession(world: World): Promise<Key> {
  const { key } = world.people.rita;
  const { headers, ...session } = await beginSession(world, key);
  const ended = await world.wire.send({ method: 'DELETE', path: '/api/v1/session', headers });
  assert.equal(ended.status, 204, ended.text);
  return { ...key, ...session };
}
