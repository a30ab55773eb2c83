/**
 * A backup made beside a server that is being pushed to, and one of a stopped server: fsck finds nothing in it, a server
 * on it serves everything that was acknowledged before, and both hold the event that tells of it.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { openDb } from '../../server/src/db/open.ts';
import { readEvents } from '../support/events.ts';
import { requireClean } from '../support/fsck.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { PushLoad } from '../support/push-load.ts';
import { getManifest, pushImage, smallImage } from '../support/registry-client.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import { runTallyman, startTestServer, type TestServer, testEngines } from '../support/server.ts';
import { createTempFolder } from '../support/temp-folder.ts';
import { createWire } from '../support/wire.ts';

const run = promisify(execFile);

async function adminToken(server: TestServer): Promise<string> {
  const response = await fetch(`${server.url}/api/v1/me/tokens`, {
    method: 'POST',
    headers: { authorization: server.adminAuth.basic, 'content-type': 'application/json' },
    body: JSON.stringify({ kind: 'access_token', name: 'backup', scopes: ['admin'] }),
  });
  assert.equal(response.status, 201);
  return ((await response.json()) as { secret: string }).secret;
}

/** As docs/operating/backup.md says: the folder is the data folder; with PostgreSQL the dump goes into a new database. */
async function restore(
  backup: string,
  { to, engine }: { to: string; engine: 'sqlite' | 'postgres' },
): Promise<{ dataDir: string; engine: typeof engine; databaseUrl: string | undefined } & AsyncDisposable> {
  await cp(backup, to, { recursive: true });
  const none = { async [Symbol.asyncDispose]() {} };
  if (engine === 'sqlite') return { dataDir: to, engine, databaseUrl: undefined, ...none };
  const database = await createTestDatabase();
  await run('pg_restore', ['--no-owner', `--dbname=${database.url}`, join(to, 'database.dump')]);
  return {
    dataDir: to,
    engine,
    databaseUrl: database.url,
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}

for (const { engine, skip } of testEngines()) {
  test(`a backup beside the running server, on ${engine}`, { skip }, async () => {
    await using folder = await createTempFolder('backup');
    await using server = await startTestServer({ engine });
    using wire = createWire(server.url);
    const as = { authorization: server.adminAuth.basic };
    const project = `${server.adminAuth.username}/app`;
    const image = smallImage();
    await pushImage(wire, { project, tag: 'v1', image }, as);
    const env = { ...server.env, TALLYMAN_URL: server.url };

    const target = folder.join('backup');
    const refused = await runTallyman(['backup', target], { env });
    assert.equal(refused.code, 6, refused.stderr);
    assert.match(refused.stderr, /set TALLYMAN_TOKEN/);

    const load = new PushLoad({
      random: createSeededRandom(1),
      authorization: server.adminAuth.basic,
      namespace: server.adminAuth.username,
      onStep: () => {},
    });
    const pushing = load.run(wire, 2);
    const made = await runTallyman(['backup', target, '--with-log-key'], {
      env: { ...env, TALLYMAN_TOKEN: await adminToken(server) },
    });
    load.stop();
    await pushing;
    assert.equal(made.code, 0, made.stderr);
    const report = JSON.parse(await readFile(join(target, 'backup.json'), 'utf8')) as {
      eventId: string;
      events: number;
      blobs: { count: number; linked: number };
    };
    assert.ok(report.blobs.count >= 2, 'the image’s blobs');
    assert.ok(report.events > 5);
    await requireClean(server, { beside: true });
    await server.stop();

    await using restored = await restore(target, { to: folder.join('restored'), engine });
    await requireClean(restored);
    const db = await openDb(
      engine === 'sqlite'
        ? { engine, path: join(restored.dataDir, 'tallyman.db') }
        : { engine, url: restored.databaseUrl ?? '' },
    );
    const told = (await readEvents(db)).find(({ id }) => id === report.eventId);
    await db.close();
    assert.equal(told?.type, 'system.backup.make');
    assert.equal(told.actor.name, server.adminAuth.username);
    assert.deepEqual(told.details, { database: engine, withLogKey: true });

    await using again = await startTestServer({
      env: {
        TALLYMAN_DATA_DIR: restored.dataDir,
        ...(restored.databaseUrl !== undefined && { TALLYMAN_DATABASE_URL: restored.databaseUrl }),
      },
    });
    using wireAgain = createWire(again.url);
    assert.equal((await getManifest(wireAgain, project, 'v1', as)).status, 200);
    await pushImage(wireAgain, { project, tag: 'v2', image: smallImage() }, as);
    await again.stop();
    await requireClean(restored);
  });
}

test('a backup of a stopped server, without the key of the log', async () => {
  await using folder = await createTempFolder('backup');
  await using server = await startTestServer();
  using wire = createWire(server.url);
  const as = { authorization: server.adminAuth.basic };
  const project = `${server.adminAuth.username}/app`;
  await pushImage(wire, { project, tag: 'v1', image: smallImage() }, as);
  await server.stop();
  const { env } = server;
  const target = folder.join('backup');
  const made = await runTallyman(['backup', target, '--copy'], { env });
  assert.equal(made.code, 0, made.stderr);
  assert.match(made.stderr, /signing key is not in it/);
  assert.deepEqual((await readdir(join(target, 'log'))).sort(), ['checkpoint', 'key.pub']);
  assert.equal(
    (JSON.parse(await readFile(join(target, 'backup.json'), 'utf8')) as { blobs: { linked: number } }).blobs
      .linked,
    0,
  );
  await requireClean({ engine: 'sqlite', dataDir: target, databaseUrl: undefined });
  const looked = await runTallyman(['fsck', '--data', target, '--deep'], { env });
  assert.equal(looked.code, 0, looked.stdout + looked.stderr);

  const full = await runTallyman(['backup', target], { env });
  assert.equal(full.code, 6, full.stderr);
  assert.match(full.stderr, /not empty/);

  // The database put back alone, beside a data folder that knows better.
  await server.restart();
  using later = createWire(server.url);
  await pushImage(later, { project, tag: 'v2', image: smallImage() }, as);
  await server.stop();
  // Somebody outside who kept it finds out that the backup is older, though it agrees with itself.
  const kept = folder.join('checkpoint');
  await cp(join(server.dataDir, 'log', 'checkpoint'), kept);
  const verified = await runTallyman(
    [
      'verify',
      target,
      '--checkpoint',
      kept,
      '--key',
      join(target, 'log', 'key.pub'),
      '--state',
      folder.join('state'),
    ],
    { env },
  );
  assert.equal(verified.code, 10, verified.stdout + verified.stderr);
  for (const suffix of ['-wal', '-shm']) await writeFile(join(server.dataDir, `tallyman.db${suffix}`), '');
  await cp(join(target, 'tallyman.db'), join(server.dataDir, 'tallyman.db'));
  const found = await runTallyman(['fsck', '--only', 'tree', '--json'], { env });
  assert.equal(found.code, 9, found.stdout + found.stderr);
  assert.match(found.stdout, /"what":"log_cut_off"/);
});
