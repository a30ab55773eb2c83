/** What becomes of a request that failed: one event, if it was refused, then one answer in the form of the protocol. */
import type { Reason } from '@tallyman/contract';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type AppError, FatalError } from '../domain/error.ts';
import { lockOf } from '../policies/locked.ts';
import { mustClose } from './body.ts';
import { bodyOfError, needsEvent, statusOfError, toContainerError } from './errors.ts';
import type { ContainerRoute, Exchange } from './exchange.ts';
import { Challenge, countedAction, grantOf, rolesOf } from './gate.ts';
import type { Host } from './parts.ts';
import { methodsOf } from './routes.ts';

/** Resolves to what to answer, once the refusal is durable. */
export async function recordFailure(host: Host, exchange: Exchange, thrown: unknown): Promise<unknown> {
  if (thrown instanceof FatalError) return thrown;
  const error = toContainerError(thrown, exchange.request.facts.id);
  try {
    await recordRefusal(host, exchange, error);
    return error;
  } catch (failure) {
    // A refusal that cannot be recorded is not answered as one.
    return failure;
  }
}

type Failure = {
  error: unknown;
  request: FastifyRequest;
  reply: FastifyReply;
  exchange: Exchange | undefined;
};

export function sendFailure(
  host: Pick<Host, 'publicUrl'>,
  { error: thrown, request, reply, exchange }: Failure,
): void {
  const error = toContainerError(thrown, request.facts.id);
  if (error.code === 'unauthenticated') reply.header('www-authenticate', challengeOf(host, exchange, error));
  if (error.code === 'method_not_allowed' && exchange)
    reply.header('allow', methodsOf(exchange.route.resource).join(', '));
  if (error.retryAfterSeconds !== undefined) reply.header('retry-after', error.retryAfterSeconds);
  if (error.code === 'range_not_satisfiable' && error.details.field === 'range') {
    reply.header('content-range', `bytes */${error.details.sizeBytes}`);
  }
  if (mustClose(request.raw)) reply.header('connection', 'close');
  const body = Buffer.from(JSON.stringify(bodyOfError(error)));
  reply.code(statusOfError(error)).type('application/json');
  if (request.method === 'HEAD') reply.header('content-length', body.length).send();
  else reply.send(body);
}

const scopeActions = { pull: 'pull', push: 'pull,push', delete: 'delete' } as const;

/** Registry token specification §How to authenticate; RFC 6750 §3. */
export function challengeOf(
  host: Pick<Host, 'publicUrl'>,
  exchange: Pick<Exchange, 'route' | 'path' | 'query'> | undefined,
  error?: AppError,
): string {
  const service = new URL(host.publicUrl).host;
  let text = `Bearer realm="${host.publicUrl}/v2/auth",service="${service}"`;
  const { route, path, query } = exchange ?? { path: '' };
  if (route?.resource === 'catalog') text += ',scope="registry:catalog:*"';
  else if (route?.action !== undefined && isPlain(path))
    text += `,scope="repository:${path}:${scopeActions[route.action]}${sourceScope(route, query, error)}"`;
  if (error instanceof Challenge) return error.error === undefined ? text : `${text},error="${error.error}"`;
  return error === undefined ? text : `${text},error="invalid_token"`;
}

/** A mount also reads the project it mounts from: the one it names, or the one that was found. */
function sourceScope(
  route: ContainerRoute,
  query: URLSearchParams | undefined,
  error: AppError | undefined,
): string {
  const found = error instanceof Challenge ? error.source : undefined;
  const from = route.resource === 'uploads' ? (found ?? query?.get('from') ?? '') : '';
  return isPlain(from) ? ` repository:${from}:pull` : '';
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
  const lock = lockOf(error);
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
    ...(lock !== undefined && { blockedBy: lock.policy?.id ?? lock.eventId }),
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
      ...(lock !== undefined && { lock }),
    },
  });
}
