/** Where something was presented and for what, so that a failure is one event that says so. */
import type { RequestFacts, SwitchName } from '@tallyman/contract';

export type SignInContext = {
  /**
   * `console`: the sign-in form, which takes a user's password and nothing else. `registry_token`: the token endpoint.
   * `basic`, `bearer`: every other request, by how it presented its credential.
   */
  surface: 'console' | 'registry_token' | 'basic' | 'bearer';
  request: RequestFacts;
  /** Key for limits: see http/facts.ts `sourceOf`. */
  source: string;
  attempted: { action: string; project?: string; reference?: string };
  /** The switches of what was attempted; a failed sign-in is recorded when one of them or the login switch is on. */
  groups?: readonly SwitchName[];
  /** How a refusal is answered, where that is not 401. */
  refusedStatus?: number;
};
