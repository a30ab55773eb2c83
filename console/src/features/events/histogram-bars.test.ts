import type { EventHistogram } from '@tallyman/contract';
import { describe, expect, test } from 'vitest';
import { barsOf, spanOf } from './histogram-bars.ts';

const now = Date.parse('2026-11-22T10:20:30Z');
const histogram = (change: Partial<EventHistogram>): EventHistogram => ({
  by: 'outcome',
  interval: 'day',
  from: '2026-11-20T00:00:00.000000Z',
  total: { events: 0, repeats: 0 },
  buckets: [],
  ...change,
});

describe('the time a chart asks for', () => {
  test('is counted by the hour up to three days, else by the day', () => {
    expect(spanOf({}, now)).toEqual({ interval: 'day' });
    expect(spanOf({ from: '2026-11-20T00:00:00Z' }, now)).toEqual({
      interval: 'hour',
      from: '2026-11-20T00:00:00Z',
    });
    expect(spanOf({ from: '2026-11-01T00:00:00Z' }, now).interval).toBe('day');
    expect(spanOf({ to: '2026-11-01T00:00:00Z' }, now)).toEqual({
      interval: 'day',
      to: '2026-11-01T00:00:00Z',
    });
  });

  test('is never more than can be asked for, and a wrong time is left to the server', () => {
    const { from = '' } = spanOf({ from: '1990-01-01T00:00:00Z' }, now);
    expect((now - Date.parse(from)) / 86_400_000).toBe(999);
    expect(spanOf({ from: 'yesterday' }, now)).toEqual({ interval: 'day', from: 'yesterday' });
  });
});

describe('the bars of a chart', () => {
  test('stand for every stretch of the time, the empty ones too', () => {
    const bars = barsOf(
      histogram({
        buckets: [
          {
            at: '2026-11-22T00:00:00.000000Z',
            counts: [
              { value: 'success', events: 5, repeats: 0 },
              { value: 'denied', events: 2, repeats: 40 },
            ],
          },
        ],
      }),
      now,
    );
    expect(bars.map(({ events, repeats }) => [events, repeats])).toEqual([
      [0, 0],
      [0, 0],
      [7, 40],
    ]);
    expect(bars[2]).toMatchObject({
      from: '2026-11-22T00:00:00.000Z',
      to: '2026-11-23T00:00:00.000Z',
      counts: { success: 5, denied: 2, failed: 0 },
    });
  });

  test('begin and end where the filter does', () => {
    const bars = barsOf(
      histogram({
        interval: 'hour',
        from: '2026-11-22T08:15:00.000001Z',
        to: '2026-11-22T10:05:00.000002Z',
        buckets: [
          { at: '2026-11-22T10:00:00.000000Z', counts: [{ value: 'failed', events: 1, repeats: 0 }] },
        ],
      }),
      now,
    );
    expect(bars.map(({ from, to }) => [from, to])).toEqual([
      ['2026-11-22T08:15:00.000001Z', '2026-11-22T09:00:00.000Z'],
      ['2026-11-22T09:00:00.000Z', '2026-11-22T10:00:00.000Z'],
      ['2026-11-22T10:00:00.000Z', '2026-11-22T10:05:00.000002Z'],
    ]);
    expect(bars[2]?.counts.failed).toBe(1);
  });

  test('are joined where there would be too many, and lose none', () => {
    const day = (at: number) =>
      new Date(Date.parse('2024-01-01T00:00:00Z') + at * 86_400_000).toISOString().replace('Z', '000Z');
    const buckets = Array.from({ length: 900 }, (_, at) => ({
      at: day(at),
      counts: [{ value: 'success', events: 1, repeats: 0 }],
    }));
    const bars = barsOf(histogram({ from: day(0), to: day(900), buckets }), now);
    expect(bars.length).toBeLessThanOrEqual(72);
    expect(bars.reduce((sum, { events }) => sum + events, 0)).toBe(900);
    expect(bars.at(-1)?.to).toBe(day(900));
  });
});
