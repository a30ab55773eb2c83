/**
 * The clockwork of the log: a checkpoint every second with news, copies of it at their own pace. Not jobs: a job writes
 * down each of its runs, and that would be news every second.
 */
import type { Log } from '../trail/log/log.ts';

export type LogWorkParts = {
  eventLog: Pick<Log, 'checkpoint' | 'tryWriteCopies'>;
  copySeconds: number;
  /** Told when a checkpoint begins to fail, and of each other way it fails then. */
  tell(error: unknown): void;
};

const checkpointMs = 1_000;

/** Returns what ends it. */
export function startLogWork({ eventLog, copySeconds, tell }: LogWorkParts): () => void {
  let told: string | undefined;
  const sign = (): void => {
    eventLog.checkpoint().then(
      () => {
        told = undefined;
      },
      (error: unknown) => {
        const text = String(error);
        if (text !== told) tell(error);
        told = text;
      },
    );
  };
  const timers = [
    setInterval(sign, checkpointMs),
    setInterval(() => void eventLog.tryWriteCopies(), copySeconds * 1_000),
  ];
  for (const timer of timers) timer.unref();
  return () => {
    for (const timer of timers) clearInterval(timer);
  };
}
