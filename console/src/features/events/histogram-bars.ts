/** What the chart above a trail asks for and draws. Pure. */
import { type EventHistogram, maxBuckets, type Outcome } from '@tallyman/contract';
import type { TrailFilter } from './trail-search.ts';

export type Bar = {
  /** As filters take them: `from` is included, `to` is not. */
  from: string;
  to: string;
  counts: Record<Outcome, number>;
  events: number;
  /** Further refusals that were counted, not recorded one by one. */
  repeats: number;
};

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const spanMs = { hour: hourMs, day: dayMs } as const;
/** Up to so much time it is drawn by the hour. */
const hourlyUpToMs = 3 * dayMs;
/** More would be too narrow to be hit. */
const mostBars = 72;

export type HistogramSpan = { interval: 'hour' | 'day'; from?: string; to?: string };

/** By hour or by day; at most as much time as can be asked for at once, counted back from its end. */
export function spanOf({ from, to }: Pick<TrailFilter, 'from' | 'to'>, nowMs: number): HistogramSpan {
  const until = { ...(to !== undefined && { to }) };
  const start = Date.parse(from ?? '');
  const end = to === undefined ? nowMs : Date.parse(to);
  // Without a beginning the server begins where it makes sense; a wrong time is its to refuse.
  if (from === undefined || Number.isNaN(start) || Number.isNaN(end))
    return { interval: 'day', ...(from !== undefined && { from }), ...until };
  if (end - start <= hourlyUpToMs) return { interval: 'hour', from, ...until };
  const earliest = end - (maxBuckets - 1) * dayMs;
  return { interval: 'day', from: start < earliest ? new Date(earliest).toISOString() : from, ...until };
}

/** Every stretch of the time asked for, the empty ones too; neighbours are joined where there would be too many. */
export function barsOf({ from, to, interval, buckets }: EventHistogram, nowMs: number): Bar[] {
  const stepMs = spanMs[interval];
  const start = Date.parse(from);
  const first = Math.floor(start / stepMs);
  const end = to === undefined ? nowMs : Date.parse(to);
  const steps = Math.max(1, Math.ceil(end / stepMs) - first);
  const joined = Math.ceil(steps / mostBars);
  const bars = Array.from({ length: Math.ceil(steps / joined) }, (_, at): Bar => {
    const begins = (first + at * joined) * stepMs;
    const ends = begins + joined * stepMs;
    return {
      // A filter's own ends are kept to the microsecond.
      from: begins <= start ? from : new Date(begins).toISOString(),
      to: to !== undefined && ends >= end ? to : new Date(ends).toISOString(),
      counts: { success: 0, denied: 0, failed: 0 },
      events: 0,
      repeats: 0,
    };
  });
  for (const { at, counts } of buckets) {
    const bar = bars[Math.floor((Date.parse(at) / stepMs - first) / joined)];
    if (bar === undefined) continue;
    for (const { value, events, repeats } of counts) {
      if (isOutcome(value)) bar.counts[value] += events;
      bar.events += events;
      bar.repeats += repeats;
    }
  }
  return bars;
}

export const chartOutcomes = ['success', 'denied', 'failed'] as const satisfies readonly Outcome[];

function isOutcome(value: string): value is Outcome {
  return chartOutcomes.some((outcome) => outcome === value);
}
