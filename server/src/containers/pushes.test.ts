/** What is done, and the events it leaves: whole events, on both databases. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AuditEvent } from '@tallyman/contract';
import { postgresSkip } from '../../../tests/support/postgres.ts';
import { digestOf } from '../domain/digest.ts';
import {
  configType,
  imageOf,
  imageType,
  pushBlob,
  pushImage,
  putManifest,
  type Registry,
  startRegistry,
} from './registry.fixture.ts';

const engines = [
  { engine: 'sqlite', skip: false },
  { engine: 'postgres', skip: postgresSkip() },
] as const;

/** The event without what differs from run to run; those must be there all the same. */
function told(event: AuditEvent) {
  const { id, occurredAt, recordedAt, request, ...rest } = event;
  assert.match(id, /^[0-9a-f-]{36}$/);
  assert.equal(occurredAt <= recordedAt, true);
  const { id: requestId, ...facts } = request;
  assert.match(requestId, /^[0-9a-f-]{36}$/);
  return { ...rest, request: facts };
}

const types = (events: readonly AuditEvent[]) => events.map((event) => event.type);

async function expectedFrame(registry: Registry, user: { id: string; name: string }, path: string) {
  const project = await registry.access.findProject('container', path);
  assert.ok(project);
  return {
    v: 1,
    version: 1,
    outcome: 'success',
    actor: { id: user.id, kind: 'user', name: user.name, proven: true },
    scope: {
      namespace: { id: user.id, kind: 'user', name: user.name },
      project: { format: 'container', id: project.id, path },
    },
  } as const;
}

for (const { engine, skip } of engines) {
  describe(`pushes and pulls on ${engine}`, { skip }, () => {
    test('a push of an image, then its pull: every event, whole and in order', async () => {
      await using registry = await startRegistry(engine);
      const alice = await registry.addUser('alice');
      const auth = await registry.bearer(alice.auth, 'repository:alice/app:pull,push');
      const from = await registry.head();
      const manifest = imageOf('config', ['layer']);
      const digest = await pushImage(
        registry,
        { path: 'alice/app', auth, tag: 'v1' },
        { config: 'config', layers: ['layer'] },
      );
      const pulled = await registry.ask('/v2/alice/app/manifests/v1', { auth });
      assert.equal(pulled.body.toString(), manifest);
      assert.equal(pulled.headers.get('content-type'), imageType);
      assert.equal(pulled.headers.get('docker-content-digest'), digest);
      const layer = await registry.ask(`/v2/alice/app/blobs/${digestOf('sha256', 'layer')}`, { auth });
      assert.equal(layer.body.toString(), 'layer');
      const frame = await expectedFrame(registry, alice, 'alice/app');
      const events = await registry.events(from);
      const { credential } = events[0] as AuditEvent;
      assert.equal(credential.kind, 'password');
      const request = { ip: '127.0.0.1', protocol: 'http', userAgent: 'test/1' };
      const upload = { ...request, method: 'PUT', route: '/v2/{name}/blobs/uploads/{id}', status: 201 };
      const put = { ...request, method: 'PUT', route: '/v2/{name}/manifests/{reference}', status: 201 };
      const blob = (content: string) => ({
        ...frame,
        credential,
        type: 'container.blob.upload',
        target: { id: digestOf('sha256', content), kind: 'blob' },
        details: { digest: digestOf('sha256', content), sizeBytes: content.length },
        request: upload,
      });
      assert.deepEqual(events.map(told), [
        {
          ...frame,
          credential,
          type: 'project.entry.create',
          target: (events[0] as AuditEvent).target,
          details: { by: 'upload', visibility: 'private' },
          request: upload,
        },
        blob('config'),
        blob('layer'),
        {
          ...frame,
          credential,
          type: 'container.manifest.push',
          target: { id: digest, kind: 'manifest' },
          request: put,
          details: { artifactType: configType, digest, mediaType: imageType, sizeBytes: manifest.length },
        },
        {
          ...frame,
          credential,
          type: 'container.tag.create',
          target: { kind: 'tag', name: 'v1' },
          details: { by: 'push', digest, tag: 'v1' },
          request: put,
        },
        {
          ...frame,
          credential,
          type: 'container.manifest.pull',
          target: { id: digest, kind: 'manifest' },
          details: { by: 'tag', digest, mediaType: imageType, reference: 'v1' },
          request: { ...request, method: 'GET', route: '/v2/{name}/manifests/{reference}', status: 200 },
        },
      ]);
    });

    test('pushing the same again changes nothing and is no event; another manifest moves the tag', async () => {
      await using registry = await startRegistry(engine);
      const alice = await registry.addUser('alice');
      const to = { path: 'alice/app', auth: alice.auth, tag: 'v1' };
      const first = await pushImage(registry, to, { config: 'one' });
      const from = await registry.head();
      assert.equal(await pushImage(registry, to, { config: 'one' }), first);
      assert.deepEqual(types(await registry.events(from)), []);
      const second = await pushImage(registry, to, { config: 'two' });
      const events = await registry.events(from);
      assert.deepEqual(types(events), [
        'container.blob.upload',
        'container.manifest.push',
        'container.tag.move',
      ]);
      assert.deepEqual(events[2]?.details, { by: 'push', from: first, tag: 'v1', to: second });
    });

    test('a registry token not asked for the source is challenged for both projects, and that is no event', async () => {
      await using registry = await startRegistry(engine);
      const alice = await registry.addUser('alice');
      const push = await registry.bearer(alice.auth, 'repository:alice/app:pull,push');
      const digest = await pushBlob(registry, { path: 'alice/app', auth: push }, 'shared');
      const mount = (auth: string) =>
        registry.ask(`/v2/alice/other/blobs/uploads/?mount=${digest}&from=alice/app`, {
          method: 'POST',
          auth,
        });
      const narrow = await registry.bearer(alice.auth, 'repository:alice/other:pull,push');
      const from = await registry.head();
      const challenged = await mount(narrow);
      assert.equal(challenged.status, 401);
      const challenge = challenged.headers.get('www-authenticate') ?? '';
      const [, scope] = /scope="([^"]*)"/.exec(challenge) ?? [];
      assert.equal(scope, 'repository:alice/other:pull,push repository:alice/app:pull');
      assert.match(challenge, /error="insufficient_scope"/);
      assert.deepEqual(types(await registry.events(from)), []);
      assert.equal((await mount(await registry.bearer(alice.auth, scope))).status, 201);
    });

    test('a blob of another project is mounted by whoever may pull it; else the upload begins, and is no refusal', async () => {
      await using registry = await startRegistry(engine);
      const [alice, bob] = [await registry.addUser('alice'), await registry.addUser('bob')];
      const digest = await pushBlob(registry, { path: 'alice/app', auth: alice.auth }, 'layer');
      await registry.ask('/v2/', { auth: bob.auth });
      const from = await registry.head();
      const mount = (query: string) =>
        registry.ask(`/v2/bob/app/blobs/uploads/?mount=${digest}${query}`, {
          method: 'POST',
          auth: bob.auth,
        });
      for (const query of ['&from=alice/app', '&from=alice/none', '&from=Not+A+Name', ''])
        assert.equal((await mount(query)).status, 202, query);
      assert.deepEqual(types(await registry.events(from)), []);
      await registry.publish('alice/app');
      const done = await mount('&from=alice/app');
      assert.equal(done.status, 201);
      assert.equal(done.headers.get('location'), `/v2/bob/app/blobs/${digest}`);
      assert.equal((await mount('&from=alice/app')).status, 201, 'again');
      const events = (await registry.events(from)).slice(1);
      assert.deepEqual(types(events), ['project.entry.create', 'container.blob.mount']);
      const source = await registry.access.findProject('container', 'alice/app');
      assert.deepEqual(events[1]?.details, { digest, from: 'alice/app', fromId: source?.id, sizeBytes: 5 });
      assert.equal(
        (await registry.ask(`/v2/bob/app/blobs/${digest}`, { auth: bob.auth })).body.toString(),
        'layer',
      );
    });

    test('without `from`, a blob is found wherever the caller may pull, and nowhere else', async () => {
      await using registry = await startRegistry(engine, { limits: { mountCandidates: 2 } });
      const [alice, bob] = [await registry.addUser('alice'), await registry.addUser('bob')];
      const hidden = await pushBlob(registry, { path: 'alice/hidden', auth: alice.auth }, 'layer');
      const mount = (path: string, auth: string, digest: string = hidden) =>
        registry.ask(`/v2/${path}/blobs/uploads/?mount=${digest}`, { method: 'POST', auth });
      await registry.ask('/v2/', { auth: bob.auth });
      const from = await registry.head();
      const absent = digestOf('sha256', 'nowhere');
      const answers = [await mount('bob/app', bob.auth), await mount('bob/app', bob.auth, absent)];
      assert.deepEqual(
        answers.map(({ status, body }) => [status, body.toString()]),
        [
          [202, ''],
          [202, ''],
        ],
      );
      assert.deepEqual(types(await registry.events(from)), []);

      // A role is enough, and what is found stands in the event.
      await registry.grant(bob, 'alice/hidden', 'reader');
      assert.equal((await mount('bob/app', bob.auth)).status, 201);
      const events = await registry.events(from);
      const last = events.at(-1);
      const source = await registry.access.findProject('container', 'alice/hidden');
      assert.deepEqual(
        [last?.type, last?.details],
        ['container.blob.mount', { digest: hidden, from: 'alice/hidden', fromId: source?.id, sizeBytes: 5 }],
      );

      // Own projects come before others that show it, so a bounded look finds them.
      const carol = await registry.addUser('carol');
      for (const name of ['one', 'two', 'three'])
        await pushBlob(registry, { path: `alice/${name}`, auth: alice.auth }, 'layer');
      assert.equal((await mount('carol/app', carol.auth)).status, 202, 'none of three hidden ones');
      await pushBlob(registry, { path: 'carol/base', auth: carol.auth }, 'layer');
      assert.equal((await mount('carol/app', carol.auth)).status, 201);
    });

    test('a registry token finds what it was asked for and what is public; for the rest it is told what to ask for', async () => {
      await using registry = await startRegistry(engine);
      const alice = await registry.addUser('alice');
      const digest = await pushBlob(registry, { path: 'alice/app', auth: alice.auth }, 'layer');
      const mount = (path: string, auth: string) =>
        registry.ask(`/v2/${path}/blobs/uploads/?mount=${digest}`, { method: 'POST', auth });
      const narrow = await registry.bearer(alice.auth, 'repository:alice/other:pull,push');
      const challenged = await mount('alice/other', narrow);
      assert.equal(challenged.status, 401);
      const [, scope] = /scope="([^"]*)"/.exec(challenged.headers.get('www-authenticate') ?? '') ?? [];
      assert.equal(scope, 'repository:alice/other:pull,push repository:alice/app:pull');
      assert.equal((await mount('alice/other', await registry.bearer(alice.auth, scope))).status, 201);
      // Somebody else's token is told of nothing.
      const bob = await registry.addUser('bob');
      const others = await registry.bearer(bob.auth, 'repository:bob/app:pull,push');
      assert.equal((await mount('bob/app', others)).status, 202);
      await registry.publish('alice/app');
      assert.equal((await mount('bob/app', others)).status, 201);
    });

    test('an upload in chunks can be asked about, continued and cancelled, and is its principal’s alone', async () => {
      await using registry = await startRegistry(engine);
      const [alice, bob] = [await registry.addUser('alice'), await registry.addUser('bob')];
      await pushBlob(registry, { path: 'alice/app', auth: alice.auth }, 'x');
      await registry.grant(bob, 'alice/app', 'maintainer');
      const auth = alice.auth;
      const begun = await registry.ask('/v2/alice/app/blobs/uploads/', { method: 'POST', auth });
      const at = begun.headers.get('location') as string;
      assert.deepEqual([begun.status, begun.headers.get('range')], [202, '0-0']);
      const patch = (body: string, range?: string) =>
        registry.ask(at, {
          method: 'PATCH',
          auth,
          body,
          headers: range === undefined ? {} : { 'content-range': range },
        });
      const first = await patch('hel', '0-2');
      assert.deepEqual([first.status, first.headers.get('range')], [202, '0-2']);
      await registry.ask('/v2/', { auth: bob.auth });
      const from = await registry.head();
      for (const range of ['0-2', '4-6', '2-4']) {
        const refused = await patch('lo!', range);
        assert.deepEqual(
          [refused.status, refused.headers.get('range'), refused.headers.get('location')],
          [416, '0-2', at],
        );
      }
      assert.deepEqual(types(await registry.events(from)), [], 'out of order is no refusal');
      assert.equal((await registry.ask(at, { auth: bob.auth })).status, 404, 'another’s');
      assert.equal(
        (await registry.ask(at.replace('alice/app', 'alice/other'), { auth })).status,
        404,
        'another project’s',
      );
      assert.equal((await patch('lo')).headers.get('range'), '0-4', 'as a stream');
      const asked = await registry.ask(at, { auth });
      assert.deepEqual([asked.status, asked.headers.get('range')], [204, '0-4']);
      const done = await registry.ask(`${at}?digest=${digestOf('sha512', 'hello!')}`, {
        method: 'PUT',
        auth,
        body: '!',
        headers: { 'content-range': '5-5' },
      });
      assert.deepEqual(
        [done.status, done.headers.get('docker-content-digest')],
        [201, digestOf('sha512', 'hello!')],
      );
      assert.equal((await registry.ask(at, { auth })).status, 404, 'it ended');
      const other = (
        await registry.ask('/v2/alice/app/blobs/uploads/', { method: 'POST', auth })
      ).headers.get('location') as string;
      assert.equal((await registry.ask(other, { method: 'DELETE', auth })).status, 204);
      assert.equal((await registry.ask(other, { auth })).status, 404);
    });

    test('a blob without a pulled manifest is an event of its own; with one it is covered for an hour', async () => {
      await using registry = await startRegistry(engine);
      const alice = await registry.addUser('alice');
      await pushImage(registry, { path: 'alice/app', auth: alice.auth, tag: 'v1' }, { config: 'config' });
      const digest = digestOf('sha256', 'config');
      const get = (headers = {}) =>
        registry.ask(`/v2/alice/app/blobs/${digest}`, { auth: alice.auth, headers });
      const from = await registry.head();
      assert.equal((await get()).status, 200);
      const part = await get({ range: 'bytes=1-2' });
      assert.deepEqual(
        [part.status, part.body.toString(), part.headers.get('content-range')],
        [206, 'on', 'bytes 1-2/6'],
      );
      assert.equal(
        (await registry.ask('/v2/alice/app/manifests/v1', { auth: alice.auth, method: 'HEAD' })).status,
        200,
      );
      assert.equal((await get()).status, 200, 'a HEAD covers nothing');
      await registry.ask('/v2/alice/app/manifests/v1', { auth: alice.auth });
      assert.equal((await get()).status, 200);
      const outside = await get({ range: 'bytes=9-' });
      assert.deepEqual([outside.status, outside.headers.get('content-range')], [416, 'bytes */6']);
      registry.clock.advanceMs(3_600_001);
      assert.equal((await get()).status, 200);
      const events = (await registry.events(from)).filter(
        (event) => event.type !== 'account.sign_in.succeed',
      );
      assert.deepEqual(types(events), [
        'container.blob.pull',
        'container.blob.pull',
        'container.blob.pull',
        'container.manifest.pull',
        'container.pull.refuse',
        'container.blob.pull',
      ]);
      assert.deepEqual(events[1]?.details, { digest, sizeBytes: 6 });
      assert.equal(events[1]?.request.status, 206);
    });

    test('deleting: a tag alone, a manifest with its tags, a blob; what is still named stays', async () => {
      await using registry = await startRegistry(engine);
      const alice = await registry.addUser('alice');
      const to = { path: 'alice/app', auth: alice.auth };
      const digest = await pushImage(registry, { ...to, tag: 'v1' }, { config: 'config' });
      await putManifest(registry, { ...to, reference: 'v2' }, imageOf('config'));
      const index = JSON.stringify({
        schemaVersion: 2,
        mediaType: 'application/vnd.oci.image.index.v1+json',
        manifests: [{ mediaType: imageType, digest, size: imageOf('config').length }],
      });
      const indexDigest = digestOf('sha256', index);
      assert.equal(
        (
          await putManifest(registry, { ...to, reference: `${indexDigest}?tag=i1&tag=i2` }, index)
        ).headers.get('oci-tag'),
        'i1, i2',
      );
      const from = await registry.head();
      const remove = async (what: string) =>
        (await registry.ask(`/v2/alice/app/${what}`, { method: 'DELETE', auth: alice.auth })).status;
      const blob = digestOf('sha256', 'config');
      assert.equal(await remove(`manifests/${digest}`), 409, 'an index names it');
      assert.equal(await remove(`blobs/${blob}`), 409, 'a manifest names it');
      assert.equal(await remove('manifests/v1'), 202);
      assert.equal(await remove('manifests/v1'), 404);
      assert.equal(await remove(`manifests/${indexDigest}`), 202);
      assert.equal(await remove(`manifests/${digest}`), 202);
      assert.equal(await remove(`blobs/${blob}`), 202);
      assert.equal(await remove(`blobs/${blob}`), 404);
      const events = await registry.events(from);
      assert.deepEqual(
        events.map((event) => [event.type, event.reason ?? '', event.request.status]),
        [
          ['container.delete.refuse', 'manifest_referenced', 409],
          ['container.tag.delete', '', 202],
          ['container.delete.refuse', 'tag_unknown', 404],
          ['container.manifest.delete', '', 202],
          ['container.tag.delete', '', 202],
          ['container.tag.delete', '', 202],
          ['container.manifest.delete', '', 202],
          ['container.tag.delete', '', 202],
          ['container.blob.delete', '', 202],
          ['container.delete.refuse', 'blob_unknown', 404],
        ],
      );
      assert.deepEqual(events[3]?.details, {
        digest: indexDigest,
        mediaType: 'application/vnd.oci.image.index.v1+json',
        tagCount: 2,
        tags: ['i1', 'i2'],
      });
      assert.deepEqual([events[4]?.cause, events[5]?.cause], [events[3]?.id, events[3]?.id]);
      assert.deepEqual(events[7]?.details, { by: 'manifest', digest, tag: 'v2' });
    });

    test('many pushes of one tag at once: one order, every event, and the last one is what the tag shows', async () => {
      await using registry = await startRegistry(engine);
      const alice = await registry.addUser('alice');
      const configs = Array.from({ length: 12 }, (_, at) => `config ${at}`);
      for (const config of configs) await pushBlob(registry, { path: 'alice/app', auth: alice.auth }, config);
      const from = await registry.head();
      const answers = await Promise.all(
        configs.map((config) =>
          putManifest(registry, { path: 'alice/app', auth: alice.auth, reference: 'v1' }, imageOf(config)),
        ),
      );
      assert.deepEqual(
        answers.map((answer) => answer.status),
        configs.map(() => 201),
      );
      const changes = (await registry.events(from)).filter((event) =>
        event.type.startsWith('container.tag.'),
      );
      assert.deepEqual(types(changes), [
        'container.tag.create',
        ...configs.slice(1).map(() => 'container.tag.move'),
      ]);
      let at = changes[0]?.details.digest;
      for (const change of changes.slice(1)) {
        assert.equal(change.details.from, at, 'each goes on where the one before ended');
        at = change.details.to;
      }
      const shown = await registry.ask('/v2/alice/app/manifests/v1', { auth: alice.auth, method: 'HEAD' });
      assert.equal(shown.headers.get('docker-content-digest'), at);
      const history = await registry.db.read.q
        .selectFrom('tag_history')
        .selectAll()
        .orderBy('from_at')
        .execute();
      assert.deepEqual(
        history.map((row) => row.from_event_id),
        changes.map((change) => change.id),
      );
      assert.deepEqual(
        history.map((row) => row.to_event_id),
        [...changes.slice(1).map((change) => change.id), null],
      );
    });

    test('parallel first uploads make one project', async () => {
      await using registry = await startRegistry(engine);
      const alice = await registry.addUser('alice');
      await Promise.all(
        Array.from({ length: 8 }, (_, at) =>
          pushBlob(registry, { path: 'alice/new', auth: alice.auth }, `layer ${at}`),
        ),
      );
      const events = await registry.events();
      assert.equal(types(events).filter((type) => type === 'project.entry.create').length, 1);
      assert.equal(types(events).filter((type) => type === 'container.blob.upload').length, 8);
    });

    test('lists: tags, catalog and referrers in pages', async () => {
      await using registry = await startRegistry(engine, {
        limits: { pageEntries: 3, referrersPageBytes: 10 },
      });
      const [alice, bob] = [await registry.addUser('alice'), await registry.addUser('bob')];
      const to = { path: 'alice/app', auth: alice.auth };
      const subject = await pushImage(registry, { ...to, tag: 'b' }, { config: 'config' });
      for (const tag of ['a', 'C', 'd_1'])
        await putManifest(registry, { ...to, reference: tag }, imageOf('config'));
      const list = async (query: string) => {
        const answer = await registry.ask(`/v2/alice/app/tags/list${query}`, { auth: alice.auth });
        return [answer.status, (answer.json() as { tags?: string[] }).tags, answer.headers.get('link')];
      };
      assert.deepEqual(await list(''), [
        200,
        ['C', 'a', 'b'],
        '</v2/alice/app/tags/list?n=3&last=b>; rel="next"',
      ]);
      assert.deepEqual(await list('?n=3&last=b'), [200, ['d_1'], null]);
      assert.deepEqual(await list('?n=2&last=C'), [
        200,
        ['a', 'b'],
        '</v2/alice/app/tags/list?n=2&last=b>; rel="next"',
      ]);
      assert.deepEqual(await list('?n=0'), [200, [], null]);
      assert.deepEqual(await list('?n=-1'), [400, undefined, null]);
      const of = { digest: subject, mediaType: imageType, size: imageOf('config').length };
      const made = [];
      for (const type of ['application/x.a', 'application/x.b']) {
        const more = {
          artifactType: type,
          subject: of,
          annotations: { 'org.example': 'ten bytes and more' },
        };
        const manifest = imageOf('config', [], more);
        const answer = await putManifest(
          registry,
          { ...to, reference: digestOf('sha256', manifest) },
          manifest,
        );
        assert.equal(answer.headers.get('oci-subject'), subject);
        made.push({
          mediaType: imageType,
          digest: digestOf('sha256', manifest),
          size: manifest.length,
          artifactType: type,
          annotations: more.annotations,
        });
      }
      made.sort((left, right) => (left.digest < right.digest ? -1 : 1));
      const first = await registry.ask(`/v2/alice/app/referrers/${subject}`, { auth: alice.auth });
      assert.deepEqual((first.json() as { manifests: unknown }).manifests, [made[0]]);
      const next = /^<([^>]+)>; rel="next"$/.exec(first.headers.get('link') ?? '')?.[1] as string;
      const second = await registry.ask(next, { auth: alice.auth });
      assert.deepEqual((second.json() as { manifests: unknown }).manifests, [made[1]]);
      assert.equal(second.headers.get('link'), null);
      const filtered = await registry.ask(`/v2/alice/app/referrers/${subject}?artifactType=application/x.b`, {
        auth: alice.auth,
      });
      assert.equal(filtered.headers.get('oci-filters-applied'), 'artifactType');
      assert.deepEqual(
        (filtered.json() as { manifests: unknown }).manifests,
        made.filter((entry) => entry.artifactType === 'application/x.b'),
      );
      await pushBlob(registry, { path: 'bob/own', auth: bob.auth }, 'x');
      await pushBlob(registry, { path: 'alice/open', auth: alice.auth }, 'x');
      await registry.publish('alice/open');
      const catalog = async (auth: string, query = '') =>
        (await registry.ask(`/v2/_catalog${query}`, { auth })).json();
      assert.deepEqual(await catalog(alice.auth), { repositories: ['alice/app', 'alice/open'] });
      assert.deepEqual(await catalog(bob.auth), { repositories: ['alice/open', 'bob/own'] });
      assert.deepEqual(await catalog(bob.auth, '?n=1&last=alice/open'), { repositories: ['bob/own'] });
      assert.deepEqual(await catalog(await registry.bearer(bob.auth, 'registry:catalog:*'), '?last=b'), {
        repositories: ['bob/own'],
      });
    });

    test('a public project is pulled with an anonymous token, and the event says nobody', async () => {
      await using registry = await startRegistry(engine);
      const alice = await registry.addUser('alice');
      await pushImage(registry, { path: 'alice/app', auth: alice.auth, tag: 'v1' }, { config: 'config' });
      await registry.publish('alice/app');
      const auth = await registry.bearer(undefined, 'repository:alice/app:pull,push');
      const from = await registry.head();
      assert.equal((await registry.ask('/v2/alice/app/manifests/v1', { auth })).status, 200);
      const [event] = await registry.events(from);
      assert.deepEqual(
        [event?.type, event?.actor, event?.credential.kind],
        ['container.manifest.pull', { kind: 'anonymous', proven: true }, 'none'],
      );
      assert.equal(
        (await registry.ask('/v2/alice/app/manifests/v1')).status,
        401,
        'no token, no pull: whose would it be',
      );
    });
  });
}
