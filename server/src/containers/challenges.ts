/**
 * Requests without credentials are answered by a challenge and are no event: every client begins so. A source that only
 * ever does that is: after 20 in ten minutes, none followed by credentials, one `not_signed_in`. Bounded: the source
 * longest silent is forgotten first.
 */
import type { Clock } from '../stdx/clock.ts';

type Count = { bare: number; sinceMs: number };

export class BareChallenges {
  readonly #sources = new Map<string, Count>();
  readonly #clock: Clock;
  readonly #limits: { bareChallenges: number; bareChallengeWindowMs: number; bareChallengeSources: number };

  constructor(
    clock: Clock,
    limits: { bareChallenges: number; bareChallengeWindowMs: number; bareChallengeSources: number },
  ) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Counts one more; true when this one is the one to record. */
  note(source: string): boolean {
    const nowMs = this.#clock.nowMs();
    const known = this.#sources.get(source);
    const fresh = known !== undefined && nowMs - known.sinceMs < this.#limits.bareChallengeWindowMs;
    const count = fresh ? known : { bare: 0, sinceMs: nowMs };
    count.bare++;
    this.#sources.delete(source);
    if (this.#sources.size >= this.#limits.bareChallengeSources) {
      this.#sources.delete(this.#sources.keys().next().value as string);
    }
    this.#sources.set(source, count);
    return count.bare === this.#limits.bareChallenges;
  }

  /** The source showed credentials: what it did bare was the beginning of that. */
  forget(source: string): void {
    this.#sources.delete(source);
  }
}
