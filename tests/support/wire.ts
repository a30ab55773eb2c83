/**
 * Requests as they are: `fetch` mends paths, follows redirects and hides half of what goes wrong. Also the bytes of a
 * connection for what no HTTP client would send.
 */
import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import type { Readable } from 'node:stream';

export type WireRequest = {
  method?: string;
  /** Sent as it is: no part of it is resolved or encoded. */
  path: string;
  headers?: Readonly<Record<string, string | undefined>>;
  body?: string | Uint8Array | Readable | undefined;
  /** Sent as JSON, with its Content-Type. */
  json?: unknown;
};

export type WireAnswer = {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
  text: string;
  json(): unknown;
};

export interface Wire extends Disposable {
  send(asked: WireRequest): Promise<WireAnswer>;
}

/** `url` without a path. `headers` go with every request. */
export function createWire(url: string, headers: Readonly<Record<string, string>> = {}): Wire {
  const { hostname, port } = new URL(url);
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  return {
    send: (asked) => exchange({ hostname, port, agent, headers }, asked),
    [Symbol.dispose]: () => agent.destroy(),
  };
}

type Place = { hostname: string; port: string; agent: Agent; headers: Readonly<Record<string, string>> };

function exchange(place: Place, asked: WireRequest): Promise<WireAnswer> {
  const content = asked.json === undefined ? asked.body : JSON.stringify(asked.json);
  const isWhole = typeof content === 'string' || content instanceof Uint8Array;
  const headers = Object.fromEntries(
    Object.entries({
      ...place.headers,
      ...(asked.json !== undefined && { 'content-type': 'application/json' }),
      ...(isWhole && { 'content-length': String(Buffer.byteLength(content)) }),
      ...asked.headers,
    }).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  const { hostname, port, agent } = place;
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, agent, method: asked.method ?? 'GET', path: asked.path, headers });
    let answered = false;
    sent.once('error', (error) => {
      if (!answered) reject(error);
    });
    sent.once('response', (response) => {
      answered = true;
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => {
        const body = Buffer.concat(chunks);
        const text = body.toString('utf8');
        const { statusCode: status = 0, headers: received } = response;
        resolve({ status, headers: received, body, text, json: () => JSON.parse(text) });
      });
    });
    if (content === undefined || isWhole) sent.end(content);
    else content.on('error', (error) => sent.destroy(error)).pipe(sent);
  });
}

/** Writes bytes and returns what came back until the server closed, or until `until` says that it is enough. */
export function sendBytes(
  url: string,
  bytes: string | Uint8Array,
  until: (received: string) => boolean = () => false,
): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    let received = '';
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    const done = (): void => {
      socket.destroy();
      resolve(received);
    };
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      if (until(received)) done();
    });
    socket.once('close', done);
    socket.on('error', done);
  });
}

/** Sends a part of a request and goes away. */
export function abandon(url: string, bytes: Uint8Array): Promise<void> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () => socket.write(bytes, () => socket.destroy()));
    socket.once('close', () => resolve());
    socket.on('error', () => undefined);
  });
}

export function basicAuth(username: string, secret: string): string {
  return `Basic ${Buffer.from(`${username}:${secret}`).toString('base64')}`;
}
