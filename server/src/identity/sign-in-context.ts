/** Where something was presented and for what, so that a failure is one event that says so. */
import type { RequestFacts, Scope, SwitchName } from '@tallyman/contract';

export type SignInContext = {
  surface: 'console' | 'registry_token' | 'basic' | 'bearer';
  request: RequestFacts;
  /** Key for limits: see http/facts.ts `sourceOf`. */
  source: string;
  attempted: { action: string; project?: string; reference?: string };
  /** The switches of what was attempted; a failed sign-in is recorded when one of them or the login switch is on. */
  groups?: readonly SwitchName[];
  /** Scope of the thing attempted, if it exists: used when what was presented can be attributed to nobody's account. */
  scope?: Scope;
};
