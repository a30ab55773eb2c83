/** The writing side on a real database: a change and its event together, reads and refusals durable before the answer. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AuditEvent } from '@tallyman/contract';
import { openEvent } from '@tallyman/verifier';
import { createTestDatabase, postgresSkip } from '../../../tests/support/postgres.ts';
import { createTempFolder } from '../../../tests/support/temp-folder.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { openDb } from '../db/open.ts';
import type { Db } from '../db/store.ts';
import { AppError, FatalError } from '../domain/error.ts';
import { type Clock, formatUs, manualClock, systemClock } from '../stdx/clock.ts';
import { type Appender, appendTo } from './appender.ts';
import type { EventDraft, Performer, RefusalDraft } from './draft.ts';
import { nodeSha256 } from './seal.ts';
import { Trail } from './trail.ts';

type House = { db: Db; trail: Trail; clock: Clock & { advanceMs(ms: number): void } } & AsyncDisposable;

async function open(engine: 'sqlite' | 'postgres'): Promise<House> {
  const folder = await createTempFolder('trail');
  const database = engine === 'postgres' ? await createTestDatabase() : undefined;
  const db = await openDb(
    database
      ? { engine: 'postgres', url: database.url }
      : { engine: 'sqlite', path: folder.join('tallyman.db') },
  );
  const clock = manualClock();
  return {
    db,
    clock,
    trail: new Trail({ db, clock }),
    async [Symbol.asyncDispose]() {
      await db.close();
      await database?.[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const alice: Performer = {
  actor: { kind: 'user', id: 'alice-id', name: 'alice', proven: true },
  credential: { kind: 'password' },
  request: { id: 'request', protocol: 'http', ip: '10.0.0.1', userAgent: 'docker' },
};
const acme = { kind: 'organisation' as const, id: 'acme-id', name: 'acme' };

function tagCreated(tag: string): EventDraft<'container.tag.create'> {
  return {
    type: 'container.tag.create',
    by: alice,
    scope: { namespace: acme },
    details: { tag, digest: 'sha256:00', by: 'push' },
  };
}

function refusal(
  more: Partial<RefusalDraft<'container.pull.refuse'>> = {},
): RefusalDraft<'container.pull.refuse'> {
  return {
    type: 'container.pull.refuse',
    by: alice,
    scope: { namespace: acme },
    outcome: 'denied',
    reason: 'not_permitted',
    source: '10.0.0.1',
    details: { attempted: { action: 'pull', project: 'acme/app' } },
    ...more,
  };
}

/** Every event of the log, opened and each commitment checked. */
async function eventsOf(db: Db): Promise<AuditEvent[]> {
  await db.head();
  const rows = await db.read.q
    .selectFrom('event')
    .innerJoin('event_private', 'event_private.idx', 'event.idx')
    .select(['event.idx', 'body', 'fields'])
    .orderBy('event.idx')
    .execute();
  assert.deepEqual(
    rows.map(({ idx }) => idx),
    rows.map((_row, at) => at),
  );
  return rows.map(({ body, fields }) => {
    const { event, withheld } = openEvent({ body, private: fields, sha256: nodeSha256 });
    assert.deepEqual(withheld, []);
    return event as unknown as AuditEvent;
  });
}

for (const engine of ['sqlite', 'postgres'] as const) {
  describe(`trail on ${engine}`, { skip: engine === 'postgres' && postgresSkip() }, () => {
    it('records a change in the unit that makes it, or not at all', async () => {
      await using house = await open(engine);
      const { db, trail } = house;
      const id = await db.transact(async (tx) => trail.record(tx, tagCreated('v1')));
      const failing = db.transact(async (tx) => {
        trail.record(tx, tagCreated('v2'));
        throw new Error('no');
      });
      await assert.rejects(failing, /no/);
      const [event, ...more] = await eventsOf(db);
      assert.deepEqual(more, []);
      assert.deepEqual(event, {
        v: 1,
        id,
        type: 'container.tag.create',
        version: 1,
        occurredAt: event?.recordedAt,
        recordedAt: event?.recordedAt,
        outcome: 'success',
        ...alice,
        scope: { namespace: acme },
        details: { tag: 'v1', digest: 'sha256:00', by: 'push' },
      });
      assert.deepEqual([...trail.counts], [['container.tag.create success ', 1]]);
    });

    it('keeps names out of the public body', async () => {
      await using house = await open(engine);
      await house.trail.read(tagCreated('secret-tag'));
      await house.db.head();
      const rows = await house.db.read.q.selectFrom('event').select('body').execute();
      assert.doesNotMatch(JSON.stringify(rows), /alice"|acme"|secret-tag|10\.0\.0\.1|docker/);
    });

    it('records the first refusal before it resolves, and the rest when it has been quiet', async () => {
      await using house = await open(engine);
      for (let time = 0; time < 4; time++) await house.trail.attempt(refusal());
      assert.equal((await eventsOf(house.db)).length, 1);
      assert.equal(house.trail.openAttempts, 1);
      house.clock.advanceMs(30_000);
      await house.trail.trySweep();
      const [first, closing, ...more] = await eventsOf(house.db);
      assert.deepEqual(more, []);
      assert.equal(closing?.cause, first?.id);
      assert.equal((closing?.details.repeats as { count: number } | undefined)?.count, 3);
      assert.equal(house.trail.counts.get('container.pull.refuse denied not_permitted'), 4);
    });

    it('writes what is still open when it stops', async () => {
      await using house = await open(engine);
      await house.trail.start();
      await house.trail.attempt(refusal());
      await house.trail.attempt(refusal());
      await house.trail.stop();
      assert.equal((await eventsOf(house.db)).length, 2);
    });

    it('sweeps by itself once started', async () => {
      await using house = await open(engine);
      await house.trail.start();
      await house.trail.attempt(refusal());
      await house.trail.attempt(refusal());
      house.clock.advanceMs(30_000);
      await waitFor('the closing event', async () => (await eventsOf(house.db)).length === 2);
      await house.trail.stop();
    });

    it('only counts refusals whose switch is off, unless another switch that concerns them is on', async () => {
      await using house = await open(engine);
      const { db, trail } = house;
      await db.transact((tx) =>
        trail.switches.put(tx, { name: 'failed_pulls', namespaceId: '', mode: 'off', nowUs: 1 }),
      );
      await trail.attempt(refusal());
      await trail.attempt(refusal({ scope: {} }));
      assert.deepEqual(await eventsOf(db), []);
      assert.equal(trail.counts.get('container.pull.refuse denied not_permitted'), 2);
      await trail.attempt(refusal(), ['failed_pushes']);
      assert.equal((await eventsOf(db)).length, 1);
      const { unrecorded } = await db.transact((tx) =>
        trail.switches.put(tx, { name: 'failed_pulls', namespaceId: '', mode: 'on', nowUs: 1 }),
      );
      assert.equal(unrecorded, 2);
    });

    it('records whatever a stranger sends', async () => {
      await using house = await open(engine);
      const nasty = [
        '\u0000',
        '\ud800',
        'a'.repeat(100_000),
        '\u202e\n\r\t"\\',
        '💣'.repeat(10_000),
        '{"#":"x"}',
        '__proto__',
      ];
      for (const text of nasty) {
        await house.trail.attempt(
          refusal({
            source: text,
            by: { ...alice, request: { ...alice.request, userAgent: text } },
            details: { attempted: { action: 'pull', project: text, reference: text }, message: text },
          }),
        );
      }
      assert.equal((await eventsOf(house.db)).length, nasty.length);
    });
  });
}

for (const engine of ['sqlite', 'postgres'] as const) {
  const skip = engine === 'postgres' ? postgresSkip() : false;
  describe(`reads while the trail cannot be written, on ${engine}`, { skip }, () => {
    const pull: EventDraft<'container.blob.pull'> = {
      type: 'container.blob.pull',
      by: alice,
      scope: { namespace: acme },
      details: { digest: 'sha256:00', sizeBytes: 1 },
    };
    const full = new AppError('unavailable', 'full', { cause: new Error('ENOSPC') });

    /** `fault.error`: what every append of an event that changes nothing meets. */
    function breakable({ db, clock }: House, readsWhenUnwritable: 'refuse' | 'allow' | undefined) {
      const fault: { error: Error | undefined } = { error: undefined };
      const here = appendTo({ db, clock });
      const appender: Appender = {
        append: async (draft) => {
          if (fault.error) throw fault.error;
          return here.append(draft);
        },
      };
      const parts = { db, clock, appender, ...(readsWhenUnwritable && { readsWhenUnwritable }) };
      return { fault, trail: new Trail(parts) };
    }

    it('are refused, unless the administrator lets them go on', async () => {
      await using house = await open(engine);
      for (const mode of [undefined, 'refuse'] as const) {
        const { fault, trail } = breakable(house, mode);
        fault.error = full;
        await assert.rejects(trail.read(pull), full);
        fault.error = undefined;
        await trail.trySweep();
        assert.equal(trail.unrecordedReads, 0);
      }
      assert.deepEqual(await eventsOf(house.db), []);
    });

    it('are counted, and told in one event when it can be written again', async () => {
      await using house = await open(engine);
      const { fault, trail } = breakable(house, 'allow');
      fault.error = full;
      const firstAt = formatUs(house.clock.nowUs() + 1);
      assert.equal(await trail.read(pull), undefined);
      house.clock.advanceMs(60_000);
      await Promise.all(Array.from({ length: 9 }, () => trail.read(pull)));
      await trail.trySweep();
      assert.deepEqual(await eventsOf(house.db), [], 'still full');
      assert.deepEqual([trail.unrecordedReads, trail.counts.get('container.blob.pull success ')], [10, 10]);
      fault.error = undefined;
      await Promise.all([trail.trySweep(), trail.trySweep()]);
      await trail.trySweep();
      const events = await eventsOf(house.db);
      assert.deepEqual(
        events.map(({ type, actor, scope, request }) => [type, actor.kind, scope, request.protocol]),
        [['trail.reads.omit', 'system', {}, 'internal']],
      );
      const { count, firstAt: first, lastAt: last } = (events[0]?.details ?? {}) as Record<string, unknown>;
      assert.deepEqual([count, first], [10, firstAt]);
      assert.ok(String(last) > String(first));
      await trail.read(pull);
      assert.deepEqual((await eventsOf(house.db)).map(({ type }) => type).slice(1), ['container.blob.pull']);
    });

    it('go on for pulls only, and not because of load or of an unknown state', async () => {
      await using house = await open(engine);
      const { fault, trail } = breakable(house, 'allow');
      fault.error = full;
      const reading: EventDraft<'trail.events.read'> = {
        type: 'trail.events.read',
        by: alice,
        scope: {},
        details: { view: 'administration', filter: '' },
      };
      await assert.rejects(trail.read(reading), full);
      await assert.rejects(trail.attempt(refusal()), full);
      for (const error of [
        new AppError('unavailable', 'queue is full'),
        new FatalError('unknown'),
        new Error('x'),
      ]) {
        fault.error = error;
        await assert.rejects(trail.read(pull), error);
      }
      assert.equal(trail.unrecordedReads, 0);
    });
  });
}

it('ids and times of one process rise strictly', async () => {
  await using house = await open('sqlite');
  const trail = new Trail({ db: house.db, clock: systemClock() });
  const ids = await Promise.all(Array.from({ length: 500 }, (_none, at) => trail.read(tagCreated(`v${at}`))));
  assert.deepEqual(ids, ids.toSorted());
  assert.equal(new Set(ids).size, ids.length);
});
