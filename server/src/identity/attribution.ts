/**
 * Who a credential names and where an attempt with it belongs: the table of the design's section 7 in code. A refusal
 * is attributed to the account, robot or token holder that was found, never to somebody else's; to nobody, and to the
 * system scope, when nothing was found.
 */
import type { Actor, Credential, OnBehalfOf, Reason, Scope } from '@tallyman/contract';
import type { Caller, Grant, SystemRoles } from '../domain/caller.ts';
import type { SignInContext } from './sign-in-context.ts';
import type { ApplicationState, CredentialState, NamespaceState, RobotState, UserState } from './states.ts';

/** Whoever a live or dead credential belongs to. */
export type Holder =
  | { kind: 'user'; user: UserState; application?: ApplicationState; organisation?: NamespaceState }
  | { kind: 'robot'; robot: RobotState; owner: NamespaceState; ownerUser?: UserState };

/** What proved it: a stored credential, or the password of the account. */
export type Proof = CredentialState | 'password';
export type Identified = { holder: Holder; proof: Proof };

/** What a refusal says of who tried. */
export type Claim = {
  actor: Actor;
  onBehalfOf?: OnBehalfOf;
  credential: Credential;
  scope: Scope;
  application?: string;
};

export type Refused = { reason: Reason; claim: Claim };
export type Verdict = { identified: Identified } | { refused: Refused };

export function actorOf(holder: Holder, proven: boolean): Actor {
  if (holder.kind === 'user') return { kind: 'user', id: holder.user.id, name: holder.user.name, proven };
  return { kind: 'robot', id: holder.robot.id, name: robotName(holder.owner, holder.robot), proven };
}

export function robotName(owner: { name: string }, robot: { short: string }): string {
  return `${owner.name}+${robot.short}`;
}

/** The person behind a robot of a user. */
export function onBehalfOf(holder: Holder): OnBehalfOf | undefined {
  if (holder.kind !== 'robot' || holder.owner.kind !== 'user') return undefined;
  return { kind: 'user', id: holder.owner.id, name: holder.owner.name };
}

export function credentialOf({ holder, proof }: Identified): Credential {
  // A password has no row of its own: its stable id is its account's.
  if (proof === 'password')
    return { kind: 'password', ...(holder.kind === 'user' && { id: holder.user.id }) };
  const { kind, id, scopes } = proof;
  // A robot's token is named as the robot is now, also after its owner was renamed.
  const name = holder.kind === 'robot' ? robotName(holder.owner, holder.robot) : proof.name;
  return { kind, id, ...(kind !== 'session' && { name }), ...(scopes && { scopes: [...scopes] }) };
}

/** The namespace whose people a sign-in concerns: the user, the robot's owner, the application's organisation. */
export function homeOf(holder: Holder): Scope {
  if (holder.kind === 'robot') return namespaceScope(holder.owner);
  if (holder.application) return holder.organisation ? namespaceScope(holder.organisation) : {};
  return namespaceScope({ kind: 'user', id: holder.user.id, name: holder.user.name });
}

export function namespaceScope({ id, kind, name }: Pick<NamespaceState, 'id' | 'kind' | 'name'>): Scope {
  return { namespace: { id, kind, name } };
}

export function claimOf(identified: Identified): Claim {
  const { holder } = identified;
  const behalf = onBehalfOf(holder);
  return {
    actor: actorOf(holder, false),
    ...(behalf && { onBehalfOf: behalf }),
    credential: credentialOf(identified),
    scope: homeOf(holder),
    ...(holder.kind === 'user' && holder.application && { application: holder.application.name }),
  };
}

/** Nobody was found: only what kind of thing was presented. */
export function nobody(actor: Actor['kind'], credential: Credential['kind'], scope: Scope = {}): Claim {
  return { actor: { kind: actor, proven: false }, credential: { kind: credential }, scope };
}

export type CallerFrame = Omit<Caller, 'request' | 'source' | 'grants'>;

/** The part of a caller that does not change from request to request. */
export function frameOf(identified: Identified): CallerFrame {
  const { holder, proof } = identified;
  const behalf = onBehalfOf(holder);
  const scopes = proof === 'password' || !proof.scopes ? undefined : new Set(proof.scopes);
  return {
    actor: actorOf(holder, true),
    ...(behalf && { onBehalfOf: behalf }),
    credential: credentialOf(identified),
    roles: rolesOf(holder, scopes),
    ...(scopes && { scopes }),
  };
}

/** A token carries the system roles of its user only as far as its scopes say. */
function rolesOf(holder: Holder, scopes: ReadonlySet<string> | undefined): SystemRoles {
  if (holder.kind === 'robot') return { admin: false, auditor: false };
  const { admin, auditor } = holder.user;
  if (!scopes) return { admin, auditor };
  const whole = scopes.has('admin');
  return { admin: admin && whole, auditor: (auditor || admin) && (whole || scopes.has('events:read')) };
}

const anonymousFrame: CallerFrame = {
  actor: { kind: 'anonymous', proven: true },
  credential: { kind: 'none' },
  roles: { admin: false, auditor: false },
};

/** Frame undefined = the holder of an anonymous registry token. */
export function callerOf(
  frame: CallerFrame | undefined,
  context: Pick<SignInContext, 'request' | 'source'>,
  grants?: readonly Grant[],
): Caller {
  return {
    ...(frame ?? anonymousFrame),
    ...(grants && { grants }),
    request: context.request,
    source: context.source,
  };
}
