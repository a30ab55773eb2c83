/**
 * The one place in the tests that waits by the clock: tests wait for a condition, never for a time.
 */
import { setTimeout as delay } from 'node:timers/promises';

export interface WaitOptions {
  /** Default 10 s: long enough for a loaded machine, short enough to see the label of what hung. */
  timeoutMs?: number;
  /** First pause between two looks; doubles up to 100 ms. Default 2 ms. */
  intervalMs?: number;
}

/**
 * Looks until `condition` returns something other than undefined, null or false, and returns that.
 * A condition that throws is asked again; its last error is the cause of the timeout.
 */
export async function waitFor<T>(
  what: string,
  condition: () => T | Promise<T>,
  options: WaitOptions = {},
): Promise<Exclude<T, undefined | null | false>> {
  const timeoutMs = options.timeoutMs ?? 10_000;
  const deadline = performance.now() + timeoutMs;
  let pauseMs = options.intervalMs ?? 2;
  let lastError: unknown;
  let lastValue: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (isAnswer(value)) return value;
      lastValue = value;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() >= deadline) {
      const seen =
        lastError === undefined ? `last value ${String(lastValue)}` : `last error ${String(lastError)}`;
      throw new Error(`waited ${timeoutMs} ms for ${what}; ${seen}`, { cause: lastError });
    }
    await delay(pauseMs);
    pauseMs = Math.min(pauseMs * 2, 100);
  }
}

function isAnswer<T>(value: T): value is Exclude<T, undefined | null | false> {
  return value !== undefined && value !== null && value !== false;
}
