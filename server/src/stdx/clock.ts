/**
 * The one doorway to time. Microseconds since 1970, UTC, as safe integers; strictly rising within a process, so that
 * two events of one process never share a time and UUIDv7 ids sort as they were made.
 */

export interface Clock {
  /** Microseconds since the epoch; each call returns more than the last. */
  nowUs(): number;
  /** Milliseconds since the epoch, for limits and expiry; may repeat. */
  nowMs(): number;
}

/** Beyond this difference the wall clock was set; we follow it, but never backwards. */
const resyncMs = 20;

export function systemClock(): Clock {
  let offsetMs = performance.timeOrigin;
  let last = 0;
  const nowUs = (): number => {
    const fine = offsetMs + performance.now();
    const wall = Date.now();
    if (Math.abs(wall - fine) > resyncMs) offsetMs += wall - fine;
    const us = Math.floor((offsetMs + performance.now()) * 1000);
    last = us > last ? us : last + 1;
    return last;
  };
  return { nowUs, nowMs: () => Date.now() };
}

/** A clock that only moves when told to, for tests. */
export function manualClock(startMs = Date.UTC(2026, 0, 1)): Clock & { advanceMs(ms: number): void } {
  let us = startMs * 1000;
  return {
    nowUs: () => ++us,
    nowMs: () => Math.floor(us / 1000),
    advanceMs(ms) {
      us += ms * 1000;
    },
  };
}

let cachedSecond = -1;
let cachedText = '';

/** `2026-11-22T04:24:43.123456Z`. */
export function formatUs(us: number): string {
  const second = Math.floor(us / 1_000_000);
  if (second !== cachedSecond) {
    cachedSecond = second;
    cachedText = new Date(second * 1000).toISOString().slice(0, 20);
  }
  return `${cachedText}${String(us - second * 1_000_000).padStart(6, '0')}Z`;
}

/** Microseconds of an RFC 3339 text with any precision and offset; undefined when it is not one. */
export function parseTimeUs(text: string): number | undefined {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(text);
  if (!match) return undefined;
  const ms = Date.parse(`${match[1]}${match[3]}`);
  if (Number.isNaN(ms)) return undefined;
  return ms * 1000 + Number((match[2] ?? '').padEnd(6, '0').slice(0, 6));
}
