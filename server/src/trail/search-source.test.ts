/** Whether a short page is told to be all there is: only then no candidate is asked for again. */
import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { firstOf, pageOrEnd } from './search-source.ts';

const most = 10;
const rows = 4;

/** A page of those below `matching` out of the first ten of so many. */
function ask(events: number, matching: number): ReturnType<typeof firstOf> {
  using db = new DatabaseSync(':memory:');
  db.exec('CREATE TABLE event (idx INTEGER PRIMARY KEY)');
  for (let idx = 0; idx < events; idx++) db.prepare('INSERT INTO event VALUES (?)').run(idx);
  const candidates = { text: `SELECT idx FROM event WHERE idx >= ? LIMIT ${most}`, params: [0], most };
  const page = {
    text: `SELECT idx FROM (${candidates.text}) WHERE idx < ? LIMIT ${rows}`,
    params: [0, matching],
  };
  const sql = pageOrEnd(page, { rows, candidates });
  const found = db.prepare(sql.text).all(...(sql.params as number[])) as { idx: number }[];
  return firstOf(found.map(({ idx }) => idx));
}

test('a page is all there is when it is not full and fewer candidates were there than are looked at', () => {
  assert.deepEqual(ask(0, 0), { found: [], ended: true });
  assert.deepEqual(ask(9, 0), { found: [], ended: true });
  assert.deepEqual(ask(9, 3), { found: [0, 1, 2], ended: true });
  assert.deepEqual(ask(9, 9), { found: [0, 1, 2, 3], ended: false }, 'a full page');
  assert.deepEqual(ask(10, 3), { found: [0, 1, 2], ended: false }, 'there may be an eleventh');
  assert.deepEqual(ask(30, 0), { found: [], ended: false });
});
