import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { SlowBodies } from './slow-bodies.ts';

const windowSeconds = 3600;

describe('SlowBodies', () => {
  const slow = new SlowBodies({ bytesPerSecond: 1 / 36, windowSeconds }); // 100 bytes a window; the test turns the windows
  const server = createServer((request, response) => {
    slow.watch(request, response);
    server.emit('seen', request, response);
  });
  let port = 0;
  before(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as { port: number }).port;
  });
  after(() => {
    slow.stop();
    server.closeAllConnections();
    server.close();
  });

  async function begin(): Promise<{
    socket: Socket;
    answer: () => string;
    request: IncomingMessage;
    response: ServerResponse;
  }> {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.setEncoding('utf8').on('data', (data) => {
      text += data;
    });
    socket.on('error', () => undefined);
    socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n');
    const [request, response] = await once(server, 'seen');
    return { socket, answer: () => text, request, response };
  }

  async function send(client: { socket: Socket; request: IncomingMessage }, bytes: number): Promise<void> {
    const before = client.request.socket.bytesRead;
    client.socket.write('x'.repeat(bytes));
    await waitFor('the bytes to arrive', () => client.request.socket.bytesRead === before + bytes);
  }

  it('ends a body of which too little arrived in a window, and lets one that moves go on', async () => {
    const [crawling, moving] = [await begin(), await begin()];
    const broken = once(crawling.request, 'close');
    for (const { request } of [crawling, moving]) request.resume();
    await send(crawling, 99);
    await send(moving, 100);
    slow.sweep();
    await once(crawling.socket, 'close');
    await broken;
    assert.match(crawling.answer(), /^HTTP\/1\.1 408 /);
    await send(moving, 150);
    slow.sweep();
    assert.equal(moving.socket.destroyed, false);
    moving.response.end('fine');
    await waitFor('the answer', () => moving.answer().includes('fine'));
    moving.socket.destroy();
  });

  it('blames nobody for bytes that the server has not read yet', async () => {
    const client = await begin();
    await send(client, 50);
    await waitFor('the bytes to wait', () => client.request.readableLength > 0);
    slow.sweep();
    slow.sweep();
    assert.equal(client.request.destroyed, false);
    client.socket.destroy();
  });
});
