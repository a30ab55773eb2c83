/** Who is asking: what identity hands to access, the hosts and the trail for one request. */
import type { Actor, Credential, OnBehalfOf, RequestFacts, TokenScope } from '@tallyman/contract';

export type SystemRoles = { admin: boolean; auditor: boolean };

/** One granted scope of a registry token: a ceiling, never a right by itself. */
export type Grant = { project: string; requested: readonly string[]; granted: readonly string[] };

/** `proven` is always true here: a claimed identity never becomes a caller. */
export interface Caller {
  actor: Actor;
  onBehalfOf?: OnBehalfOf;
  credential: Credential;
  /** System roles of the user; a token only carries them with the scope `admin` or `events:read`. */
  roles: SystemRoles;
  /** Scopes of a token; undefined = everything its principal may (password, session, robot). */
  scopes?: ReadonlySet<TokenScope>;
  /** What a registry token was asked for and given, when one was presented. */
  grants?: readonly Grant[];
  request: RequestFacts;
  /** Key for limits: the IPv4 address, or the /64 of an IPv6 address. */
  source: string;
}
