/** Patterns: what is refused and where, that a set agrees with each of its patterns, and bounds. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RE2JS } from 're2js';
import { createSeededRandom } from '../../../tests/support/seeded-random.ts';
import { AppError } from '../domain/error.ts';
import { PatternSet, requirePattern } from './patterns.ts';

function refusalOf(pattern: string): AppError {
  try {
    requirePattern(pattern);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  assert.fail(`accepted: ${pattern}`);
}

describe('patterns', () => {
  for (const [pattern, position] of [
    ['v(', 1],
    ['(v(a)', 0],
    ['v)', 1],
    ['v[a-', 1],
    ['v**', 1],
    ['*v', 0],
    ['z-a[z-a]', 4],
    ['v{2}x{2000}', 5],
    ['a(?=b)', 1],
    ['(a)\\1', 3],
    ['v\\pL', 1],
    ['v\u0000', 1],
    ['vä', 1],
    [`(?P<n>a)(?P<n>b)`, 4],
    ['x{140}y{140}', 1],
    ['v'.repeat(257), 256],
  ] as const) {
    test(`refuses ${JSON.stringify(pattern.slice(0, 20))}, naming the position`, () => {
      const { code, reason, message, details } = refusalOf(pattern);
      assert.deepEqual(
        [code, reason, details.field, details.position],
        ['unprocessable', 'request_invalid', 'pattern', position],
      );
      assert.match(message, new RegExp(`at position ${position}\\.`));
    });
  }

  test('accepts what people write', () => {
    for (const pattern of [
      '^latest$',
      '^v.*$',
      'v\\d+\\.\\d+\\.\\d+(-rc\\d+)?',
      '.*',
      '[0-9a-f]{40}',
      '(?i)STABLE',
    ])
      assert.ok(requirePattern(pattern) > 0);
  });

  test('match the whole name', () => {
    const set = new PatternSet(['v', '^v', 'v.*', 'a|ab']);
    assert.deepEqual([...set.match('v1')], [2]);
    assert.deepEqual([...set.match('v')].sort(), [0, 1, 2]);
    assert.deepEqual([...set.match('ab')], [3]);
    assert.deepEqual([...new PatternSet([]).match('v')], []);
  });

  test('asked together they say what each says by itself', () => {
    const random = createSeededRandom(20_261_122);
    const atoms = ['a', 'b', '.', '[ab]', '[^a]', 'a*', '(a|b)', '(ab)?', 'b+', 'a{2}', '^', '$', '1?'];
    const piece = (): string => random.pick(atoms);
    const text = (make: () => string, most: number): string =>
      Array.from({ length: random.integer({ min: 0, max: most }) }, make).join('');
    for (let round = 0; round < 200; round++) {
      const patterns = Array.from({ length: 8 }, () => `${piece()}${text(piece, 4)}`).filter(isPattern);
      const set = new PatternSet(patterns);
      for (let at = 0; at < 20; at++) {
        const name = text(() => random.pick(['a', 'b', '1']), 6);
        const each = patterns.flatMap((pattern, index) => (RE2JS.matches(pattern, name) ? [index] : []));
        assert.deepEqual(
          [...set.match(name)].sort((l, r) => l - r),
          each,
          `${patterns.join('  ')} on ${name}`,
        );
      }
    }
  });
});

function isPattern(pattern: string): boolean {
  try {
    requirePattern(pattern);
    return true;
  } catch {
    return false;
  }
}
