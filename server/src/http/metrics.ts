/** Prometheus metrics: the process, HTTP by route pattern, and whatever main.ts adds to the registry. */
import { hash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client';
import { AppError } from '../domain/error.ts';
import type { Secret } from '../stdx/secret.ts';
import { isLoopback } from './facts.ts';

export type Answered = { method: string; route: string; status: number; durationMs: number };

export class HttpMetrics {
  readonly registry = new Registry();
  readonly #requests: Counter<'method' | 'route' | 'status'>;
  readonly #durations: Histogram<'method' | 'route'>;

  constructor() {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.#requests = new Counter({
      name: 'tallyman_http_requests_total',
      help: 'Requests answered, by method, route pattern and status',
      labelNames: ['method', 'route', 'status'],
      registers,
    });
    this.#durations = new Histogram({
      name: 'tallyman_http_request_duration_seconds',
      help: 'Time from the first byte of a request to the last of its answer, by method and route pattern',
      labelNames: ['method', 'route'],
      buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60],
      registers,
    });
  }

  observe({ method, route, status, durationMs }: Answered): void {
    this.#requests.inc({ method, route, status });
    this.#durations.observe({ method, route }, durationMs / 1000);
  }
}

/**
 * With a token, whoever presents it; without one, this machine only. A proxy on this machine makes strangers look like
 * it, so a request that says it was forwarded does not count as local.
 */
export function addMetricsRoute(
  app: FastifyInstance,
  { registry, token }: { registry: Registry; token: Secret | undefined },
): void {
  app.get('/metrics', async (request, reply) => {
    const { headers, socket } = request.raw;
    if (token !== undefined) {
      const { presented } = request;
      if (presented.kind !== 'bearer' || !sameText(presented.token, token.reveal())) {
        throw new AppError('unauthenticated', 'Metrics need the bearer token of the setting metrics.token.');
      }
    } else if (
      !isLoopback(socket.remoteAddress ?? '') ||
      headers['x-forwarded-for'] !== undefined ||
      headers.forwarded !== undefined ||
      headers.via !== undefined
    ) {
      throw new AppError(
        'forbidden',
        'Metrics are only shown to the machine itself. Set metrics.token to read them from elsewhere.',
      );
    }
    reply.header('cache-control', 'no-store');
    return reply.type(registry.contentType).send(await registry.metrics());
  });
}

function sameText(a: string, b: string): boolean {
  return timingSafeEqual(hash('sha256', a, 'buffer'), hash('sha256', b, 'buffer'));
}
