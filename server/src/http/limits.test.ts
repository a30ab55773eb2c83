import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { after, before, describe, it } from 'node:test';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { exchange, type Running, runHttp, smallLimits } from './http-server.fixture.ts';

describe('what a client sends', () => {
  let running: Running;
  before(async () => {
    running = await runHttp((app) => {
      app.get('/echo/:name', async () => 'ok');
      app.post('/body', async (request) => ({ body: request.body }));
    });
  });
  after(() => running.http.stop());

  it('refuses bodies that are too large, no JSON, or of another type', async () => {
    const post = (body: string, type = 'application/json') =>
      fetch(`${running.url}/body`, { method: 'POST', body, headers: { 'content-type': type } });
    const cases: [Promise<Response>, number, string | undefined][] = [
      [post(JSON.stringify('x'.repeat(2_000))), 413, undefined],
      [post('{"a":'), 400, 'body'],
      [post(''), 400, 'body'],
      [post('<a/>', 'application/xml'), 415, 'content-type'],
      [post('{"__proto__": 1}'), 400, 'body'],
    ];
    for (const [answer, status, field] of cases) {
      const response = await answer;
      const problem = (await response.json()) as { field?: string; detail: string };
      assert.deepEqual([response.status, problem.field], [status, field]);
      assert.ok(problem.detail.length > 20);
    }
  });

  it('ends an endless chunked body at its limit', async () => {
    const chunk = `400\r\n${'x'.repeat(1024)}\r\n`;
    const answer = await exchange(
      running.port,
      `POST /body HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n${chunk.repeat(50)}0\r\n\r\n`,
    );
    assert.match(answer, /^HTTP\/1\.1 413 /);
  });

  it('answers what is no HTTP request with a 4xx', async () => {
    const cases: [string, RegExp][] = [
      ['nonsense\r\n\r\n', / 400 /],
      ['GET / HTTP/9.9\r\n\r\n', / 400 /],
      ['GET / HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n', / 400 /],
      [
        'POST /body HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
        / 400 /,
      ],
      ['POST /body HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n', / 400 /],
      [`GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(10_000)}\r\n\r\n`, / 431 /],
      [`GET /${'y'.repeat(10_000)} HTTP/1.1\r\nhost: x\r\n\r\n`, / 431 /],
      ['GET /%zz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n', / 404 /],
      ['GET /echo/%ff?%zz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n', / 200 /],
      ['GET /../../etc/passwd HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n', / 404 /],
      ['GET http://elsewhere/echo/x HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n', / (200|404) /],
      ['OPTIONS * HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n', / 404 /],
    ];
    for (const [bytes, expected] of cases) {
      const answer = await exchange(running.port, bytes);
      assert.match(answer.split('\r\n')[0] ?? '', expected, bytes.slice(0, 60));
    }
  });

  it('closes a connection whose headers do not come to an end', async () => {
    const answer = await exchange(running.port, 'GET / HTTP/1.1\r\nhost: x\r\nx-slow:');
    assert.match(answer, /^HTTP\/1\.1 408 /);
  });
});

describe('connections', () => {
  it('are bounded', async () => {
    const running = await runHttp(() => undefined, { limits: { ...smallLimits, connections: 3 } });
    const sockets: Socket[] = [];
    for (let n = 0; n < 3; n++) {
      const socket = connect(running.port, '127.0.0.1');
      sockets.push(socket);
      await once(socket, 'connect');
    }
    assert.equal(await exchange(running.port, ''), '');
    for (const socket of sockets) socket.destroy();
    await waitFor('a place to be free', async () => (await fetch(`${running.url}/x`)).status === 404);
    await running.http.stop();
  });

  // Loopback is exempt, so this needs an address of the machine's own.
  const own = Object.values(networkInterfaces())
    .flat()
    .find((one) => one !== undefined && !one.internal && one.family === 'IPv4')?.address;
  it('are bounded per source', { skip: own === undefined && 'this machine has loopback only' }, async () => {
    const running = await runHttp(() => undefined, {
      host: '0.0.0.0',
      limits: { ...smallLimits, connectionsPerSource: 2 },
    });
    const open = async (): Promise<Socket> => {
      const socket = connect(running.port, own ?? '');
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      return socket;
    };
    const sockets = [await open(), await open()];
    const third = await open();
    await once(third.resume(), 'close');
    assert.equal((await fetch(`${running.url}/x`)).status, 404, 'loopback is not counted');
    sockets[0]?.destroy();
    await waitFor('a place to be free', () =>
      fetch(`http://${own}:${running.port}/x`).then((response) => response.status === 404),
    );
    sockets[1]?.destroy();
    await running.http.stop();
  });
});
