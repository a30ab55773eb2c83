/** `/healthz`: the process answers. `/readyz`: it can do its work. Neither tells a stranger more than yes or no. */
import type { FastifyInstance } from 'fastify';
import type { Clock } from '../stdx/clock.ts';

/** Rejects when its part cannot work now. */
export type Probe = () => Promise<void>;

export type Readiness = { ready: boolean; checks: Record<string, 'ok' | 'failed'> };

const probeTimeoutMs = 3_000;
/** Asking more often does not make the probes run more often. */
const keptMs = 1_000;

/** Runs the probes, at most once a second whoever asks; `tell` hears of each one that fails. */
export function createReadiness(parts: {
  clock: Clock;
  probes: Readonly<Record<string, Probe>>;
  tell(check: string, error: unknown): void;
}): () => Promise<Readiness> {
  let running: Promise<Readiness> | undefined;
  let last: { readiness: Readiness; atMs: number } | undefined;
  const run = async (): Promise<Readiness> => {
    const checks: Record<string, 'ok' | 'failed'> = {};
    await Promise.all(
      Object.entries(parts.probes).map(async ([name, probe]) => {
        try {
          await withTimeout(probe());
          checks[name] = 'ok';
        } catch (error) {
          checks[name] = 'failed';
          parts.tell(name, error);
        }
      }),
    );
    const readiness = { ready: Object.values(checks).every((check) => check === 'ok'), checks };
    last = { readiness, atMs: parts.clock.nowMs() };
    return readiness;
  };
  return async () => {
    if (last !== undefined && Math.abs(parts.clock.nowMs() - last.atMs) < keptMs) return last.readiness;
    running ??= run().finally(() => {
      running = undefined;
    });
    return running;
  };
}

export function addHealthRoutes(app: FastifyInstance, readiness: () => Promise<Readiness>): void {
  app.get('/healthz', async (_request, reply) =>
    reply.header('cache-control', 'no-store').send({ status: 'ok' }),
  );
  app.get('/readyz', async (_request, reply) => {
    const { ready, checks } = await readiness();
    return reply
      .code(ready ? 200 : 503)
      .header('cache-control', 'no-store')
      .send({ status: ready ? 'ready' : 'not ready', checks });
  });
}

function withTimeout(work: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the probe took too long')), probeTimeoutMs);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
