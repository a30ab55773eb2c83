/** What is refused: the answer in the protocol's form, and exactly one event that says who, what and why not. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import type { AuditEvent } from '@tallyman/contract';
import { postgresSkip } from '../../../tests/support/postgres.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { parseUploadId } from '../blobs/upload-id.ts';
import { digestOf } from '../domain/digest.ts';
import {
  type Answer,
  type Ask,
  basic,
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

type OciError = { errors: { code: string; message: string; detail: Record<string, unknown> }[] };
const codeOf = (answer: Answer) => (answer.json() as OciError).errors[0]?.code;
const messageOf = (answer: Answer) => (answer.json() as OciError).errors[0]?.message;
const missingDigest = `sha256:${'0'.repeat(64)}`;

/** Refusals since the index; sign-ins that succeeded are left out. */
async function refusals(registry: Registry, from: number): Promise<AuditEvent[]> {
  return (await registry.events(from)).filter((event) => event.type !== 'account.sign_in.succeed');
}

for (const { engine, skip } of engines) {
  describe(`refusals on ${engine}`, { skip }, () => {
    test('whoever lacks the right: writes 403, reads 404, the same for hidden and missing', async () => {
      await using registry = await startRegistry(engine);
      const [alice, eve] = [await registry.addUser('alice'), await registry.addUser('eve')];
      await pushImage(registry, { path: 'alice/app', auth: alice.auth, tag: 'v1' }, { config: 'config' });
      const asks: [ask: Ask & { path: string }, status: number, code: string, type: string][] = [
        [{ path: 'manifests/v1' }, 404, 'NAME_UNKNOWN', 'container.pull.refuse'],
        [{ path: 'tags/list' }, 404, 'NAME_UNKNOWN', 'container.pull.refuse'],
        [{ path: `blobs/${missingDigest}` }, 404, 'NAME_UNKNOWN', 'container.pull.refuse'],
        [{ path: `referrers/${missingDigest}` }, 404, 'NAME_UNKNOWN', 'container.pull.refuse'],
        [{ path: 'blobs/uploads/', method: 'POST' }, 403, 'DENIED', 'container.push.refuse'],
        [
          { path: 'manifests/v1', method: 'PUT', body: imageOf('config') },
          403,
          'DENIED',
          'container.push.refuse',
        ],
        [{ path: 'manifests/v1', method: 'DELETE' }, 403, 'DENIED', 'container.delete.refuse'],
        [{ path: `blobs/${missingDigest}`, method: 'DELETE' }, 403, 'DENIED', 'container.delete.refuse'],
      ];
      for (const [{ path, ...ask }, status, code, type] of asks) {
        const from = await registry.head();
        const at = (name: string) => registry.ask(`/v2/${name}/${path}`, { ...ask, auth: eve.auth });
        const [hidden, missing, nowhere] = [
          await at('alice/app'),
          await at('alice/none'),
          await at('nobody/none'),
        ];
        for (const answer of [hidden, missing, nowhere])
          assert.deepEqual([answer.status, codeOf(answer)], [status, code], path);
        assert.equal(messageOf(missing)?.replaceAll('alice/none', 'alice/app'), messageOf(hidden));
        assert.equal(messageOf(nowhere)?.replaceAll('nobody/none', 'alice/app'), messageOf(hidden));
        const events = await refusals(registry, from);
        const first = events.filter((event) => event.details.repeats === undefined);
        // The second of its kind from the same hands on the same project is counted, not written.
        for (const event of first) {
          assert.deepEqual(
            [event.type, event.outcome, event.actor.id, event.actor.proven],
            [type, 'denied', eve.id, true],
          );
          assert.equal(event.request.status, status);
        }
      }
      const reasons = (await registry.events()).filter((event) => event.type === 'container.push.refuse');
      assert.deepEqual(
        reasons.map((event) => [
          event.reason,
          event.scope.project?.path,
          event.details.roleHeld,
          event.details.roleNeeded,
        ]),
        [
          ['not_permitted', 'alice/app', 'none', 'maintainer'],
          ['not_permitted', undefined, 'none', 'maintainer'],
          ['namespace_unknown', undefined, 'none', 'maintainer'],
        ],
      );
    });

    test('a denied push, begun with HEADs and in parallel: one denial, counted as a push, and one closing event', async () => {
      await using registry = await startRegistry(engine);
      const [alice, eve] = [await registry.addUser('alice'), await registry.addUser('eve')];
      await pushImage(registry, { path: 'alice/app', auth: alice.auth, tag: 'v1' }, { config: 'config' });
      const auth = await registry.bearer(eve.auth, 'repository:alice/app:pull,push');
      const from = await registry.head();
      const heads = Array.from({ length: 5 }, () =>
        registry.ask(`/v2/alice/app/blobs/${missingDigest}`, { method: 'HEAD', auth }),
      );
      for (const answer of await Promise.all(heads)) assert.equal(answer.status, 404);
      const posts = Array.from({ length: 5 }, () =>
        registry.ask('/v2/alice/app/blobs/uploads/', { method: 'POST', auth }),
      );
      for (const answer of await Promise.all(posts)) assert.equal(answer.status, 403);
      const first = await refusals(registry, from);
      assert.deepEqual(
        first.map((event) => [event.type, event.reason, event.details.attempted]),
        [
          [
            'container.push.refuse',
            'not_permitted',
            { action: 'push', project: 'alice/app', reference: missingDigest },
          ],
        ],
      );
      assert.deepEqual([first[0]?.details.requested, first[0]?.details.granted], [['pull', 'push'], []]);
      registry.clock.advanceMs(31_000);
      await registry.trail.trySweep();
      const [, closing, ...rest] = await refusals(registry, from);
      assert.deepEqual(
        [closing?.type, (closing?.details.repeats as { count: number } | undefined)?.count, closing?.cause],
        ['container.push.refuse', 9, first[0]?.id],
      );
      assert.deepEqual(rest, []);
    });

    test('a reader’s push, a down-graded token, and a token that was not asked for enough', async () => {
      await using registry = await startRegistry(engine);
      const [alice, bob] = [await registry.addUser('alice'), await registry.addUser('bob')];
      await pushImage(registry, { path: 'alice/app', auth: alice.auth, tag: 'v1' }, { config: 'config' });
      await registry.grant(bob, 'alice/app', 'reader');
      const from = await registry.head();
      const both = await registry.bearer(bob.auth, 'repository:alice/app:pull,push');
      assert.deepEqual(await refusals(registry, from), [], 'a token with less is no refusal');
      assert.equal(
        (await registry.ask(`/v2/alice/app/blobs/${missingDigest}`, { method: 'HEAD', auth: both })).status,
        404,
      );
      assert.deepEqual(await refusals(registry, from), [], 'nor is a missing blob');
      const denied = await registry.ask('/v2/alice/app/blobs/uploads/', { method: 'POST', auth: both });
      assert.deepEqual([denied.status, codeOf(denied)], [403, 'DENIED']);
      const [event, ...more] = await refusals(registry, from);
      assert.deepEqual(
        [
          event?.type,
          event?.reason,
          event?.details.roleHeld,
          event?.details.requested,
          event?.details.granted,
          more.length,
        ],
        ['container.push.refuse', 'not_permitted', 'reader', ['pull', 'push'], ['pull'], 0],
      );
      const narrow = await registry.bearer(alice.auth, 'repository:alice/app:pull');
      const again = await registry.ask('/v2/alice/app/blobs/uploads/', { method: 'POST', auth: narrow });
      assert.equal(again.status, 401);
      assert.match(
        again.headers.get('www-authenticate') ?? '',
        /scope="repository:alice\/app:pull,push",error="insufficient_scope"$/,
      );
      assert.equal((await refusals(registry, from)).length, 1, 'a challenge for a further token');
    });

    test('tokens with fewer scopes than their user: the ceiling is named', async () => {
      await using registry = await startRegistry(engine);
      const alice = await registry.addUser('alice');
      await pushImage(registry, { path: 'alice/app', auth: alice.auth, tag: 'v1' }, { config: 'config' });
      const auth = basic('alice', await registry.addToken(alice, ['project:read']));
      const from = await registry.head();
      assert.equal((await registry.ask('/v2/alice/app/manifests/v1', { auth })).status, 200);
      assert.equal(
        (await registry.ask('/v2/alice/app/blobs/uploads/', { method: 'POST', auth })).status,
        403,
      );
      const events = (await refusals(registry, from)).filter((event) => event.outcome === 'denied');
      assert.deepEqual(
        events.map((event) => [event.type, event.reason, event.credential.kind, event.credential.scopes]),
        [['container.push.refuse', 'scope_missing', 'access_token', ['project:read']]],
      );
    });

    test('nobody: a challenge is no event, a long row of them is one; an anonymous token refused is one', async () => {
      await using registry = await startRegistry(engine);
      const alice = await registry.addUser('alice');
      await pushImage(registry, { path: 'alice/app', auth: alice.auth, tag: 'v1' }, { config: 'config' });
      const from = await registry.head();
      for (const path of [
        '/v2/',
        '/v2/alice/app/manifests/v1',
        '/v2/alice/none/manifests/v1',
        '/v2/_catalog',
        '/v2/auth',
      ]) {
        const answer = await registry.ask(path);
        assert.deepEqual([answer.status, codeOf(answer)], [401, 'UNAUTHORIZED'], path);
        assert.match(
          answer.headers.get('www-authenticate') ?? '',
          new RegExp(`^Bearer realm="${registry.url}/v2/auth",service="127`),
        );
      }
      assert.deepEqual(await refusals(registry, from), []);
      const auth = await registry.bearer(undefined, 'repository:alice/app:pull');
      const refused = await registry.ask('/v2/alice/app/manifests/v1', { auth });
      assert.deepEqual([refused.status, codeOf(refused)], [401, 'UNAUTHORIZED']);
      const events = await refusals(registry, from);
      assert.deepEqual(
        events.map((event) => [event.type, event.reason, event.actor, event.scope.project?.path]),
        [['container.pull.refuse', 'not_signed_in', { kind: 'anonymous', proven: true }, 'alice/app']],
      );
      for (let at = 0; at < 25; at++) await registry.ask('/v2/alice/app/manifests/v1');
      const after = (await refusals(registry, from)).slice(1);
      assert.deepEqual(
        after.map((event) => [event.type, event.reason, event.scope, event.details]),
        [
          [
            'account.sign_in.refuse',
            'not_signed_in',
            {},
            { attempted: { action: 'pull', project: 'alice/app', reference: 'v1' }, surface: 'bearer' },
          ],
        ],
      );
    });

    test('a wrong password, a forged token, an unreadable header: identity’s one event, and a challenge', async () => {
      await using registry = await startRegistry(engine);
      const alice = await registry.addUser('alice');
      const from = await registry.head();
      for (const auth of [basic('alice', 'wrong'), 'Bearer eyJhbGciOiJub25lIn0.e30.', 'Basic !!!']) {
        const answer = await registry.ask('/v2/alice/app/blobs/uploads/', { method: 'POST', auth });
        assert.deepEqual([answer.status, codeOf(answer)], [401, 'UNAUTHORIZED'], auth);
        assert.match(answer.headers.get('www-authenticate') ?? '', /^Bearer realm=/);
      }
      const events = await refusals(registry, from);
      assert.deepEqual(
        events.map((event) => event.type),
        ['account.sign_in.refuse', 'account.sign_in.refuse', 'account.sign_in.refuse'],
      );
      assert.deepEqual(
        [events[0]?.reason, events[0]?.actor.id, events[0]?.actor.proven],
        ['wrong_password', alice.id, false],
      );
      assert.deepEqual(events[0]?.details.attempted, { action: 'push', project: 'alice/app' });
    });

    test('the console’s cookie opens nothing here', async () => {
      await using registry = await startRegistry(engine);
      const answer = await registry.ask('/v2/', { headers: { cookie: 'tallyman_session=anything' } });
      assert.equal(answer.status, 401);
      assert.deepEqual(await registry.events(), []);
    });

    test('what fails by itself: the status, the code, the field, and the event’s reason', async () => {
      await using registry = await startRegistry(engine, {
        limits: { manifestBytes: 1_000, blobBytes: 1_000, tagsPerPush: 2 },
      });
      const alice = await registry.addUser('alice');
      const auth = alice.auth;
      await pushImage(registry, { path: 'alice/app', auth, tag: 'v1' }, { config: 'config' });
      const upload = (
        await registry.ask('/v2/alice/app/blobs/uploads/', { method: 'POST', auth })
      ).headers.get('location') as string;
      const app = '/v2/alice/app';
      const put = (body: string, type = imageType): Ask => ({
        method: 'PUT',
        body,
        headers: { 'content-type': type },
      });
      const cases: [
        path: string,
        ask: Ask,
        status: number,
        code: string,
        reason: string,
        type: 'pull' | 'push' | 'delete',
      ][] = [
        [`${app}/manifests/none`, {}, 404, 'MANIFEST_UNKNOWN', 'manifest_unknown', 'pull'],
        [`${app}/manifests/sha256:12`, {}, 400, 'DIGEST_INVALID', 'digest_invalid', 'pull'],
        [`${app}/manifests/-x`, {}, 400, 'MANIFEST_INVALID', 'tag_invalid', 'pull'],
        [`${app}/blobs/md5:12`, {}, 400, 'DIGEST_INVALID', 'digest_invalid', 'pull'],
        [
          `${app}/blobs/${digestOf('sha256', 'config')}`,
          { headers: { range: 'bytes=9-' } },
          416,
          'UNSUPPORTED',
          'request_invalid',
          'pull',
        ],
        [`${app}/tags/list?n=x`, {}, 400, 'UNSUPPORTED', 'request_invalid', 'pull'],
        [`${app}/referrers/nothing`, {}, 400, 'DIGEST_INVALID', 'digest_invalid', 'pull'],
        ['/v2/alice/none/manifests/v1', {}, 404, 'NAME_UNKNOWN', 'project_unknown', 'pull'],
        ['/v2/alice/UPPER/manifests/v1', {}, 400, 'NAME_INVALID', 'name_invalid', 'pull'],
        ['/v2/single/manifests/v1', {}, 400, 'NAME_INVALID', 'name_invalid', 'pull'],
        ['/v2/alice/a%2F..%2Fb/manifests/v1', {}, 400, 'NAME_INVALID', 'name_invalid', 'pull'],
        [`/v2/alice/${'a'.repeat(300)}/manifests/v1`, {}, 400, 'NAME_INVALID', 'name_invalid', 'pull'],
        ['/v2/alice/app', {}, 404, 'NAME_UNKNOWN', 'request_invalid', 'pull'],
        [`${app}/tags/list`, { method: 'DELETE' }, 405, 'UNSUPPORTED', 'method_not_allowed', 'delete'],
        [
          `${app}/manifests/v1`,
          { method: 'PATCH', body: 'x' },
          405,
          'UNSUPPORTED',
          'method_not_allowed',
          'push',
        ],
        [`${app}/manifests/v2`, put('not json'), 400, 'MANIFEST_INVALID', 'manifest_invalid', 'push'],
        [
          `${app}/manifests/v2`,
          put('{}', 'text/html'),
          415,
          'MANIFEST_INVALID',
          'media_type_unsupported',
          'push',
        ],
        [
          `${app}/manifests/v2`,
          put(imageOf('never pushed')),
          400,
          'MANIFEST_BLOB_UNKNOWN',
          'manifest_blob_unknown',
          'push',
        ],
        [
          `${app}/manifests/v2`,
          put(JSON.stringify({ a: 'a'.repeat(1_000) })),
          413,
          'MANIFEST_INVALID',
          'manifest_too_large',
          'push',
        ],
        [
          `${app}/manifests/${missingDigest}`,
          put(imageOf('config')),
          400,
          'DIGEST_INVALID',
          'digest_mismatch',
          'push',
        ],
        [
          `${app}/manifests/${missingDigest}?tag=a&tag=b&tag=c`,
          put(imageOf('config')),
          400,
          'UNSUPPORTED',
          'request_invalid',
          'push',
        ],
        [
          `${app}/blobs/uploads/?digest=sha256:1`,
          { method: 'POST', body: 'x' },
          400,
          'DIGEST_INVALID',
          'digest_invalid',
          'push',
        ],
        [
          `${app}/blobs/uploads/?digest=${missingDigest}`,
          { method: 'POST', body: 'x' },
          400,
          'DIGEST_INVALID',
          'digest_mismatch',
          'push',
        ],
        [
          `${app}/blobs/uploads/?digest-algorithm=md5`,
          { method: 'POST' },
          400,
          'DIGEST_INVALID',
          'digest_invalid',
          'push',
        ],
        [
          `${app}/blobs/uploads/?mount=x&from=alice/app`,
          { method: 'POST' },
          400,
          'DIGEST_INVALID',
          'digest_invalid',
          'push',
        ],
        [
          `${app}/blobs/uploads/no-such`,
          { method: 'PATCH', body: 'x' },
          404,
          'BLOB_UPLOAD_UNKNOWN',
          'upload_unknown',
          'push',
        ],
        [
          upload,
          { method: 'PATCH', body: 'xyz', headers: { 'content-range': 'x-y' } },
          400,
          'BLOB_UPLOAD_INVALID',
          'upload_invalid',
          'push',
        ],
        [
          upload,
          { method: 'PATCH', body: 'xyz', headers: { 'content-range': '0-9' } },
          400,
          'SIZE_INVALID',
          'size_mismatch',
          'push',
        ],
        [upload, { method: 'PATCH', body: 'x'.repeat(1_001) }, 413, 'SIZE_INVALID', 'too_large', 'push'],
        [upload, { method: 'PUT' }, 400, 'DIGEST_INVALID', 'digest_invalid', 'push'],
        [
          `${upload}?digest=${missingDigest}`,
          { method: 'PUT', body: 'x' },
          400,
          'DIGEST_INVALID',
          'digest_mismatch',
          'push',
        ],
        [
          `${upload}?digest=${missingDigest}`,
          { method: 'PUT', body: 'x' },
          404,
          'BLOB_UPLOAD_UNKNOWN',
          'upload_unknown',
          'push',
        ],
        [`${app}/manifests/none`, { method: 'DELETE' }, 404, 'MANIFEST_UNKNOWN', 'tag_unknown', 'delete'],
        [
          `${app}/manifests/${missingDigest}`,
          { method: 'DELETE' },
          404,
          'MANIFEST_UNKNOWN',
          'manifest_unknown',
          'delete',
        ],
      ];
      for (const [path, ask, status, code, reason, type] of cases) {
        // Far apart, so that none is folded into the one before.
        registry.clock.advanceMs(700_000);
        await registry.trail.trySweep();
        const from = await registry.head();
        const answer = await registry.ask(path, { ...ask, auth });
        assert.deepEqual(
          [answer.status, codeOf(answer)],
          [status, code],
          `${ask.method} ${path}: ${answer.body}`,
        );
        const events = await refusals(registry, from);
        const told = events.map((event) => [
          event.type,
          event.outcome,
          event.reason,
          event.request.status,
          event.details.message,
        ]);
        assert.deepEqual(
          told,
          [[`container.${type}.refuse`, 'failed', reason, status, messageOf(answer)]],
          path,
        );
      }
      assert.equal(
        (await registry.ask(`${app}/tags/list`, { auth })).body.toString(),
        '{"name":"alice/app","tags":["v1"]}',
        'nothing half stored',
      );
    });

    test('what is no refusal leaves nothing', async () => {
      await using registry = await startRegistry(engine);
      const alice = await registry.addUser('alice');
      await pushImage(registry, { path: 'alice/app', auth: alice.auth, tag: 'v1' }, { config: 'config' });
      const auth = await registry.bearer(
        alice.auth,
        'repository:alice/app:pull,push',
        'repository:alice/new:pull,push',
      );
      const from = await registry.head();
      for (const [method, path] of [
        ['HEAD', `alice/app/blobs/${missingDigest}`],
        ['GET', `alice/app/blobs/${missingDigest}`],
        ['HEAD', 'alice/app/manifests/none'],
        ['HEAD', `alice/new/blobs/${missingDigest}`],
        ['HEAD', 'alice/new/manifests/v1'],
      ] as const) {
        assert.equal((await registry.ask(`/v2/${path}`, { method, auth })).status, 404, path);
      }
      assert.equal((await registry.ask(`/v2/alice/new/referrers/${missingDigest}`, { auth })).status, 200);
      assert.deepEqual(await registry.events(from), []);
    });

    test('a deleted project is gone, and its name stays reserved', async () => {
      await using registry = await startRegistry(engine);
      const alice = await registry.addUser('alice');
      await pushImage(registry, { path: 'alice/app', auth: alice.auth, tag: 'v1' }, { config: 'config' });
      await registry.remove('alice/app');
      const [deleted] = (await registry.events()).filter((event) => event.type === 'project.entry.delete');
      assert.deepEqual(deleted?.details, { by: 'request', manifests: 1, tags: 1 });
      assert.equal((await registry.ask('/v2/alice/app/manifests/v1', { auth: alice.auth })).status, 404);
      const from = await registry.head();
      const refused = await registry.ask('/v2/alice/app/blobs/uploads/', {
        method: 'POST',
        auth: alice.auth,
      });
      assert.deepEqual([refused.status, codeOf(refused)], [403, 'DENIED']);
      assert.deepEqual(
        (await refusals(registry, from)).map((event) => event.reason),
        ['name_reserved'],
      );
    });

    test('a client that goes away in the middle of a chunk leaves what it sent, and no event', async () => {
      await using registry = await startRegistry(engine);
      const alice = await registry.addUser('alice');
      const auth = alice.auth;
      const at = (await registry.ask('/v2/alice/app/blobs/uploads/', { method: 'POST', auth })).headers.get(
        'location',
      ) as string;
      const from = await registry.head();
      const content = Buffer.alloc(3 * 1024 * 1024, 'x');
      const sentBytes = 2 * 1024 * 1024;
      const socket = connect(Number(new URL(registry.url).port), '127.0.0.1');
      await once(socket, 'connect');
      socket.write(
        `PATCH ${at} HTTP/1.1\r\nhost: x\r\nauthorization: ${auth}\r\ncontent-length: ${content.length}\r\nexpect: 100-continue\r\n\r\n`,
      );
      const [line] = (await once(socket, 'data')) as [Buffer];
      assert.match(line.toString(), /^HTTP\/1.1 100 Continue/);
      socket.write(content.subarray(0, sentBytes));
      const id = parseUploadId(at.slice(at.lastIndexOf('/') + 1));
      assert.ok(id);
      const keptBytes = () => registry.blobs.sizeOfUpload(id);
      await waitFor('the first bytes to be kept', async () => (await keptBytes()) > 0);
      socket.destroy();
      await waitFor('the server to let go of the upload', async () => {
        await registry.blobs.append(id, Readable.from([]), {
          offset: await keptBytes(),
          limitBytes: content.length,
        });
        return true;
      });
      const kept = await keptBytes();
      assert.ok(kept > 0 && kept <= sentBytes, String(kept));
      const done = await registry.ask(`${at}?digest=${digestOf('sha256', content)}`, {
        method: 'PUT',
        auth,
        body: content.subarray(kept),
        headers: { 'content-range': `${kept}-${content.length - 1}` },
      });
      assert.equal(done.status, 201);
      assert.deepEqual(
        (await registry.events(from)).map((event) => event.type),
        ['project.entry.create', 'container.blob.upload'],
      );
    });

    test('a switch that is off records nothing and answers the same', async () => {
      await using registry = await startRegistry(engine);
      const [alice, eve] = [await registry.addUser('alice'), await registry.addUser('eve')];
      await pushBlob(registry, { path: 'alice/app', auth: alice.auth }, 'x');
      await registry.ask('/v2/', { auth: eve.auth });
      await registry.db.transact(async (tx) => {
        await registry.trail.switches.put(tx, {
          name: 'failed_pulls',
          namespaceId: '',
          mode: 'off',
          nowUs: 1,
        });
      });
      const from = await registry.head();
      assert.equal((await registry.ask('/v2/alice/app/manifests/v1', { auth: eve.auth })).status, 404);
      assert.equal(
        (await putManifest(registry, { path: 'alice/app', auth: eve.auth, reference: 'v1' }, imageOf('x')))
          .status,
        403,
      );
      assert.deepEqual(
        (await registry.events(from)).map((event) => event.type),
        ['container.push.refuse'],
      );
    });
  });
}
