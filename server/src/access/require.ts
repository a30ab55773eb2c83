/**
 * What management calls ask before they act: each throws the AppError to answer with, and `reason`, `roleHeld` and
 * `roleNeeded` say what the refusal's event tells. Scopes of a token are checked with the role.
 */
import type { TokenScope } from '@tallyman/contract';
import type { Caller } from '../domain/caller.ts';
import { AppError } from '../domain/error.ts';
import { type Access, hasScope } from './access.ts';
import { atLeast, type Namespace, type Project, type Role } from './model.ts';

/** Throws unauthenticated unless somebody proved who they are. */
export function requireSignedIn(caller: Caller | undefined): Caller {
  if (caller === undefined || caller.actor.kind === 'anonymous') {
    throw new AppError('unauthenticated', 'Sign in to do this.', { reason: 'not_signed_in' });
  }
  return caller;
}

export function requireScope(caller: Caller, scope: TokenScope): void {
  if (hasScope(caller, scope)) return;
  throw new AppError(
    'forbidden',
    `The token does not carry the scope ${scope} that this needs. Make one that does.`,
    {
      reason: 'scope_missing',
      details: { scope },
    },
  );
}

/** A token needs the scope `admin` besides. */
export function requireAdmin(caller: Caller | undefined): Caller {
  const known = requireSignedIn(caller);
  if (known.roles.admin) return known;
  throw notPermitted('Only an administrator may do this.', 'none', 'admin');
}

/** Administrators and auditors: reading over everything. */
export function requireAuditor(caller: Caller | undefined): Caller {
  const known = requireSignedIn(caller);
  if (known.roles.admin || known.roles.auditor) return known;
  throw notPermitted('Only administrators and auditors may see this.', 'none', 'auditor');
}

/** The user themselves, with the scope, or an administrator. */
export function requireAccount(
  caller: Caller | undefined,
  userId: string,
  scope: 'account:read' | 'account:write',
): Caller {
  const known = requireSignedIn(caller);
  if (known.roles.admin) return known;
  if (known.actor.kind !== 'user' || known.actor.id !== userId) {
    throw notPermitted('Only the user themselves and administrators may do this.', 'none', 'owner');
  }
  requireScope(known, scope);
  return known;
}

/** Owners of a namespace: the user, the organisation's owners, administrators. A grant on its projects is not enough. */
export async function requireNamespaceOwner(
  access: Access,
  caller: Caller | undefined,
  asked: { namespace: Namespace; scope: TokenScope },
): Promise<Caller> {
  const known = requireSignedIn(caller);
  const held = await access.ownershipOf(known, asked.namespace);
  if (held !== 'owner')
    throw notPermitted(`Only owners of ${asked.namespace.name} may do this.`, held, 'owner');
  if (!known.roles.admin) requireScope(known, asked.scope);
  return known;
}

/** A role on a project. What the caller may not read looks as if it did not exist. */
export async function requireProjectRole(
  access: Access,
  caller: Caller | undefined,
  asked: { namespace: Namespace; project: Project; role: Role; scope: TokenScope },
): Promise<Role> {
  const { namespace, project, role, scope } = asked;
  const held = await access.roleOf(caller, { namespace, project });
  if (!atLeast(held, 'reader') && project.visibility !== 'public') {
    requireSignedIn(caller);
    // The same as for one that does not exist: neither word nor detail may differ.
    throw new AppError('not_found', 'There is no such project.', { reason: 'project_unknown' });
  }
  if (role === 'reader' && project.visibility === 'public') return held;
  const known = requireSignedIn(caller);
  if (!atLeast(held, role))
    throw notPermitted(`This needs the role ${role} on the project; you are ${held}.`, held, role);
  requireScope(known, scope);
  return held;
}

function notPermitted(message: string, roleHeld: string, roleNeeded: string): AppError {
  return new AppError('forbidden', message, { reason: 'not_permitted', details: { roleHeld, roleNeeded } });
}
