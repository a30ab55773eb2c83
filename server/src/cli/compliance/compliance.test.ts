/** The page about controls: each that is asked for is there, says what is left over, and names nothing that is not there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findUnknown, frameworks, generate } from './compliance.gen.ts';
import type { Framework } from './control.ts';

test('every control that is asked for has its evidence, its tests, and what is left to the organisation', async () => {
  const controls = frameworks.flatMap((framework) => framework.controls);
  const numbers = controls.map(({ number }) => number);
  assert.equal(new Set(numbers).size, numbers.length);
  const family = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12].map((n) => `AU-${n}`);
  for (const number of ['CC7.2', 'CC8.1', 'A.8.15', 'A.8.32', ...family])
    assert.ok(numbers.includes(number), number);
  for (const { number, tests, yours, does } of controls)
    assert.ok(tests.length > 0 && does.length > 0 && yours.length > 10, number);
  const [page] = await generate();
  for (const number of numbers) assert.ok(page?.content.includes(`### ${number} `), number);
});

test('a test, a setting or a command that is not there is named', () => {
  const control = {
    number: 'X-1',
    title: '',
    asks: '',
    does: [],
    events: [],
    settings: ['failed_logins', 'failed_luck'],
    commands: ['events', 'admin', 'tag', 'fly'],
    tests: [
      ['a.test.ts', 'is there'],
      ['a.test.ts', 'is here too'],
      ['a.test.ts', 'is not'],
      ['gone.test.ts', 'is there'],
    ],
    yours: '',
  } as const;
  const framework: Framework = { title: '', about: '', controls: [control] };
  const text = "it('is there', () => {}); test(`is here too, on ${engine}`, () => {}); // it('is\\' not')";
  assert.deepEqual(
    findUnknown([framework], (path) => (path === 'a.test.ts' ? text : undefined)),
    [
      'X-1: the setting failed_luck',
      'X-1: the command fly',
      'X-1: the test “is not” in a.test.ts',
      'X-1: the test “is there” in gone.test.ts',
    ],
  );
});
