/**
 * The one place where the management API decides whether somebody gets through. In this order, and the first gate that
 * fails names the event: the credential, how often it calls and its kind, the proof of origin, the names in the path, the
 * token's scope, the permission of the row. What a caller may not know of is answered like what does not exist; only the event tells the difference.
 */
import {
  type ApiPermission,
  type ApiRoute,
  csrfHeader,
  declarationOf,
  projectFormats,
} from '@tallyman/contract';
import type { FastifyRequest } from 'fastify';
import type { Access } from '../access/access.ts';
import type { Decision, Namespace, Project, ProjectAction, Role } from '../access/model.ts';
import type { Caller } from '../domain/caller.ts';
import { AppError } from '../domain/error.ts';
import { surfaceOf } from '../http/presented.ts';
import type { Identity } from '../identity/identity.ts';
import { safeText } from '../trail/seal.ts';
import type { CallRate } from './call-rate.ts';
import { parseInput } from './input.ts';
import { actionOf, type Visit } from './refusals.ts';

export type GateParts = {
  identity: Pick<Identity, 'authenticate' | 'isCsrfToken'>;
  access: Pick<Access, 'findNamespace' | 'findProject' | 'decide' | 'roleOf' | 'scopeOf' | 'ownershipOf'>;
  /** Origin of the console's pages. */
  publicUrl: string;
};

/** What the gates found; a row's permission says which of it is present. */
export type Found = {
  namespace?: Namespace;
  project?: Project;
  role?: Role;
  params: unknown;
  query: unknown;
};

const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Fills in the visit on the way; throws at the first gate that is shut. */
export async function passGates(
  parts: GateParts & { rate: CallRate },
  visit: Visit & { row: ApiRoute },
  request: FastifyRequest,
): Promise<Found> {
  await meet(parts, visit, request);
  parts.rate.require(visit.caller, request.source);
  requireNoRegistryToken(visit.caller);
  requireOrigin(parts, visit.caller, request);
  const { row } = visit;
  const params = row.params === undefined ? undefined : parseInput(row.params, request.params, 'path');
  requireScope(visit);
  const found = await gates[row.permission](parts, visit, (params ?? {}) as Names);
  const query = row.query === undefined ? undefined : parseInput(row.query, request.query, 'query');
  return { ...found, params, query };
}

/** Who asks for what, and where a refusal would stand; throws when what was presented is not accepted. */
export async function meet(
  parts: Pick<GateParts, 'identity' | 'access'>,
  visit: Visit,
  request: FastifyRequest,
): Promise<void> {
  const typed = (request.params ?? {}) as Names;
  noteAttempt(visit, typed);
  await authenticate(parts, visit, request);
  await placeVisit(parts, visit, typed);
}

/** Parameters of a path, as typed. */
type Names = Partial<
  Record<'user' | 'organisation' | 'owner' | 'namespace' | 'format' | 'path' | 'kind' | '*', string>
>;

/** What was asked for, as typed: a failed sign-in tells it, too. */
function noteAttempt(visit: Visit, typed: Names): void {
  const { format: _format, kind: _kind, ...named } = typed;
  const { path, namespace, organisation, owner, ...rest } = named;
  const project = path ?? namespace ?? organisation ?? owner;
  const reference = Object.values(rest).join(' ');
  visit.attempted = {
    ...(project !== undefined && { project: safeText(project) }),
    ...(reference !== '' && { reference: safeText(reference) }),
  };
}

async function authenticate(
  parts: Pick<GateParts, 'identity'>,
  visit: Visit,
  request: FastifyRequest,
): Promise<void> {
  const { group } = declarationOf(visit.row.refusal);
  const { project, reference } = visit.attempted;
  visit.caller = await parts.identity.authenticate(request.presented, {
    surface: surfaceOf(request.presented),
    request: request.facts,
    source: request.source,
    attempted: {
      action: actionOf(visit),
      ...(project !== undefined && { project }),
      ...(reference !== undefined && { reference }),
    },
    ...(group !== undefined && { groups: [group] }),
  });
}

/** A registry token carries a few actions on a few projects, for /v2/ alone; here it would be all its user may. */
export function requireNoRegistryToken(caller: Caller | undefined): void {
  if (caller === undefined || (caller.grants === undefined && caller.actor.kind !== 'anonymous')) return;
  throw new AppError(
    'forbidden',
    'A registry token is for /v2/ only. Use an access token or a password here.',
    {
      reason: 'scope_missing',
    },
  );
}

/** A cookie is sent by the browser whoever made the page; a change therefore carries a proof that ours did. */
function requireOrigin(
  { identity, publicUrl }: GateParts,
  caller: Caller | undefined,
  request: FastifyRequest,
): void {
  const { presented, headers } = request;
  if (caller === undefined || presented.kind !== 'session' || safeMethods.has(request.method)) return;
  const header = headers[csrfHeader];
  const token = Array.isArray(header) ? undefined : header;
  if (isSameOrigin(request, publicUrl) && identity.isCsrfToken(presented.secret, token)) return;
  throw new AppError(
    'forbidden',
    `A change made with a session must come from the console and carry its ${csrfHeader} header (GET /api/v1/session gives it). Reload the page and try again.`,
    { reason: 'csrf_failed', details: { field: csrfHeader } },
  );
}

/** What browsers say of where a request comes from; programs say nothing. */
export function isSameOrigin({ headers }: Pick<FastifyRequest, 'headers'>, publicUrl: string): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false;
  const { origin, host } = headers;
  if (origin === undefined) return true;
  const from = URL.parse(origin)?.host;
  return from !== undefined && from !== '' && (from === host || from === URL.parse(publicUrl)?.host);
}

/** The scope that a refusal stands in: what the path names, else the caller's own account. */
async function placeVisit({ access }: Pick<GateParts, 'access'>, visit: Visit, names: Names): Promise<void> {
  const { caller } = visit;
  if (caller === undefined) return;
  const { user, organisation, owner, namespace: named, path } = names;
  const typed = organisation ?? owner ?? named ?? user ?? path?.split('/')[0];
  const ownName = caller.actor.kind === 'robot' ? caller.actor.name?.split('+')[0] : caller.actor.name;
  const isServers = visit.row.permission === 'administrator';
  const name = typed ?? (isServers ? undefined : ownName);
  if (name === undefined) return;
  const namespace = await access.findNamespace(name);
  const format = projectFormats.find((known) => known === names.format);
  const project = path === undefined || !format ? undefined : await access.findProject(format, path);
  visit.scope = access.scopeOf(namespace, project);
}

function requireScope({ caller, row }: { caller?: Caller | undefined; row: ApiRoute }): void {
  if (caller?.scopes === undefined || row.scope === undefined || caller.scopes.has(row.scope)) return;
  throw new AppError(
    'forbidden',
    `The token does not carry the scope "${row.scope}" that this needs. Make one that does.`,
    {
      reason: 'scope_missing',
    },
  );
}

type Gate = (parts: GateParts, visit: Visit, names: Names) => Promise<Omit<Found, 'params' | 'query'>>;

const gates: Record<ApiPermission, Gate> = {
  anyone: async () => ({}),
  signed_in: async (_parts, visit) => {
    requireCaller(visit);
    return {};
  },
  reads_trail: async (_parts, visit) => {
    requireCaller(visit);
    return {};
  },
  person: async (_parts, visit) => {
    if (requireCaller(visit).actor.kind !== 'user')
      throw forbidden('Only a person may do this, not a robot.');
    return {};
  },
  administrator: async (_parts, visit) => {
    if (requireCaller(visit).roles.admin) return {};
    visit.refusal = { reason: 'not_permitted', roleHeld: 'none', roleNeeded: 'admin' };
    throw forbidden('Only administrators may do this.');
  },
  account: async (_parts, visit, { user }) => {
    const caller = requireCaller(visit);
    if (caller.actor.kind === 'user' && caller.actor.name === user) return {};
    if (caller.roles.admin) return {};
    visit.refusal = { reason: 'not_permitted', roleHeld: 'none', roleNeeded: 'admin' };
    throw new AppError('not_found', 'There is no such user, or you may not know of it.', {
      reason: 'unknown_user',
    });
  },
  namespace_member: (parts, visit, names) => requireNamespace(parts, visit, { names, needed: 'member' }),
  namespace_owner: (parts, visit, names) => requireNamespace(parts, visit, { names, needed: 'owner' }),
  project_read: (parts, visit, names) => requireProject(parts, visit, { names, action: 'pull' }),
  project_inspect: (parts, visit, names) => requireProject(parts, visit, { names, action: 'inspect' }),
  project_write: (parts, visit, names) => requireProject(parts, visit, { names, action: 'push' }),
  project_delete: (parts, visit, names) => requireProject(parts, visit, { names, action: 'delete' }),
  project_administer: (parts, visit, names) => requireProject(parts, visit, { names, action: 'administer' }),
};

export function requireCaller(visit: Pick<Visit, 'caller'>): Caller {
  if (visit.caller !== undefined) return visit.caller;
  throw new AppError('unauthenticated', 'Sign in first, or send a token.', { reason: 'not_signed_in' });
}

function forbidden(message: string): AppError {
  return new AppError('forbidden', message, { reason: 'not_permitted' });
}

function namespaceUnknown(): AppError {
  return new AppError('not_found', 'There is no such user or organisation, or you may not know of it.', {
    reason: 'namespace_unknown',
  });
}

async function requireNamespace(
  { access }: GateParts,
  visit: Visit,
  { names, needed }: { names: Names; needed: 'member' | 'owner' },
): Promise<{ namespace: Namespace; role: Role }> {
  const caller = requireCaller(visit);
  const namespace = await access.findNamespace(names.organisation ?? names.owner ?? names.namespace ?? '');
  if (namespace === undefined || (names.organisation !== undefined && namespace.kind !== 'organisation'))
    throw namespaceUnknown();
  const role = await access.roleOf(caller, { namespace });
  const held = await access.ownershipOf(caller, namespace);
  if (held === 'owner' || held === needed) return { namespace, role };
  visit.refusal = { reason: 'not_permitted', roleHeld: held, roleNeeded: needed };
  if (held === 'none') throw namespaceUnknown();
  throw forbidden(`You are a ${held} of ${namespace.name}; only an ${needed} may do this.`);
}

async function requireProject(
  { access }: GateParts,
  visit: Visit,
  { names, action }: { names: Names; action: ProjectAction },
): Promise<{ namespace: Namespace; project: Project; role: Role }> {
  const path = names.path ?? '';
  if (action !== 'pull') requireCaller(visit);
  const namespace = await access.findNamespace(path.slice(0, path.indexOf('/')));
  const project = await access.findProject(names.format as Project['format'], path);
  const on = { ...(namespace && { namespace }), ...(project && { project }), path };
  const decision = await access.decide(visit.caller, action, on);
  if (decision.allowed && namespace !== undefined && project !== undefined)
    return { namespace, project, role: decision.role };
  throw refusalOf(visit, decision);
}

export function refusalOf(visit: Visit, decision: Decision): AppError {
  if (decision.allowed) return projectUnknown();
  if (visit.caller === undefined) {
    return new AppError('unauthenticated', 'Sign in first, or send a token.', { reason: 'not_signed_in' });
  }
  const { reason, roleHeld, roleNeeded } = decision;
  visit.refusal = { reason, ...(reason === 'not_permitted' && { roleHeld, roleNeeded }) };
  if (!decision.visible) return projectUnknown();
  return forbidden(
    `You hold the role "${roleHeld}" on this project; this needs "${roleNeeded}". Ask an owner for it.`,
  );
}

function projectUnknown(): AppError {
  return new AppError('not_found', 'There is no such project, or you may not know of it.', {
    reason: 'project_unknown',
  });
}
