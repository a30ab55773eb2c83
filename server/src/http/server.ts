/**
 * The HTTP server that hosts plug into. It knows no feature: it gives every request its facts, bounds what a client can
 * send and how slowly, maps errors, counts, and ends in order. Hosts find `request.facts`, `source` and `presented`
 * (request-fields.ts), and may set an error handler of their own within their plugin.
 */
import fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import { AppError, FatalError } from '../domain/error.ts';
import type { Clock } from '../stdx/clock.ts';
import { parseTrustedProxies, requestFacts, sourceOf } from './facts.ts';
import { createListener, type ListenerLimits, reloadTls, type TlsPaths } from './listener.ts';
import type { Logger } from './log.ts';
import type { HttpMetrics } from './metrics.ts';
import { parsePresented } from './presented.ts';
import { problemOf, problemType, statusOf, toAppError } from './problem.ts';
import type {} from './request-fields.ts';
import { SlowBodies } from './slow-bodies.ts';

export type HttpLimits = ListenerLimits & {
  /** A body that is held in memory. */
  bodyBytes: number;
  bodyBytesPerSecond: number;
  stopSeconds: number;
};

export type HttpOptions = {
  clock: Clock;
  log: Logger;
  metrics: HttpMetrics;
  limits: HttpLimits;
  trustedProxies: readonly string[];
  tls?: TlsPaths | undefined;
  /** Beginnings of routes that no browser shows: their answers do without the headers that only browsers read. */
  forPrograms?: readonly string[];
  /** Log every request, not only those answered with a 5xx. */
  logAll: boolean;
  /** The durable state is unknown: the program must end. */
  onFatal(error: FatalError): void;
};

export type HttpServer = {
  /** Register plugins on it before `listen`. A plugin with endless answers ends them in a `preClose` hook. */
  app: FastifyInstance;
  listen(where: { host: string; port: number }): Promise<void>;
  /** Reads certificate and key again; no effect without TLS. */
  reload(): void;
  /** Accepts nothing new, lets requests under way finish until the deadline, then cuts them. */
  stop(): Promise<void>;
};

const slowWindowSeconds = 30;
/** Longest path segment the router looks at; names are bounded more tightly by whoever parses them. */
const maxParamLength = 1_024;

export function createHttpServer(options: HttpOptions): HttpServer {
  const { limits, log, tls } = options;
  const trusted = parseTrustedProxies(options.trustedProxies);
  const listeners: ReturnType<typeof createListener>[] = [];
  const slowBodies = new SlowBodies({
    bytesPerSecond: limits.bodyBytesPerSecond,
    windowSeconds: slowWindowSeconds,
  });
  const app = fastify({
    serverFactory: (handler) => {
      const listener = createListener(handler, { limits, tls, trusted });
      listeners.push(listener);
      return listener;
    },
    // What hosts say with request.log. Fastify's own lines about requests are off: they name paths and addresses.
    loggerInstance: quiet(log),
    logController: new fastify.LogController({ disableRequestLogging: true }),
    childLoggerFactory: (logger) => logger,
    bodyLimit: limits.bodyBytes,
    routerOptions: { maxParamLength },
    forceCloseConnections: 'idle',
    frameworkErrors: (error, request, reply) => answer(error, request, reply as unknown as FastifyReply),
  }) as unknown as FastifyInstance;
  addRequestFields(app, { ...options, trusted, slowBodies });
  addErrors(app, options);
  addObservation(app, options);
  return {
    app,
    listen: async (where) => void (await app.listen(where)),
    reload: () => {
      if (tls !== undefined) for (const listener of listeners) reloadTls(listener, tls);
    },
    stop: () => stop(app, { listeners, slowBodies, limits }),
  };
}

/** Fastify tells at `info` where it listens, host by host; the program says that itself. */
function quiet(log: Logger): Logger {
  const atLeastWarn = ['trace', 'debug', 'info'].includes(log.level) ? 'warn' : log.level;
  return log.child({}, { level: atLeastWarn });
}

type FieldParts = HttpOptions & { trusted: ReturnType<typeof parseTrustedProxies>; slowBodies: SlowBodies };

function addRequestFields(
  app: FastifyInstance,
  { clock, trusted, slowBodies, tls, forPrograms = [] }: FieldParts,
): void {
  const isForPrograms = (route = ''): boolean => forPrograms.some((prefix) => route.startsWith(prefix));
  app.decorateRequest('facts', null as never);
  app.decorateRequest('source', '');
  app.decorateRequest('presented', null as never);
  app.addHook('onRequest', (request, reply, done) => {
    const { raw } = request;
    const seen = { method: request.method, remoteAddress: raw.socket.remoteAddress, headers: raw.headers };
    const facts = requestFacts(seen, { clock, trusted, route: request.routeOptions.url });
    request.facts = facts;
    request.id = facts.id;
    request.source = sourceOf(facts.ip ?? '');
    request.presented = parsePresented(raw.headers);
    slowBodies.watch(raw, reply.raw);
    reply.header('x-request-id', facts.id);
    reply.header('x-content-type-options', 'nosniff');
    if (!isForPrograms(facts.route)) {
      // What is not a page of ours must not run as one; the console sets its own policy.
      reply.header('content-security-policy', "default-src 'none'; frame-ancestors 'none'");
      reply.header('referrer-policy', 'no-referrer');
    }
    if (tls !== undefined) reply.header('strict-transport-security', 'max-age=31536000');
    done();
  });
}

function addErrors(app: FastifyInstance, { log, onFatal }: HttpOptions): void {
  // Runs whoever's error handler answers, so nothing unknown goes unlogged because a host forgot.
  app.addHook('onError', (request, _reply, error, done) => {
    const appError = toAppError(error, request.id);
    if (appError.code === 'internal') {
      log.error(
        { requestId: request.id, method: request.method, route: request.routeOptions.url, error: appError },
        'request failed',
      );
    }
    if (error instanceof FatalError) onFatal(error);
    done();
  });
  app.setErrorHandler(answer);
  app.setNotFoundHandler((request) => {
    const message = `There is nothing at this address for ${request.method}. Check the path and the method.`;
    throw new AppError('not_found', message);
  });
}

function answer(error: FastifyError | Error, request: Pick<FastifyRequest, 'id'>, reply: FastifyReply): void {
  const appError = toAppError(error, request.id);
  if (appError.code === 'unauthenticated' && !reply.hasHeader('www-authenticate')) {
    reply.header('www-authenticate', 'Bearer realm="tallyman"');
  }
  if (appError.retryAfterSeconds !== undefined) reply.header('retry-after', appError.retryAfterSeconds);
  void reply.code(statusOf[appError.code]).type(problemType).send(problemOf(appError, request.id));
}

function addObservation(app: FastifyInstance, { log, metrics, logAll }: HttpOptions): void {
  app.addHook('onResponse', (request, reply, done) => {
    const status = reply.statusCode;
    const { method } = request;
    const route = request.facts.route ?? 'none';
    const durationMs = reply.elapsedTime;
    metrics.observe({ method, route, status, durationMs });
    if (logAll || status >= 500) {
      const line = {
        requestId: request.id,
        method,
        route,
        status,
        durationMs: Math.round(durationMs * 1000) / 1000,
      };
      if (status >= 500) log.warn(line, 'request');
      else log.info(line, 'request');
    }
    done();
  });
}

type StopParts = {
  listeners: ReturnType<typeof createListener>[];
  slowBodies: SlowBodies;
  limits: HttpLimits;
};

async function stop(app: FastifyInstance, { listeners, slowBodies, limits }: StopParts): Promise<void> {
  const deadline = setTimeout(() => {
    for (const listener of listeners) listener.closeAllConnections();
  }, limits.stopSeconds * 1000);
  try {
    await app.close();
  } finally {
    clearTimeout(deadline);
    slowBodies.stop();
  }
}
