/** The thread that writes what changes nothing: beside units of work, one dense log; and what it does when it cannot. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseBody } from '@tallyman/verifier';
import { createTempFolder } from '../../../tests/support/temp-folder.ts';
import { LogTree } from '../db/log-tree.ts';
import { openDb } from '../db/open.ts';
import { SqliteDb } from '../db/sqlite.ts';
import { manualClock } from '../stdx/clock.ts';
import { ThreadAppender } from './appender.sqlite.ts';
import type { EventDraft, Performer } from './draft.ts';
import { Trail } from './trail.ts';

const alice: Performer = {
  actor: { kind: 'user', id: 'alice-id', name: 'alice', proven: true },
  credential: { kind: 'password' },
  request: { id: 'request', protocol: 'http', ip: '10.0.0.1', userAgent: 'docker' },
};

function pulled(reference: string): EventDraft<'container.manifest.pull'> {
  return {
    type: 'container.manifest.pull',
    by: alice,
    scope: {},
    details: { by: 'tag', reference, digest: 'sha256:00', mediaType: 'application/json' },
  };
}

function created(tag: string): EventDraft<'container.tag.create'> {
  return {
    type: 'container.tag.create',
    by: alice,
    scope: {},
    details: { tag, digest: 'sha256:00', by: 'push' },
  };
}

const hookAt = (file: string) => ({ module: new URL(`./${file}`, import.meta.url).href });

async function open(hook?: { module: string }) {
  const folder = await createTempFolder('appender');
  const location = { engine: 'sqlite', path: folder.join('tallyman.db') } as const;
  const db = await openDb(location);
  assert.ok(db instanceof SqliteDb);
  const clock = manualClock();
  const appender = await ThreadAppender.open({ db, clock, hook });
  return {
    db,
    location,
    appender,
    trail: new Trail({ db, clock, appender }),
    async [Symbol.asyncDispose]() {
      await appender.close();
      await db.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function idsOf(db: SqliteDb): Promise<string[]> {
  const rows = await db.read.q.selectFrom('event').selectAll().orderBy('idx').execute();
  assert.deepEqual(
    rows.map((row) => row.idx),
    rows.map((_, at) => at),
    'the index is dense',
  );
  const grown = new LogTree();
  for (const { body } of rows) grown.append(body);
  const edge = await db.read.q.selectFrom('log_edge').selectAll().executeTakeFirstOrThrow();
  assert.deepEqual(
    Buffer.from(edge.hashes),
    Buffer.from(grown.edge().hashes),
    'the edge is that of the rows',
  );
  return rows.map((row) => parseBody(row.body).id as string);
}

describe('the appender thread', () => {
  it('shares one dense log with units of work, each event once', async () => {
    await using house = await open();
    const { db, trail } = house;
    const ids = await Promise.all(
      Array.from({ length: 900 }, async (_, at) => {
        if (at % 3 !== 0) return trail.read(pulled(`v${at}`));
        return db.transact(async (tx) => trail.record(tx, created(`v${at}`)));
      }),
    );
    assert.equal(await db.head(), 900);
    assert.deepEqual((await idsOf(db)).sort(), ids.toSorted());
  });

  it('lets a store be opened again over what it wrote', async () => {
    await using house = await open();
    const ids = await Promise.all(Array.from({ length: 300 }, (_, at) => house.trail.read(pulled(`v${at}`))));
    await house.appender.close();
    await house.db.close();
    const again = (await openDb(house.location)) as SqliteDb;
    assert.deepEqual((await idsOf(again)).sort(), ids.toSorted());
    await again.close();
  });

  it('refuses a draft that cannot be sealed, alone', async () => {
    await using house = await open();
    const [fine, wrong, other] = await Promise.allSettled([
      house.trail.read(pulled('a')),
      house.trail.read(pulled('\ud800')),
      house.trail.read(pulled('b')),
    ]);
    assert.equal(fine.status, 'fulfilled');
    assert.equal(other.status, 'fulfilled');
    assert.match(String((wrong as PromiseRejectedResult).reason), /cannot be sealed: lone_surrogate/);
    assert.equal((await idsOf(house.db)).length, 2);
  });

  it('tells of a full disk clearly, keeps nothing of that batch, and goes on when there is room', async () => {
    await using house = await open(hookAt('full-once.fixture.ts'));
    const { db, trail } = house;
    const lost = await Promise.allSettled(
      Array.from({ length: 20 }, (_, at) => trail.read(pulled(`v${at}`))),
    );
    for (const one of lost)
      assert.equal((one as PromiseRejectedResult).reason.code, 'unavailable', 'all are told, and why');
    const kept = await Promise.all(Array.from({ length: 300 }, (_, at) => trail.read(pulled(`w${at}`))));
    assert.deepEqual((await idsOf(db)).sort(), kept.toSorted());
  });

  it('stops the store when it does not know what is durable', async () => {
    await using house = await open(hookAt('broken-commit.fixture.ts'));
    await assert.rejects(house.trail.read(pulled('a')), /could not commit/);
    await assert.rejects(
      house.db.transact(async () => {}),
      /could not commit/,
    );
    await assert.rejects(house.trail.read(pulled('b')), /could not commit/);
  });

  it('finishes what it accepted when it is closed', async () => {
    await using house = await open();
    const reading = Promise.all(Array.from({ length: 50 }, (_, at) => house.trail.read(pulled(`v${at}`))));
    await house.appender.close();
    assert.equal((await reading).length, 50);
    await assert.rejects(house.trail.read(pulled('late')), { code: 'unavailable' });
    await house.db.transact(async (tx) => house.trail.record(tx, created('still')));
    assert.equal((await idsOf(house.db)).length, 51);
  });
});
