/** Immutable tags on both engines: what locks them, what they refuse, and that each of it is an event. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AuditEvent } from '@tallyman/contract';
import { engines } from '../../../tests/support/house.ts';
import { changeVisibility, deleteProjectsIn } from '../access/projects.ts';
import { AppError } from '../domain/error.ts';
import { changePolicy, createPolicy, deletePolicy, releasePolicy } from '../policies/policies.ts';
import { deleteProjectContent } from './deletion.ts';
import { expireTags } from './expiry.ts';
import { lockTag, unlockTag } from './locks.ts';
import { previewPolicy } from './preview.ts';
import { type Answer, imageOf, pushImage, putManifest, startRegistry, system } from './registry.fixture.ts';
import { findTag, restoreTag, retag, setTagExpiry } from './tags.ts';
import { whyImmutable } from './why.ts';

async function open(engine: 'sqlite' | 'postgres') {
  const registry = await startRegistry(engine);
  const alice = await registry.addUser('alice');
  const to = { path: 'alice/app', auth: alice.auth };
  const one = await pushImage(registry, { ...to, tag: 'old' }, { config: 'one' });
  const two = await pushImage(registry, { ...to, tag: 'other' }, { config: 'two' });
  const project = (await registry.access.findProject('container', 'alice/app')) ?? assert.fail();
  const namespace = (await registry.access.findNamespace('alice')) ?? assert.fail();
  const scope = registry.access.scopeOf(namespace, project);
  const by = {
    ...system,
    actor: { kind: 'user', id: alice.id, name: 'alice', proven: true },
  } as const;
  const onNamespace = {
    namespaceId: namespace.id,
    projectId: '',
    scope: registry.access.scopeOf(namespace, undefined),
  };
  const onProject = { namespaceId: namespace.id, projectId: project.id, scope };
  const words = (pattern: string, matches = true) => ({ pattern, matches, description: '' });
  return {
    registry,
    alice,
    to,
    one,
    two,
    project,
    scope,
    by,
    on: { by, projectId: project.id, scope },
    onNamespace,
    onProject,
    words,
    /** By policy on the namespace unless said otherwise, with its run done. */
    async policy(pattern: string, { matches = true, place = onNamespace } = {}) {
      const made = await createPolicy(registry, { by, place, words: words(pattern, matches) });
      await registry.jobs.settle();
      return made;
    },
    async point(tags: readonly string[], digest = one) {
      for (const tag of tags) await retag(registry, { by, projectId: project.id, scope, tag, digest });
    },
    why: (tag: string) => whyImmutable(registry, { projectId: project.id, path: project.path, tag }),
    digestOf: async (tag: string) => (await findTag(registry.db, { projectId: project.id, tag }))?.digest,
    [Symbol.asyncDispose]: () => registry[Symbol.asyncDispose](),
  };
}

const told = (event: AuditEvent) => [event.type, event.cause, event.details] as const;
const messageOf = (answer: Answer) =>
  (answer.json() as { errors: [{ code: string; message: string }] }).errors[0];

async function refusal(attempt: Promise<unknown>): Promise<AppError> {
  try {
    await attempt;
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  assert.fail('it was allowed');
}

for (const { engine, skip } of engines) {
  describe(`immutable tags on ${engine}`, { skip }, () => {
    test('a tag pushed under a policy is born immutable, and its event names the policy', async () => {
      await using world = await open(engine);
      const { registry, to, policy } = world;
      const { id, eventId } = await policy('^latest$');
      const from = await registry.head();
      await pushImage(registry, { ...to, tag: 'latest' }, { config: 'one' });
      const [event, ...others] = (await registry.events(from)).filter(({ type }) => type.includes('tag'));
      const snapshot = { id, version: 1, scope: 'namespace', pattern: '^latest$', matches: true };
      assert.deepEqual(event?.details, {
        by: 'push',
        digest: world.one,
        tag: 'latest',
        immutability: { trigger: 'policy', previous: 'absent', policy: snapshot },
      });
      assert.equal(event?.scope.project?.path, 'alice/app');
      assert.deepEqual(others, []);
      // The identical digest again changes nothing; another one is refused in the protocol's form.
      const after = await registry.head();
      assert.equal((await putManifest(registry, { ...to, reference: 'latest' }, imageOf('one'))).status, 201);
      assert.deepEqual(await registry.events(after), []);
      const refused = await putManifest(registry, { ...to, reference: 'latest' }, imageOf('two'));
      assert.equal(refused.status, 409);
      const { code, message } = messageOf(refused);
      assert.equal(code, 'DENIED');
      const since = event?.recordedAt.slice(0, 10);
      assert.ok(message.startsWith('The tag latest is immutable and cannot be moved: the policy ^latest$'));
      assert.ok(message.includes(id) && message.includes(`on ${since}`), message);
      assert.equal(await world.digestOf('latest'), world.one);
      const [denied, ...more] = await registry.events(after);
      assert.deepEqual(
        [denied?.type, denied?.reason, denied?.outcome, denied?.request.status, more],
        ['container.push.refuse', 'tag_immutable', 'denied', 409, []],
      );
      const lock = denied?.details.lock as { since: string };
      assert.deepEqual(lock, {
        tag: 'latest',
        trigger: 'policy',
        since: lock.since,
        eventId: event?.id,
        policy: snapshot,
      });
      const why = await world.why('latest');
      assert.deepEqual(
        [
          why.immutable,
          why.eventId,
          why.policy?.id,
          why.policy?.steps.map(({ eventId: step, by }) => [step, by.name]),
        ],
        [true, event?.id, id, [[eventId, 'alice']]],
      );
    });

    test('every way to change a locked tag is refused, names what locked it, and is an event', async () => {
      await using world = await open(engine);
      const { registry, to, on, one, two } = world;
      await world.point(['v1']);
      await setTagExpiry(registry, { ...on, tag: 'v1', expiresAtUs: registry.clock.nowUs() + 60_000_000 });
      const { id, eventId } = await world.policy('^v.*$');
      const locked = (await registry.events()).filter(({ type }) => type === 'container.tag.lock');
      assert.deepEqual(
        locked.map(({ cause, details }) => [cause, typeof details.expiryCleared]),
        [[eventId, 'string']],
      );
      const expiresAtUs = registry.clock.nowUs() + 1;
      for (const attempt of [
        () => retag(registry, { ...on, tag: 'v1', digest: two }),
        () => setTagExpiry(registry, { ...on, tag: 'v1', expiresAtUs }),
        () => registry.remove('alice/app'),
      ]) {
        const { code, reason, message, details } = await refusal(attempt());
        assert.deepEqual([code, reason, details.policy], ['conflict', 'tag_immutable', id]);
        assert.match(message, /\^v\.\*\$/);
      }
      const from = await registry.head();
      for (const reference of ['v1', one]) {
        const answer = await registry.ask(`/v2/alice/app/manifests/${reference}`, {
          method: 'DELETE',
          auth: to.auth,
        });
        assert.equal(answer.status, 409);
        assert.match(messageOf(answer).message, /The tag v1 is immutable/);
        registry.clock.advanceMs(3_600_000);
      }
      assert.equal(await expireTags(registry), 0);
      const refused = (await registry.events(from)).filter(({ outcome }) => outcome !== 'success');
      assert.deepEqual(
        [...new Set(refused.map(({ type, reason }) => `${type} ${reason}`))],
        ['container.delete.refuse tag_immutable'],
      );
      assert.equal((refused[0]?.details.lock as { policy: { id: string } } | undefined)?.policy.id, id);
      assert.equal(await world.digestOf('v1'), one);
      // What is not locked goes as ever, and the setting lets the project go.
      await registry.db.transact(async (tx) => {
        const row = { namespace_id: '', key: 'projects.delete_locked', value: 'allow', changed_at: 0 };
        await tx.q.insertInto('setting').values(row).execute();
      });
      await registry.remove('alice/app');
    });

    test('a policy holds before its run has come: tags are guarded, and a due one is locked instead of expired', async () => {
      await using world = await open(engine);
      const { registry, on, by, onNamespace, two } = world;
      await world.point(['v1', 'v2']);
      await setTagExpiry(registry, { ...on, tag: 'v2', expiresAtUs: registry.clock.nowUs() + 1_000 });
      const words = world.words('v\\d');
      const { eventId } = await createPolicy(registry, { by, place: onNamespace, words });
      const early = await refusal(retag(registry, { ...on, tag: 'v1', digest: two }));
      assert.match(early.message, /the policy v\\d of the namespace .* calls for it/);
      assert.match((await world.why('v1')).because, /calls for it/);
      assert.equal((await refusal(registry.remove('alice/app'))).code, 'conflict');
      assert.equal(
        (await refusal(unlockTag(registry, { ...on, tag: 'v1', reason: 'why not' }))).code,
        'conflict',
      );
      registry.clock.advanceMs(60_000);
      const from = await registry.head();
      assert.equal(await expireTags(registry), 1);
      const [lock] = await registry.events(from);
      assert.deepEqual([lock?.type, lock?.cause, lock?.details.tag], ['container.tag.lock', eventId, 'v2']);
      await registry.jobs.settle();
      assert.ok((await world.why('v1')).since);
    });

    test('several policies: all are named, the decisive one marked; a change and a release', async () => {
      await using world = await open(engine);
      const { registry, by, onNamespace, onProject, one } = world;
      const wide = await world.policy('v.*');
      const own = await world.policy('v1.*', { place: onProject });
      const from = await registry.head();
      await world.point(['v1.0', 'v2.0']);
      const events = await registry.events(from);
      const hits = [
        { id: own.id, version: 1, scope: 'project', decisive: true },
        { id: wide.id, version: 1, scope: 'namespace', decisive: false },
      ];
      const shown = (event: AuditEvent | undefined) =>
        event?.details.immutability as { policy: { id: string }; hits?: unknown };
      assert.deepEqual([shown(events[0]).policy.id, shown(events[0]).hits], [own.id, hits]);
      assert.deepEqual([shown(events[1]).policy.id, shown(events[1]).hits], [wide.id, undefined]);
      // Narrowing leaves what was locked; releasing unlocks what nothing else calls for, and hands over the rest.
      const mark = await registry.head();
      await changePolicy(registry, { by, place: onProject, id: own.id, words: world.words('never') });
      await registry.jobs.settle();
      const summary = (await registry.events(mark)).find(({ type }) => type === 'policy.run.finish');
      assert.deepEqual(
        [summary?.details.locked, summary?.details.stillLocked, summary?.details.pattern],
        [0, 1, { from: 'v1.*', to: 'never' }],
      );
      await releasePolicy(registry, { by, place: onProject, id: own.id, reason: 'no longer so strict' });
      await registry.jobs.settle();
      assert.equal((await world.why('v1.0')).policy?.id, wide.id);
      await deletePolicy(registry, { by, place: onNamespace, id: wide.id });
      assert.equal((await world.why('v1.0')).policy?.deleted, true);
      const before = await registry.head();
      await releasePolicy(registry, { by, place: onNamespace, id: wide.id, reason: 'all of it' });
      await registry.jobs.settle();
      const released = await registry.events(before);
      const [cause] = released;
      assert.deepEqual(
        released.map(told).map(([type, of]) => [type, of]),
        [
          ['policy.immutability.release', undefined],
          ['container.tag.unlock', cause?.id],
          ['container.tag.unlock', cause?.id],
          ['policy.run.finish', cause?.id],
          ['policy.run.finish', cause?.id],
        ],
      );
      assert.deepEqual([(await world.why('v1.0')).immutable, await world.digestOf('v1.0')], [false, one]);
    });

    test('unlocking exempts a tag until it is moved, or until a policy changes', async () => {
      await using world = await open(engine);
      const { registry, on, by, onNamespace, one, two } = world;
      const made = await world.policy('v.*');
      await world.point(['v1', 'v2']);
      for (const tag of ['v1', 'v2']) await unlockTag(registry, { ...on, tag, reason: 'a wrong build' });
      assert.match((await world.why('v1')).because, /was unlocked by an owner/);
      await retag(registry, { ...on, tag: 'v1', digest: two });
      const why = await world.why('v1');
      assert.deepEqual([why.immutable, why.policy?.id], [true, made.id]);
      await changePolicy(registry, { by, place: onNamespace, id: made.id, words: world.words('v[0-9].*') });
      await registry.jobs.settle();
      assert.deepEqual([(await world.why('v2')).policy?.version, await world.digestOf('v2')], [2, one]);
    });

    test('by hand: a person locks, and the refusal names them; what a policy locked can be taken over', async () => {
      await using world = await open(engine);
      const { registry, on, to } = world;
      await lockTag(registry, { ...on, tag: 'old', note: undefined });
      assert.equal(
        (await refusal(lockTag(registry, { ...on, tag: 'old', note: undefined }))).code,
        'conflict',
      );
      const answer = await putManifest(registry, { ...to, reference: 'old' }, imageOf('two'));
      assert.match(messageOf(answer).message, /: alice locked it on /);
      const denied = (await registry.events()).at(-1);
      assert.deepEqual((denied?.details.lock as { by: unknown } | undefined)?.by, {
        id: world.alice.id,
        name: 'alice',
      });
      await world.policy('other');
      await lockTag(registry, { ...on, tag: 'other', note: undefined });
      assert.equal((await world.why('other')).trigger, 'manual');
    });

    test('a deleted tag is restored under a policy as a locked one', async () => {
      await using world = await open(engine);
      const { registry, on, to, one } = world;
      await registry.ask('/v2/alice/app/manifests/old', { method: 'DELETE', auth: to.auth });
      await world.policy('old', { matches: true });
      await restoreTag(registry, { ...on, tag: 'old', digest: one });
      assert.equal((await world.why('old')).immutable, true);
    });

    test('a namespace does not go while any project of it holds a locked tag; what its deletion left does', async () => {
      await using world = await open(engine);
      const { registry, to, on, project } = world;
      await pushImage(registry, { ...to, path: 'alice/zoo', tag: 'v1' }, { config: 'one' });
      const zoo = (await registry.access.findProject('container', 'alice/zoo')) ?? assert.fail();
      await lockTag(registry, { ...on, projectId: zoo.id, tag: 'v1', note: undefined });
      const deletion = {
        by: system,
        namespaceId: project.namespaceId,
        cause: zoo.id,
        deleteContent: deleteProjectContent,
      };
      const remove = (of: 'namespace' | 'leftover') =>
        registry.db.transact((tx) => deleteProjectsIn(registry, tx, { ...deletion, of }));
      const { reason, message } = await refusal(remove('namespace'));
      assert.deepEqual(
        [reason, /v1 of alice\/zoo .* deleted with its namespace/.test(message)],
        ['tag_immutable', true],
      );
      assert.ok(await registry.access.findProject('container', 'alice/app'));
      await remove('leftover');
      assert.equal(await registry.access.findProject('container', 'alice/zoo'), undefined);
    });

    test('a policy of what does not match, a preview, and a project that is renamed or published', async () => {
      await using world = await open(engine);
      const { registry, by, onNamespace, project } = world;
      const of = { ...onNamespace, pattern: 'o.*', matches: false };
      await world.point(['v1']);
      assert.deepEqual(await previewPolicy(registry, of), {
        tags: 3,
        wouldLock: 1,
        alreadyLocked: 0,
        sample: [{ project: 'alice/app', tag: 'v1' }],
        complete: true,
      });
      await world.policy('o.*', { matches: false });
      assert.deepEqual((await previewPolicy(registry, of)).alreadyLocked, 1);
      await changeVisibility(registry, { by, projectId: project.id, visibility: 'public' });
      assert.match((await world.why('v1')).because, /\(all that does not match\)/);
    });
  });
}
