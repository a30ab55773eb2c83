/** The token endpoint: scopes as clients write them, and what is granted of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pushBlob, startRegistry } from './registry.fixture.ts';
import { parseScopes } from './token.ts';

test('scopes: repeated, in one parameter, merged; other types passed over', () => {
  assert.deepEqual(
    parseScopes(
      [
        'repository:acme/app:pull,push repository:acme/b:pull',
        'repository:acme/app:delete,',
        'registry:catalog:*',
        'registry:other:*',
        'network:x:y',
      ],
      20,
    ),
    [
      { project: 'acme/app', actions: ['pull', 'push', 'delete'] },
      { project: 'acme/b', actions: ['pull'] },
      { project: 'registry:catalog', actions: ['*'] },
    ],
  );
  assert.deepEqual(
    parseScopes(['repository(plugin):acme/app:pull', 'repository:single:pull', 'repository:acme/app:'], 20),
    [
      { project: 'acme/app', actions: ['pull'] },
      { project: 'single', actions: ['pull'] },
    ],
  );
  assert.deepEqual(parseScopes([], 20), []);
  assert.deepEqual(parseScopes(['', ' '], 20), []);
});

test('what is no scope is refused by name', () => {
  for (const text of [
    'repository',
    'repository:acme/app',
    'repository:Acme/App:pull',
    'repository:acme/app:pull:push',
    `repository:${'a'.repeat(300)}:pull`,
    ':acme/app:pull',
    'repository:a:p1',
    'repository:a/b:pull,a,b,c,d,e,f,g,h,i,j',
  ]) {
    assert.throws(
      () => parseScopes([text], 20),
      { code: 'invalid', reason: 'request_invalid', details: { field: 'scope' } },
      text,
    );
  }
  assert.throws(() => parseScopes([Array.from({ length: 21 }, () => 'repository:a/b:pull').join(' ')], 20), {
    code: 'invalid',
  });
});

test('grants are what is asked for and allowed now; nothing is made', async () => {
  await using registry = await startRegistry('sqlite');
  const [alice, bob] = [await registry.addUser('alice'), await registry.addUser('bob')];
  await pushBlob(registry, { path: 'alice/app', auth: alice.auth }, 'x');
  await registry.grant(bob, 'alice/app', 'reader');
  const from = await registry.head();
  const granted = async (auth: string | undefined, ...scopes: string[]) => {
    const token = (await registry.bearer(auth, ...scopes)).slice('Bearer '.length);
    const caller = await registry.identity.authenticate(
      { kind: 'bearer', token },
      {
        surface: 'bearer',
        request: { id: 'x', protocol: 'http' },
        source: 'x',
        attempted: { action: 'test' },
      },
    );
    return caller?.grants;
  };
  const one = (project: string, requested: string[], allowed: string[]) => ({
    project,
    requested,
    granted: allowed,
  });
  assert.deepEqual(await granted(alice.auth, 'repository:alice/app:pull,push', 'repository:alice/new:*'), [
    one('alice/app', ['pull', 'push'], ['pull', 'push']),
    one('alice/new', ['*'], ['pull', 'push', 'delete']),
  ]);
  assert.deepEqual(await granted(bob.auth, 'repository:alice/app:push,pull'), [
    one('alice/app', ['push', 'pull'], ['pull']),
  ]);
  assert.deepEqual(await granted(bob.auth, 'repository:nobody/x:pull,push repository:single:pull'), [
    one('nobody/x', ['pull', 'push'], []),
    one('single', ['pull'], []),
  ]);
  assert.deepEqual(await granted(undefined, 'repository:alice/app:pull'), [one('alice/app', ['pull'], [])]);
  await registry.publish('alice/app');
  assert.deepEqual(await granted(undefined, 'repository:alice/app:pull,push'), [
    one('alice/app', ['pull', 'push'], ['pull']),
  ]);
  assert.equal(await registry.access.findProject('container', 'alice/new'), undefined);
  assert.deepEqual(
    (await registry.events(from)).map((event) => event.type),
    ['project.visibility.change'],
  );
});

test('without a scope it is a sign-in; the form does the same as basic', async () => {
  await using registry = await startRegistry('sqlite');
  const alice = await registry.addUser('alice');
  const token = await registry.addToken(alice, ['project:read']);
  const from = await registry.head();
  assert.equal(
    (await registry.ask('/v2/auth?service=x&account=alice&client_id=docker', { auth: alice.auth })).status,
    200,
  );
  const form = (fields: Record<string, string>) =>
    registry.ask('/v2/auth', {
      method: 'POST',
      body: new URLSearchParams(fields).toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
  const common = { service: 'x', client_id: 'docker', access_type: 'offline' };
  const byPassword = await form({
    ...common,
    grant_type: 'password',
    username: 'alice',
    password: 'password of alice',
  });
  assert.deepEqual(Object.keys(byPassword.json() as object), [
    'token',
    'access_token',
    'expires_in',
    'issued_at',
  ]);
  assert.equal(byPassword.headers.get('cache-control'), 'no-store');
  assert.equal(
    (
      await form({
        ...common,
        grant_type: 'refresh_token',
        refresh_token: token,
        scope: 'repository:alice/app:pull',
      })
    ).status,
    200,
  );
  assert.deepEqual(
    (await registry.events(from)).map((event) => [event.type, event.details.surface]),
    [
      ['account.sign_in.succeed', 'registry_token'],
      ['account.sign_in.succeed', 'registry_token'],
    ],
  );
  for (const fields of [
    {},
    { grant_type: 'code' },
    { grant_type: 'password', username: 'alice' },
    { grant_type: 'refresh_token' },
  ]) {
    assert.equal((await form(fields)).status, 400, JSON.stringify(fields));
  }
  assert.equal(
    (await form({ grant_type: 'password', username: 'alice', password: 'x'.repeat(70_000) })).status,
    413,
  );
  const wrong = await form({
    ...common,
    grant_type: 'password',
    username: 'alice',
    password: 'wrong',
    scope: 'repository:alice/app:pull,push',
  });
  assert.equal(wrong.status, 401);
  const [event] = (await registry.events(from)).slice(2);
  assert.deepEqual(
    [event?.type, event?.reason, event?.details.attempted],
    ['account.sign_in.refuse', 'wrong_password', { action: 'push', project: 'alice/app' }],
  );
});
