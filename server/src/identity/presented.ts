/** What a request presented as its identity, before anybody looked whether it is true. */
import type { RequestFacts, Scope, SwitchName } from '@tallyman/contract';

export type Presented =
  | { kind: 'none' }
  /** HTTP basic: a password, or any token with the user name that goes with it. */
  | { kind: 'basic'; username: string; secret: string }
  /** Bearer: an access token, OAuth token, or a registry token of ours. */
  | { kind: 'bearer'; token: string }
  /** Console cookie. */
  | { kind: 'session'; secret: string }
  /** An Authorization header that could not be read. */
  | { kind: 'malformed' };

/** Where it was presented and for what, so that a failure is one event that says so. */
export type SignInContext = {
  surface: 'console' | 'registry_token' | 'basic' | 'bearer';
  request: RequestFacts;
  source: string;
  attempted: { action: string; project?: string; reference?: string };
  /** The switch of what was attempted; a failed sign-in is recorded when it or the login switch is on. */
  groups?: readonly SwitchName[];
  /** Status the failure will be answered with. Default 401. */
  status?: number;
};

/** Target scope of an unattributable or anonymous attempt: the project's namespace if found, else the system scope. */
export type AttemptScope = Scope;
