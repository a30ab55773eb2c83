/**
 * The container registry as a Fastify plugin: finds the route, runs it, and turns whatever is thrown into one event and
 * one OCI answer. Bodies reach the handlers as raw streams. Needs request.facts, .source and .presented (http/server.ts).
 */
import type { Reason } from '@tallyman/contract';
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../domain/error.ts';
import '../http/request-fields.ts';
import { mustClose } from './body.ts';
import { BareChallenges } from './challenges.ts';
import { bodyOfError, ClientGone, needsEvent, statusOfError, toContainerError } from './errors.ts';
import { type ContainerRoute, type Exchange, methods, type Resource, type RouteAction } from './exchange.ts';
import { admit, Challenge, countedAction, grantOf, requireCaller, rolesOf } from './gate.ts';
import { matchUrl } from './match.ts';
import { type ContainerLimits, type ContainerParts, containerLimits, type Host } from './parts.ts';
import { PullMemory } from './pull-memory.ts';
import { findRoute, methodsOf, resourcePaths } from './routes.ts';

export function containerRoutes(
  parts: ContainerParts & { limits?: Partial<ContainerLimits> },
): FastifyPluginAsync {
  const host = openHost(parts);
  return async (app) => {
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', (_request, _payload, done) => done(null));
    const handler = (request: FastifyRequest, reply: FastifyReply) => serve(host, request, reply);
    for (const url of ['/v2', '/v2/*'])
      app.route({ method: [...methods], url, exposeHeadRoute: false, handler });
  };
}

function openHost(parts: ContainerParts & { limits?: Partial<ContainerLimits> }): Host {
  const limits = { ...containerLimits, ...parts.limits };
  return {
    ...parts,
    limits,
    pulls: new PullMemory(parts.clock, limits),
    challenges: new BareChallenges(parts.clock, limits),
  };
}

async function serve(host: Host, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  reply.header('docker-distribution-api-version', 'registry/2.0').header('x-content-type-options', 'nosniff');
  const matched = matchUrl(request.raw.url ?? '');
  const route =
    (matched && findRoute(matched.resource, request.method)) ?? stray(matched?.resource, request.method);
  const exchange: Exchange = {
    request,
    reply,
    route,
    path: matched?.name ?? '',
    reference: matched?.reference ?? '',
    query: new URLSearchParams(matched?.query ?? ''),
  };
  try {
    await route.handler(host, exchange);
  } catch (error) {
    await answerError(host, exchange, error);
  }
  return reply;
}

/** What no route of the table is: a method that a resource does not know, or a path that names no resource. */
function stray(resource: Resource | undefined, method: string): ContainerRoute {
  const action: RouteAction =
    method === 'DELETE'
      ? 'delete'
      : method === 'GET' || method === 'HEAD' || method === 'OPTIONS'
        ? 'pull'
        : 'push';
  return {
    method: method as ContainerRoute['method'],
    resource: resource ?? 'base',
    path: resource === undefined ? '/v2/*' : resourcePaths[resource],
    spec: 'RFC 9110 §15.5.5, §15.5.6',
    action,
    events: [],
    refusal: `container.${action}.refuse`,
    silent: '',
    body: 'none',
    handler: resource === undefined ? refusePath : refuseMethod,
  };
}

async function refusePath(host: Host, exchange: Exchange): Promise<never> {
  await requireCaller(host, exchange);
  throw new AppError(
    'not_found',
    'There is nothing here. Routes of the registry are /v2/<namespace>/<name>/… with manifests, blobs, tags or referrers.',
    {
      reason: 'request_invalid',
    },
  );
}

async function refuseMethod(host: Host, exchange: Exchange): Promise<never> {
  if (exchange.path === '') await requireCaller(host, exchange);
  else await admit(host, exchange);
  throw new AppError(
    'method_not_allowed',
    `${exchange.route.method} is not for ${exchange.route.path}. Use ${methodsOf(exchange.route.resource).join(', ')}.`,
    {
      reason: 'method_not_allowed',
    },
  );
}

async function answerError(host: Host, exchange: Exchange, thrown: unknown): Promise<void> {
  const { request, reply } = exchange;
  if (thrown instanceof ClientGone) {
    request.raw.destroy();
    reply.hijack();
    return;
  }
  let error = toContainerError(thrown, request.facts.id);
  if (error instanceof AppError && error.cause instanceof ClientGone)
    return answerError(host, exchange, error.cause);
  if (error.code === 'internal')
    request.log.error({ err: error.cause, requestId: request.facts.id }, 'a registry request failed');
  try {
    await recordRefusal(host, exchange, error);
  } catch (failure) {
    // A refusal that cannot be recorded is not answered as one.
    error = toContainerError(failure, request.facts.id);
  }
  sendError(host, exchange, error);
}

function sendError(host: Host, exchange: Exchange, error: AppError): void {
  const { reply, request } = exchange;
  if (error.code === 'unauthenticated') reply.header('www-authenticate', challengeOf(host, exchange, error));
  if (error.code === 'method_not_allowed')
    reply.header('allow', methodsOf(exchange.route.resource).join(', '));
  if (error.retryAfterSeconds !== undefined) reply.header('retry-after', error.retryAfterSeconds);
  if (mustClose(request.raw)) reply.header('connection', 'close');
  reply.code(statusOfError(error)).type('application/json');
  const body = Buffer.from(JSON.stringify(bodyOfError(error)));
  if (request.method === 'HEAD') reply.header('content-length', body.length).send();
  else reply.send(body);
}

const scopeActions = { pull: 'pull', push: 'pull,push', delete: 'delete' } as const;

/** Registry token specification §How to authenticate; RFC 6750 §3. */
export function challengeOf(
  host: Pick<Host, 'publicUrl'>,
  { route, path }: Exchange,
  error?: AppError,
): string {
  const service = new URL(host.publicUrl).host;
  let text = `Bearer realm="${host.publicUrl}/v2/auth",service="${service}"`;
  if (route.resource === 'catalog') text += ',scope="registry:catalog:*"';
  else if (route.action !== undefined && isPlain(path))
    text += `,scope="repository:${path}:${scopeActions[route.action]}"`;
  if (error instanceof Challenge) return error.error === undefined ? text : `${text},error="${error.error}"`;
  return error === undefined ? text : `${text},error="invalid_token"`;
}

/** Only what could be a name is repeated in a header. */
function isPlain(path: string): boolean {
  return path !== '' && path.length <= 255 && /^[a-z0-9._/-]+$/.test(path);
}

const denied: ReadonlySet<Reason> = new Set<Reason>([
  'not_signed_in',
  'not_permitted',
  'scope_missing',
  'namespace_unknown',
  'name_reserved',
  'tag_immutable',
  'quota_exceeded',
  'rate_limited',
  'manifest_referenced',
]);

/** One event for what was refused, before it is answered. Identity and bare challenges have recorded their own. */
async function recordRefusal(host: Host, exchange: Exchange, error: AppError): Promise<void> {
  const { route, caller, path, reference } = exchange;
  if (!needsEvent(error) || route.refusal === undefined || caller === undefined) return;
  const reason = error.reason ?? 'unavailable';
  const grant = grantOf(caller, path);
  const asked = rolesOf(error);
  // What fails after the right was found counts under what was being done.
  const byRight = asked.roleNeeded !== undefined || error instanceof Challenge;
  const action = byRight ? countedAction(route.action ?? 'pull', grant) : (route.action ?? 'pull');
  await host.trail.attempt({
    type: `container.${action}.refuse`,
    by: caller,
    scope: exchange.scope ?? {},
    outcome: byRight || denied.has(reason) ? 'denied' : 'failed',
    reason,
    source: caller.source,
    status: statusOfError(error),
    details: {
      attempted: {
        action,
        ...(path !== '' && { project: path }),
        ...(reference !== '' && { reference }),
      },
      ...asked,
      ...(grant && { requested: [...grant.requested], granted: [...grant.granted] }),
      message: error.message,
    },
  });
}
