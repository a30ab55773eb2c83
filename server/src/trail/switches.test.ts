/** The four switches: what is stored, what each namespace may decide, and what is counted while one is off. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createTestDatabase, postgresSkip } from '../../../tests/support/postgres.ts';
import { createTempFolder } from '../../../tests/support/temp-folder.ts';
import { openDb } from '../db/open.ts';
import type { Db } from '../db/store.ts';
import { Switches, type SwitchMode } from './switches.ts';

async function openSqlite(): Promise<{ db: Db } & AsyncDisposable> {
  const folder = await createTempFolder('switches');
  const db = await openDb({ engine: 'sqlite', path: folder.join('tallyman.db') });
  return {
    db,
    async [Symbol.asyncDispose]() {
      await db.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function openPostgres(): Promise<{ db: Db } & AsyncDisposable> {
  const database = await createTestDatabase();
  const db = await openDb({ engine: 'postgres', url: database.url });
  return {
    db,
    async [Symbol.asyncDispose]() {
      await db.close();
      await database[Symbol.asyncDispose]();
    },
  };
}

const engines = [
  { engine: 'sqlite', skip: false as const, open: openSqlite },
  { engine: 'postgres', skip: postgresSkip(), open: openPostgres },
];

for (const { engine, skip, open } of engines) {
  describe(`switches on ${engine}`, { skip }, () => {
    const put = (
      db: Db,
      switches: Switches,
      mode: SwitchMode,
      namespaceId = '',
    ): ReturnType<Switches['put']> =>
      db.transact((tx) => switches.put(tx, { name: 'failed_pulls', namespaceId, mode, nowUs: 1 }));

    it('are on until somebody says otherwise, and remember it over a restart', async () => {
      await using house = await open();
      const switches = new Switches();
      await switches.load(house.db.read);
      assert.ok(switches.isOn('failed_pulls'));
      assert.deepEqual(await put(house.db, switches, 'off'), { from: 'on', unrecorded: 0 });
      assert.ok(!switches.isOn('failed_pulls', 'acme'));
      assert.ok(switches.isOn('failed_pushes', 'acme'));
      const again = new Switches();
      await again.load(house.db.read);
      assert.equal(again.get('failed_pulls'), 'off');
      assert.deepEqual(again.all(), {
        failed_logins: 'on',
        failed_pulls: 'off',
        failed_pushes: 'on',
        failed_deletions: 'on',
      });
    });

    it('let owners decide only while the server leaves it to them; the system scope follows the server', async () => {
      await using house = await open();
      const switches = new Switches();
      await put(house.db, switches, 'off', 'acme');
      assert.ok(switches.isOn('failed_pulls', 'acme'), 'the server says on');
      await put(house.db, switches, 'namespace');
      assert.ok(!switches.isOn('failed_pulls', 'acme'));
      assert.ok(switches.isOn('failed_pulls', 'globex'));
      assert.ok(switches.isOn('failed_pulls'));
      await put(house.db, switches, 'off');
      assert.ok(!switches.isOn('failed_pulls', 'globex'));
      assert.ok(!switches.isOn('failed_pulls'));
    });

    it('tell when switched on how many refusals were counted meanwhile, each once', async () => {
      await using house = await open();
      const switches = new Switches();
      await put(house.db, switches, 'off');
      for (const namespace of ['acme', 'acme', 'globex', undefined])
        switches.countUnrecorded('failed_pulls', namespace);
      switches.countUnrecorded('failed_pushes', 'acme');
      assert.equal((await put(house.db, switches, 'off')).unrecorded, 0);
      assert.equal((await put(house.db, switches, 'on', 'acme')).unrecorded, 2);
      const unit = house.db.transact(async (tx) => {
        const put = await switches.put(tx, { name: 'failed_pulls', namespaceId: '', mode: 'on', nowUs: 2 });
        // One more, after the count was taken and before the commit.
        switches.countUnrecorded('failed_pulls', 'globex');
        return put;
      });
      assert.deepEqual(await unit, { from: 'off', unrecorded: 2 });
      assert.equal((await put(house.db, switches, 'on')).unrecorded, 1);
      assert.equal((await put(house.db, switches, 'on')).unrecorded, 0);
    });

    it('change nothing when the unit fails, and see what an earlier unit of the batch did', async () => {
      await using house = await open();
      const switches = new Switches();
      const failing = house.db.transact(async (tx) => {
        await switches.put(tx, { name: 'failed_pulls', namespaceId: '', mode: 'off', nowUs: 1 });
        throw new Error('no');
      });
      await assert.rejects(failing, /no/);
      assert.ok(switches.isOn('failed_pulls'));
      const both = await Promise.all([put(house.db, switches, 'off'), put(house.db, switches, 'namespace')]);
      const chain = both.map(({ from }) => from).sort();
      assert.ok(
        chain.includes('on') && chain.some((from) => from === 'off' || from === 'namespace'),
        chain.join(),
      );
    });

    it('lose no count when more namespaces are refused than are kept apart', async () => {
      await using house = await open();
      const switches = new Switches();
      for (let at = 0; at < 12_000; at++) switches.countUnrecorded('failed_pulls', `namespace ${at}`);
      assert.equal(
        (await put(house.db, switches, 'on', 'namespace 11999')).unrecorded,
        0,
        'it joined the server’s',
      );
      assert.equal((await put(house.db, switches, 'on', 'namespace 0')).unrecorded, 1);
      assert.equal((await put(house.db, switches, 'on')).unrecorded, 11_999);
    });
  });
}
