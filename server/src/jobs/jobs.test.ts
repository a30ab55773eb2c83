/** Jobs on both engines: durable, claimed by one, resumed from their last progress, tried again, given up, recurring. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { engines } from '../../../tests/support/house.ts';
import { createTestDatabase } from '../../../tests/support/postgres.ts';
import { createTempFolder } from '../../../tests/support/temp-folder.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { openDb } from '../db/open.ts';
import { AppError } from '../domain/error.ts';
import { createLog } from '../http/log.ts';
import { manualClock } from '../stdx/clock.ts';
import { choreKind } from './chore.ts';
import { Jobs, jobLimits } from './jobs.ts';
import type { JobKind } from './kind.ts';
import { selectJob, selectJobs } from './rows.ts';

async function open(engine: 'sqlite' | 'postgres') {
  const opened = new AsyncDisposableStack();
  const folder = opened.use(await createTempFolder('jobs'));
  const database = engine === 'postgres' ? opened.use(await createTestDatabase()) : undefined;
  const db = await openDb(
    database
      ? { engine: 'postgres', url: database.url }
      : { engine: 'sqlite', path: folder.join('tallyman.db') },
  );
  opened.defer(() => db.close());
  const clock = manualClock();
  const lines: string[] = [];
  const log = createLog({ level: 'info', destination: { write: (line) => void lines.push(line) } });
  const node = (...kinds: JobKind[]): Jobs => {
    const jobs = new Jobs({ db, clock, log });
    for (const kind of kinds) jobs.register(kind);
    return jobs;
  };
  const add = (jobs: Jobs, job: Parameters<Jobs['enqueue']>[1]) => db.transact((tx) => jobs.enqueue(tx, job));
  const row = async (id: string) => (await selectJob(db.read, id)) ?? assert.fail('the job is gone');
  return { db, clock, lines, node, add, row, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** Counts to five, a step at a time; `breaks` says where it fails. */
function counting(breaks: (at: number) => unknown = () => undefined) {
  const steps: number[] = [];
  const kind: JobKind = {
    kind: 'counting',
    summary: 'counts',
    step: async ({ progress }) => {
      const at = Number(progress.at ?? 0);
      const error = breaks(at);
      if (error !== undefined) throw error;
      steps.push(at);
      return { progress: { at: at + 1 }, next: at === 4 ? 'done' : 'more' };
    },
  };
  return { kind, steps };
}

for (const { engine, skip } of engines) {
  describe(`jobs on ${engine}`, { skip }, () => {
    it('run step by step to their end', async () => {
      await using house = await open(engine);
      const { kind, steps } = counting();
      const jobs = house.node(kind);
      const id = await house.add(jobs, { kind: 'counting', payload: { what: 1 } });
      assert.equal((await house.row(id)).state, 'waiting');
      await jobs.settle();
      const { state, progress, payload, owner, error } = await house.row(id);
      assert.deepEqual(steps, [0, 1, 2, 3, 4]);
      assert.deepEqual(
        { state, progress: JSON.parse(progress), payload: JSON.parse(payload), owner, error },
        { state: 'done', progress: { at: 5 }, payload: { what: 1 }, owner: null, error: null },
      );
    });

    it('begin only when the unit that asked for them commits', async () => {
      await using house = await open(engine);
      const { kind, steps } = counting();
      const jobs = house.node(kind);
      await assert.rejects(
        house.db.transact(async (tx) => {
          await jobs.enqueue(tx, { kind: 'counting' });
          throw new Error('no');
        }),
        /no/,
      );
      await jobs.settle();
      assert.deepEqual([steps, await selectJobs(house.db.read, { limit: 10 })], [[], []]);
    });

    it('go on at once when the server starts anew, and whoever had them loses them', async () => {
      await using house = await open(engine);
      const slow = Promise.withResolvers<void>();
      const first: JobKind = {
        ...counting().kind,
        step: async ({ progress }) => {
          if (Number(progress.at ?? 0) === 2) await slow.promise;
          return { progress: { at: Number(progress.at ?? 0) + 1 }, next: 'more' };
        },
      };
      const dead = house.node(first);
      const id = await house.add(dead, { kind: 'counting' });
      const running = dead.settle();
      await waitFor('two steps', async () => JSON.parse((await house.row(id)).progress).at === 2);
      const { kind, steps } = counting();
      const next = house.node(kind);
      await next.start();
      await waitFor('the end', async () => (await house.row(id)).state === 'done');
      await next.stop(1_000);
      slow.resolve();
      await running;
      const { state, progress } = await house.row(id);
      assert.deepEqual([steps, state, JSON.parse(progress)], [[2, 3, 4], 'done', { at: 5 }]);
    });

    it('go on after a crash from their last progress, once the lease has ended', async () => {
      await using house = await open(engine);
      const hanging = Promise.withResolvers<never>();
      const first: JobKind = {
        ...counting().kind,
        step: async ({ progress }) =>
          Number(progress.at ?? 0) < 2
            ? { progress: { at: Number(progress.at ?? 0) + 1 }, next: 'more' }
            : hanging.promise,
      };
      const dead = house.node(first);
      const id = await house.add(dead, { kind: 'counting' });
      void dead.settle();
      await waitFor('two steps', async () => JSON.parse((await house.row(id)).progress).at === 2);
      const { kind, steps } = counting();
      const next = house.node(kind);
      await next.settle();
      assert.deepEqual(steps, [], 'it is still believed to run');
      house.clock.advanceMs(jobLimits.leaseMs + 1);
      await next.settle();
      assert.deepEqual([steps, (await house.row(id)).state], [[2, 3, 4], 'done']);
    });

    it('a node that lost its job cannot save, and what its unit did is undone', async () => {
      await using house = await open(engine);
      const gate = Promise.withResolvers<void>();
      let failure: unknown;
      const slow: JobKind = {
        ...counting().kind,
        step: async ({ save }) => {
          await gate.promise;
          const changed = house.db.transact(async (tx) => {
            await tx.q
              .insertInto('setting')
              .values({ namespace_id: '', key: 'mark', value: 'x', changed_at: 0 })
              .execute();
            await save(tx, { at: 9 });
          });
          await changed.catch((error: unknown) => {
            failure = error;
          });
          return { next: 'done' };
        },
      };
      const dead = house.node(slow);
      const id = await house.add(dead, { kind: 'counting' });
      const running = dead.settle();
      await waitFor('the claim', async () => (await house.row(id)).state === 'running');
      house.clock.advanceMs(jobLimits.leaseMs + 1);
      const { kind } = counting();
      await house.node(kind).settle();
      gate.resolve();
      await running;
      assert.match(String(failure), /taken the job over/);
      assert.deepEqual(JSON.parse((await house.row(id)).progress), { at: 5 });
      const mark = await house.db.read.q
        .selectFrom('setting')
        .select('value')
        .where('key', '=', 'mark')
        .execute();
      assert.deepEqual(mark, []);
    });

    it('are tried again later each time, then given up; what time does not heal is given up at once', async () => {
      await using house = await open(engine);
      const secret = 'password=hunter2';
      const { kind } = counting((at) => (at === 1 ? new Error(secret) : undefined));
      const jobs = house.node(kind);
      const id = await house.add(jobs, { kind: 'counting' });
      await jobs.settle();
      const once = await house.row(id);
      assert.deepEqual([once.state, once.attempts, JSON.parse(once.progress)], ['waiting', 1, { at: 1 }]);
      assert.ok(!once.error?.includes(secret) && once.error?.includes(id));
      assert.ok(house.lines.some((line) => line.includes(id)));
      await jobs.settle();
      assert.equal((await house.row(id)).attempts, 1, 'not at once');
      for (let more = 0; more < jobLimits.attempts; more++) {
        house.clock.advanceMs(jobLimits.longestRetryMs);
        await jobs.settle();
      }
      const last = await house.row(id);
      assert.deepEqual([last.state, last.attempts], ['failed', jobLimits.attempts]);

      const held = counting(() => new AppError('conflict', 'A legal hold stands on it.'));
      const other = house.node({ ...held.kind, kind: 'held' });
      const heldId = await house.add(other, { kind: 'held' });
      await other.settle();
      const { state, error } = await house.row(heldId);
      assert.deepEqual([state, error], ['failed', 'A legal hold stands on it.']);
    });

    it('have at most one unfinished of a key, which runs no later than it was asked for', async () => {
      await using house = await open(engine);
      const { kind, steps } = counting();
      const jobs = house.node(kind);
      const later = await house.add(jobs, { kind: 'counting', key: 'one', afterMs: 60_000 });
      await jobs.settle();
      assert.deepEqual(steps, []);
      const now = await house.add(jobs, { kind: 'counting', key: 'one' });
      assert.equal(now, later);
      await jobs.settle();
      assert.equal(steps.length, 5);
      assert.notEqual(await house.add(jobs, { kind: 'counting', key: 'one' }), later);
    });

    it('recur, whatever happened the last time', async () => {
      await using house = await open(engine);
      let [runs, broken] = [0, true];
      const kind = choreKind({
        name: 'some chore',
        everyMs: 60_000,
        run: async () => {
          runs++;
          if (broken) throw new Error('not today');
          return { blobs: 3, name: 'not shown' };
        },
      });
      const jobs = house.node(kind);
      await jobs.putRecurring();
      await jobs.putRecurring();
      await jobs.settle();
      assert.equal(runs, 0);
      for (let more = 0; more < jobLimits.attempts + 3; more++) {
        house.clock.advanceMs(60_000);
        await jobs.settle();
      }
      assert.equal(runs, jobLimits.attempts + 3);
      broken = false;
      house.clock.advanceMs(60_000);
      await jobs.settle();
      const [row] = (await selectJobs(house.db.read, { limit: 10 })).filter(
        (job) => job.kind === 'some_chore',
      );
      assert.deepEqual(
        [row?.state, row?.attempts, row?.error, JSON.parse(row?.progress ?? '')],
        ['waiting', 0, null, { blobs: 3 }],
      );
    });

    it('run by themselves once started, few at once, and stop between two steps', async () => {
      await using house = await open(engine);
      let [under, most, stops] = [0, 0, 0];
      const gate = Promise.withResolvers<void>();
      const kind: JobKind = {
        kind: 'endless',
        summary: 'never ends by itself',
        step: async ({ progress, signal }) => {
          under++;
          most = Math.max(most, under);
          await gate.promise;
          under--;
          if (signal.aborted) stops++;
          return { progress: { at: Number(progress.at ?? 0) + 1 }, next: 'more' };
        },
      };
      const jobs = house.node(kind);
      for (let count = 0; count < 5; count++) await house.add(jobs, { kind: 'endless' });
      await jobs.start();
      await waitFor('some to run', () => under === jobLimits.running);
      const stopping = jobs.stop(60_000);
      gate.resolve();
      await stopping;
      assert.deepEqual([under, most, stops], [0, jobLimits.running, jobLimits.running]);
      const rows = (await selectJobs(house.db.read, { limit: 10 })).filter((job) => job.kind === 'endless');
      assert.deepEqual([...new Set(rows.map((row) => row.state))], ['waiting']);
    });

    it('are not waited for beyond the deadline', async () => {
      await using house = await open(engine);
      let begun = false;
      const jobs = house.node({
        kind: 'endless',
        summary: 'hangs',
        step: () => {
          begun = true;
          return new Promise(() => undefined);
        },
      });
      await house.add(jobs, { kind: 'endless' });
      await jobs.start();
      await waitFor('it to run', () => begun);
      await jobs.stop(1);
      assert.equal(begun, true);
    });

    it('of a kind that is not known here wait for a version that knows it', async () => {
      await using house = await open(engine);
      const id = await house.add(house.node(counting().kind), { kind: 'counting' });
      await house.node().settle();
      assert.equal((await house.row(id)).state, 'waiting');
    });

    it('leave the list some time after their end', async () => {
      await using house = await open(engine);
      const jobs = house.node(counting().kind);
      const id = await house.add(jobs, { kind: 'counting' });
      await jobs.putRecurring();
      await jobs.settle();
      house.clock.advanceMs((jobLimits.keptDays + 1) * 86_400_000);
      await jobs.settle();
      assert.equal(await selectJob(house.db.read, id), undefined);
    });
  });
}
