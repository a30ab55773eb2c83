/** The run of a policy over tags that are there: a thousand of them across projects, broken off, overtaken, and counted. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AuditEvent } from '@tallyman/contract';
import { engines } from '../../../tests/support/house.ts';
import type { Progress } from '../jobs/kind.ts';
import { changePolicy, createPolicy } from '../policies/policies.ts';
import { findLastRun } from '../policies/runs.ts';
import { lockingKind, lockingLimits } from './locking.ts';
import { pushImage, startRegistry, system } from './registry.fixture.ts';
import { pointTag, retag } from './tags.ts';
import { whyImmutable } from './why.ts';

/** Five projects; half of the tags of each begin with v, half with r. */
async function open(engine: 'sqlite' | 'postgres', { tags = 200 } = {}) {
  const registry = await startRegistry(engine);
  const alice = await registry.addUser('alice');
  const namespace = (await registry.access.findNamespace('alice')) ?? assert.fail();
  const projects: string[] = [];
  let digest = '' as Awaited<ReturnType<typeof pushImage>>;
  for (const name of ['a', 'b', 'c', 'd', 'e']) {
    const path = `alice/${name}`;
    digest = await pushImage(registry, { path, auth: alice.auth, tag: 'first' }, { config: 'one' });
    const project = (await registry.access.findProject('container', path)) ?? assert.fail();
    const scope = registry.access.scopeOf(namespace, project);
    const on = { by: system, projectId: project.id, scope, digest, how: 'push' as const };
    await registry.db.transact(async (tx) => {
      for (let at = 0; at < tags; at++)
        await pointTag(registry, tx, { ...on, tag: `${at % 2 === 0 ? 'v' : 'r'}${at}` });
    });
    projects.push(project.id);
  }
  const place = {
    namespaceId: namespace.id,
    projectId: '',
    scope: registry.access.scopeOf(namespace, undefined),
  };
  const words = (pattern: string) => ({ pattern, matches: true, description: '' });
  const locked = async () =>
    (
      await registry.db.read.q
        .selectFrom('tag')
        .select(['name', 'lock_event_id'])
        .where('lock_trigger', 'is not', null)
        .execute()
    ).map((row) => row.lock_event_id);
  return {
    registry,
    projects,
    digest,
    place,
    words,
    locked,
    [Symbol.asyncDispose]: () => registry[Symbol.asyncDispose](),
  };
}

const ofType = (events: readonly AuditEvent[], type: AuditEvent['type']) =>
  events.filter((event) => event.type === type);

for (const { engine, skip } of engines) {
  describe(`runs of policies on ${engine}`, { skip }, () => {
    test('lock a thousand tags across projects, on create and on change, each with its event', async () => {
      await using world = await open(engine, { tags: 400 });
      const { registry, place, words } = world;
      const made = await createPolicy(registry, { by: system, place, words: words('^v.*$') });
      await registry.jobs.settle();
      const changed = await changePolicy(registry, { by: system, place, id: made.id, words: words('^r.*$') });
      await registry.jobs.settle();
      const events = await registry.events();
      const locks = ofType(events, 'container.tag.lock');
      for (const [cause, sign] of [
        [made.eventId, 'v'],
        [changed.eventId, 'r'],
      ] as const) {
        const own = locks.filter((event) => event.cause === cause);
        assert.equal(own.length, 1_000);
        assert.ok(own.every(({ target }) => target?.name?.startsWith(sign)));
        assert.equal(
          new Set(own.map(({ scope, target }) => `${scope.project?.path}:${target?.name}`)).size,
          1_000,
        );
      }
      assert.deepEqual((await world.locked()).sort(), locks.map(({ id }) => id).sort());
      const summaries = ofType(events, 'policy.run.finish').map(({ cause, scope, details }) => {
        const { of, pattern, tags, locked, stillLocked, sample } = details as Record<string, unknown> & {
          sample: string[];
        };
        return [cause, scope.project?.path, of, pattern, tags, locked, stillLocked, sample.length];
      });
      const ofProjects = (cause: string, pattern: object, left: number) =>
        ['a', 'b', 'c', 'd', 'e'].map((name) => [
          cause,
          `alice/${name}`,
          'project',
          pattern,
          401,
          200,
          left,
          10,
        ]);
      const first = { to: '^v.*$' };
      const second = { from: '^v.*$', to: '^r.*$' };
      assert.deepEqual(summaries, [
        ...ofProjects(made.eventId, first, 0),
        [made.eventId, undefined, 'run', first, 2_005, 1_000, 0, 10],
        ...ofProjects(changed.eventId, second, 200),
        [changed.eventId, undefined, 'run', second, 2_005, 1_000, 1_000, 10],
      ]);
      const run = await findLastRun(registry.db.read, made.id);
      assert.deepEqual([run?.state, run?.locked, run?.stillLocked], ['done', 1_000, 1_000]);
    });

    test('go on after a crash, lock nothing twice, and leave to a push what it points meanwhile', async () => {
      await using world = await open(engine);
      const { registry, projects, place, words, digest } = world;
      const made = await createPolicy(registry, { by: system, place, words: words('v.*') });
      const row = await registry.db.read.q
        .selectFrom('job')
        .select(['id', 'payload'])
        .where('kind', '=', 'policy_run')
        .executeTakeFirstOrThrow();
      // The process dies after its third unit: what that saved is there, and the job's row says nothing of it.
      const dying = new AbortController();
      let units = 0;
      await lockingKind(registry).step({
        id: row.id,
        payload: JSON.parse(row.payload),
        progress: {},
        signal: dying.signal,
        save: async () => {
          units++;
          if (units === 3) dying.abort();
        },
      });
      const before = (await world.locked()).length;
      assert.ok(before > 0 && before < 500, String(before));
      const [last] = projects.slice(-1);
      const scope = { project: { format: 'container' as const, id: last as string, path: 'alice/e' } };
      await retag(registry, { by: system, projectId: last as string, scope, tag: 'v-new', digest });
      await registry.jobs.settle();
      const events = await registry.events();
      const locks = ofType(events, 'container.tag.lock');
      assert.equal(locks.length, 500);
      const born = ofType(events, 'container.tag.create').filter(({ details }) => details.immutability);
      assert.deepEqual(
        born.map(({ details }) => details.tag),
        ['v-new'],
      );
      const all = await world.locked();
      assert.deepEqual(all.sort(), [...locks, ...born].map(({ id }) => id).sort());
      const total = ofType(events, 'policy.run.finish').at(-1);
      assert.deepEqual(
        [total?.details.locked, total?.details.tags, total?.cause],
        [500, 1_006, made.eventId],
      );
    });

    test('end a unit when its time is used up, whatever is left to do', async () => {
      await using world = await open(engine);
      const { registry, place, words } = world;
      await createPolicy(registry, { by: system, place, words: words('.*') });
      const row = await registry.db.read.q
        .selectFrom('job')
        .select(['id', 'payload'])
        .where('kind', '=', 'policy_run')
        .executeTakeFirstOrThrow();
      let locked = 0;
      /** What each of the next units locks, by a clock that moves so far whenever it is looked at. */
      const unitsOf = async (count: number, lookUs: number): Promise<number[]> => {
        let us = registry.clock.nowUs();
        const nowUs = (): number => {
          us += lookUs;
          return us;
        };
        const dying = new AbortController();
        const units: number[] = [];
        const save = async (_: unknown, progress: Progress): Promise<void> => {
          units.push(Number(progress.locked) - locked);
          locked = Number(progress.locked);
          if (units.length === count) dying.abort();
        };
        await lockingKind({ ...registry, clock: { ...registry.clock, nowUs } }).step({
          id: row.id,
          payload: JSON.parse(row.payload),
          progress: {},
          signal: dying.signal,
          save,
        });
        return units;
      };
      const { alone, besideOthers } = lockingLimits;
      assert.deepEqual([alone.unitUs, besideOthers.unitUs], [6_000, 2_000]);
      // The first save only enters the first project. A tag takes two looks: when it was locked, and whether to go on.
      // Whether others write is not known before the first unit.
      assert.deepEqual(await unitsOf(4, 500), [0, 2, 6, 6]);
      // Slower than all of its time: it comes on nevertheless.
      assert.deepEqual(await unitsOf(3, 5_000), [1, 1, 1]);
      assert.deepEqual(await unitsOf(2, 1), [besideOthers.tags, alone.tags]);
    });

    test('end when their policy changes on the way, and say so', async () => {
      await using world = await open(engine);
      const { registry, projects, place, words } = world;
      const made = await createPolicy(registry, { by: system, place, words: words('v.*') });
      await changePolicy(registry, { by: system, place, id: made.id, words: words('r.*') });
      await registry.jobs.settle();
      const runs = ofType(await registry.events(), 'policy.run.finish').filter(
        ({ details }) => details.of === 'run',
      );
      assert.deepEqual(
        runs.map(({ details }) => [details.version, details.superseded, details.locked]),
        [
          [1, true, 0],
          [2, false, 500],
        ],
      );
      const of = { projectId: projects[0] as string, path: 'alice/a', tag: 'v0' };
      assert.equal((await whyImmutable(registry, of)).immutable, false);
    });

    test('go on when only the words of their policy change', async () => {
      await using world = await open(engine);
      const { registry, place, words } = world;
      const made = await createPolicy(registry, { by: system, place, words: words('v.*') });
      await changePolicy(registry, {
        by: system,
        place,
        id: made.id,
        words: { ...words('v.*'), description: 'releases' },
      });
      await registry.jobs.settle();
      const run = await findLastRun(registry.db.read, made.id);
      assert.deepEqual([run?.state, run?.locked], ['done', 500]);
      const total = ofType(await registry.events(), 'policy.run.finish').at(-1);
      assert.deepEqual(
        [total?.details.version, total?.details.superseded, total?.cause],
        [2, false, made.eventId],
      );
    });
  });
}
