/** Every row, name, time and count of the search index that is not what the events give is named; on both engines. */
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { postgresSkip } from '../../../tests/support/postgres.ts';
import { createSeededRandom } from '../../../tests/support/seeded-random.ts';
import { openSearchFile } from '../db/search-file.ts';
import { searchPathOf } from '../trail/search.ts';
import { openWorld, plainDrafts, type World } from './fsck-world.fixture.ts';

for (const { engine, skip } of [
  { engine: 'sqlite', skip: false },
  { engine: 'postgres', skip: postgresSkip() },
] as const) {
  describe(`fsck of the search index on ${engine}`, { skip }, () => {
    let world: World;
    before(async () => {
      world = await openWorld(engine);
      // Enough for the counts to be written, which wait for some thousands.
      for (let at = 0; at < 6; at++) await world.append(plainDrafts(1_000, createSeededRandom(at)));
      await world.project();
    });
    after(() => world[Symbol.asyncDispose]());

    const run = async (sql: string) => {
      if (world.location.engine === 'postgres') {
        await world.run(sql);
        return;
      }
      const file = openSearchFile(searchPathOf(world.location.path));
      file.exec(sql);
      file.close();
    };
    const found = async () =>
      (await world.fsck(['projection'])).findings.map(({ what, index }) =>
        index === undefined ? what : `${what} ${index}`,
      );

    it('finds nothing where nothing was done', async () => {
      const report = await world.fsck(['projection']);
      assert.deepEqual(report.findings, []);
      assert.equal(report.checked.projection, 6_000);
    });

    // Each change, how it is undone, and what is said of it.
    const outcome = 'UPDATE search_event SET outcome = (outcome + 1) % 3 WHERE idx = 5000';
    const cases = [
      {
        change: "UPDATE search_event SET text = text || 'x' WHERE idx = 1234",
        undo: 'UPDATE search_event SET text = substr(text, 1, length(text) - 1) WHERE idx = 1234',
        says: ['row_differs 1234'],
      },
      {
        change: 'UPDATE search_event SET occurred_us = occurred_us + 1 WHERE idx = 700',
        undo: 'UPDATE search_event SET occurred_us = occurred_us - 1 WHERE idx = 700',
        says: ['row_differs 700'],
      },
      { change: outcome, undo: `${outcome}; ${outcome}`, says: ['row_differs 5000'], counts: true },
      {
        change: 'UPDATE search_event SET idx = 100000 WHERE idx = 17',
        undo: 'UPDATE search_event SET idx = 17 WHERE idx = 100000',
        says: ['row_missing 17'],
        counts: true,
      },
      {
        change: 'UPDATE search_block SET first_us = first_us + 1000000 WHERE size = 256 AND block = 0',
        undo: 'UPDATE search_block SET first_us = first_us - 1000000 WHERE size = 256 AND block = 0',
        says: ['block_differs'],
      },
      {
        change:
          'UPDATE search_count SET events = events + 1 WHERE dimension = 2 AND grain = 1 AND bucket = (SELECT min(bucket) FROM search_count WHERE grain = 1)',
        undo: 'UPDATE search_count SET events = events - 1 WHERE dimension = 2 AND grain = 1 AND bucket = (SELECT min(bucket) FROM search_count WHERE grain = 1)',
        says: ['count_differs'],
      },
      {
        change: 'UPDATE search_state SET next = next + 10',
        undo: 'UPDATE search_state SET next = next - 10',
        says: ['projection_ahead'],
      },
    ];
    for (const { change, undo, says, counts } of cases) {
      it(`names what was done by ${change}`, async () => {
        await run(change);
        try {
          const all = await found();
          assert.deepEqual(counts === true ? all.filter((one) => one !== 'count_differs') : all, says);
        } finally {
          for (const sql of undo.split('; ')) await run(sql);
        }
        assert.deepEqual(await found(), []);
      });
    }

    it('waits for what is still to follow an erasure', async () => {
      await run("UPDATE search_event SET text = text || 'x' WHERE idx = 1234");
      await world.run(`INSERT INTO search_redo (indexes) VALUES ('{"reproject":[1234]}')`);
      try {
        assert.deepEqual(await found(), []);
      } finally {
        await world.run('DELETE FROM search_redo');
        await run('UPDATE search_event SET text = substr(text, 1, length(text) - 1) WHERE idx = 1234');
      }
    });

    it('names names that are gone', async () => {
      await run("DELETE FROM search_name WHERE dimension = 'namespace'");
      const all = await found();
      assert.ok(all.length > 3 && all.every((one) => one.startsWith('name_missing')), String(all));
    });
  });
}

it('an index that is not there is made anew at the next start, and no fault', async () => {
  await using world = await openWorld('sqlite');
  await world.append(plainDrafts(10, createSeededRandom(1)));
  const path = searchPathOf(world.location.engine === 'sqlite' ? world.location.path : '');
  const look = async () =>
    (await world.fsck(['projection'])).findings.map(({ what, severity }) => `${severity} ${what}`);
  assert.deepEqual(await look(), ['notice projection_away']);
  await world.project();
  assert.deepEqual(await look(), []);
  writeFileSync(path, 'this is no database at all'.repeat(400));
  assert.deepEqual(await look(), ['notice projection_away']);
  for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true });
  assert.deepEqual(await look(), ['notice projection_away']);
});
