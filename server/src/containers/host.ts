/**
 * The container registry as a Fastify plugin: finds the route and runs it. Bodies reach the handlers as raw streams.
 * Needs request.facts, .source and .presented (http/server.ts).
 */
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { BlobError } from '../blobs/blob-error.ts';
import { AppError } from '../domain/error.ts';
import { withRoute } from '../http/request-fields.ts';
import { BareChallenges } from './challenges.ts';
import { ClientGone } from './errors.ts';
import { type ContainerRoute, type Exchange, methods, type Resource, type RouteAction } from './exchange.ts';
import { recordFailure, sendFailure } from './failures.ts';
import { admit, requireCaller } from './gate.ts';
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
    app.setErrorHandler((error, request, reply) =>
      sendFailure(host, { error, request, reply, exchange: failed.get(request) }),
    );
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

/** What the error handler needs to know of a request that failed. */
const failed = new WeakMap<FastifyRequest, Exchange>();
const noQuery = new URLSearchParams();

async function serve(host: Host, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  reply.header('docker-distribution-api-version', 'registry/2.0');
  const matched = matchUrl(request.raw.url ?? '');
  const route =
    (matched && findRoute(matched.resource, request.method)) ?? stray(matched?.resource, request.method);
  // Metrics and events name the route, not the wildcard the framework knows.
  request.facts = withRoute(request.facts, route.path);
  const exchange: Exchange = {
    request,
    reply,
    route,
    path: matched?.name ?? '',
    reference: matched?.reference ?? '',
    query: matched === undefined || matched.query === '' ? noQuery : new URLSearchParams(matched.query),
  };
  try {
    await route.handler(host, exchange);
  } catch (thrown) {
    if (isClientGone(thrown)) {
      request.raw.destroy();
      return reply.hijack();
    }
    failed.set(request, exchange);
    throw await recordFailure(host, exchange, thrown);
  }
  return reply;
}

function isClientGone(thrown: unknown): boolean {
  return thrown instanceof ClientGone || (thrown instanceof BlobError && thrown.kind === 'interrupted');
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
