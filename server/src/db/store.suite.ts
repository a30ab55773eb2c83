/** The contract of a database, run on each engine by store.test.ts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '../domain/error.ts';
import { LogTree, leafHashOf } from './log-tree.ts';
import { statement } from './statement.ts';
import type { Db, Tx } from './store.ts';

export type StoreUnderTest = {
  engine: string;
  skip: string | false;
  /** A fresh, migrated store; `reopen` closes and opens it again over the same content. */
  open(): Promise<{ db: Db; reopen(): Promise<Db>; [Symbol.asyncDispose](): Promise<void> }>;
};

const event = (name: string) => ({ body: `{"id":"${name}"}`, private: '{}' });
const putSetting = statement(
  'INSERT INTO setting (namespace_id, key, value, changed_at) VALUES (?, ?, ?, ?)',
);
const getSetting = statement<{ value: string }>(
  'SELECT value FROM setting WHERE namespace_id = ? AND key = ?',
);

async function put(tx: Tx, key: string, value = 'v'): Promise<void> {
  await tx.run(putSetting, ['', key, value, 1]);
}

async function logOf(db: Db): Promise<string[]> {
  const head = await db.head();
  const rows = await db.read.q.selectFrom('event').selectAll().orderBy('idx').execute();
  assert.deepEqual(
    rows.map((row) => row.idx),
    Array.from({ length: head }, (_, at) => at),
    'the index is dense',
  );
  const privates = await db.read.q.selectFrom('event_private').select('idx').orderBy('idx').execute();
  assert.deepEqual(
    privates.map((row) => row.idx),
    rows.map((row) => row.idx),
    'each event has its private row',
  );
  return rows.map((row) => (JSON.parse(row.body) as { id: string }).id);
}

/** The stored tree is the one that grows from the stored bodies. */
async function requireTree(db: Db, size: number): Promise<void> {
  assert.equal(await db.head(), size);
  const grown = new LogTree();
  const rows = await db.read.q.selectFrom('event').select('body').orderBy('idx').execute();
  for (const { body } of rows) grown.appendLeaf(leafHashOf(body));
  const edge = await db.read.q.selectFrom('log_edge').select(['size', 'hashes']).executeTakeFirstOrThrow();
  assert.equal(edge.size, size);
  assert.deepEqual(Buffer.from(edge.hashes), Buffer.from(grown.edge().hashes));
  const tiles = await db.read.q.selectFrom('log_tile').selectAll().orderBy('level').orderBy('n').execute();
  assert.deepEqual(
    tiles.map(({ level, n, hashes }) => ({ level, n, hashes: Buffer.from(hashes) })),
    grown.takeFullTiles().map(({ level, n, hashes }) => ({ level, n, hashes: Buffer.from(hashes) })),
  );
}

export function storeSuite({ engine, skip, open }: StoreUnderTest): void {
  test(`${engine}: a unit's change and its event commit together`, { skip }, async () => {
    await using store = await open();
    const { db } = store;
    const answer = await db.transact(async (tx) => {
      await put(tx, 'a');
      tx.append(event('first'));
      assert.equal((await tx.get(getSetting, ['', 'a']))?.value, 'v', 'a unit sees its own writes');
      return 7;
    });
    assert.equal(answer, 7);
    assert.equal((await db.read.get(getSetting, ['', 'a']))?.value, 'v');
    assert.deepEqual(await logOf(db), ['first']);
  });

  test(`${engine}: a unit that throws leaves neither change nor event, and its neighbours stand`, {
    skip,
  }, async () => {
    await using store = await open();
    const { db } = store;
    const units = ['a', 'b', 'c'].map((key) =>
      db.transact(async (tx) => {
        await put(tx, key);
        tx.append(event(key));
        if (key === 'b') throw new AppError('conflict', 'no');
      }),
    );
    const results = await Promise.allSettled(units);
    assert.deepEqual(
      results.map((result) => result.status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );
    const keys = await db.read.q.selectFrom('setting').select('key').orderBy('key').execute();
    assert.deepEqual(
      keys.map((row) => row.key),
      ['a', 'c'],
    );
    assert.deepEqual((await logOf(db)).sort(), ['a', 'c']);
  });

  test(`${engine}: a failing statement undoes its unit alone`, { skip }, async () => {
    await using store = await open();
    const { db } = store;
    await db.transact((tx) => put(tx, 'taken'));
    const twice = db.transact(async (tx) => {
      await put(tx, 'new');
      tx.append(event('never'));
      await put(tx, 'taken');
    });
    const fine = db.transact(async (tx) => {
      await put(tx, 'other');
      tx.append(event('other'));
    });
    await assert.rejects(twice);
    await fine;
    assert.equal(await db.read.get(getSetting, ['', 'new']), undefined);
    assert.deepEqual(await logOf(db), ['other']);
  });

  test(`${engine}: many units and appends at once get a dense index, each exactly once`, {
    skip,
  }, async () => {
    await using store = await open();
    const { db } = store;
    const names = Array.from({ length: 600 }, (_, at) => `e${at}`);
    await Promise.all(
      names.map((name, at) => {
        if (at % 3 === 0) return db.append([event(name)]);
        return db.transact(async (tx) => {
          if (at % 3 === 1) await put(tx, name);
          tx.append(event(name));
        });
      }),
    );
    assert.deepEqual((await logOf(db)).sort(), names.toSorted());
  });

  test(`${engine}: units that lock the same key leave their events in the order of their changes`, {
    skip,
  }, async () => {
    await using store = await open();
    const { db } = store;
    await db.transact((tx) => put(tx, 'counter', '0'));
    await Promise.all(
      Array.from({ length: 40 }, () =>
        db.transact(async (tx) => {
          await tx.lock('counter');
          const next = Number((await tx.get(getSetting, ['', 'counter']))?.value) + 1;
          await tx.q
            .updateTable('setting')
            .set({ value: String(next) })
            .where('key', '=', 'counter')
            .execute();
          tx.append(event(String(next)));
        }),
      ),
    );
    assert.deepEqual(
      await logOf(db),
      Array.from({ length: 40 }, (_, at) => String(at + 1)),
    );
  });

  test(`${engine}: afterCommit runs once, before the caller goes on, and not for a failed unit`, {
    skip,
  }, async () => {
    await using store = await open();
    const { db } = store;
    const seen: string[] = [];
    await db.transact(async (tx) => {
      tx.afterCommit(() => seen.push('kept'));
      await put(tx, 'a');
    });
    assert.deepEqual(seen, ['kept']);
    const failed = db.transact(async (tx) => {
      tx.afterCommit(() => seen.push('never'));
      throw new Error('no');
    });
    await assert.rejects(failed);
    assert.deepEqual(seen, ['kept']);
  });

  test(`${engine}: a unit cannot be used after it has ended`, { skip }, async () => {
    await using store = await open();
    let kept: Tx | undefined;
    await store.db.transact(async (tx) => {
      kept = tx;
      await put(tx, 'a');
    });
    await assert.rejects(async () => kept?.run(putSetting, ['', 'late', 'v', 1]), /after it had ended/);
    await assert.rejects(async () => kept?.q.deleteFrom('setting').execute(), /after it had ended/);
    assert.throws(() => kept?.append(event('late')), /after it had ended/);
  });

  test(`${engine}: reads never see a unit still under way`, { skip }, async () => {
    await using store = await open();
    const { db } = store;
    let during: unknown = 'not read';
    await db.transact(async (tx) => {
      await put(tx, 'half');
      const reading = db.read.get(getSetting, ['', 'half']);
      if (db.engine === 'sqlite') during = await reading;
      else during = (await Promise.all([reading, tx.get(getSetting, ['', 'half'])]))[0];
    });
    assert.equal(during, undefined);
  });

  test(`${engine}: what was acknowledged is there after the store is opened again, and the index goes on`, {
    skip,
  }, async () => {
    await using store = await open();
    await Promise.all([
      store.db.append([event('a'), event('b')]),
      store.db.transact(async (tx) => tx.append(event('c'))),
    ]);
    const again = await store.reopen();
    assert.deepEqual((await logOf(again)).sort(), ['a', 'b', 'c']);
    await again.append([event('d')]);
    assert.equal((await logOf(again)).at(-1), 'd');
  });

  test(`${engine}: edge and tiles are those of the entries, after every batch and over a restart`, {
    skip,
  }, async () => {
    await using store = await open();
    const names = Array.from({ length: 700 }, (_, at) => `e${at}`);
    let { db } = store;
    for (const [from, to] of [
      [0, 1],
      [1, 255],
      [255, 258],
      [258, 520],
      [520, 700],
    ] as const) {
      await Promise.all(
        names.slice(from, to).map((name, at) => {
          if (at % 2 === 0) return db.append([event(name)]);
          return db.transact(async (tx) => tx.append(event(name)));
        }),
      );
      await requireTree(db, to);
      db = await store.reopen();
      await requireTree(db, to);
    }
  });

  test(`${engine}: a database whose last entry was changed by hand is not opened`, { skip }, async () => {
    await using store = await open();
    const { db } = store;
    await db.append([event('a'), event('b')]);
    await db.head();
    await db.transact(async (tx) => {
      await tx.q.updateTable('event').set({ body: '{"id":"c"}' }).where('idx', '=', 1).execute();
    });
    await assert.rejects(store.reopen(), /changed by other hands/);
  });

  test(`${engine}: listeners hear the head grow, close finishes what was accepted and then refuses`, {
    skip,
  }, async () => {
    await using store = await open();
    const { db } = store;
    const heads: number[] = [];
    db.onHead((head) => heads.push(head));
    await db.append([event('a')]);
    await db.head();
    assert.equal(heads.at(-1), 1);
    const last = db.append([event('b')]);
    await db.close();
    await last;
    await assert.rejects(db.append([event('c')]), { code: 'unavailable' });
    await assert.rejects(
      db.transact(async () => {}),
      { code: 'unavailable' },
    );
    const again = await store.reopen();
    assert.deepEqual(await logOf(again), ['a', 'b']);
  });
}
