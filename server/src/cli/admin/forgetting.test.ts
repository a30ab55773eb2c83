/** `tallyman admin retention`, `hold` and `erase` against a running server, whose own jobs do the work. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { runTallyman, startTestServer, type TestServer } from '../../../../tests/support/server.ts';
import { waitFor } from '../../../../tests/support/wait-for.ts';

describe('tallyman admin forgets', () => {
  let server: TestServer;
  let env: Record<string, string>;
  const call = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(`${server.url}/api/v1${path}`, {
      method,
      headers: {
        authorization: server.adminAuth.basic,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    assert.ok(response.ok, `${method} ${path}: ${response.status}`);
    return response.status === 204 ? {} : ((await response.json()) as Record<string, string>);
  };
  before(async () => {
    server = await startTestServer();
    const scopes = ['admin', 'account:read', 'project:admin', 'project:read'];
    const made = await call('POST', '/me/tokens', { kind: 'access_token', name: 'cli', scopes });
    env = { TALLYMAN_URL: server.url, TALLYMAN_TOKEN: String(made.secret) };
  });
  after(() => server[Symbol.asyncDispose]());

  const run = (words: readonly string[], input?: string) =>
    runTallyman(['admin', ...words], { env, ...(input !== undefined && { input }) });
  const must = async (words: readonly string[], input?: string): Promise<string> => {
    const { code, stdout, stderr } = await run(words, input);
    assert.equal(code, 0, `${words.join(' ')}\n${stdout}${stderr}`);
    return stdout;
  };

  it('how long events are kept', async () => {
    const shown = await must(['retention']);
    assert.match(
      shown,
      /^project +for ever +namespaces follow the server\naccount +400 days .*\nroutine +90 days/,
    );
    const set = await must(['retention', 'routine', '--days', '30', '--shortest', '10']);
    assert.match(set, /routine +30 days +namespaces choose from 10 days to for ever/);
    await call('POST', '/organisations', { name: 'acme' });
    const own = await must(['retention', 'routine', '--for-ever', '--namespace', 'acme']);
    assert.match(own, /routine +for ever/);
    assert.match(await must(['retention', 'routine', '--follow', '--namespace', 'acme']), /routine +30 days/);
    for (const wrong of [
      ['retention', 'often', '--days', '3'],
      ['retention', 'routine'],
      ['retention', 'routine', '--days', '3', '--longest', '4'],
    ])
      assert.equal((await run(wrong)).code, 2, wrong.join(' '));
    await must(['retention', '--run']);
    await waitFor('the run', async () => {
      const { items } = (await call('GET', '/jobs')) as unknown as {
        items: { kind: string; state: string; progress: { ended?: number } }[];
      };
      return items.some((job) => job.kind === 'retention' && job.progress.ended === 1);
    });
  });

  it('nothing under a legal hold', async () => {
    const id = (await must(['hold', 'place', 'namespace', 'acme', '--note', 'case 7'])).trim();
    assert.match(await must(['hold']), new RegExp(`^${id} .* namespace acme: case 7\n$`));
    assert.equal((await run(['hold', 'place', 'namespace', 'acme', '--note', 'again'])).code, 6);
    assert.equal((await run(['hold', 'place', 'namespace', 'nobody', '--note', 'x'])).code, 5);
    assert.equal((await run(['hold', 'place', 'tag', 'acme', '--note', 'x'])).code, 2);
    await must(['hold', 'lift', id]);
    assert.equal(await must(['hold']), '');
  });

  it('a person, in two steps', async () => {
    const alice = await call('POST', '/users', { name: 'alicante', email: 'a@alicante.example' });
    assert.equal(
      (await run(['erase', '--preview', '--user', String(alice.id)])).code,
      6,
      'the account lives',
    );
    await call('DELETE', '/users/alicante');
    const preview = await must(['erase', '--preview', '--user', String(alice.id)]);
    assert.match(preview, /^\d+ entries of \d+ events would be removed:\n +account\./);
    assert.match(preview, /It cannot reach:\n +Backups/);
    assert.ok(!preview.includes('alicante'));
    const id = /--confirm (\S+)\n$/.exec(preview)?.[1] ?? '';
    assert.match(await must(['erase', '--confirm', id]), /^erased: \d+ entries of \d+ events\n$/);
    assert.equal((await run(['erase', '--confirm', id])).code, 6);
    const listed = await fetch(`${server.url}/api/v1/events?view=administration&text=alicante&limit=50`, {
      headers: { authorization: server.adminAuth.basic },
    });
    const { items } = (await listed.json()) as { items: { type: string }[] };
    assert.deepEqual(
      items.filter(({ type }) => !type.startsWith('trail.')),
      [],
    );
  });

  it('what somebody typed, read from standard input', async () => {
    await fetch(`${server.url}/v2/`, {
      headers: { authorization: `Basic ${Buffer.from('mistyped-name:x').toString('base64')}` },
    });
    const preview = await must(['erase', '--preview', '--name', '-', '--json'], 'mistyped-name\n');
    const erasure = JSON.parse(preview) as { id: string; found: { events: number } };
    assert.equal(erasure.found.events, 1);
    await must(['erase', '--cancel', erasure.id]);
    assert.equal((await run(['erase', '--confirm', erasure.id])).code, 6);
    for (const wrong of [
      ['erase', '--preview'],
      ['erase', '--preview', '--confirm', 'x'],
    ])
      assert.equal((await run(wrong)).code, 2, wrong.join(' '));
    assert.equal((await run(['erase', '--preview', '--address', 'somewhere'])).code, 7);
  });
});
