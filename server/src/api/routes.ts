/**
 * Binds the contract's table of endpoints to handlers: gates, body, handler, answer; and every refusal to its event,
 * durable before the answer. Nothing here knows a noun.
 */
import { type ApiMethod, type ApiRoute, type ApiRouteId, apiRoute, apiRouteIds } from '@tallyman/contract';
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../domain/error.ts';
import { problemOf, problemType, statusOf, toAppError } from '../http/problem.ts';
import { withStatus } from '../http/request-fields.ts';
import type { Clock } from '../stdx/clock.ts';
import type { Trail } from '../trail/trail.ts';
import { type ApiHandlers, sent } from './call.ts';
import { CallRate } from './call-rate.ts';
import { type Found, type GateParts, meet, passGates } from './gates.ts';
import { parseInput } from './input.ts';
import { openApiDocument, openApiPath } from './openapi.ts';
import { refusalDraft, type Visit } from './refusals.ts';

export const maxBodyBytes = 1024 * 1024;

export type BindingParts = GateParts & {
  clock: Clock;
  trail: Pick<Trail, 'attempt'>;
  handlers: ApiHandlers<ApiRouteId>;
  /** Calls of one credential within a minute. */
  callsPerMinute?: number;
};

const usualCallsPerMinute = 12_000;

/** Handlers are typed one by one; here they are all alike. */
type AnyHandler = (call: Record<string, unknown>) => Promise<unknown>;

/** These take credentials in their body, or tell nothing: what a browser still sends along does not stand in the way. */
const ignoresCredentials: ReadonlySet<ApiRouteId> = new Set([
  'setup.get',
  'setup.create',
  'session.create',
  'events.types',
]);

const allMethods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

export function bindRoutes(parts: BindingParts): FastifyPluginAsync {
  const visits = new WeakMap<FastifyRequest, Visit & { found?: Found }>();
  return async (app) => {
    const closing = new AbortController();
    acceptJsonOnly(app);
    app.addHook('preClose', async () => closing.abort());
    app.addHook('onSend', async (_request, reply) => void reply.header('cache-control', 'no-store'));
    app.setErrorHandler((error, request, reply) =>
      refuse(parts, visits.get(request), { error, request, reply }),
    );
    const { clock, callsPerMinute: perMinute = usualCallsPerMinute } = parts;
    const rate = new CallRate({ clock, perMinute });
    const bound = { ...parts, rate, visits, closing: closing.signal };
    for (const id of apiRouteIds) bindRoute(app, bound, id);
    bindOtherMethods(app, bound);
    app.get(openApiPath, async () => openApiDocument());
    app.all('/api/*', async (request) => {
      throw new AppError(
        'not_found',
        `There is no such endpoint for ${request.method}. GET ${openApiPath} lists them all.`,
      );
    });
  };
}

type Bound = BindingParts & {
  visits: WeakMap<FastifyRequest, Visit & { found?: Found }>;
  closing: AbortSignal;
  rate: CallRate;
};

/** The router's form of a path: `{name}` becomes `:name`. */
export function routerPath(path: string): string {
  return path.replace(/\{(\w+)\}/g, ':$1');
}

function bindRoute(app: FastifyInstance, parts: Bound, id: ApiRouteId): void {
  const row = apiRoute(id);
  const handler = parts.handlers[id] as unknown as AnyHandler;
  app.route({
    method: row.method,
    url: routerPath(row.path),
    exposeHeadRoute: row.method === 'GET' && row.formats === undefined,
    onRequest: async (request) => {
      const visit: Visit & { found?: Found; row: ApiRoute } = { id, row, scope: {}, attempted: {} };
      parts.visits.set(request, visit);
      if (ignoresCredentials.has(id)) request.presented = { kind: 'none' };
      visit.found = await passGates(parts, visit, request).catch((error: unknown) => {
        if (id !== 'session.get' || !isDeadSession(error, request)) throw error;
        // Asked whether one is signed in, a session that has ended is an answer: no.
        request.presented = { kind: 'none' };
        return passGates(parts, visit, request);
      });
    },
    handler: async (request, reply) => {
      const visit = parts.visits.get(request) as Visit & { found: Found };
      const body =
        row.body === undefined ? requireNoBody(request) : parseInput(row.body, request.body ?? {}, 'body');
      // Who fails after this tells it with the status of the failure: see refusals.ts.
      const done = withStatus(request.facts, row.status);
      const answer = await handler({
        ...visit.found,
        caller: visit.caller && { ...visit.caller, request: done },
        done,
        visit,
        body,
        request,
        reply,
        closing: parts.closing,
      });
      if (answer === sent) return reply;
      reply.code(row.status);
      return row.status === 204 ? reply.send() : answer;
    },
  });
}

function isDeadSession(error: unknown, { presented }: FastifyRequest): boolean {
  return presented.kind === 'session' && error instanceof AppError && error.code === 'unauthenticated';
}

function requireNoBody(request: FastifyRequest): undefined {
  if (request.body === undefined || request.body === null) return undefined;
  throw new AppError('invalid', 'This endpoint takes no body.', {
    reason: 'request_invalid',
    details: { field: 'body' },
  });
}

/** A path that exists answers other methods with 405 and what it allows. */
function bindOtherMethods(app: FastifyInstance, parts: Bound): void {
  const methodsOf = new Map<string, Set<string>>([[openApiPath, new Set(['GET', 'HEAD'])]]);
  for (const id of apiRouteIds) {
    const { path, method, formats } = apiRoute(id);
    const methods = methodsOf.get(path) ?? new Set<ApiMethod | 'HEAD'>();
    methods.add(method);
    if (method === 'GET' && formats === undefined) methods.add('HEAD');
    methodsOf.set(path, methods);
  }
  for (const [path, methods] of methodsOf) {
    const allow = [...methods].sort().join(', ');
    app.route({
      method: allMethods.filter((method) => !methods.has(method)),
      url: routerPath(path),
      onRequest: async (request, reply) => {
        reply.header('allow', allow);
        const row = { refusal: 'api.action.refuse', permission: 'signed_in' } as const;
        const visit: Visit = { id: undefined, row, scope: {}, attempted: {} };
        parts.visits.set(request, visit);
        await meet(parts, visit, request);
        parts.rate.require(visit.caller, request.source);
        throw new AppError('method_not_allowed', `${request.method} is not allowed here; use ${allow}.`, {
          reason: 'method_not_allowed',
        });
      },
      handler: async () => undefined,
    });
  }
}

function acceptJsonOnly(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'string', bodyLimit: maxBodyBytes },
    app.getDefaultJsonParser('error', 'error'),
  );
}

type Refused = { error: unknown; request: FastifyRequest; reply: FastifyReply };

/** Records, then answers. A refusal that cannot be recorded is answered as unavailable: no record, no answer. */
export async function refuse(
  { trail }: Pick<BindingParts, 'trail'>,
  visit: Visit | undefined,
  { error, request, reply }: Refused,
): Promise<void> {
  let told = toAppError(error, request.id);
  const draft = visit === undefined ? undefined : refusalDraft(visit, told);
  if (draft !== undefined) {
    try {
      await trail.attempt(draft);
    } catch (cause) {
      told = new AppError(
        'unavailable',
        'The audit trail cannot be written now, so nothing is answered. Try again later.',
        {
          reason: 'unavailable',
          retryAfterSeconds: 5,
          cause,
        },
      );
      request.log.error({ requestId: request.id, error: cause }, 'refusal not recorded');
    }
  }
  if (told.code === 'unauthenticated' && !reply.hasHeader('www-authenticate')) {
    // Not Basic: a browser would ask for a password over the console's own page.
    reply.header('www-authenticate', 'Bearer realm="tallyman"');
  }
  if (told.retryAfterSeconds !== undefined) reply.header('retry-after', told.retryAfterSeconds);
  await reply.code(statusOf[told.code]).type(problemType).send(problemOf(told, request.id));
}
