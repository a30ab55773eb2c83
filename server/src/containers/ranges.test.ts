import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseChunkRange, parseRange } from './ranges.ts';

test('one range of a blob, or all of it', () => {
  const cases: [header: string | undefined, expected: object | undefined][] = [
    [undefined, undefined],
    ['bytes=0-0', { start: 0, end: 0 }],
    ['bytes=500-1499', { start: 500, end: 1499 }],
    ['bytes=500-', { start: 500, end: 2047 }],
    ['bytes=-500', { start: 1548, end: 2047 }],
    ['bytes=-5000', { start: 0, end: 2047 }],
    ['bytes=2000-5000', { start: 2000, end: 2047 }],
    // RFC 9110 §14.2: what is not understood is passed over.
    ['bytes=0-1,5-6', undefined],
    ['bytes=-', undefined],
    ['items=0-1', undefined],
    ['bytes=a-b', undefined],
    ['bytes=0-99999999999999999999', undefined],
  ];
  for (const [header, expected] of cases)
    assert.deepEqual(parseRange(header, 2048), expected, String(header));
});

test('a range outside the blob cannot be met', () => {
  for (const header of ['bytes=2048-', 'bytes=5000-10000', 'bytes=500-0', 'bytes=-0']) {
    assert.throws(
      () => parseRange(header, 2048),
      { code: 'range_not_satisfiable', reason: 'request_invalid' },
      header,
    );
  }
  assert.throws(() => parseRange('bytes=0-', 0), { code: 'range_not_satisfiable' });
});

test('a chunk says its first and last byte', () => {
  assert.deepEqual(parseChunkRange('0-1023'), { start: 0, lengthBytes: 1024 });
  assert.deepEqual(parseChunkRange('bytes 5-5/*'), { start: 5, lengthBytes: 1 });
  for (const header of ['', '5', '5-', '-5', '9-3', 'x-y', '0-1-2', '-1-5']) {
    assert.throws(() => parseChunkRange(header), { code: 'invalid', reason: 'upload_invalid' }, header);
  }
});
