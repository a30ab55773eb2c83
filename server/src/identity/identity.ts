/** Who are you: turns what a request presented into a caller, or into one recorded refusal. */
import type { Db } from '../db/store.ts';
import type { Caller, Grant } from '../domain/caller.ts';
import type { Presented } from '../http/presented.ts';
import type { Clock } from '../stdx/clock.ts';
import type { Trail } from '../trail/trail.ts';
import type { IdentityLimits } from './limits.ts';
import type { SignInContext } from './sign-in-context.ts';

export type IdentityParts = {
  db: Db;
  trail: Trail;
  clock: Clock;
  /** 32 bytes that main keeps in the data folder: signs registry tokens and derives CSRF tokens. */
  registryKey: Uint8Array;
  publicUrl: string;
  settings?: Partial<IdentityLimits>;
};

export class Identity {
  constructor(_parts: IdentityParts) {}
  async start(): Promise<void> {}
  async stop(): Promise<void> {}
  /** Undefined when nothing was presented; throws unauthenticated, rate_limited or unavailable after recording why. */
  async authenticate(_presented: Presented, _context: SignInContext): Promise<Caller | undefined> {
    throw new Error('not built yet');
  }
  /** Records the sign-in success of an unscoped call of the token endpoint. Await it before answering. */
  async recordRegistrySignIn(_caller: Caller): Promise<void> {}
  /** Caller undefined = an anonymous token. */
  issueRegistryToken(_caller: Caller | undefined, _grants: readonly Grant[]): IssuedRegistryToken {
    throw new Error('not built yet');
  }
  /** The token a page must send with each change; derived from the session's secret. */
  csrfToken(_sessionSecret: string): string {
    throw new Error('not built yet');
  }
  /** Whether the presented token is the session's; constant time. */
  isCsrfToken(_sessionSecret: string, _presented: string | undefined): boolean {
    throw new Error('not built yet');
  }
}

export type IssuedRegistryToken = { token: string; expiresInSeconds: number; issuedAt: string };
