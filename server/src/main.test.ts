import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { findFreePort } from '../../tests/support/free-port.ts';
import { postgresSkip, startPostgres } from '../../tests/support/postgres.ts';
import { runTallyman, startTestServer, type TestServer, testEngines } from '../../tests/support/server.ts';
import { createTempFolder } from '../../tests/support/temp-folder.ts';
import { waitFor } from '../../tests/support/wait-for.ts';
import { openDb } from './db/open.ts';
import { openStored } from './trail/projected-row.ts';

/** Of a server that is stopped. */
async function readTrail(
  server: TestServer,
): Promise<{ type: string; details: Record<string, unknown>; actor: Record<string, unknown> }[]> {
  const { engine, databaseUrl } = server;
  const db = await openDb(
    databaseUrl === undefined
      ? { engine: 'sqlite', path: join(server.dataDir, 'tallyman.db') }
      : { engine: 'postgres', url: databaseUrl },
  );
  assert.equal(db.engine, engine);
  try {
    await db.head();
    const rows = await db.read.q
      .selectFrom('event as e')
      .leftJoin('event_private as p', 'p.idx', 'e.idx')
      .select(['e.idx', 'e.body', 'p.fields'])
      .orderBy('e.idx')
      .execute();
    return rows.map((row) => openStored(row) as unknown as Awaited<ReturnType<typeof readTrail>>[number]);
  } finally {
    await db.close();
  }
}

/** A request whose body has not come to its end. */
async function beginRequest(server: TestServer): Promise<{ socket: Socket; answer: () => string }> {
  const socket = connect(server.port, server.host);
  let text = '';
  socket.setEncoding('utf8').on('data', (data) => {
    text += data;
  });
  socket.on('error', () => undefined);
  socket.write(
    `POST /v2/auth HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 20\r\nexpect: 100-continue\r\n\r\n`,
  );
  // The server says "go on" once a request is under way.
  await waitFor('the request to be under way', () => text.includes('100 Continue'));
  return { socket, answer: () => text };
}

for (const { engine, skip } of testEngines()) {
  describe(`the server on ${engine}`, { skip }, () => {
    it('starts, is ready, stops in order, and tells of it in the trail', async () => {
      await using server = await startTestServer({ engine });
      const ready = await fetch(`${server.url}/readyz`);
      assert.deepEqual(
        [ready.status, await ready.json()],
        [200, { status: 'ready', checks: { database: 'ok', blobs: 'ok', search: 'ok' } }],
      );
      const challenge = await fetch(`${server.url}/v2/`);
      assert.equal(challenge.status, 401);
      assert.match(
        challenge.headers.get('www-authenticate') ?? '',
        new RegExp(`realm="${server.url}/v2/auth"`),
      );
      const metrics = await (await fetch(`${server.url}/metrics`)).text();
      assert.match(
        metrics,
        /tallyman_events_total\{type="system.server.start",outcome="success",reason=""\} 1/,
      );
      assert.match(metrics, new RegExp(`tallyman_build_info\\{version="[0-9.]+",database="${engine}"\\} 1`));
      for (const name of [
        'tallyman_trail_head',
        'tallyman_search_lag_events',
        'tallyman_database_size_bytes',
        'tallyman_blobs_size_bytes',
        'tallyman_trail_open_refusals',
      ]) {
        assert.match(metrics, new RegExp(`^${name} \\d+$`, 'm'), name);
      }
      assert.deepEqual(await server.stop(), { code: 0, signal: null });
      await server.restart();
      await server.kill('SIGKILL');
      await server.restart();
      assert.deepEqual(await server.kill('SIGINT'), { code: 0, signal: null });
      const life = (await readTrail(server)).filter(({ type }) => type.startsWith('system.server.'));
      const start = (cleanStop: boolean) => [
        'system.server.start',
        { version: '0.1.0', database: engine, cleanStop },
      ];
      assert.deepEqual(
        life.map(({ type, details }) => [type, details]),
        [
          start(true),
          ['system.server.stop', { signal: 'SIGTERM' }],
          start(true),
          start(false),
          ['system.server.stop', { signal: 'SIGINT' }],
        ],
      );
      assert.deepEqual(life[0]?.actor, { kind: 'system', id: 'server', name: 'server', proven: true });
    });

    it('makes the configured administrator once', async () => {
      await using server = await startTestServer({ engine });
      const signIn = (password: string) =>
        fetch(`${server.url}/v2/`, {
          headers: {
            authorization: `Basic ${Buffer.from(`${server.adminAuth.username}:${password}`).toString('base64')}`,
          },
        });
      assert.equal((await signIn(server.adminAuth.password)).status, 200);
      assert.equal((await signIn('wrong-password')).status, 401);
      await server.restart();
      assert.equal((await signIn(server.adminAuth.password)).status, 200);
      await server.stop();
      const created = (await readTrail(server)).filter(({ type }) => type === 'account.user.create');
      assert.deepEqual(
        created.map(({ details }) => details),
        [{ roles: ['admin'], firstRun: true }],
      );
    });

    it('refuses a second process on the same data, and says what to do', async () => {
      await using server = await startTestServer({ engine });
      const env = { ...server.env, TALLYMAN_HTTP_PORT: String(await findFreePort()) };
      const commands = [['serve'], ['migrate'], ['admin', 'create-user', 'alice']];
      for (const words of commands) {
        const { code, stderr } = await runTallyman(words, { env });
        assert.equal(code, 6, `${words.join(' ')}: ${stderr}`);
        assert.match(stderr, /Another Tallyman process uses the data folder/);
      }
      assert.equal((await fetch(`${server.url}/healthz`)).status, 200);
    });
  });
}

describe('the server', () => {
  it('prints a one-time code when nobody has an account, and not to its log', async () => {
    await using server = await startTestServer({ admin: false });
    const code = /^ {4}([A-Z2-9]{5}(?:-[A-Z2-9]{5}){3})$/m.exec(server.logs())?.[1];
    assert.ok(code, server.logs());
    assert.doesNotMatch(JSON.stringify(server.logLines()), new RegExp(code));
    await server.restart();
    const codes = server.logs().match(/^ {4}[A-Z2-9-]{23}$/gm) ?? [];
    assert.equal(new Set(codes).size, 2, 'each start makes its own');
  });

  it('keeps its registry key to itself and over restarts', async () => {
    await using server = await startTestServer();
    const path = join(server.dataDir, 'keys', 'registry.key');
    const [key, { mode }] = [await readFile(path), await stat(path)];
    assert.equal(key.length, 32);
    assert.equal(mode & 0o777, 0o600);
    assert.equal((await stat(server.dataDir)).mode & 0o777, 0o700);
    await server.restart();
    assert.deepEqual(await readFile(path), key);
  });

  it('lets a request under way finish when it is stopped', async () => {
    await using server = await startTestServer();
    const { socket, answer } = await beginRequest(server);
    const exited = server.stop();
    await waitFor('it to begin to stop', () => server.logs().includes('"stopping"'));
    socket.write('grant_type=password&');
    await waitFor('the answer', () => /HTTP\/1\.1 4\d\d /.test(answer()));
    socket.end();
    assert.deepEqual(await exited, { code: 0, signal: null });
  });

  it('ends at once at the second signal', async () => {
    await using server = await startTestServer();
    const { socket } = await beginRequest(server);
    const exited = server.stop();
    await waitFor('it to begin to stop', () => server.logs().includes('"stopping"'));
    server.signal('SIGTERM');
    assert.deepEqual(await exited, { code: 143, signal: null });
    socket.destroy();
  });

  it('cuts what does not finish before the deadline, and still stops in order', async () => {
    await using server = await startTestServer({ env: { TALLYMAN_LIMITS_STOP_SECONDS: '1' } });
    const { socket } = await beginRequest(server);
    const closed = once(socket, 'close');
    assert.deepEqual(await server.stop(), { code: 0, signal: null });
    await closed;
    assert.match(server.logs(), /"stopped"/);
  });

  it('believes no forwarded address unless a trusted proxy sends it', async () => {
    const sources = async (env: Record<string, string>) => {
      await using server = await startTestServer({ env });
      const headers = { 'x-forwarded-for': '198.51.100.7', authorization: 'Basic bm9ib2R5Ong=' };
      assert.equal((await fetch(`${server.url}/v2/`, { headers })).status, 401);
      await server.stop();
      const refused = (await readTrail(server)).filter(({ type }) => type === 'account.sign_in.refuse');
      return refused.map((event) => (event as unknown as { request: { ip: string } }).request.ip);
    };
    assert.deepEqual(await sources({}), ['127.0.0.1']);
    assert.deepEqual(await sources({ TALLYMAN_HTTP_TRUSTED_PROXIES: '127.0.0.1' }), ['198.51.100.7']);
  });

  it('writes no name, address or path to its log', async () => {
    await using server = await startTestServer({
      env: { TALLYMAN_LOG_LEVEL: 'trace', TALLYMAN_LOG_REQUESTS: 'all' },
    });
    const authorization = `Basic ${Buffer.from('mallory:hunter2').toString('base64')}`;
    for (const path of [
      '/v2/mallory/secret-project/manifests/latest?x=hunter3',
      '/v2/auth?account=mallory',
      '/nowhere/mallory',
    ]) {
      await fetch(server.url + path, {
        headers: { authorization, 'user-agent': 'agent-of-mallory', 'x-forwarded-for': '198.51.100.7' },
      });
    }
    await server.stop();
    const lines = server.logLines().filter(({ msg }) => msg === 'request');
    assert.equal(lines.length, 3);
    assert.deepEqual(Object.keys(lines[0] ?? {}).sort(), [
      'durationMs',
      'level',
      'method',
      'msg',
      'requestId',
      'route',
      'status',
      'time',
    ]);
    assert.doesNotMatch(JSON.stringify(lines), /mallory|hunter|secret-project|198\.51|127\.0\.0\.1/);
  });
});

describe('tallyman serve', () => {
  it('names every problem of the configuration and exits with 3', async () => {
    await using folder = await createTempFolder('serve');
    const env = { TALLYMAN_HTTP_PROT: '1', TALLYMAN_HTTP_PORT: 'x' };
    const { code, stdout, stderr } = await runTallyman(['serve'], { env, cwd: folder.path });
    assert.deepEqual([code, stdout], [3, '']);
    assert.match(
      stderr,
      /TALLYMAN_HTTP_PROT \(environment\): is no configuration key; did you mean TALLYMAN_HTTP_PORT\?/,
    );
    assert.match(stderr, /http\.port \(TALLYMAN_HTTP_PORT\): must be a whole number/);
  });

  it('says that the address is in use, and leaves the data in order', async () => {
    await using server = await startTestServer();
    await using folder = await createTempFolder('serve');
    const env = { TALLYMAN_DATA_DIR: folder.join('data'), TALLYMAN_HTTP_PORT: String(server.port) };
    const { code, stderr } = await runTallyman(['serve'], { env, cwd: folder.path });
    assert.equal(code, 6, stderr);
    assert.match(stderr, /Another program listens on this address already/);
    const again = await runTallyman(['migrate'], { env, cwd: folder.path });
    assert.equal(again.code, 0, again.stderr);
  });

  it('says which setting the first administrator could not be made from', async () => {
    await using folder = await createTempFolder('serve');
    const env = {
      TALLYMAN_DATA_DIR: folder.join('data'),
      TALLYMAN_ADMIN_USER: 'Not A Name',
      TALLYMAN_ADMIN_PASSWORD: 'correct-horse-battery',
    };
    const { code, stderr } = await runTallyman(['serve'], { env, cwd: folder.path });
    assert.equal(code, 7, stderr);
    assert.match(stderr, /admin\.user/);
  });

  it('does not start with a certificate that does not belong to its key', async () => {
    await using folder = await createTempFolder('serve');
    const env = {
      TALLYMAN_DATA_DIR: folder.join('data'),
      TALLYMAN_TLS_CERT: folder.join('no.pem'),
      TALLYMAN_TLS_KEY: folder.join('no.pem'),
    };
    const { code, stderr } = await runTallyman(['serve'], { env, cwd: folder.path });
    assert.equal(code, 3, stderr);
    assert.match(stderr, /tls\.cert/);
  });
});

describe('a database that goes away', { skip: postgresSkip() }, () => {
  it('ends the server with an exit code that asks for a restart, which recovers', async () => {
    await using cluster = await startPostgres();
    await using database = await cluster.createDatabase();
    await using server = await startTestServer({ env: { TALLYMAN_DATABASE_URL: database.url } });
    await cluster.crash();
    await waitFor('the server to end', () => server.logs().includes('the durable state is unknown'), {
      timeoutMs: 20_000,
    });
    assert.deepEqual(await server.ended(), { code: 70, signal: null });
    await cluster.restart();
    await server.restart();
    assert.equal((await fetch(`${server.url}/readyz`)).status, 200);
  });
});
