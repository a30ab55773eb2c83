import type { ShownEvent } from '@tallyman/contract';
import { expect, test } from 'vitest';
import { merge } from './use-tail.ts';

const event = (index: number, sentence = ''): ShownEvent =>
  ({ id: `e${index}`, index, sentence }) as ShownEvent;

test('live events join the list newest first, none twice, the later telling wins', () => {
  const merged = merge([event(3), event(1)], [event(2), event(3, 'told again')]);
  expect(merged.map(({ id }) => id)).toEqual(['e3', 'e2', 'e1']);
  expect(merged[0]?.sentence).toBe('told again');
});

test('what is kept is bounded', () => {
  const many = Array.from({ length: 1500 }, (_, index) => event(index));
  const merged = merge([], many);
  expect(merged.length).toBe(1000);
  expect(merged[0]?.index).toBe(1499);
});
