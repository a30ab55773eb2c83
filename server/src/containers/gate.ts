/**
 * Who may pass. The gates stand in this order, and the first that fails names the event: credential (identity records
 * its own), name, right, ceiling of the registry token. What is hidden and what is missing are answered alike: writes
 * 403 DENIED, reads 404 NAME_UNKNOWN, and 401 with a challenge to whoever has not said who they are.
 */
import type { Decision, Namespace, Project } from '../access/model.ts';
import { atLeast } from '../access/model.ts';
import type { Caller, Grant } from '../domain/caller.ts';
import { AppError } from '../domain/error.ts';
import { parseProjectPath } from '../domain/names.ts';
import { type Presented, surfaceOf } from '../http/presented.ts';
import type { SignInContext } from '../identity/sign-in-context.ts';
import { withoutEvent } from './errors.ts';
import type { Admitted, AdmittedToProject, Exchange, RouteAction } from './exchange.ts';
import type { Host } from './parts.ts';

export const switchOf = { pull: 'failed_pulls', push: 'failed_pushes', delete: 'failed_deletions' } as const;
const doing = { pull: 'pull from', push: 'push to', delete: 'delete from' } as const;

/** Answers 401 with a challenge; thrown by every gate that asks for other credentials. */
export class Challenge extends AppError {
  readonly error: 'invalid_token' | 'insufficient_scope' | undefined;
  /** A further project that the token is to pull from. */
  readonly source: string | undefined;

  constructor(
    message: string,
    options: {
      error?: 'invalid_token' | 'insufficient_scope';
      reason?: 'not_signed_in' | 'scope_missing';
      source?: string;
    } = {},
  ) {
    super('unauthenticated', message, { reason: options.reason ?? 'not_signed_in' });
    this.error = options.error;
    this.source = options.source;
  }
}

/**
 * Whoever presented something genuine. Throws a Challenge when nothing was presented, after counting it; what identity
 * refuses it has recorded, so it is no event of ours.
 */
export async function requireCaller(host: Host, exchange: Exchange): Promise<Caller> {
  const { request, route } = exchange;
  const action = route.action ?? 'sign_in';
  const attempted = {
    action,
    ...(exchange.path !== '' && { project: exchange.path }),
    ...(exchange.reference !== '' && { reference: exchange.reference }),
  };
  const context: SignInContext = {
    surface: surfaceOf(request.presented),
    request: request.facts,
    source: request.source,
    attempted,
    groups: route.action === undefined ? [] : [switchOf[route.action]],
  };
  // The console's cookie is for the console: taken here, another site's page could push with it.
  const presented: Presented = request.presented.kind === 'session' ? { kind: 'none' } : request.presented;
  const caller = await authenticate(host, presented, context);
  if (caller === undefined) return bareChallenge(host, context);
  exchange.caller = caller;
  return caller;
}

/** Undefined when nothing was presented. Whatever was, ends the count of bare challenges of its source. */
export async function authenticate(
  host: Pick<Host, 'identity' | 'challenges'>,
  presented: Presented,
  context: SignInContext,
): Promise<Caller | undefined> {
  if (presented.kind !== 'none') host.challenges.forget(context.source);
  try {
    return await host.identity.authenticate(presented, context);
  } catch (error) {
    throw error instanceof AppError ? withoutEvent(error) : error;
  }
}

/** Every client begins with a request without credentials; a source that goes on so for long is recorded once. */
export async function bareChallenge(
  host: Pick<Host, 'trail' | 'challenges'>,
  context: SignInContext,
): Promise<never> {
  if (host.challenges.note(context.source)) {
    await host.trail.attempt(
      {
        type: 'account.sign_in.refuse',
        by: {
          actor: { kind: 'anonymous', proven: false },
          credential: { kind: 'none' },
          request: context.request,
        },
        scope: {},
        outcome: 'denied',
        reason: 'not_signed_in',
        source: context.source,
        status: 401,
        details: { attempted: context.attempted, surface: context.surface },
      },
      context.groups,
    );
  }
  throw withoutEvent(
    new Challenge('Sign in first: this needs a user name with a password or token, or a registry token.'),
  );
}

/** Throws unless the caller may do what the route does. The project may not exist: `requireProject` asks for it. */
export async function admit(host: Host, exchange: Exchange): Promise<Admitted> {
  const caller = await requireCaller(host, exchange);
  const action = exchange.route.action ?? 'pull';
  const { path, namespace: namespaceName } = parseProjectPath(exchange.path);
  const project = await host.access.findProject('container', path);
  const namespace = await host.access.findNamespace(namespaceName);
  exchange.scope = host.access.scopeOf(namespace, project);
  const on = place(path, namespace, project);
  const decision = await host.access.decide(caller, action, on);
  if (!decision.allowed && !mayIfItExists(decision)) {
    throw await refusalOf(host, exchange, { caller, denial: decision, action, place: on });
  }
  requireCeiling(caller, path, action);
  // A namespace that is not there grants nothing, so whoever passed has one.
  return { caller, namespace: namespace as Namespace, project, scope: exchange.scope };
}

export function place(path: string, namespace: Namespace | undefined, project: Project | undefined) {
  return { namespace, path, project };
}

/** Allowed, or only the project is missing to somebody who holds the role on its namespace. */
export function mayIfItExists(decision: Decision): boolean {
  if (decision.allowed) return true;
  return decision.reason === 'project_unknown' && atLeast(decision.roleHeld, decision.roleNeeded);
}

export function requireProject(admitted: Admitted, { path }: Exchange): AdmittedToProject {
  if (admitted.project === undefined) throw projectUnknown(path);
  return admitted as AdmittedToProject;
}

export function projectUnknown(path: string): AppError {
  return new AppError('not_found', `There is no repository ${path} that you may read.`, {
    reason: 'project_unknown',
    details: { name: path },
  });
}

/** What a refusal is told by, besides the error itself. */
export type Refused = { roleHeld?: string; roleNeeded?: string };
const refusedRoles = new WeakMap<AppError, Refused>();

export function rolesOf(error: AppError): Refused {
  return refusedRoles.get(error) ?? {};
}

type Denial = Decision & { allowed: false };

/** The event tells of what the client set out to do, so that the requests of one refused push are one refusal. */
async function refusalOf(
  host: Pick<Host, 'access'>,
  exchange: Exchange,
  of: { caller: Caller; denial: Denial; action: RouteAction; place: ReturnType<typeof place> },
): Promise<AppError> {
  const { caller, denial, action } = of;
  const counted = countedAction(action, grantOf(caller, exchange.path));
  const meant = counted === action ? denial : await host.access.decide(caller, counted, of.place);
  const told = meant.allowed ? denial : meant;
  const error = answerTo(exchange, caller, { ...denial, reason: told.reason }, action);
  refusedRoles.set(error, { roleHeld: told.roleHeld, roleNeeded: told.roleNeeded });
  return error;
}

function answerTo(exchange: Exchange, caller: Caller, decision: Denial, action: RouteAction): AppError {
  const { path } = exchange;
  const { reason, visible, roleHeld } = decision;
  if (caller.actor.kind === 'anonymous') {
    return new Challenge(`Sign in to ${doing[action]} ${path}, if it exists.`, {
      error: 'insufficient_scope',
    });
  }
  if (reason === 'name_reserved' && atLeast(roleHeld, decision.roleNeeded)) {
    return new AppError(
      'forbidden',
      `The name ${path} is reserved: it is a word of this server, or a project had it before. An administrator can free a former name.`,
      { reason },
    );
  }
  if (reason === 'scope_missing' && visible) {
    return new AppError(
      'forbidden',
      `Your token may not ${doing[action]} ${path}: it lacks the scope for it. Use a token that has it.`,
      { reason },
    );
  }
  if (action === 'pull' && !visible) {
    return new AppError('not_found', projectUnknown(path).message, { reason, details: { name: path } });
  }
  const held = visible && roleHeld !== 'none' ? ` You hold the role ${roleHeld}.` : '';
  return new AppError(
    'forbidden',
    `You may not ${doing[action]} ${path}: that needs the role ${decision.roleNeeded}, from an owner of the project or its namespace.${held}`,
    { reason, details: { name: path } },
  );
}

/**
 * A registry token can do what was asked for and granted when it was issued, at most. What was not even asked for is
 * answered by a challenge for a further token, and is no event: the right itself was found above. What was asked for and
 * not granted is a refusal.
 */
function requireCeiling(caller: Caller, path: string, action: RouteAction): void {
  if (caller.grants === undefined) return;
  const grant = grantOf(caller, path);
  if (grant?.granted.includes(action)) return;
  const asked = grant?.requested.some((name) => name === action || name === '*') ?? false;
  const error = new Challenge(
    `Your registry token was not issued to ${doing[action]} ${path}. Ask for another with that scope.`,
    {
      error: 'insufficient_scope',
      reason: 'scope_missing',
    },
  );
  throw asked ? error : withoutEvent(error);
}

export function grantOf(caller: Caller, path: string): Grant | undefined {
  return caller.grants?.find((grant) => grant.project === path);
}

/**
 * A refusal counts under what the client set out to do when it asked for its token, not under the HTTP method: pushes
 * and deletions begin with HEAD and GET.
 */
export function countedAction(action: RouteAction, grant: Grant | undefined): RouteAction {
  if (action !== 'pull' || grant === undefined) return action;
  if (grant.requested.includes('push')) return 'push';
  return grant.requested.some((name) => name === 'delete' || name === '*') ? 'delete' : 'pull';
}
