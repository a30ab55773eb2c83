/**
 * The Node server under Fastify: plain or TLS, HTTP/1.1, with the limits that hold before a request is one. Here are
 * also the answers to what never becomes a request: malformed, oversized or stalled headers.
 */
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { isLoopback, isTrusted, sourceOf, type TrustedProxies } from './facts.ts';

export type TlsPaths = { certPath: string; keyPath: string };

export type ListenerLimits = {
  connections: number;
  /** Of one IPv4 address or IPv6 /64; loopback and trusted proxies are exempt. */
  connectionsPerSource: number;
  headerBytes: number;
  headerTimeoutSeconds: number;
  idleTimeoutSeconds: number;
  keepAliveSeconds: number;
};

export type ListenerOptions = { limits: ListenerLimits; tls?: TlsPaths | undefined; trusted: TrustedProxies };

/** Throws when certificate and key cannot be read or do not belong together. */
export function createListener(handler: RequestListener, { limits, tls, trusted }: ListenerOptions): Server {
  const options = {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headerTimeoutSeconds * 1000,
    // Whole requests may take long (uploads); slow-bodies.ts bounds their rate.
    requestTimeout: 0,
    keepAliveTimeout: limits.keepAliveSeconds * 1000,
    connectionsCheckingInterval: Math.min(5_000, limits.headerTimeoutSeconds * 500),
    noDelay: true,
  };
  const safeHandler: RequestListener = (request, response) => {
    request.url = readableUrl(request.url ?? '/');
    handler(request, response);
  };
  const server =
    tls === undefined
      ? createServer(options, safeHandler)
      : createTls({ ...options, ...readTls(tls) }, safeHandler);
  server.timeout = limits.idleTimeoutSeconds * 1000;
  server.maxConnections = limits.connections;
  server.on('clientError', answerClientError);
  boundPerSource(server, limits.connectionsPerSource, trusted);
  return server;
}

function createTls(options: object, handler: RequestListener): Server {
  const server = createTlsServer({ ...options, minVersion: 'TLSv1.2', handshakeTimeout: 15_000 }, handler);
  // A failed handshake is the client's business; without a listener Node would only destroy the socket anyway.
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  return server as unknown as Server;
}

function readTls({ certPath, keyPath }: TlsPaths): { cert: Buffer; key: Buffer } {
  return { cert: readFileSync(certPath), key: readFileSync(keyPath) };
}

/** For new connections, from now on. Throws, and changes nothing, when the files are not usable. */
export function reloadTls(server: Server, paths: TlsPaths): void {
  (server as unknown as TlsServer).setSecureContext({ ...readTls(paths), minVersion: 'TLSv1.2' });
}

/**
 * A path with a broken percent sequence would be refused by the router before any host sees it, in a form no client of
 * the host understands. Taken literally instead, it is a name like `%zz`, which no grammar here accepts.
 */
function readableUrl(url: string): string {
  if (!url.includes('%')) return url;
  const end = url.indexOf('?');
  const path = end < 0 ? url : url.slice(0, end);
  try {
    decodeURIComponent(path);
    return url;
  } catch {
    return path.replaceAll('%', '%25') + (end < 0 ? '' : url.slice(end));
  }
}

function boundPerSource(server: Server, limit: number, trusted: TrustedProxies): void {
  const open = new Map<string, number>();
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    if (address === '' || isLoopback(address) || isTrusted(address, trusted)) return;
    const source = sourceOf(address);
    const count = (open.get(source) ?? 0) + 1;
    if (count > limit) {
      socket.destroy();
      return;
    }
    open.set(source, count);
    socket.once('close', () => {
      const left = (open.get(source) ?? 1) - 1;
      if (left > 0) open.set(source, left);
      else open.delete(source);
    });
  });
}

const clientErrors: Readonly<Record<string, { status: string; detail: string }>> = {
  HPE_HEADER_OVERFLOW: {
    status: '431 Request Header Fields Too Large',
    detail: 'The headers are larger than the server accepts.',
  },
  ERR_HTTP_REQUEST_TIMEOUT: { status: '408 Request Timeout', detail: 'The headers did not arrive in time.' },
};
const malformed = { status: '400 Bad Request', detail: 'This is not a well-formed HTTP request.' };

function answerClientError(
  error: NodeJS.ErrnoException,
  socket: Socket & { _httpMessage?: { headersSent?: boolean } | null },
): void {
  // Bytes of an answer are on their way: another one would be taken for a part of it.
  if (error.code === 'ECONNRESET' || !socket.writable || socket._httpMessage?.headersSent === true) {
    socket.destroy();
    return;
  }
  const { status, detail } = clientErrors[error.code ?? ''] ?? malformed;
  const body = JSON.stringify({
    type: 'urn:tallyman:error:invalid',
    title: status.slice(4),
    status: Number(status.slice(0, 3)),
    detail,
    code: 'invalid',
  });
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
