import { describe, expect, test } from 'vitest';
import { boundsText, countsText, daysText, isId, isShorter } from './forget-words.ts';
import { daysOf, keepOf } from './keep-field.tsx';

describe('how long', () => {
  test('is told in days, or as for ever', () => {
    expect([daysText(null), daysText(1), daysText(36_500)]).toEqual(['for ever', '1 day', '36,500 days']);
    expect(boundsText(null)).toMatch(/follows the server/);
    expect(boundsText({ shortestDays: 10, longestDays: null })).toMatch(/10 days or longer/);
    expect(boundsText({ shortestDays: 10, longestDays: 20 })).toMatch(/from 10 days to 20 days/);
  });

  test('is shorter only where something kept now would go', () => {
    expect(isShorter(90, null)).toBe(true);
    expect(isShorter(30, 90)).toBe(true);
    expect(isShorter(90, 90)).toBe(false);
    expect(isShorter(null, 90)).toBe(false);
  });

  test('is read from the field as it stands there', () => {
    expect(daysOf(keepOf(90))).toBe(90);
    expect(daysOf(keepOf(null))).toBeNull();
    for (const days of ['', '0', '-1', '1.5', 'x']) expect(daysOf({ forEver: false, days })).toBeUndefined();
  });
});

test('what was found is told by entries and events', () => {
  expect(countsText({ entries: 1, events: 1 })).toBe('1 entry of 1 event');
  expect(countsText({ entries: 2_000, events: 3 })).toBe('2,000 entries of 3 events');
});

test('an id is told from a name', () => {
  expect(isId('019ab1f0-1c2d-7e3f-8a4b-5c6d7e8f9a0b')).toBe(true);
  expect(isId('acme')).toBe(false);
});
