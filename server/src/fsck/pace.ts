/** How hard a pass works: flat out for a command that somebody waits for, a small share of the time beside a server. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../stdx/clock.ts';

export type Pace = {
  /** To be called between two stretches of work, with no view open. Throws when the pass is to end. */
  rest(): Promise<void>;
};

/** `share`: of the time, from above 0 to 1. */
export function paceOf({ share, clock }: { share: number; clock: Pick<Clock, 'nowUs'> }): Pace {
  let since = clock.nowUs();
  return {
    rest: async () => {
      const workedMs = Math.max(0, clock.nowUs() - since) / 1000;
      if (share < 1) await sleep((workedMs * (1 - share)) / share);
      since = clock.nowUs();
    },
  };
}
