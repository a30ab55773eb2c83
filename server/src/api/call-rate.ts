/**
 * How many calls of the management API one credential may make within a minute, whatever becomes of them: generous, so
 * that only a program that runs wild meets it. In memory and bounded: of more credentials than fit, those quiet longest
 * are forgotten. What failed to sign in is counted by identity.
 */
import type { Caller } from '../domain/caller.ts';
import { AppError } from '../domain/error.ts';
import { BoundedCache } from '../stdx/bounded-cache.ts';
import type { Clock } from '../stdx/clock.ts';

const windowMs = 60_000;
const entries = 50_000;

export class CallRate {
  readonly #clock: Clock;
  readonly #perMinute: number;
  readonly #windows = new BoundedCache<{ endsMs: number; calls: number }>(entries);

  constructor({ clock, perMinute }: { clock: Clock; perMinute: number }) {
    this.#clock = clock;
    this.#perMinute = perMinute;
  }

  /** Counts one call; throws rate_limited when it is one too many. Whoever is nobody counts by source. */
  require(caller: Caller | undefined, source: string): void {
    const key = keyOf(caller, source);
    const nowMs = this.#clock.nowMs();
    const known = this.#windows.get(key);
    const window =
      known !== undefined && known.endsMs > nowMs ? known : { endsMs: nowMs + windowMs, calls: 0 };
    window.calls++;
    if (window !== known) this.#windows.set(key, window);
    if (window.calls <= this.#perMinute) return;
    throw new AppError(
      'rate_limited',
      `More than ${this.#perMinute} calls were made with this credential within a minute. Wait, and make fewer: larger pages, or the live tail instead of asking again and again.`,
      { reason: 'rate_limited', retryAfterSeconds: Math.max(1, Math.ceil((window.endsMs - nowMs) / 1000)) },
    );
  }
}

function keyOf(caller: Caller | undefined, source: string): string {
  if (caller?.actor.id === undefined) return `source ${source}`;
  const { kind, id = '' } = caller.credential;
  return `${caller.actor.id} ${kind} ${id}`;
}
