/** Garbage goes after its grace time, and nothing else does, whatever is pushed meanwhile. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { postgresSkip } from '../../../tests/support/postgres.ts';
import { parseUploadId } from '../blobs/upload-id.ts';
import { type Digest, digestOf } from '../domain/digest.ts';
import { expireTags } from './expiry.ts';
import { collectGarbage, garbageSettings } from './garbage.ts';
import {
  imageOf,
  pushBlob,
  pushImage,
  putManifest,
  type Registry,
  startRegistry,
  system,
} from './registry.fixture.ts';
import { setTagExpiry } from './tags.ts';

const engines = [
  { engine: 'sqlite', skip: false },
  { engine: 'postgres', skip: postgresSkip() },
] as const;

const nothing = { blobs: 0, bytes: 0, links: 0, manifests: 0, uploads: 0 };
const dayMs = 24 * 3_600_000;

async function has(registry: Registry, digest: Digest): Promise<boolean> {
  return (await registry.blobs.find(digest)) !== undefined;
}

for (const { engine, skip } of engines) {
  describe(`garbage on ${engine}`, { skip }, () => {
    test('what no manifest names goes after the grace time, bytes and all, with its event', async () => {
      await using registry = await startRegistry(engine);
      const alice = await registry.addUser('alice');
      const to = { path: 'alice/app', auth: alice.auth };
      await pushImage(registry, { ...to, tag: 'v1' }, { config: 'kept', layers: ['kept too'] });
      const lost = await pushBlob(registry, to, 'left over');
      const upload = (
        await registry.ask('/v2/alice/app/blobs/uploads/', { method: 'POST', auth: alice.auth })
      ).headers.get('location') as string;
      assert.deepEqual(await collectGarbage(registry), nothing);
      registry.clock.advanceMs(dayMs + 1_000);
      const from = await registry.head();
      // As the store's sweep does; it tells a file's age by the real time.
      const id = parseUploadId(upload.slice(upload.lastIndexOf('/') + 1));
      assert.ok(id);
      await registry.blobs.abort(id);
      assert.deepEqual(await collectGarbage(registry), {
        ...nothing,
        blobs: 1,
        bytes: 9,
        links: 1,
        uploads: 1,
      });
      assert.equal(await has(registry, lost), false);
      for (const content of ['kept', 'kept too'])
        assert.equal(await has(registry, digestOf('sha256', content)), true);
      const events = await registry.events(from);
      assert.deepEqual(
        events.map((event) => [event.type, event.actor.kind, event.actor.name, event.scope, event.details]),
        [
          ['container.garbage.collect', 'system', 'garbage collection', {}, { ...nothing, links: 1 }],
          [
            'container.garbage.collect',
            'system',
            'garbage collection',
            {},
            { ...nothing, blobs: 1, bytes: 9 },
          ],
          ['container.garbage.collect', 'system', 'garbage collection', {}, { ...nothing, uploads: 1 }],
        ],
      );
      assert.equal((await registry.ask(upload, { auth: alice.auth })).status, 404);
      assert.deepEqual(await collectGarbage(registry), nothing);
    });

    test('HEAD and mount renew the time; a manifest that comes late finds its blob', async () => {
      await using registry = await startRegistry(engine);
      const alice = await registry.addUser('alice');
      const to = { path: 'alice/app', auth: alice.auth };
      const [asked, mounted, forgotten] = [
        await pushBlob(registry, to, 'asked'),
        await pushBlob(registry, to, 'mounted'),
        await pushBlob(registry, to, 'forgotten'),
      ];
      registry.clock.advanceMs(dayMs - 1_000);
      await registry.ask(`/v2/alice/app/blobs/${asked}`, { method: 'HEAD', auth: alice.auth });
      await registry.ask(`/v2/alice/other/blobs/uploads/?mount=${mounted}&from=alice/app`, {
        method: 'POST',
        auth: alice.auth,
      });
      registry.clock.advanceMs(2_000);
      assert.deepEqual(await collectGarbage(registry), { ...nothing, blobs: 1, bytes: 9, links: 1 });
      assert.deepEqual(
        [await has(registry, asked), await has(registry, mounted), await has(registry, forgotten)],
        [true, true, false],
      );
      assert.equal((await putManifest(registry, { ...to, reference: 'v1' }, imageOf('asked'))).status, 201);
      assert.equal(
        (await putManifest(registry, { ...to, reference: 'v2' }, imageOf('forgotten'))).status,
        400,
      );
    });

    test('a deleted manifest frees its blobs, a deleted project everything; what another project shows stays', async () => {
      await using registry = await startRegistry(engine);
      const alice = await registry.addUser('alice');
      const auth = alice.auth;
      const digest = await pushImage(
        registry,
        { path: 'alice/one', auth, tag: 'v1' },
        { config: 'one', layers: ['shared'] },
      );
      await pushImage(
        registry,
        { path: 'alice/two', auth, tag: 'v1' },
        { config: 'two', layers: ['shared'] },
      );
      await registry.ask(`/v2/alice/one/manifests/${digest}`, { method: 'DELETE', auth });
      registry.clock.advanceMs(dayMs + 1_000);
      assert.deepEqual(await collectGarbage(registry), { ...nothing, blobs: 1, bytes: 3, links: 2 });
      assert.equal(await has(registry, digestOf('sha256', 'shared')), true);
      await registry.remove('alice/two');
      registry.clock.advanceMs(dayMs + 1_000);
      assert.deepEqual(await collectGarbage(registry), {
        ...nothing,
        blobs: 2,
        bytes: 9,
        links: 2,
        manifests: 1,
      });
      for (const table of ['manifest', 'manifest_reference', 'tag', 'container_blob', 'blob'] as const) {
        assert.deepEqual(await registry.db.read.q.selectFrom(table).selectAll().execute(), [], table);
      }
    });

    test('untagged manifests stay unless a setting says otherwise; images of an index and ties to a subject count', async () => {
      await using registry = await startRegistry(engine);
      const alice = await registry.addUser('alice');
      const to = { path: 'alice/app', auth: alice.auth };
      const image = await pushImage(registry, { ...to, tag: 'v1' }, { config: 'image' });
      const describe = (digest: string, content: string) => ({
        digest,
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        size: content.length,
      });
      const index = JSON.stringify({
        schemaVersion: 2,
        mediaType: 'application/vnd.oci.image.index.v1+json',
        manifests: [describe(image, imageOf('image'))],
      });
      await putManifest(registry, { ...to, reference: 'index' }, index);
      await registry.ask('/v2/alice/app/manifests/v1', { method: 'DELETE', auth: alice.auth });
      const signature = imageOf('image', [], {
        artifactType: 'application/x',
        subject: describe(image, imageOf('image')),
      });
      const orphan = imageOf('image', [], {
        artifactType: 'application/x',
        subject: describe(`sha256:${'5'.repeat(64)}`, ''),
      });
      for (const manifest of [signature, orphan])
        await putManifest(registry, { ...to, reference: digestOf('sha256', manifest) }, manifest);
      registry.clock.advanceMs(30 * dayMs);
      assert.deepEqual(await collectGarbage(registry), nothing);
      assert.deepEqual(await collectGarbage(registry, { ...garbageSettings, untaggedAfterMs: dayMs }), {
        ...nothing,
        manifests: 1,
      });
      const left = await registry.db.read.q.selectFrom('manifest').select('digest').execute();
      assert.deepEqual(
        new Set(left.map((row) => row.digest)),
        new Set([image, digestOf('sha256', index), digestOf('sha256', signature)]),
      );
    });

    test('bytes that a crash left without a row are swept, unless an upload is about to show them', async () => {
      await using registry = await startRegistry(engine);
      const content = Buffer.from('stray');
      const digest = digestOf('sha256', content);
      const id = '00000000-0000-7000-8000-000000000001' as never;
      const finish = async () => {
        await registry.blobs.createUpload(id);
        await registry.blobs.append(id, [content] as never, { offset: 0, limitBytes: 10 });
        await registry.blobs.finish(id, digest);
      };
      await finish();
      // Their time is the file's own, so the grace ends in the future of the test's clock.
      const past = { ...garbageSettings, graceMs: -400 * 365 * dayMs };
      await registry.guard.use(digest, async () => {
        await collectGarbage(registry, past);
        assert.equal(await has(registry, digest), true);
      });
      await collectGarbage(registry);
      assert.equal(await has(registry, digest), true, 'younger than the grace time');
      await collectGarbage(registry, past);
      assert.equal(await has(registry, digest), false);
    });

    test('collecting without end while images are pushed and deleted breaks none of them', async () => {
      await using registry = await startRegistry(engine, { limits: { touchEveryMs: 0 } });
      const alice = await registry.addUser('alice');
      const settings = { ...garbageSettings, graceMs: 1 };
      let pushing = true;
      const collecting = (async () => {
        while (pushing) await collectGarbage(registry, settings);
      })();
      const contents = ['a', 'b', 'c', 'd'];
      const push = async (worker: number) => {
        const to = { path: `alice/app${worker % 2}`, auth: alice.auth };
        for (let round = 0; round < 10; round++) {
          const config = contents[(worker + round) % contents.length] as string;
          const digest = digestOf('sha256', imageOf(config));
          // The clock stands still but for its microseconds, so the grace time passes at once: a push may have to begin anew.
          let status = 0;
          while (status !== 201) {
            await pushBlob(registry, to, config);
            status = (await putManifest(registry, { ...to, reference: `t${worker}` }, imageOf(config)))
              .status;
            assert.ok(status === 201 || status === 400, String(status));
          }
          const blob = await registry.ask(`/v2/${to.path}/blobs/${digestOf('sha256', config)}`, {
            auth: to.auth,
          });
          assert.equal(blob.body.toString(), config, 'what a manifest names is there');
          await registry.ask(`/v2/${to.path}/manifests/${digest}`, { method: 'DELETE', auth: to.auth });
        }
      };
      try {
        await Promise.all([push(0), push(2)]);
      } finally {
        pushing = false;
        await collecting;
      }
    });

    test('a tag ends when its time has come, with its event and its history', async () => {
      await using registry = await startRegistry(engine);
      const alice = await registry.addUser('alice');
      const digest = await pushImage(
        registry,
        { path: 'alice/app', auth: alice.auth, tag: 'v1' },
        { config: 'config' },
      );
      const project = await registry.access.findProject('container', 'alice/app');
      assert.ok(project);
      const on = { by: system, projectId: project.id, scope: {}, tag: 'v1' };
      const expiresAtUs = registry.clock.nowUs() + dayMs * 1000;
      await setTagExpiry(registry, { ...on, expiresAtUs });
      await setTagExpiry(registry, { ...on, expiresAtUs });
      assert.equal(await expireTags(registry), 0);
      registry.clock.advanceMs(dayMs + 1);
      const from = await registry.head();
      assert.equal(await expireTags(registry), 1);
      const [event] = await registry.events(from);
      assert.deepEqual(
        [event?.type, event?.details, event?.actor.name, event?.scope.project?.path],
        ['container.tag.delete', { by: 'expiry', digest, tag: 'v1' }, 'tag expiry', 'alice/app'],
      );
      assert.equal(
        (await registry.events()).filter((each) => each.type === 'container.tag.expire').length,
        1,
      );
      assert.equal((await registry.ask('/v2/alice/app/manifests/v1', { auth: alice.auth })).status, 404);
    });
  });
}
