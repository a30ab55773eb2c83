/**
 * Allowed reads that were answered while the trail could not be written, because the administrator wants pulls to go on
 * (`trail.reads_when_unwritable`). They are counted, and told in one event as soon as it can be written again. A crash
 * meanwhile loses the count: nothing could be written that would keep it.
 */
import { AppError } from '../domain/error.ts';
import { type Clock, formatUs } from '../stdx/clock.ts';
import type { EventDraft } from './draft.ts';
import { systemPerformer } from './system-performer.ts';

/** What becomes of pulls while the trail cannot be written. */
export type ReadsWhenUnwritable = 'refuse' | 'allow';

type Stretch = { count: number; firstUs: number; lastUs: number };

export class UnrecordedReads {
  readonly #clock: Clock;
  #stretch: Stretch | undefined;
  /** Since the start, for metrics. */
  total = 0;

  constructor({ clock }: { clock: Clock }) {
    this.#clock = clock;
  }

  note(): void {
    const nowUs = this.#clock.nowUs();
    this.#stretch ??= { count: 0, firstUs: nowUs, lastUs: nowUs };
    this.#stretch.count++;
    this.#stretch.lastUs = nowUs;
    this.total++;
  }

  /** Writes the event when there is something to tell. Rejects, and keeps the count, when it still cannot be written. */
  async tell(parts: { probe(): Promise<void>; write(draft: EventDraft): Promise<unknown> }): Promise<void> {
    if (this.#stretch === undefined) return;
    // One small event may find room where no other will: it must not be written before the trail really goes on.
    await parts.probe();
    const told = this.#stretch;
    if (told === undefined) return;
    // Whoever comes to this while the event is on its way finds nothing to tell.
    this.#stretch = undefined;
    try {
      await parts.write(draftOf(told, this.#clock));
    } catch (error) {
      const since = this.#stretch as Stretch | undefined;
      this.#stretch = {
        count: told.count + (since?.count ?? 0),
        firstUs: told.firstUs,
        lastUs: since?.lastUs ?? told.lastUs,
      };
      throw error;
    }
  }
}

/** A full queue, too, is `unavailable`, but it has no cause: load is no reason to leave a read unrecorded. */
export function isUnwritable(error: unknown): boolean {
  return error instanceof AppError && error.code === 'unavailable' && error.cause !== undefined;
}

function draftOf({ count, firstUs, lastUs }: Stretch, clock: Clock): EventDraft<'trail.reads.omit'> {
  return {
    type: 'trail.reads.omit',
    by: systemPerformer(clock, 'trail'),
    scope: {},
    details: { count, firstAt: formatUs(firstUs), lastAt: formatUs(lastUs) },
  };
}
