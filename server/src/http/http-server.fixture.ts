/** An HTTP server for tests: real, on a free port, with small limits and a log that is kept. */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { findFreePort } from '../../../tests/support/free-port.ts';
import type { FatalError } from '../domain/error.ts';
import { systemClock } from '../stdx/clock.ts';
import { createLog } from './log.ts';
import { HttpMetrics } from './metrics.ts';
import { createHttpServer, type HttpLimits, type HttpOptions, type HttpServer } from './server.ts';

export const smallLimits: HttpLimits = {
  connections: 50,
  connectionsPerSource: 10,
  headerBytes: 8_192,
  headerTimeoutSeconds: 0.2,
  idleTimeoutSeconds: 30,
  keepAliveSeconds: 5,
  bodyBytes: 1_000,
  bodyBytesPerSecond: 100,
  stopSeconds: 10,
};

export type Running = {
  http: HttpServer;
  app: FastifyInstance;
  port: number;
  url: string;
  lines: Record<string, unknown>[];
  fatal: FatalError[];
};

export async function runHttp(
  routes: (app: FastifyInstance) => void,
  more: Partial<HttpOptions> & { host?: string } = {},
): Promise<Running> {
  const lines: Record<string, unknown>[] = [];
  const fatal: FatalError[] = [];
  const log = createLog({
    level: 'trace',
    destination: { write: (line) => void lines.push(JSON.parse(line)) },
  });
  const http = createHttpServer({
    clock: systemClock(),
    log,
    metrics: new HttpMetrics(),
    limits: smallLimits,
    trustedProxies: [],
    logAll: false,
    onFatal: (error) => void fatal.push(error),
    ...more,
  });
  routes(http.app);
  const port = await findFreePort();
  await http.listen({ host: more.host ?? '127.0.0.1', port });
  return { http, app: http.app, port, url: `http://127.0.0.1:${port}`, lines, fatal };
}

/** Sends bytes and reads until the server closes the connection. */
export async function exchange(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.setEncoding('utf8').on('data', (text) => {
    answer += text;
  });
  socket.on('error', () => undefined);
  socket.write(bytes);
  await once(socket, 'close');
  return answer;
}
