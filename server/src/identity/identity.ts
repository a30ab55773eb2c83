/**
 * Who are you: turns what a request presented into a caller, or into one recorded refusal. The hot path, a registry
 * token seen before, is a hash and four map lookups; account and credential are asked anew on every request, and the
 * units that change them empty the caches, so what is revoked stops at once.
 *
 * Not refusals, and not recorded: nothing presented; a registry token of ours that ended less than ten minutes ago; a
 * console session whose time ran out. Neither says that anybody tried what they should not.
 */
import { hkdfSync, timingSafeEqual } from 'node:crypto';
import type { CredentialKind } from '@tallyman/contract';
import type { Db } from '../db/store.ts';
import type { Caller, Grant } from '../domain/caller.ts';
import { AppError } from '../domain/error.ts';
import { parseRobotName } from '../domain/names.ts';
import type { Presented } from '../http/presented.ts';
import { BoundedCache } from '../stdx/bounded-cache.ts';
import type { Clock } from '../stdx/clock.ts';
import type { Trail } from '../trail/trail.ts';
import { accountsOf } from './accounts.ts';
import {
  type CallerFrame,
  callerOf,
  frameOf,
  type Holder,
  homeOf,
  type Identified,
  nobody,
  type Verdict,
} from './attribution.ts';
import { csrfTokenOf } from './csrf.ts';
import { LastUse } from './last-use.ts';
import { type IdentityLimits, identityLimits } from './limits.ts';
import { endLapsedLockouts } from './lockout.ts';
import type { IdentityStore } from './parts.ts';
import { PasswordSignIn } from './password-sign-in.ts';
import { Passwords } from './passwords.ts';
import { expired, type Refusal, recordLimit, refuse, refuseOverloaded } from './refusals.ts';
import { looksLikeRegistryToken, RegistryTokens } from './registry-tokens.ts';
import { claimedKindOf } from './secrets.ts';
import type { SignInContext } from './sign-in-context.ts';
import { Throttle } from './throttle.ts';
import { judgeOwnToken, judgeRegistryToken, judgeRobot, judgeSession, judgeToken } from './token-sign-in.ts';

export type IdentityParts = {
  db: Db;
  trail: Trail;
  clock: Clock;
  /** 32 bytes that main keeps in the data folder: signs registry tokens and derives CSRF tokens. */
  registryKey: Uint8Array;
  publicUrl: string;
  settings?: Partial<IdentityLimits>;
};

export type IssuedRegistryToken = { token: string; expiresInSeconds: number; issuedAt: string };

/** User names with which any token of a user or robot may be the password, and what it is taken for when unknown. */
const tokenUserNames: ReadonlyMap<string, CredentialKind> = new Map([
  ['$oauthtoken', 'oauth_token'],
  ['$app', 'app_token'],
  ['__token__', 'access_token'],
]);

export class Identity {
  /** What the functions beside this class (users.ts, tokens.ts, …) take as their first argument. */
  readonly parts: IdentityStore;
  readonly #throttle: Throttle;
  readonly #passwordSignIn: PasswordSignIn;
  readonly #registryTokens: RegistryTokens;
  readonly #csrfKey: Uint8Array;
  readonly #lastUse: LastUse;
  /** Frames already made, by what proves them; valid while nothing they were made of was replaced. */
  readonly #frames = new WeakMap<object, { holder: Holder; frame: CallerFrame }>();
  /** What stands behind a caller we made. */
  readonly #identified = new WeakMap<object, Identified>();
  /** Credential and source -> when its next use counts as another sign-in. */
  readonly #signedIn: BoundedCache<number>;
  #overloadToldUntilMs = 0;
  #timers: NodeJS.Timeout[] = [];

  constructor(parts: IdentityParts) {
    const { db, trail, clock, publicUrl } = parts;
    const limits = { ...identityLimits, ...parts.settings };
    this.parts = { db, trail, clock, limits, passwords: new Passwords(limits) };
    this.#throttle = new Throttle({ limits, clock });
    this.#passwordSignIn = new PasswordSignIn({ store: this.parts, throttle: this.#throttle });
    this.#registryTokens = new RegistryTokens({
      key: derivedKey(parts.registryKey, 'registry token'),
      issuer: publicUrl,
      lifetimeMs: limits.registryTokenMs,
      cacheEntries: limits.cacheEntries,
    });
    this.#csrfKey = derivedKey(parts.registryKey, 'csrf token');
    this.#lastUse = new LastUse(db);
    this.#signedIn = new BoundedCache(limits.cacheEntries);
  }

  async start(): Promise<void> {
    await endLapsedLockouts(this.parts);
    this.#timers = [
      setInterval(() => void this.trySweep(), 5_000).unref(),
      setInterval(() => void this.#lastUse.tryFlush(), this.parts.limits.lastUseFlushMs).unref(),
    ];
  }

  /** Writes what is still only in memory. Call it before the trail and the database stop. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.settle();
    await this.#lastUse.tryFlush();
  }

  /** Resolves when nothing goes on behind answers already given: wrong passwords are counted after theirs. */
  async settle(): Promise<void> {
    await this.#passwordSignIn.settle();
  }

  /** Ends lock-outs whose time has passed; what cannot be written now is tried with the next. */
  async trySweep(): Promise<void> {
    await endLapsedLockouts(this.parts).catch(() => {});
  }

  /** Undefined when nothing was presented; throws unauthenticated, rate_limited or unavailable after recording why. */
  async authenticate(presented: Presented, context: SignInContext): Promise<Caller | undefined> {
    switch (presented.kind) {
      case 'none':
        return undefined;
      case 'malformed':
        throw await this.#refuse(
          { reason: 'credential_malformed', claim: nobody('anonymous', 'none'), presented },
          context,
        );
      case 'session':
        return this.#bySession(presented, context);
      case 'bearer':
        return this.#byBearer(presented, context);
      case 'basic':
        return this.#byBasic(presented, context);
    }
  }

  /** Records the sign-in success of an unscoped call of the token endpoint, answered 200. Await it before answering. */
  async recordRegistrySignIn(caller: Caller): Promise<void> {
    await this.#recordSignIn(caller, 'registry_token', 200);
  }

  /** Caller undefined = an anonymous token. */
  issueRegistryToken(caller: Caller | undefined, grants: readonly Grant[]): IssuedRegistryToken {
    const identified = caller && this.#identified.get(caller.actor);
    const user = identified?.holder.kind === 'user' ? identified.holder.user : undefined;
    const who = { caller, passwordChangedAtUs: user?.passwordChangedAtUs };
    return this.#registryTokens.issue(who, grants, this.parts.clock.nowMs());
  }

  /** The token a page must send with each change; derived from the session's secret. */
  csrfToken(sessionSecret: string): string {
    return csrfTokenOf(this.#csrfKey, sessionSecret);
  }

  /** Whether the presented token is the session's; constant time. */
  isCsrfToken(sessionSecret: string, presented: string | undefined): boolean {
    const expected = Buffer.from(this.csrfToken(sessionSecret));
    const given = Buffer.from(presented ?? '');
    return given.length === expected.length && timingSafeEqual(given, expected);
  }

  async #byBasic(presented: Presented & { kind: 'basic' }, context: SignInContext): Promise<Caller> {
    const verdict = await this.#judgeBasic(presented, context);
    const caller = await this.#accept(verdict, presented, context);
    if (context.surface === 'basic') await this.#noteBasicSignIn(caller, context);
    return caller;
  }

  async #judgeBasic(presented: Presented & { kind: 'basic' }, context: SignInContext): Promise<Verdict> {
    const { username, secret } = presented;
    if (context.surface !== 'console') {
      const judge = this.#judge();
      const fallback = tokenUserNames.get(username);
      if (fallback !== undefined) return judgeToken(judge, { text: secret, fallback });
      if (parseRobotName(username)) return judgeRobot(judge, presented);
      if (claimedKindOf(secret) !== undefined) return judgeOwnToken(judge, presented);
    }
    try {
      return await this.#passwordSignIn.judge(presented, context);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'rate_limited') throw error;
      throw await this.#refuseOverloaded(error, presented, context);
    }
  }

  async #byBearer(presented: Presented & { kind: 'bearer' }, context: SignInContext): Promise<Caller> {
    const { token } = presented;
    if (looksLikeRegistryToken(token)) return this.#byRegistryToken(presented, context);
    return this.#accept(
      await judgeToken(this.#judge(), { text: token, fallback: 'access_token' }),
      presented,
      context,
    );
  }

  async #byRegistryToken(presented: Presented & { kind: 'bearer' }, context: SignInContext): Promise<Caller> {
    const claims = this.#registryTokens.verify(presented.token);
    if (!claims)
      throw await this.#refuse(
        { reason: 'token_invalid', claim: nobody('anonymous', 'none'), presented },
        context,
      );
    const verdict = await judgeRegistryToken(this.#judge(), claims, this.parts.limits.registryTokenGraceMs);
    if (verdict === 'stale') throw expired('registry_token');
    if (verdict === 'anonymous') return callerOf(undefined, context, claims.grants);
    return this.#accept(verdict, presented, context, claims.grants);
  }

  async #bySession(presented: Presented & { kind: 'session' }, context: SignInContext): Promise<Caller> {
    const verdict = await judgeSession(this.#judge(), presented.secret, this.parts.limits.sessionIdleMs);
    if (verdict === 'stale') throw expired('session');
    return this.#accept(verdict, presented, context);
  }

  #judge() {
    return { accounts: accountsOf(this.parts.db), nowUs: this.parts.clock.nowMs() * 1000 };
  }

  async #accept(
    verdict: Verdict,
    presented: Presented,
    context: SignInContext,
    grants?: readonly Grant[],
  ): Promise<Caller> {
    if ('refused' in verdict) {
      const asked = grants && {
        requested: actions(grants, 'requested'),
        granted: actions(grants, 'granted'),
      };
      throw await this.#refuse({ ...verdict.refused, presented, ...asked }, context);
    }
    const { identified } = verdict;
    if (identified.proof !== 'password')
      this.#lastUse.note(identified.proof, this.parts.clock.nowMs() * 1000, context.source);
    return callerOf(this.#frame(identified), context, grants);
  }

  #frame(identified: Identified): CallerFrame {
    const { holder, proof } = identified;
    const key = proof === 'password' && holder.kind === 'user' ? holder.user : (proof as object);
    const known = this.#frames.get(key);
    if (known && isSameHolder(known.holder, holder)) return known.frame;
    const frame = frameOf(identified);
    this.#frames.set(key, { holder, frame });
    this.#identified.set(frame.actor, identified);
    return frame;
  }

  async #noteBasicSignIn(caller: Caller, context: SignInContext): Promise<void> {
    const key = `${caller.credential.kind} ${caller.credential.id} ${context.source}`;
    const nowMs = this.parts.clock.nowMs();
    if ((this.#signedIn.get(key) ?? 0) > nowMs) return;
    // Before the write, so that parallel first uses are one sign-in.
    this.#signedIn.set(key, nowMs + this.parts.limits.signInWindowMs);
    try {
      await this.#recordSignIn(caller, 'basic');
    } catch (error) {
      this.#signedIn.delete(key);
      throw error;
    }
  }

  /** A basic credential is accepted before the request it came with is decided: only the token endpoint knows its status. */
  async #recordSignIn(caller: Caller, surface: 'basic' | 'registry_token', status?: number): Promise<void> {
    const identified = this.#identified.get(caller.actor);
    const scope = identified ? homeOf(identified.holder) : {};
    await this.parts.trail.read({
      type: 'account.sign_in.succeed',
      by: caller,
      scope,
      ...(status !== undefined && { status }),
      details: { surface },
    });
  }

  async #refuse(refusal: Refusal, context: SignInContext): Promise<AppError> {
    const parts = { store: this.parts, throttle: this.#throttle, passwordSignIn: this.#passwordSignIn };
    return refuse(parts, refusal, context);
  }

  async #refuseOverloaded(
    error: AppError,
    presented: Presented & { kind: 'basic' },
    context: SignInContext,
  ): Promise<AppError> {
    const nowMs = this.parts.clock.nowMs();
    if (nowMs >= this.#overloadToldUntilMs) {
      const { globalWindowMs, passwordChecksWaiting } = this.parts.limits;
      this.#overloadToldUntilMs = nowMs + globalWindowMs;
      const windowSeconds = Math.round(globalWindowMs / 1000);
      await recordLimit(this.parts, {
        limit: 'password_checks',
        count: passwordChecksWaiting,
        windowSeconds,
      });
    }
    const claim = await this.#passwordSignIn.claim(presented.username);
    return refuseOverloaded(this.parts, { claim, presented, error }, context);
  }
}

function isSameHolder(left: Holder, right: Holder): boolean {
  if (left.kind === 'user') {
    if (right.kind !== 'user') return false;
    return (
      left.user === right.user &&
      left.application === right.application &&
      left.organisation === right.organisation
    );
  }
  return right.kind === 'robot' && left.robot === right.robot && left.owner === right.owner;
}

/** Actions only: a project's path is a name, and those details are not erasable. */
function actions(grants: readonly Grant[], which: 'requested' | 'granted'): string[] {
  return [...new Set(grants.flatMap((grant) => grant[which]))].slice(0, 10);
}

/** One key for one purpose, so that what signs one thing can never sign another. */
function derivedKey(key: Uint8Array, purpose: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key, new Uint8Array(0), `tallyman ${purpose}`, 32));
}
