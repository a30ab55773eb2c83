/**
 * An auditor outside, with the real server: growth, a rotation of the key and bundles are accepted; a history that was
 * altered and signed again with the log's own key, and a copy that was rolled back, are not, although each agrees with itself.
 */
import assert from 'node:assert/strict';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { CompactRange, leafHash, rangeNodes } from '@tallyman/verifier';
import { openDb } from '../../server/src/db/open.ts';
import { statement } from '../../server/src/db/statement.ts';
import type { Tx } from '../../server/src/db/store.ts';
import { sha256 } from '../../verifier/src/log/log.fixture.ts';
import { edgeChanged } from '../support/log-edge.ts';
import { runTallyman, startTestServer, type TestServer, testEngines } from '../support/server.ts';
import { createTempFolder, type TempFolder } from '../support/temp-folder.ts';
import { waitFor } from '../support/wait-for.ts';

type Told = {
  code: number | null;
  verdict: string;
  size: number;
  keptSize: number;
  events: number;
  differing: { from: number; to: number };
  proof: string;
};
type LogInfo = { origin: string; key: string; checkpoint: { size: number } | null };

for (const { engine, skip } of testEngines()) {
  suite(`an auditor outside, ${engine}`, { skip }, () => {
    let server: TestServer;
    let folder: TempFolder;
    let key: string;
    let users = 0;
    beforeEach(async () => {
      folder = await createTempFolder('auditor');
      server = await startTestServer({ engine });
      key = (await logInfo()).key;
    });
    afterEach(async () => {
      await server[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    });

    async function ask(path: string, options: RequestInit = {}): Promise<Response> {
      const headers = { authorization: server.adminAuth.basic, ...options.headers };
      const response = await fetch(`${server.url}${path}`, { ...options, headers });
      assert.ok(response.ok, `${path}: ${response.status} ${response.ok ? '' : await response.text()}`);
      return response;
    }

    const logInfo = async () => (await (await ask('/api/v1/log')).json()) as LogInfo;
    const size = async () => (await logInfo()).checkpoint?.size ?? 0;

    /** Some events, and waits until a checkpoint covers them. */
    async function act(count = 3): Promise<number> {
      const before = await size();
      for (let done = 0; done < count; done++)
        await ask('/api/v1/users', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ name: `user${users++}` }),
        });
      await waitFor('a checkpoint over the new events', async () => (await size()) >= before + count);
      return size();
    }

    async function verify(subject: string, ...words: string[]): Promise<Told> {
      const state = ['--state', folder.join('state'), '--json'];
      const { code, stdout, stderr } = await runTallyman(['verify', subject, ...state, ...words], {
        env: server.env,
      });
      assert.equal(stderr, '');
      const told = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Omit<Told, 'code'>);
      return { code, ...told.at(-1)! };
    }

    test('growth, a rotation of the key, bundles and the data folder are right', async () => {
      await act();
      assert.deepEqual((await verify(server.url, '--key', key)).verdict, 'first');
      const grown = await act();
      const accepted = await verify(server.url);
      assert.deepEqual([accepted.code, accepted.verdict], [0, 'accepted']);
      assert.ok(accepted.size >= grown);
      await ask('/api/v1/log/key/rotations', { method: 'POST' });
      await waitFor('the new key', async () => (await logInfo()).key !== key);
      await act();
      assert.deepEqual((await verify(server.url)).verdict, 'accepted');
      const bundle = await ask('/api/v1/events?view=administration&export=bundle', {
        headers: { accept: 'application/vnd.tallyman.bundle' },
      });
      const bytes = new Uint8Array(await bundle.arrayBuffer());
      const file = folder.join('all.bundle');
      await writeFile(file, bytes);
      const right = await verify(file, '--key', key);
      assert.deepEqual([right.code, right.verdict], [0, 'right']);
      assert.ok(right.events > 9);
      for (const share of [0.1, 0.35, 0.6, 0.85, 0.999]) {
        const at = Math.floor(bytes.length * share);
        await writeFile(file, bytes.with(at, bytes[at]! ^ 1));
        assert.deepEqual([(await verify(file)).code, share], [9, share]);
      }
      assert.deepEqual((await verify(server.dataDir)).code, 0);
      await server.stop();
      assert.deepEqual((await verify(server.dataDir)).code, 0);
    });

    test('a history that was altered, and signed again by the log itself', async () => {
      await act(6);
      const { code: visited, size: before } = await verify(server.url, '--key', key);
      assert.equal(visited, 0);
      await server.stop();
      const altered = before - 3;
      await alter(server, altered);
      // Nothing inside gives it away.
      const { code, stdout } = await runTallyman(['fsck', '--only', 'events', '--only', 'tree'], {
        env: server.env,
      });
      assert.deepEqual([code, stdout], [0, '']);
      await server.restart();
      await act(4);
      const fork = await verify(server.url);
      assert.deepEqual([fork.code, fork.verdict, fork.keptSize], [10, 'fork', before]);
      assert.deepEqual(fork.differing, { from: altered, to: altered + 1 });
      assert.ok(fork.size > before);
      const notes = await Promise.all(
        ['kept', 'found'].map((name) => readFile(`${fork.proof}/${name}.checkpoint`, 'utf8')),
      );
      assert.deepEqual(
        notes.map((note) => Number(note.split('\n')[1])),
        [before, fork.size],
      );
    });

    if (engine === 'sqlite') {
      test('a copy that was rolled back, at once and after it grew again', async () => {
        const early = await act(3);
        await server.stop();
        await cp(server.dataDir, folder.join('copy'), { recursive: true });
        await server.restart();
        await act(12);
        const { code, size: late } = await verify(server.url, '--key', key);
        assert.equal(code, 0);
        await server.stop();
        await rm(server.dataDir, { recursive: true });
        await cp(folder.join('copy'), server.dataDir, { recursive: true });
        await server.restart();
        await act(1);
        const first = await verify(server.url);
        assert.deepEqual([first.code, first.keptSize], [10, late]);
        assert.ok(first.size < late);
        await act(15);
        const fork = await verify(server.url);
        assert.deepEqual([fork.code, fork.verdict, fork.keptSize], [10, 'fork', late]);
        assert.ok(fork.size > late);
        const { from, to } = fork.differing;
        assert.ok(from >= early - 1 && from <= early + 1 && to === from + 1, `${early} ${from} ${to}`);
      });
    }
  });
}

/** As somebody who has the database and the data folder: a changed body, the tree made anew, what was signed forgotten. */
async function alter({ engine, dataDir, databaseUrl }: TestServer, index: number): Promise<void> {
  const db = await openDb(
    engine === 'sqlite'
      ? { engine, path: `${dataDir}/tallyman.db` }
      : { engine, url: databaseUrl ?? assert.fail('no database') },
  );
  try {
    await db.transact((tx) => rewrite(tx, index));
  } finally {
    await db.close();
  }
  await rm(`${dataDir}/log/checkpoint`, { force: true });
}

async function rewrite(tx: Tx, index: number): Promise<void> {
  const rows = await tx.q.selectFrom('event').select(['idx', 'body']).orderBy('idx').execute();
  const leaves = rows.map(({ idx, body }) => {
    const text = idx === index ? body.replace(/"occurredAt":"(\d{4})/, '"occurredAt":"2001') : body;
    return { text, hash: leafHash(Buffer.from(text), sha256) };
  });
  const edge = rangeNodes(0, rows.length).map(({ level, index: n }) => {
    const tree = new CompactRange(sha256);
    for (const { hash } of leaves.slice(n * 2 ** level, (n + 1) * 2 ** level)) tree.append(0, hash);
    return tree.root();
  });
  await tx.run(statement('UPDATE event SET body = ? WHERE idx = ?'), [leaves[index]!.text, index]);
  const [sql, params] = edgeChanged(tx.engine, { hashes: Buffer.concat(edge) });
  await tx.run(statement(sql), params);
  await tx.run(statement('DELETE FROM log_checkpoint'), []);
}
