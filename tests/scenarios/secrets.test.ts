/**
 * After everything a server is asked to do with secrets, right and wrong ones, none of them stands anywhere: in no
 * event, no log line, no file of the data folder, no table. Also not in another spelling that gives it away.
 */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createClientHome, findClient } from '../support/clients.ts';
import { getManifest, pushImage, registryToken, smallImage } from '../support/registry-client.ts';
import { testEngines } from '../support/server.ts';
import { basicAuth } from '../support/wire.ts';
import { openWorld, setupCodeOf, type World } from '../support/world.ts';

for (const { engine, skip } of testEngines()) {
  describe(`secrets on ${engine}`, { skip }, () => {
    let world: World;
    before(async () => {
      world = await openWorld({
        engine,
        admin: false,
        env: { TALLYMAN_LOG_LEVEL: 'trace', TALLYMAN_LOG_REQUESTS: 'all' },
      });
    });
    after(() => world[Symbol.asyncDispose]());

    test('none is found in any event, log line, table or file', async () => {
      const secrets = await useManySecrets(world);
      assert.ok(secrets.size > 30);
      const code = setupCodeOf(world.server);
      const places = new Map<string, Buffer>();
      places.set('events', await exported(world));
      await world.server.stop();
      for (const [path, bytes] of await filesOf(world.server.dataDir)) places.set(path, bytes);
      if (world.server.databaseUrl !== undefined)
        places.set('tables', await dumped(world.server.databaseUrl));
      // The code is printed once, for whoever started the server; in a log line it would go on to a log store.
      const printed = world.server.logs().replace(code, '');
      assert.ok(printed.includes('"route"'), 'requests were logged');
      places.set('log', Buffer.from(printed));
      const found = [...places].flatMap(([place, bytes]) =>
        [...secrets, ['one-time code', code] as const].flatMap(([what, secret]) =>
          spellings(secret)
            .filter((text) => bytes.includes(text))
            .map(() => `${what} in ${place}`),
        ),
      );
      assert.deepEqual(found, []);
      // Proof that the search finds what is there.
      assert.ok(places.get('events')?.includes('a name typed as a user'));
      assert.ok([...places].some(([place, bytes]) => place !== 'events' && bytes.includes('mara')));
    });

    test('names, addresses and agents stand in no log line', () => {
      const lines = JSON.stringify(world.server.logLines());
      for (const personal of ['mara', 'olivia', 'acme', 'secret-agent', 'personal-tag'])
        assert.ok(!lines.includes(personal), personal);
    });
  });
}

/** What was used, by what it is. Everything here was presented to the server, or given out by it. */
async function useManySecrets(world: World): Promise<Map<string, string>> {
  const { wire, people, keys, admin, server } = world;
  const secrets = new Map<string, string>([['password of the administrator', server.adminAuth.password]]);
  const agent = 'secret-agent/1';
  for (const person of Object.values(people)) secrets.set(`password of ${person.name}`, person.password);
  for (const [name, { secret }] of Object.entries(keys)) secrets.set(name, secret);
  // Before the many: later refusals of one source are told together.
  await wire.send({
    path: '/v2/',
    headers: { authorization: basicAuth('a name typed as a user', 'not it') },
  });
  // Every way in, with what is right and with what is wrong.
  for (const [name, key] of Object.entries(keys)) {
    const wrong = `wrong-${name}-Zq8vN4`;
    secrets.set(`wrong ${name}`, wrong);
    for (const secret of [key.secret, wrong]) {
      const authorization = basicAuth(key.username, secret);
      for (const path of ['/v2/', '/v2/auth', '/v2/auth?scope=repository:acme/app:pull', '/api/v1/me'])
        await wire.send({ path, headers: { authorization, 'user-agent': agent } });
      await wire.send({ path: '/api/v1/me', headers: { authorization: `Bearer ${secret}` } });
      await wire.send({ path: '/v2/acme/app/manifests/v1', headers: { authorization: `Bearer ${secret}` } });
      await wire.send({
        method: 'POST',
        path: '/v2/auth',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({
          grant_type: 'password',
          username: key.username,
          password: secret,
        }).toString(),
      });
    }
    secrets.set(
      `registry token of ${name}`,
      await registryToken(wire, 'repository:acme/app:pull,push', { authorization: key.basic }),
    );
  }
  const pass = secrets.get('registry token of password') ?? '';
  const image = smallImage();
  await pushImage(wire, { project: 'acme/app', tag: 'personal-tag', image }, { authorization: pass, agent });
  await getManifest(wire, 'acme/app', 'personal-tag', { authorization: `${pass}x` });
  // A secret where none belongs: in the query, in a cookie, in a malformed header.
  for (const [what, secret] of [
    ['secret in a query', 'query-secret-77Kx'],
    ['secret in a cookie', 'cookie-secret-77Kx'],
    ['secret in a malformed header', 'header-secret-77Kx'],
  ] as const) {
    secrets.set(what, secret);
    if (what.includes('query')) await wire.send({ path: `/v2/auth?password=${secret}&service=x` });
    if (what.includes('query')) await wire.send({ path: `/api/v1/me?token=${secret}` });
    if (what.includes('cookie'))
      await wire.send({ path: '/api/v1/me', headers: { cookie: `tallyman_session=${secret}` } });
    if (what.includes('header'))
      await wire.send({ path: '/v2/', headers: { authorization: `Whatever ${secret}` } });
  }
  await wire.send({
    path: '/v2/',
    headers: { authorization: basicAuth('a name typed as a user', 'not it') },
  });
  // Console session, with its cookie and its proof of origin; a password that is changed; a robot's new token.
  const begun = await wire.send({
    method: 'POST',
    path: '/api/v1/session',
    json: { username: 'rita', password: people.rita.password },
  });
  const session = /tallyman_session=([^;]+)/.exec(String(begun.headers['set-cookie']))?.[1] ?? '';
  const { csrfToken } = begun.json() as { csrfToken: string };
  secrets.set('session', session).set('proof of origin', csrfToken);
  const cookie = { cookie: `tallyman_session=${session}`, 'x-tallyman-csrf': csrfToken };
  const next = 'the next password of rita 5TgB';
  secrets.set('new password', next).set('wrong present password', 'not my password 5TgB');
  for (const current of ['not my password 5TgB', people.rita.password])
    await wire.send({
      method: 'PUT',
      path: '/api/v1/me/password',
      headers: cookie,
      json: { current, password: next },
    });
  await wire.send({
    method: 'PUT',
    path: '/api/v1/me/email',
    headers: { ...cookie, 'x-tallyman-csrf': 'forged' },
    json: {},
  });
  const rotated: unknown = await world.as(people.mara).call('POST', '/robots/mara/ci/rotate', {});
  secrets.set('rotated token', (rotated as { secret: string }).secret);
  await wire.send({ path: '/v2/', headers: { authorization: keys.userRobot.basic } });
  const made: unknown = await admin.call('POST', '/users', {
    name: 'last',
    password: 'the password of the last 9Yh',
  });
  assert.ok((made as { id: string }).id);
  secrets.set('password of the last', 'the password of the last 9Yh');
  await admin.call('PUT', '/users/last/password', { password: 'reset by an administrator 9Yh' });
  secrets.set('reset password', 'reset by an administrator 9Yh');
  // Malformed bodies, whose errors must not quote them.
  secrets.set('secret in broken JSON', 'broken-json-secret-3Rf');
  await wire.send({
    method: 'POST',
    path: '/api/v1/session',
    headers: { 'content-type': 'application/json' },
    body: '{"username":"mara","password":"broken-json-secret-3Rf"',
  });
  await wire.send({
    method: 'POST',
    path: '/api/v1/session',
    json: { username: 'mara', passwort: 'broken-json-secret-3Rf' },
  });
  const withoutScheme = [...secrets].map(([what, secret]) => [what, secret.replace(/^Bearer /, '')] as const);
  return new Map(withoutScheme);
}

/** As it is, and as it might have been written down by the way; long tokens also by a piece of them. */
function spellings(secret: string): Buffer[] {
  const bytes = Buffer.from(secret);
  const signature = secret.split('.').length === 3 ? [secret.slice(secret.lastIndexOf('.') + 1)] : [];
  const texts = [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    bytes.toString('base64').replace(/=+$/, ''),
    bytes.toString('base64url'),
    bytes.toString('hex'),
    ...signature,
  ];
  return [...new Set(texts)].map((text) => Buffer.from(text));
}

async function exported({ wire, server }: World): Promise<Buffer> {
  const answer = await wire.send({
    path: '/api/v1/events?view=administration&repeats=rows',
    headers: { authorization: server.adminAuth.basic, accept: 'application/x-ndjson' },
  });
  assert.equal(answer.status, 200);
  assert.ok(answer.text.split('\n').length > 80);
  return answer.body;
}

/** Everything but content. */
async function filesOf(dataDir: string): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for (const entry of await readdir(dataDir, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = relative(dataDir, path);
    if (entry.isFile() && !/^(?:blobs|uploads)\//.test(name)) files.set(name, await readFile(path));
  }
  return files;
}

async function dumped(url: string): Promise<Buffer> {
  await using home = await createClientHome();
  assert.ok(findClient('pg_dump'), 'pg_dump is missing beside PostgreSQL');
  return Buffer.from((await home.must('pg_dump', ['--inserts', url])).stdout);
}
