/** Both engines keep the contract; and what only one of them can get wrong. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createTestDatabase, postgresSkip } from '../../../tests/support/postgres.ts';
import { createTempFolder } from '../../../tests/support/temp-folder.ts';
import { migrations } from './migrations/all.ts';
import { checksum } from './migrations/migration.ts';
import { type DatabaseLocation, migrate, openDb } from './open.ts';
import { openSqlite } from './sqlite-file.ts';
import { statement } from './statement.ts';
import { type StoreUnderTest, storeSuite } from './store.suite.ts';

// A full disk by SQLite's own means: the same SQLITE_FULL as the file system's. It never cuts below the present size.
const pageLimit = statement('PRAGMA max_page_count = 1');
const noPageLimit = statement('PRAGMA max_page_count = 1073741823');

async function openAt(
  location: DatabaseLocation,
  place: AsyncDisposable,
): ReturnType<StoreUnderTest['open']> {
  let db = await openDb(location);
  return {
    get db() {
      return db;
    },
    async reopen() {
      await db.close();
      db = await openDb(location);
      return db;
    },
    async [Symbol.asyncDispose]() {
      await db.close();
      await place[Symbol.asyncDispose]();
    },
  };
}

storeSuite({
  engine: 'sqlite',
  skip: false,
  async open() {
    const folder = await createTempFolder();
    return openAt({ engine: 'sqlite', path: join(folder.path, 'tallyman.db') }, folder);
  },
});

storeSuite({
  engine: 'postgres',
  skip: postgresSkip(),
  async open() {
    const database = await createTestDatabase();
    return openAt({ engine: 'postgres', url: database.url }, database);
  },
});

test('released migrations never change', () => {
  const frozen = JSON.parse(
    readFileSync(new URL('migrations/frozen.json', import.meta.url), 'utf8'),
  ) as Record<string, string>;
  for (const [number, sum] of Object.entries(frozen)) {
    const migration = migrations[Number(number) - 1];
    assert.equal(
      migration && checksum(migration),
      sum,
      `migration ${number} was released and must stay as it was; write a new one`,
    );
  }
  assert.deepEqual(
    migrations.map((migration) => migration.number),
    migrations.map((_, at) => at + 1),
    'numbered without gaps',
  );
});

test('sqlite: migrating twice changes nothing; a newer database is refused with what to do', async () => {
  await using folder = await createTempFolder();
  const location = { engine: 'sqlite', path: join(folder.path, 't.db') } as const;
  const first = await migrate(location);
  assert.equal(first.before, 0);
  assert.deepEqual(await migrate(location), {
    before: migrations.length,
    after: migrations.length,
    applied: [],
  });
  const handle = openSqlite(location.path, { readOnly: false });
  handle.exec(
    `INSERT INTO migration (number, name, checksum) VALUES (${migrations.length + 1}, 'later', 'x')`,
  );
  handle.close();
  await assert.rejects(migrate(location), /only knows/);
});

test('sqlite: a unit that waits for anything but its tx is refused and the batch goes on', async () => {
  await using folder = await createTempFolder();
  const db = await openDb({ engine: 'sqlite', path: join(folder.path, 't.db') });
  const slow = db.transact(async () => new Promise((resolve) => setImmediate(() => setImmediate(resolve))));
  const fine = db.transact(async (tx) => {
    tx.append({ body: '{"id":"fine"}', private: '{}' });
    return 'done';
  });
  await assert.rejects(slow, /waited for something other than its tx/);
  assert.equal(await fine, 'done');
  await db.close();
});

test('sqlite: a full disk refuses the writes with a clear error, loses nothing acknowledged, and recovers', async () => {
  await using folder = await createTempFolder();
  const path = join(folder.path, 't.db');
  const db = await openDb({ engine: 'sqlite', path });
  await db.append([{ body: '{"id":"kept"}', private: '{}' }]);
  await db.transact(async (tx) => {
    await tx.get(pageLimit);
  });
  await assert.rejects(db.append([{ body: JSON.stringify({ id: 'x'.repeat(200_000) }), private: '{}' }]), {
    code: 'unavailable',
  });
  await db.transact(async (tx) => {
    await tx.get(noPageLimit);
  });
  await db.append([{ body: '{"id":"after"}', private: '{}' }]);
  const rows = await db.read.q.selectFrom('event').selectAll().orderBy('idx').execute();
  assert.deepEqual(
    rows.map((row) => [row.idx, row.body]),
    [
      [0, '{"id":"kept"}'],
      [1, '{"id":"after"}'],
    ],
  );
  await db.close();
});
