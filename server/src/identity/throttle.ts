/**
 * Counts failed sign-ins: per source, to slow it down, and over all sources, to tell an administrator. The same wrong
 * secret from one source counts once per window, since clients repeat it for every layer they push. In memory and
 * bounded: a flood from more sources than fit forgets the sources that were quiet longest.
 */
import { createHmac } from 'node:crypto';
import { BoundedCache } from '../stdx/bounded-cache.ts';
import type { Clock } from '../stdx/clock.ts';
import { secretBytes } from '../stdx/random.ts';
import type { IdentityLimits } from './limits.ts';

type Window = { endsMs: number; count: number };
type Limits = Pick<
  IdentityLimits,
  'sourceFailures' | 'sourceWindowMs' | 'globalFailures' | 'globalWindowMs' | 'cacheEntries'
>;

export class Throttle {
  readonly #limits: Limits;
  readonly #clock: Clock;
  readonly #sources: BoundedCache<Window>;
  /** Fingerprints of what failed -> when the window ends in which it counts once. */
  readonly #seen: BoundedCache<number>;
  #all: Window = { endsMs: 0, count: 0 };
  /** Known to this process only, so that a fingerprint is worth nothing outside it. */
  readonly #key = secretBytes(32);

  constructor(parts: { limits: Limits; clock: Clock }) {
    this.#limits = parts.limits;
    this.#clock = parts.clock;
    this.#sources = new BoundedCache(parts.limits.cacheEntries);
    this.#seen = new BoundedCache(parts.limits.cacheEntries);
  }

  /** Stands for secrets and names in memory without holding them. */
  fingerprint(...parts: readonly string[]): string {
    return createHmac('sha256', this.#key).update(JSON.stringify(parts)).digest('base64url');
  }

  /** Seconds until the source may try again; undefined when it may now. */
  retryAfterSeconds(source: string): number | undefined {
    const window = this.#sources.get(source);
    const nowMs = this.#clock.nowMs();
    if (!window || window.endsMs <= nowMs || window.count < this.#limits.sourceFailures) return undefined;
    return Math.ceil((window.endsMs - nowMs) / 1000);
  }

  /**
   * Counts a failure unless its like was counted within the window. `first`: it was. `limit`: it was the one that reached
   * the bound over all sources, which is told once per window.
   */
  note(source: string, fingerprint: string): { first: boolean; limit?: Window & { windowSeconds: number } } {
    const nowMs = this.#clock.nowMs();
    if ((this.#seen.get(fingerprint) ?? 0) > nowMs) return { first: false };
    this.#seen.set(fingerprint, nowMs + this.#limits.sourceWindowMs);
    const window = current(this.#sources.get(source), nowMs, this.#limits.sourceWindowMs);
    window.count++;
    this.#sources.set(source, window);
    this.#all = current(this.#all, nowMs, this.#limits.globalWindowMs);
    this.#all.count++;
    if (this.#all.count !== this.#limits.globalFailures) return { first: true };
    return {
      first: true,
      limit: { ...this.#all, windowSeconds: Math.round(this.#limits.globalWindowMs / 1000) },
    };
  }
}

function current(window: Window | undefined, nowMs: number, lengthMs: number): Window {
  return window && window.endsMs > nowMs ? window : { endsMs: nowMs + lengthMs, count: 0 };
}
