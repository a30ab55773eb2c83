import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ShownEvent } from '@tallyman/contract';
import { describe, expect, test } from 'vitest';
import { BundleRefused, checkBundle } from './check-bundle.ts';
import { findDifferences } from './compare-event.ts';

type Vector = { name: string; vkey: string; nowSec: number; text: string };
const read = <T>(name: string): (Vector & T)[] =>
  (
    JSON.parse(
      readFileSync(resolve(import.meta.dirname, `../../../../tests/vectors/bundle/${name}.json`), 'utf8'),
    ) as { vectors: (Vector & T)[] }
  ).vectors;
const check = ({ vkey, nowSec, text }: Vector) =>
  checkBundle({ bytes: new TextEncoder().encode(text), key: vkey, nowMs: nowSec * 1000 });

describe('a bundle in the browser', () => {
  for (const vector of read<{ size: number }>('accepted'))
    test(`is accepted: ${vector.name}`, async () => {
      expect((await check(vector)).checkpoint.size).toBe(vector.size);
    });

  for (const vector of read<{ reason: string }>('refused'))
    test(`is refused: ${vector.name}`, async () => {
      const error = await check(vector).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(BundleRefused);
      expect((error as BundleRefused).reason).toBe(vector.reason);
    });

  test('is refused under another key, and as soon as its signature is wrong', async () => {
    const [vector] = read('accepted');
    if (vector === undefined) throw new Error('there is no vector');
    const bytes = new TextEncoder().encode(vector.text);
    const options = { bytes, key: vector.vkey, nowMs: vector.nowSec * 1000 };
    await expect(checkBundle({ ...options, key: 'not a key' })).rejects.toBeInstanceOf(BundleRefused);
    await expect(checkBundle({ ...options, verify: async () => false })).rejects.toMatchObject({
      reason: 'wrong_signature',
    });
  });
});

describe('what is shown beside what was proven', () => {
  const proven = {
    index: 7,
    body: '',
    withheld: ['/actor/name'],
    event: { id: 'e', outcome: 'denied', actor: { id: 'u', name: { '#': 'x' } }, details: { tags: ['a'] } },
  };
  const shown = {
    index: 7,
    id: 'e',
    title: 'only shown',
    outcome: 'denied',
    actor: { id: 'u', name: 'ada' },
    details: { tags: ['a'] },
    withheld: [],
  } as unknown as ShownEvent;

  test('agrees in all that both tell', () => {
    expect(findDifferences(shown, proven)).toEqual([]);
  });

  test('differs in a field, a list or the place', () => {
    const changed = { ...shown, index: 8, outcome: 'success', details: { tags: ['b'] } } as ShownEvent;
    expect(findDifferences(changed, proven)).toEqual(['/index', '/outcome', '/details/tags']);
  });
});
