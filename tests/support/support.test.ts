/** The test kit itself: what others rely on must hold, or their green tests mean nothing. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { clientSkip, createClientHome, findClient } from './clients.ts';
import { skipWhenMissing } from './missing-tools.ts';
import { createTestDatabase, postgresSkip, startPostgres } from './postgres.ts';
import { createSeededRandom, forAll } from './seeded-random.ts';
import { createTempFolder } from './temp-folder.ts';
import { waitFor } from './wait-for.ts';

test('a temporary folder is gone when its scope ends', async () => {
  let path = '';
  {
    await using folder = await createTempFolder();
    path = folder.path;
    await writeFile(folder.join('file'), 'x');
    assert.ok(existsSync(path));
  }
  assert.ok(!existsSync(path));
});

test('waitFor returns the first answer, and names what hung together with the last error', async () => {
  let looks = 0;
  const look = (): 'seen' | undefined => {
    looks += 1;
    return looks === 3 ? 'seen' : undefined;
  };
  assert.equal(await waitFor('three looks', look), 'seen');
  assert.equal(looks, 3);
  assert.equal(await waitFor('zero', () => 0), 0);
  const refused = waitFor('the moon', () => Promise.reject(new Error('not tonight')), { timeoutMs: 20 });
  await assert.rejects(refused, /waited 20 ms for the moon; last error Error: not tonight/);
});

test('seeded random values repeat, stay in range, and a failing property names its seed', async () => {
  const values = (seed: number): unknown[] => {
    const random = createSeededRandom(seed);
    return [
      random.next(),
      random.integer({ min: -3, max: 3 }),
      random.bytes(4),
      random.text(5),
      random.shuffle([1, 2, 3]),
    ];
  };
  assert.deepEqual(values(7), values(7));
  assert.notDeepEqual(values(7), values(8));
  const random = createSeededRandom(1);
  const seen = new Set(Array.from({ length: 200 }, () => random.integer({ min: 1, max: 6 })));
  assert.deepEqual([...seen].sort(), [1, 2, 3, 4, 5, 6]);
  await assert.rejects(
    forAll(5, () => assert.fail('always')),
    /repeat it with TALLYMAN_TEST_SEED=\d+/,
  );
});

test('a missing tool is a loud skip here and a failure under CI', (t) => {
  const said = t.mock.method(process.stderr, 'write', () => true);
  const before = process.env.CI;
  try {
    process.env.CI = 'true';
    assert.equal(skipWhenMissing(['a-tool']), false);
    delete process.env.CI;
    assert.match(String(skipWhenMissing(['a-tool'])), /a-tool/);
    assert.equal(skipWhenMissing([]), false);
    assert.match(String(said.mock.calls[0]?.arguments[0]), /^SKIPPED TESTS: .*a-tool/);
  } finally {
    if (before !== undefined) process.env.CI = before;
  }
});

test('each PostgreSQL database is fresh and its own', { skip: postgresSkip() }, async () => {
  await using one = await createTestDatabase();
  await using two = await createTestDatabase();
  assert.notEqual(one.name, two.name);
  await using home = await createClientHome();
  await home.must('psql', [one.url, '-c', 'CREATE TABLE only_here (n int)']);
  const other = await home.run('psql', [two.url, '-c', 'TABLE only_here']);
  assert.equal(other.code, 1);
});

test('a durable cluster keeps its rows over a crash', { skip: postgresSkip() }, async () => {
  await using cluster = await startPostgres({ durable: true });
  await using database = await cluster.createDatabase();
  await using home = await createClientHome();
  const sql = async (text: string): Promise<string> =>
    (await home.must('psql', [database.url, '-At', '-c', text])).stdout.trim();
  assert.equal(await sql('SHOW fsync'), 'on');
  await sql('CREATE TABLE kept AS SELECT 42 AS n');
  await cluster.crash();
  await cluster.restart();
  assert.equal(await sql('SELECT n FROM kept'), '42');
});

test('a client gets its input, its own home, and an end', async () => {
  await using home = await createClientHome();
  const echoed = await home.run('cat', [], { input: 'hello' });
  assert.deepEqual(echoed, { code: 0, stdout: 'hello', stderr: '', timedOut: false });
  const where = await home.must('sh', ['-c', 'cd && pwd']);
  assert.equal(where.stdout.trim(), home.path);
  const stuck = await home.run('sh', ['-c', 'sleep 60 & wait'], { timeoutMs: 100 });
  assert.deepEqual([stuck.code, stuck.timedOut], [null, true]);
  await assert.rejects(home.must('sh', ['-c', 'echo no >&2; exit 3']), /exited with 3\nno/);
  assert.equal(findClient('no-such-client'), undefined);
});

test('skopeo, buildah and podman work inside the home', {
  skip: clientSkip('skopeo', 'buildah', 'podman'),
}, async () => {
  await using home = await createClientHome();
  await home.must('sh', ['-c', 'mkdir -p tree && echo hello > tree/file']);
  const container = (await home.must('buildah', ['from', 'scratch'])).stdout.trim();
  await home.must('buildah', ['copy', container, 'tree', '/']);
  await home.must('buildah', ['commit', container, 'oci:image:latest']);
  const inspected = await home.must('skopeo', ['inspect', '--raw', 'oci:image:latest']);
  assert.equal(JSON.parse(inspected.stdout).schemaVersion, 2);
  // The cache of blob locations is made before the registry is even asked, so one that knows nothing is enough.
  const registry = createServer((_request, response) => response.writeHead(404).end()).listen(0, '127.0.0.1');
  await once(registry, 'listening');
  const { port } = registry.address() as AddressInfo;
  const target = `docker://127.0.0.1:${port}/a/b:1`;
  await home.run('skopeo', ['copy', '--dest-tls-verify=false', 'oci:image:latest', target]);
  registry.close();
  assert.ok(existsSync(home.join('.local/share/containers/cache/blob-info-cache-v1.boltdb')));
  await home.must('buildah', ['commit', container, 'shared']);
  const images = await home.must('podman', ['images', '--format', '{{.Repository}}']);
  assert.equal(images.stdout.trim(), 'localhost/shared');
  const store = await home.must('podman', [
    'info',
    '--format',
    '{{.Store.GraphRoot}} {{.Store.GraphDriverName}}',
  ]);
  assert.equal(store.stdout.trim(), `${home.join('storage/root')} vfs`);
});

test('what fails to open half-way lets the program end', { skip: postgresSkip() }, async () => {
  const source = `
    import { openApi } from ${JSON.stringify(resolve(import.meta.dirname, 'api.ts'))};
    const broken = { get containers() { throw new Error('broken part'); } };
    await openApi('postgres', broken).catch((error) => console.log(error.message));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 60_000,
  });
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  const [code] = await once(child, 'close');
  assert.deepEqual({ code, printed }, { code: 0, printed: 'broken part\n' });
});
