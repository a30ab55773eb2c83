/** That somebody reads others’ events is an event once for each reader and question in ten minutes: this remembers which. */
import { BoundedCache } from '../stdx/bounded-cache.ts';
import type { Clock } from '../stdx/clock.ts';
import type { Performer } from './draft.ts';

const readAgainMs = 600_000;
/** What was forgotten early is recorded once more. */
const mostRemembered = 10_000;

export class Readings {
  readonly #clock: Pick<Clock, 'nowMs'>;
  /** Reader and question -> when reading it again is an event again. */
  readonly #until = new BoundedCache<number>(mostRemembered);

  constructor(clock: Pick<Clock, 'nowMs'>) {
    this.#clock = clock;
  }

  /** Calls `record` unless it did so within ten minutes; throws what that throws, and remembers nothing then. */
  async once(by: Performer, question: string, record: () => Promise<unknown>): Promise<void> {
    const key = `${by.actor.id ?? by.actor.kind} ${question}`;
    const now = this.#clock.nowMs();
    if ((this.#until.get(key) ?? 0) > now) return;
    this.#until.set(key, now + readAgainMs);
    try {
      await record();
    } catch (error) {
      this.#until.delete(key);
      throw error;
    }
  }
}
