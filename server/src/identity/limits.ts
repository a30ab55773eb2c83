/** Every bound and time of identity, with its default. */

export type IdentityLimits = {
  /** Argon2id: about 50 ms of one core. */
  argon2: { memoryKib: number; passes: number };
  passwordChecksAtOnce: number;
  passwordChecksWaiting: number;
  /** Wrong passwords of one account, since the last right one, that lock it out; and for how long. */
  lockoutFailures: number;
  lockoutMs: number;
  /** Different failures of one source within a window, beyond which it gets 429. */
  sourceFailures: number;
  sourceWindowMs: number;
  /** Failures of all sources within a window, beyond which an administrator event is recorded. */
  globalFailures: number;
  globalWindowMs: number;
  /** A basic credential used again from the same source within this time is not another sign-in. */
  signInWindowMs: number;
  registryTokenMs: number;
  /** A registry token that ended less than this ago is a client's clock at work, not a refusal. */
  registryTokenGraceMs: number;
  sessionIdleMs: number;
  sessionAbsoluteMs: number;
  /** Between two writes of when and from where credentials were last used. */
  lastUseFlushMs: number;
  /** Entries of each cache. */
  cacheEntries: number;
};

export const identityLimits: IdentityLimits = {
  argon2: { memoryKib: 19_456, passes: 2 },
  passwordChecksAtOnce: 2,
  passwordChecksWaiting: 64,
  lockoutFailures: 10,
  lockoutMs: 15 * 60_000,
  sourceFailures: 40,
  sourceWindowMs: 10 * 60_000,
  globalFailures: 1_000,
  globalWindowMs: 10 * 60_000,
  signInWindowMs: 10 * 60_000,
  registryTokenMs: 5 * 60_000,
  registryTokenGraceMs: 10 * 60_000,
  sessionIdleMs: 12 * 3_600_000,
  sessionAbsoluteMs: 7 * 86_400_000,
  lastUseFlushMs: 30_000,
  cacheEntries: 20_000,
};
