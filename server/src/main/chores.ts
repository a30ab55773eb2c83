/**
 * What the server does by itself, again and again: expire tags, collect garbage. One run of a chore at a time; a failed
 * run is told to the log and tried again at its next turn. Chores are safe to break off, because a crash does.
 */
import type { Logger } from '../http/log.ts';

export type Chore = { name: string; everyMs: number; run(): Promise<unknown> };

export type Chores = {
  /** Begins no new run and waits for those under way, but no longer than this: a crash would not wait either. */
  stop(longestMs: number): Promise<void>;
};

/** The first run of each comes after its first interval: a start has more urgent things to do. */
export function startChores(chores: readonly Chore[], log: Logger): Chores {
  const running = new Map<string, Promise<void>>();
  const begin = (chore: Chore): void => {
    if (running.has(chore.name)) return;
    const run = tryRun(chore, log).finally(() => running.delete(chore.name));
    running.set(chore.name, run);
  };
  const timers = chores.map((chore) => setInterval(() => begin(chore), chore.everyMs).unref());
  return {
    stop: async (longestMs) => {
      for (const timer of timers) clearInterval(timer);
      const { promise: late, resolve } = Promise.withResolvers<void>();
      const deadline = setTimeout(resolve, longestMs);
      await Promise.race([Promise.all(running.values()), late]);
      clearTimeout(deadline);
    },
  };
}

async function tryRun({ name, run }: Chore, log: Logger): Promise<void> {
  try {
    await run();
  } catch (error) {
    log.error({ chore: name, error }, 'a chore failed; it is tried again at its next turn');
  }
}
