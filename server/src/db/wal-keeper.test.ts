/** The WAL is copied back beside a busy writer, begins anew, and nothing of it is lost. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { createTempFolder } from '../../../tests/support/temp-folder.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { openSqlite } from './sqlite-file.ts';
import { WalKeeper, type WalPages } from './wal-keeper.ts';

const bounds = { pages: 20, batchesPerLook: 1 };

function openTable(path: string): DatabaseSync {
  const writer = openSqlite(path, { readOnly: false });
  writer.exec('CREATE TABLE line (text TEXT) STRICT');
  return writer;
}

const pagesOf = (writer: DatabaseSync) => writer.prepare('PRAGMA wal_checkpoint(NOOP)').get() as WalPages;

test('a busy writer has its WAL copied by a thread, and begins it anew', async () => {
  await using folder = await createTempFolder('wal');
  const path = folder.join('some.db');
  const writer = openTable(path);
  const keeper = new WalKeeper(path, writer, bounds);
  const insert = writer.prepare('INSERT INTO line VALUES (?)');
  let lines = 0;
  let began = 0;
  let length = 0;
  await waitFor('the WAL to have begun anew three times', () => {
    insert.run('x'.repeat(10_000));
    lines++;
    const { log } = pagesOf(writer);
    if (log < length) began++;
    length = log;
    keeper.batchEnded();
    return began >= 3;
  });
  await keeper.close();
  const stored = writer.prepare('SELECT count(*) AS lines, sum(length(text)) AS chars FROM line').get();
  assert.deepEqual({ ...stored }, { lines, chars: lines * 10_000 });
  writer.close();
  // The thread has let go: the last connection copied the rest and took the WAL away.
  assert.equal(existsSync(`${path}-wal`), false);
});

test('where the thread cannot copy, the writer goes on', async () => {
  await using folder = await createTempFolder('wal');
  const path = folder.join('some.db');
  const writer = openTable(path);
  const keeper = new WalKeeper(folder.join('nowhere/some.db'), writer, bounds);
  const insert = writer.prepare('INSERT INTO line VALUES (?)');
  for (let lines = 0; lines < 300; lines++) {
    insert.run('x'.repeat(10_000));
    keeper.batchEnded();
    await new Promise(setImmediate);
  }
  await keeper.close();
  assert.equal(pagesOf(writer).checkpointed, 0);
  assert.equal(writer.prepare('SELECT count(*) AS lines FROM line').get()?.lines, 300);
  writer.close();
});
