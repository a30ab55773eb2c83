/** An export that broke off: what of it is whole, where it goes on, and what a person is told meanwhile. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { createTempFolder } from '../../../tests/support/temp-folder.ts';
import { manualClock } from '../stdx/clock.ts';
import { forgetUntil, keepUntil, partPath, resumePart } from './export-part.ts';
import { ExportProgress, indexOfLine } from './export-progress.ts';

const line = (index: number, more = ''): string => `{"index":${index},"type":"x${more}"}\n`;

test('a part is cut to its last whole line, and goes on after it', async () => {
  await using folder = await createTempFolder('part');
  const file = folder.join('events.ndjson');
  const cases: [text: string, left: string, after: number | undefined][] = [
    [line(3) + line(9) + '{"index":12,"ty', line(3) + line(9), 9],
    [line(3) + line(9), line(3) + line(9), 9],
    [line(3), line(3), 3],
    ['{"index":1', '', undefined],
    ['', '', undefined],
    ['no export at all\n', '', undefined],
    [line(1) + line(2, 'y'.repeat(3_000_000)) + '{"in', line(1) + line(2, 'y'.repeat(3_000_000)), 2],
  ];
  for (const [text, left, after] of cases) {
    await writeFile(partPath(file), text);
    await keepUntil(file, 40);
    assert.deepEqual(await resumePart(file), { after, until: 40 });
    assert.equal(await readFile(partPath(file), 'utf8'), left);
  }
  await forgetUntil(file);
  await assert.rejects(resumePart(file), { code: 'not_found' });
  await assert.rejects(resumePart(folder.join('other')), { code: 'not_found' });
});

test('progress counts events, whatever pieces they come in, and passes every byte on', async () => {
  const clock = manualClock();
  const told: string[] = [];
  const progress = new ExportProgress({ until: 100, total: 3, tell: (text) => told.push(text), clock });
  const text = line(4) + line(20, 'é') + line(49);
  const pieces = function* () {
    for (const byte of Buffer.from(text)) {
      clock.advanceMs(30);
      yield Buffer.from([byte]);
    }
  };
  let passed = '';
  for await (const piece of Readable.from(pieces()).pipe(progress))
    passed += (piece as Buffer).toString('latin1');
  assert.equal(Buffer.from(passed, 'latin1').toString(), text);
  assert.equal(progress.line(), '3 of 3 events, 0.0 MB, 50 % of the log');
  assert.ok(told.length > 0);
  assert.equal(indexOfLine('7,0193-…,2026'), 7);
  assert.equal(indexOfLine('index,id,occurred_at'), undefined);
});
