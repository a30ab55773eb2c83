/** The log's key from the command line: over the API, and on the data folder. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import {
  followRotations,
  openTrustedCheckpoint,
  parseRotation,
  splitLines,
  trustKey,
  verifyBundle,
} from '@tallyman/verifier';
import { runTallyman, startTestServer, type TestServer } from '../../../../tests/support/server.ts';
import { createTempFolder } from '../../../../tests/support/temp-folder.ts';
import { waitFor } from '../../../../tests/support/wait-for.ts';
import { verifyEd25519 } from '../../trail/log/signing-key.ts';
import { nodeSha256 } from '../../trail/seal.ts';

const cryptography = { sha256: nodeSha256, verify: verifyEd25519 };

async function makeToken(server: TestServer): Promise<string> {
  const response = await fetch(`${server.url}/api/v1/me/tokens`, {
    method: 'POST',
    headers: { authorization: server.adminAuth.basic, 'content-type': 'application/json' },
    body: JSON.stringify({ kind: 'access_token', name: 'cli', scopes: ['admin', 'events:read'] }),
  });
  assert.equal(response.status, 201);
  return ((await response.json()) as { secret: string }).secret;
}

describe('tallyman admin log-key', () => {
  it('shows and rotates the key of a running server; what it exports then verifies from the first key', async () => {
    await using server = await startTestServer();
    const env = { TALLYMAN_URL: server.url, TALLYMAN_TOKEN: await makeToken(server) };
    const must = async (...words: string[]) => {
      const result = await runTallyman(words, { env });
      assert.equal(result.code, 0, result.stderr);
      return result.stdout.trim();
    };
    const first = await must('admin', 'log-key', 'show');
    assert.equal(await readFile(join(server.dataDir, 'log/key.pub'), 'utf8'), `${first}\n`);
    const second = await must('admin', 'log-key', 'rotate');
    assert.notEqual(second, first);
    assert.equal(await must('admin', 'log-key', 'show'), second);
    const rotations = (await (await fetch(`${server.url}/log/rotations`)).text())
      .trimEnd()
      .split('\n')
      .map(parseRotation);
    const trust = followRotations(trustKey(first, nodeSha256), { rotations, ...cryptography });
    await makeToken(server);
    await waitFor('a checkpoint of the new key alone', async () => {
      const note = await (await fetch(`${server.url}/log/checkpoint`)).text();
      return openTrustedCheckpoint(note, { trust, ...cryptography }).signedBy.length === 1;
    });
    await using folder = await createTempFolder('export');
    await must('export', '--view', 'administration', '--format', 'bundle', folder.join('all.bundle'));
    const { events } = verifyBundle(splitLines([await readFile(folder.join('all.bundle'))]), {
      ...cryptography,
      trust: trustKey(first, nodeSha256),
      nowSec: Math.floor(Date.now() / 1_000),
    });
    assert.ok(events > 4);
    const running = await runTallyman(['admin', 'log-key', 'create', '--origin', 'other.example.org/log'], {
      env,
    });
    assert.deepEqual([running.code, /only while its server is stopped/.test(running.stderr)], [6, true]);
  });

  it('works on the folder of a stopped server, and says what is wrong', async () => {
    await using folder = await createTempFolder('folder');
    const env = { TALLYMAN_DATA_DIR: folder.path };
    const run = (...words: string[]) => runTallyman(['admin', 'log-key', ...words], { env });
    const first = await run('show');
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stdout, /^127\.0\.0\.1:8080\/log\+/);
    const second = await run('rotate');
    assert.equal(second.code, 0, second.stderr);
    assert.notEqual(second.stdout, first.stdout);
    const taken = await run('create', '--origin', '127.0.0.1:8080/log');
    assert.deepEqual([taken.code, /is the name of the log that was/.test(taken.stderr)], [6, true]);
    const malformed = await run('create', '--origin', 'https://registry.example.org');
    assert.deepEqual([malformed.code, /must be a host/.test(malformed.stderr)], [7, true]);
    const made = await run('create', '--origin', 'registry.example.org/log');
    assert.equal(made.code, 0, made.stderr);
    assert.match(made.stdout, /^registry\.example\.org\/log\+/);
    assert.match(await readFile(folder.join('log/checkpoint'), 'utf8'), /^registry\.example\.org\/log\n/);
    for (const words of [
      ['show', '--origin', 'x'],
      ['create'],
      ['burn'],
      ['show', '--url', 'http://127.0.0.1'],
    ])
      assert.equal((await run(...words)).code, 2, words.join(' '));
  });
});
