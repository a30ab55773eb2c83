/** Tags as the management API changes them: retag, restore, history, and what a list shows. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { postgresSkip } from '../../../tests/support/postgres.ts';
import { digestOf } from '../domain/digest.ts';
import { findManifest, listManifests } from './listing.ts';
import { imageOf, pushImage, startRegistry, system } from './registry.fixture.ts';
import { deleteTag, findTag, listTagHistory, listTags, restoreTag, retag } from './tags.ts';

const engines = [
  { engine: 'sqlite', skip: false },
  { engine: 'postgres', skip: postgresSkip() },
] as const;

for (const { engine, skip } of engines) {
  describe(`tags on ${engine}`, { skip }, () => {
    test('retag, delete, restore: events, history and what is shown agree', async () => {
      await using registry = await startRegistry(engine);
      const alice = await registry.addUser('alice');
      const to = { path: 'alice/app', auth: alice.auth };
      const one = await pushImage(registry, { ...to, tag: 'v1' }, { config: 'one' });
      const two = await pushImage(registry, { ...to, tag: 'v2' }, { config: 'two' });
      const project = await registry.access.findProject('container', 'alice/app');
      assert.ok(project);
      const on = { by: system, projectId: project.id, scope: {} };
      const from = await registry.head();
      await retag(registry, { ...on, tag: 'latest', digest: one });
      await retag(registry, { ...on, tag: 'latest', digest: two });
      await retag(registry, { ...on, tag: 'latest', digest: two });
      await deleteTag(registry, { ...on, tag: 'latest' });
      await restoreTag(registry, { ...on, tag: 'latest', digest: one });
      const unknown = digestOf('sha256', 'never');
      await assert.rejects(retag(registry, { ...on, tag: 'latest', digest: unknown }), {
        reason: 'manifest_unknown',
      });
      await assert.rejects(restoreTag(registry, { ...on, tag: 'v1', digest: two }), {
        reason: 'tag_unknown',
      });
      await assert.rejects(deleteTag(registry, { ...on, tag: 'none' }), { reason: 'tag_unknown' });
      const events = await registry.events(from);
      assert.deepEqual(
        events.map((event) => [event.type, event.details]),
        [
          ['container.tag.create', { by: 'retag', digest: one, tag: 'latest' }],
          ['container.tag.move', { by: 'retag', from: one, tag: 'latest', to: two }],
          ['container.tag.delete', { by: 'request', digest: two, tag: 'latest' }],
          ['container.tag.create', { by: 'restore', digest: one, restores: events[0]?.id, tag: 'latest' }],
        ],
      );
      const ids = events.map((event) => event.id);
      const history = await listTagHistory(registry.db, { projectId: project.id, tag: 'latest', limit: 10 });
      assert.deepEqual(
        history.map((state) => [state.digest, state.fromEventId, state.toEventId, state.restorable]),
        [
          [one, ids[3], null, true],
          [two, ids[1], ids[2], true],
          [one, ids[0], ids[1], true],
        ],
      );
      const older = await listTagHistory(registry.db, {
        projectId: project.id,
        tag: 'latest',
        limit: 10,
        beforeUs: history[1]?.fromUs ?? 0,
      });
      assert.deepEqual(
        older.map((state) => state.fromEventId),
        [ids[0]],
      );
      const shown = await findTag(registry.db, { projectId: project.id, tag: 'latest' });
      assert.deepEqual(
        [shown?.digest, shown?.eventId, shown?.sizeBytes, shown?.expiresAt],
        [one, ids[3], imageOf('one').length, null],
      );
    });

    test('lists page by name and find a part of it, underscores taken as they are', async () => {
      await using registry = await startRegistry(engine);
      const alice = await registry.addUser('alice');
      const to = { path: 'alice/app', auth: alice.auth };
      for (const tag of ['a_1', 'ab1', 'B_2', 'c'])
        await pushImage(registry, { ...to, tag }, { config: 'one' });
      const project = await registry.access.findProject('container', 'alice/app');
      assert.ok(project);
      const names = async (of: { after?: string; text?: string; limit?: number }) =>
        (await listTags(registry.db, { projectId: project.id, limit: 10, ...of })).map((tag) => tag.name);
      assert.deepEqual(await names({}), ['B_2', 'a_1', 'ab1', 'c']);
      assert.deepEqual(await names({ after: 'a_1', limit: 1 }), ['ab1']);
      assert.deepEqual(await names({ text: '_' }), ['B_2', 'a_1']);
      assert.deepEqual(await names({ text: 'b' }), ['B_2', 'ab1']);
      assert.deepEqual(await names({ text: '%' }), []);
      const [manifest, ...others] = await listManifests(registry.db, { projectId: project.id, limit: 10 });
      assert.deepEqual([manifest?.tags, manifest?.subject, others], [['B_2', 'a_1', 'ab1', 'c'], null, []]);
      assert.deepEqual(
        await findManifest(registry.db, { projectId: project.id, digest: manifest?.digest ?? '' }),
        manifest,
      );
    });
  });
}
