/** Which runs of the index are left to look at, when a filter asks of the same things as the view. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { meeting } from './select.ts';

test('runs of one column are those that every set of runs has', () => {
  const inView = [{ column: 'namespace', keys: [1] }] as const;
  const elsewhere = [{ column: 'namespace', keys: [2, 3] }] as const;
  const byTwo = [{ column: 'actor', keys: [8, 9] }] as const;
  const concernsMe = [
    { column: 'actor', keys: [7] },
    { column: 'subject', keys: [7] },
    { column: 'namespace', keys: [1, 4] },
  ] as const;
  assert.deepEqual(meeting([inView]), [inView]);
  assert.deepEqual(meeting([inView, inView]), [inView], 'the same is not judged twice');
  assert.deepEqual(meeting([inView, elsewhere]), [[{ column: 'namespace', keys: [] }]]);
  assert.deepEqual(meeting([inView, byTwo]), [inView, byTwo], 'columns are not compared with others');
  assert.deepEqual(meeting([concernsMe, byTwo]), [
    byTwo,
    [
      { column: 'actor', keys: [] },
      { column: 'subject', keys: [7] },
      { column: 'namespace', keys: [1, 4] },
    ],
  ]);
  assert.deepEqual(meeting([concernsMe, inView])[1], [
    { column: 'actor', keys: [7] },
    { column: 'subject', keys: [7] },
    { column: 'namespace', keys: [1] },
  ]);
  assert.deepEqual(meeting([]), []);
  assert.deepEqual(meeting([[], inView]), [inView, []], 'where nothing can match, nothing does');
});
