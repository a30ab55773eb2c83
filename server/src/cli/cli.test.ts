import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  runTallyman,
  startTestServer,
  type TestServer,
  tallymanEntry,
  testEngines,
} from '../../../tests/support/server.ts';
import { createTempFolder } from '../../../tests/support/temp-folder.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { openSqlite } from '../db/sqlite-file.ts';

async function makeToken(server: TestServer): Promise<string> {
  const response = await fetch(`${server.url}/api/v1/me/tokens`, {
    method: 'POST',
    headers: { authorization: server.adminAuth.basic, 'content-type': 'application/json' },
    body: JSON.stringify({
      kind: 'access_token',
      name: 'cli',
      scopes: ['admin', 'events:read', 'account:read'],
    }),
  });
  const { secret } = (await response.json()) as { secret: string };
  assert.equal(response.status, 201);
  return secret;
}

describe('tallyman fsck', () => {
  it('tells by its exit code and line by line what is wrong, beside the server and without it', async () => {
    await using server = await startTestServer();
    const { env } = server;
    const beside = await runTallyman(['fsck', '--json', '--deep'], { env });
    assert.equal(beside.code, 0, beside.stdout + beside.stderr);
    const { summary } = JSON.parse(beside.stdout) as { summary: { errors: number; events: number } };
    assert.equal(summary.errors, 0);
    assert.ok(summary.events > 1);
    await server.stop();
    const handle = openSqlite(join(server.dataDir, 'tallyman.db'), { readOnly: false });
    handle.exec('DELETE FROM event WHERE idx = 1');
    handle.close();
    const found = await runTallyman(['fsck', '--only', 'events'], { env });
    assert.equal(found.code, 9, found.stdout + found.stderr);
    assert.match(found.stdout, /^WRONG {3}events\/body_missing: event 1 is missing/m);
    assert.match(found.stderr, /1 thing is wrong/);
    const elsewhere = await runTallyman(['fsck', '--data', join(server.dataDir, 'nothing')], { env });
    assert.equal(elsewhere.code, 5, elsewhere.stderr);
    assert.equal((await runTallyman(['fsck', '--only', 'all'], { env })).code, 2);
  });
});

describe('tallyman over the API', () => {
  let server: TestServer;
  let env: Record<string, string>;
  before(async () => {
    server = await startTestServer();
    env = { TALLYMAN_URL: server.url, TALLYMAN_TOKEN: await makeToken(server) };
  });
  after(() => server[Symbol.asyncDispose]());

  const must = async (words: readonly string[], input?: string) => {
    const result = await runTallyman(words, { env, ...(input !== undefined && { input }) });
    assert.equal(result.code, 0, `${words.join(' ')}\n${result.stdout}${result.stderr}`);
    return result;
  };
  const events = async (...filter: string[]) => {
    const { stdout } = await must(['events', '--view', 'administration', '--json', ...filter]);
    return stdout
      .trim()
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as { type: string; actor: { name: string }; sentence: string });
  };

  it('manages accounts as the token’s owner', async () => {
    const { stdout } = await must(['admin', 'create-user', 'alice', '--auditor']);
    const password = stdout.trim();
    assert.match(password, /^[\w-]{20}$/);
    const signIn = async (secret: string) =>
      (
        await fetch(`${server.url}/v2/`, {
          headers: { authorization: `Basic ${Buffer.from(`alice:${secret}`).toString('base64')}` },
        })
      ).status;
    assert.equal(await signIn(password), 200);
    await must(['admin', 'reset-password', 'alice', '--password-stdin'], 'another-good-password\n');
    assert.deepEqual([await signIn(password), await signIn('another-good-password')], [401, 200]);
    await must(['admin', 'disable-user', 'alice', '--note', 'on leave']);
    assert.equal(await signIn('another-good-password'), 401);
    await must(['admin', 'enable-user', 'alice']);
    assert.equal(await signIn('another-good-password'), 200);
    await must(['admin', 'grant-admin', 'alice']);
    await must(['admin', 'revoke-auditor', 'alice']);
    await must(['admin', 'revoke-admin', 'alice']);
    const done = await events('--target', 'alice', '--actor', 'operator');
    assert.deepEqual(done.map(({ type }) => type).reverse(), [
      'account.user.create',
      'account.password.change',
      'account.user.disable',
      'account.user.enable',
      'account.role.change',
      'account.role.change',
      'account.role.change',
    ]);
  });

  it('prints events for people', async () => {
    const { stdout } = await must([
      'events',
      '--view',
      'administration',
      '--type',
      'system.',
      '--limit',
      '1',
    ]);
    const [head, line] = stdout.split('\n');
    assert.match(head ?? '', /^TIME +OUTCOME +ACTOR +TYPE +WHAT$/);
    assert.match(line ?? '', /Z +success +server +system\.server\.start +The server started$/);
  });

  it('goes through pages up to its limit', async () => {
    assert.equal((await events('--limit', '3')).length, 3);
    const many = await events('--limit', '5000');
    assert.equal(new Set(many.map((event) => JSON.stringify(event))).size, many.length);
  });

  it('exports to a pipe, and to a file that is whole', async () => {
    await using folder = await createTempFolder('export');
    const toPipe = await must(['export', '--view', 'administration', '--type', 'account.user.']);
    const lines = toPipe.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string });
    assert.equal(
      lines.every(({ type }) => type.startsWith('account.user.')),
      true,
    );
    assert.ok(lines.length >= 2);
    await must(['export', '--view', 'administration', '--format', 'csv', folder.join('all.csv')]);
    const csv = await readFile(folder.join('all.csv'), 'utf8');
    assert.match(csv, /^index,id,occurred_at,/);
    assert.match(csv, /system\.server\.start/);
  });

  it('leaves no file under its name when an export breaks off', async () => {
    await using folder = await createTempFolder('export');
    const half = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/x-ndjson', 'content-length': '1000' });
      response.write('{"half":true}\n', () => response.destroy());
    });
    half.listen(0, '127.0.0.1');
    await once(half, 'listening');
    const { port } = half.address() as { port: number };
    const result = await runTallyman(['export', folder.join('x.ndjson')], {
      env: { ...env, TALLYMAN_URL: `http://127.0.0.1:${port}` },
    });
    half.close();
    assert.equal(result.code, 8, result.stderr);
    await assert.rejects(readFile(folder.join('x.ndjson')), { code: 'ENOENT' });
  });

  it('follows the trail, and over a restart of the server without gap or double', async () => {
    const words = [
      'tail',
      '--view',
      'administration',
      '--type',
      'account.user.disable',
      '--type',
      'account.user.enable',
      '--json',
    ];
    const child = spawn(process.execPath, [tallymanEntry, ...words], {
      env: { PATH: process.env.PATH ?? '', ...env },
    });
    let [out, err] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
    });
    const types = (): string[] =>
      out
        .split('\n')
        .filter(Boolean)
        .map((line) => (JSON.parse(line) as { type: string }).type);
    try {
      await must(['admin', 'create-user', 'bob', '--no-password']);
      const tailed = async () =>
        (await events('--type', 'trail.events.export')).some(({ sentence }) => sentence.length > 0);
      await waitFor('the tail to be under way', tailed, { timeoutMs: 20_000 });
      await must(['admin', 'disable-user', 'bob']);
      await waitFor('the first event', () => types().length === 1);
      await server.restart();
      await must(['admin', 'enable-user', 'bob']);
      await waitFor(`the event after the restart; it said ${err}`, () => types().length >= 2, {
        timeoutMs: 30_000,
      });
      assert.deepEqual(types(), ['account.user.disable', 'account.user.enable']);
    } finally {
      const exited = once(child, 'exit');
      child.kill('SIGINT');
      assert.deepEqual(await exited, [0, null], err);
    }
  });

  it('exits with the code of what went wrong, and says what', async () => {
    const cases: [string[], Record<string, string>, number, RegExp][] = [
      [['events'], { TALLYMAN_TOKEN: '' }, 4, /Set TALLYMAN_TOKEN/],
      [['events'], { TALLYMAN_TOKEN: 'wrong' }, 4, /./],
      [['events'], { TALLYMAN_URL: 'http://127.0.0.1:1' }, 8, /cannot be reached/],
      [['events'], { TALLYMAN_URL: 'not a url' }, 2, /http or https URL/],
      [['events', '--outcome', 'denid'], {}, 2, /--outcome: .*denied/],
      [['events', '--limit', '0'], {}, 2, /--limit/],
      [['events', '--view', 'namespace'], {}, 7, /namespace/],
      [['admin', 'disable-user', 'nobody'], {}, 5, /./],
      [['admin', 'create-user', 'operator'], {}, 6, /taken/],
      [['admin', 'create-user', 'Not A Name'], {}, 7, /./],
      [['admin', 'free-name', 'nonsense', 'x'], {}, 2, /KIND is one of/],
      [['admin', 'disable-user', 'operator'], {}, 6, /last administrator/],
      [
        ['admin', 'enable-user', 'operator', '--config', 'x.yaml'],
        {},
        2,
        /--config is for work on the data folder/,
      ],
    ];
    for (const [words, more, code, expected] of cases) {
      const result = await runTallyman(words, { env: { ...env, ...more } });
      assert.equal(result.code, code, `${words.join(' ')}: ${result.stderr}`);
      assert.match(result.stderr, expected, words.join(' '));
      assert.equal(result.stdout, '');
    }
  });
});

for (const { engine, skip } of testEngines()) {
  describe(`tallyman admin on the data folder, ${engine}`, { skip }, () => {
    it('works while the server is stopped, and what it did is on the trail', async () => {
      await using server = await startTestServer({ engine });
      await server.stop();
      const env = server.env;
      for (const words of [
        ['create-user', 'alice', '--admin'],
        ['grant-auditor', 'alice'],
        ['disable-user', 'operator', '--note', 'gone'],
        ['reset-password', 'alice'],
      ]) {
        const { code, stderr } = await runTallyman(['admin', ...words], { env });
        assert.equal(code, 0, stderr);
      }
      const locked = await runTallyman(['admin', 'end-lockout', 'alice'], { env });
      assert.deepEqual([locked.code, locked.stderr], [6, 'alice is not locked out.\n']);
      const last = await runTallyman(['admin', 'disable-user', 'alice'], { env });
      assert.equal(last.code, 6, last.stderr);
      const { code } = await runTallyman(['admin', 'enable-user', 'operator'], { env });
      assert.equal(code, 0);
      await server.restart();
      const client = { TALLYMAN_URL: server.url, TALLYMAN_TOKEN: await makeToken(server) };
      const { stdout, stderr } = await runTallyman(
        ['events', '--view', 'administration', '--actor', 'command line', '--json'],
        { env: client },
      );
      const done = stdout
        .trim()
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as { type: string; target: { name: string } });
      assert.deepEqual(
        done.map(({ type, target }) => [type, target.name]).reverse(),
        [
          ['account.user.create', 'alice'],
          ['account.role.change', 'alice'],
          ['account.user.disable', 'operator'],
          ['account.password.change', 'alice'],
          ['account.user.enable', 'operator'],
        ],
        stderr,
      );
    });
  });
}
