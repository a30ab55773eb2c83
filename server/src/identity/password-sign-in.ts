/**
 * Judges a user's password. Whatever is wrong, the answer takes the same work: an unknown name, a locked or a disabled
 * account cost one argon2 check like a wrong password. What was verified is remembered by fingerprint until anything of
 * the account changes; what was found wrong is remembered for the source it came from, in every state the account has.
 */
import type { Reason, RequestFacts } from '@tallyman/contract';
import { BoundedCache } from '../stdx/bounded-cache.ts';
import { accountsOf } from './accounts.ts';
import { type Claim, claimOf, nobody, type Verdict } from './attribution.ts';
import { endLapsedLockouts, forgetWrongPasswords, noteWrongPassword } from './lockout.ts';
import type { IdentityStore } from './parts.ts';
import type { SignInContext } from './sign-in-context.ts';
import type { UserState } from './states.ts';
import type { Throttle } from './throttle.ts';

type Typed = { username: string; secret: string };
/** Why a secret was refused, while the account is in this very state (undefined: there is no such account). */
type Wrong = { user: UserState | undefined; reason: Reason; untilMs: number };

export class PasswordSignIn {
  readonly #store: IdentityStore;
  readonly #throttle: Throttle;
  readonly #right: BoundedCache<UserState>;
  readonly #wrong: BoundedCache<Wrong>;
  readonly #checking = new Map<string, Promise<boolean>>();
  readonly #counting = new Map<string, Promise<void>>();

  constructor(parts: { store: IdentityStore; throttle: Throttle }) {
    this.#store = parts.store;
    this.#throttle = parts.throttle;
    this.#right = new BoundedCache(parts.store.limits.cacheEntries);
    this.#wrong = new BoundedCache(parts.store.limits.cacheEntries);
  }

  /** Throws rate_limited when too many checks are waiting. */
  async judge(typed: Typed, context: SignInContext): Promise<Verdict> {
    const user = await this.#find(typed.username);
    const claim = claimFor(user);
    // Before anything that is quicker for a right password: behind the limit nothing may be learnt about it.
    if (this.#throttle.retryAfterSeconds(context.source) !== undefined)
      return { refused: { reason: 'rate_limited', claim } };
    const reason = await this.#whyNot(user, typed, context);
    if (reason !== undefined || !user) return { refused: { reason: reason ?? 'unknown_user', claim } };
    // As it is after the check: roles may have changed while it ran.
    const now = (await accountsOf(this.#store.db).findUser(user.id)) ?? user;
    return { identified: { holder: { kind: 'user', user: now }, proof: 'password' } };
  }

  /** Whom a typed name claims to be. */
  async claim(username: string): Promise<Claim> {
    return claimFor(await this.#find(username));
  }

  async #find(username: string): Promise<UserState | undefined> {
    const accounts = accountsOf(this.#store.db);
    const user = await accounts.findUserByLogin(username);
    if (user?.lockedUntilUs === undefined || user.lockedUntilUs > this.#store.clock.nowMs() * 1000)
      return user;
    await endLapsedLockouts(this.#store);
    return accounts.findUser(user.id);
  }

  async #whyNot(
    user: UserState | undefined,
    typed: Typed,
    context: SignInContext,
  ): Promise<Reason | undefined> {
    const who = user?.id ?? `? ${typed.username}`;
    const fingerprint = this.#throttle.fingerprint('password', who, typed.secret);
    const isOpen = user !== undefined && !user.disabled && user.lockedUntilUs === undefined;
    if (isOpen && this.#right.get(fingerprint) === user) return undefined;
    const wrongKey = `${fingerprint} ${context.source}`;
    const known = this.#wrong.get(wrongKey);
    if (known && known.user === user && known.untilMs > this.#store.clock.nowMs()) return known.reason;
    const isRight = await this.#check(fingerprint, user, typed.secret);
    // The account may have changed while the check ran; what it is now decides.
    if (user) await this.#counting.get(user.id);
    const now = user && (await accountsOf(this.#store.db).findUser(user.id));
    if (now?.passwordHash !== user?.passwordHash) return this.#whyNot(now, typed, context);
    const reason = whyRefused(now, isRight);
    if (reason !== undefined || !now) {
      const untilMs = this.#store.clock.nowMs() + this.#store.limits.sourceWindowMs;
      this.#wrong.set(wrongKey, { user: now, reason: reason ?? 'unknown_user', untilMs });
      return reason;
    }
    this.#right.set(fingerprint, now);
    await forgetWrongPasswords(this.#store, now.id);
    return undefined;
  }

  /**
   * Counts a wrong password after its refusal was recorded, and is not waited for: only accounts that exist are counted,
   * and the time of the answer must not tell. The next check of the account waits for it. Best effort, after a refusal
   * that was durable.
   */
  tryCount(wrong: { user: { id: string; name: string }; request: RequestFacts }): void {
    const { id } = wrong.user;
    const counting = (this.#counting.get(id) ?? Promise.resolve())
      .then(() => noteWrongPassword(this.#store, { ...wrong, limits: this.#store.limits }))
      .catch(() => {})
      .finally(() => {
        if (this.#counting.get(id) === counting) this.#counting.delete(id);
      });
    this.#counting.set(id, counting);
  }

  /** Resolves when nothing is being counted any more. */
  async settle(): Promise<void> {
    await Promise.all(this.#counting.values());
  }

  /** Requests that bring the same secret at the same moment share one check. */
  #check(fingerprint: string, user: UserState | undefined, secret: string): Promise<boolean> {
    // What an unknown name, and an account in another state, would share must not be shared.
    const key = `${fingerprint} ${user?.lockedUntilUs} ${user?.passwordChangedAtUs}`;
    const running = this.#checking.get(key);
    if (running !== undefined) return running;
    const check = this.#store.passwords
      .isRight(user?.passwordHash, secret)
      .finally(() => this.#checking.delete(key));
    this.#checking.set(key, check);
    return check;
  }
}

function claimFor(user: UserState | undefined): Claim {
  return user ? claimOf({ holder: { kind: 'user', user }, proof: 'password' }) : nobody('user', 'password');
}

function whyRefused(user: UserState | undefined, isRight: boolean): Reason | undefined {
  if (!user) return 'unknown_user';
  if (user.lockedUntilUs !== undefined) return 'locked_out';
  if (!isRight) return 'wrong_password';
  return user.disabled ? 'account_disabled' : undefined;
}
