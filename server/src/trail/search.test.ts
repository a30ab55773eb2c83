/** Both engines keep the promises of the reading side; each can be found damaged in its own ways. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { it } from 'node:test';
import { createTestDatabase, postgresSkip } from '../../../tests/support/postgres.ts';
import { createSeededRandom } from '../../../tests/support/seeded-random.ts';
import { createTempFolder } from '../../../tests/support/temp-folder.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { openDb } from '../db/open.ts';
import { openSearchFile } from '../db/search-file.ts';
import { statement } from '../db/statement.ts';
import { systemClock } from '../stdx/clock.ts';
import { SqliteProjection } from './projection.sqlite.ts';
import { searchSuite } from './search.suite.ts';
import { Search, searchPathOf } from './search.ts';
import { searchCountsSuite } from './search-counts.suite.ts';
import type { Damage, SearchUnderTest } from './search-house.fixture.ts';
import { searchStreamsSuite } from './search-streams.suite.ts';
import { make, randomDraft, readers } from './search-world.fixture.ts';
import { Trail } from './trail.ts';

function onFile(name: string, damage: (path: string) => void): Damage {
  const apply: Damage['apply'] = async ({ location }) => {
    if (location.engine === 'sqlite') damage(searchPathOf(location.path));
  };
  return { name, apply };
}

const onRows = (sql: string): Damage =>
  onFile(sql, (path) => {
    const file = openSearchFile(path);
    file.exec(sql);
    file.close();
  });

const onSqlite: SearchUnderTest = {
  engine: 'sqlite',
  skip: false,
  async place() {
    const folder = await createTempFolder('search');
    return {
      location: { engine: 'sqlite', path: folder.join('tallyman.db') },
      [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
    };
  },
  open: openDb,
  damages: [
    onFile('missing', (path) => rmSync(path)),
    onFile('no database', (path) => writeFileSync(path, 'this is no database at all'.repeat(400))),
    onFile('cut off', (path) => writeFileSync(path, readFileSync(path).subarray(0, 6_000))),
    onFile('empty', (path) => writeFileSync(path, '')),
    onRows('UPDATE search_state SET version = 0'),
    onRows('UPDATE search_state SET next = next + 1000'),
    onRows("UPDATE search_event SET id = x'00' WHERE idx = (SELECT max(idx) FROM search_event)"),
    onRows('DELETE FROM search_state'),
    onRows('DROP TABLE search_name'),
  ],
};

const onTables = (sql: string): Damage => ({
  name: sql,
  async apply({ db }) {
    await db.transact((tx) => tx.run(statement(sql)));
  },
});

const onPostgres: SearchUnderTest = {
  engine: 'postgres',
  skip: postgresSkip(),
  async place() {
    const database = await createTestDatabase();
    return {
      location: { engine: 'postgres', url: database.url },
      [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
    };
  },
  open: openDb,
  damages: [
    onTables('TRUNCATE search_state'),
    onTables('UPDATE search_state SET version = 0'),
    onTables('UPDATE search_state SET next = next + 1000'),
    onTables("UPDATE search_event SET id = '\\x00' WHERE idx = (SELECT max(idx) FROM search_event)"),
  ],
};

for (const under of [onSqlite, onPostgres]) {
  searchSuite(under);
  searchStreamsSuite(under);
  searchCountsSuite(under);
}

it('a projection found damaged while it is searched is made anew, and searches go on', async () => {
  await using folder = await createTempFolder('search');
  const location = { engine: 'sqlite' as const, path: folder.join('tallyman.db') };
  await using opened = new AsyncDisposableStack();
  const db = await openDb(location);
  opened.defer(() => db.close());
  const clock = systemClock();
  const search = await Search.open({ db, location, clock, trail: new Trail({ db, clock }) });
  opened.defer(() => search.close());
  const random = createSeededRandom(1);
  await db.append(Array.from({ length: 100 }, () => make(randomDraft(random), clock)));
  const reader = readers.auditor;
  assert.ok(reader);
  const question = { view: { kind: 'administration' as const }, filter: { actor: ['alice'] }, limit: 500 };
  const whole = async () => {
    const answer = await search.search(question, reader);
    return answer.completeTo === undefined && answer;
  };
  const before = await waitFor('the projection', whole);
  assert.ok(before.items.length > 0);
  const file = openSearchFile(searchPathOf(location.path));
  file.exec('DROP TABLE search_name');
  file.close();
  await assert.rejects(search.search(question, reader), { code: 'unavailable' });
  const after = await waitFor('the projection made anew', whole);
  assert.deepEqual(after.items, before.items);
});

it('a projector that breaks is started again, tells so, and catches up', async () => {
  await using folder = await createTempFolder('search');
  const location = { engine: 'sqlite' as const, path: folder.join('tallyman.db') };
  const db = await openDb(location);
  const clock = systemClock();
  const search = await Search.open({ db, location, clock, trail: new Trail({ db, clock }) });
  const random = createSeededRandom(2);
  const add = () => db.append(Array.from({ length: 20 }, () => make(randomDraft(random), clock)));
  await add();
  const question = { view: { kind: 'administration' as const }, filter: {}, limit: 500 };
  const reader = readers.auditor;
  assert.ok(reader);
  const before = await waitFor('the first events', async () => {
    const { items } = await search.search(question, reader);
    return items.length >= 20 && items;
  });
  // A folder where the file should be: the torn file cannot be made anew, and the thread ends.
  const path = searchPathOf(location.path);
  const file = openSearchFile(path);
  file.exec('DROP TABLE search_state');
  file.close();
  for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true });
  mkdirSync(path);
  await add();
  await waitFor('the projector to break', () => search.failure() !== undefined);
  rmdirSync(path);
  await waitFor('another projector', () => search.restarts() > 0 && search.lag() === 0, {
    timeoutMs: 30_000,
  });
  assert.equal(search.failure(), undefined);
  const after = await waitFor('searches', () => search.search(question, reader), { timeoutMs: 30_000 });
  assert.ok(after.items.length >= before.length + 20);
  await search.close();
  await db.close();
});

it('searchers that cannot be loaded are started again so many times, then questions are refused and it is told why', async () => {
  await using folder = await createTempFolder('search');
  const location = { engine: 'sqlite' as const, path: folder.join('tallyman.db') };
  await using opened = new AsyncDisposableStack();
  const db = await openDb(location);
  opened.defer(() => db.close());
  const projection = await SqliteProjection.open({
    db,
    logPath: location.path,
    searchPath: searchPathOf(location.path),
    searchers: 2,
    eventsPerCounting: 1,
    searcherModule: new URL('./broken-searcher.fixture.ts', import.meta.url),
    retryMs: 1,
  });
  opened.defer(() => projection.close());
  const reader = readers.auditor;
  assert.ok(reader);
  const question = { view: { kind: 'administration' as const }, filter: {}, reader, limit: 20 };
  const refused = { code: 'unavailable', message: /no thread that searches can be started/ };
  // Whoever waits is told as well.
  const waiting = assert.rejects(projection.ask('page', question), (error: Error) =>
    /cannot be loaded|no thread that searches/.test(error.message),
  );
  const mute = async () =>
    projection.ask('page', question).then(
      () => false,
      (error: Error) => refused.message.test(error.message),
    );
  await waitFor('the last of them to break', mute, { timeoutMs: 60_000 });
  await waiting;
  assert.match(projection.failure() ?? '', /a thread that searches broke: this searcher cannot be loaded/);
  await assert.rejects(projection.ask('page', question), refused);
});
