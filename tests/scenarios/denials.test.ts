/**
 * Somebody known, refused: by role, by hiding, by method, by size, by state, by content. Each is answered in the form of
 * its protocol and is exactly one event, whichever way in was taken; what the written rules call no refusal leaves none.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { AuditEvent, Reason } from '@tallyman/contract';
import { refusalEvent, routes } from '../support/expected.ts';
import {
  contentOf,
  indexType,
  manifestType,
  pushBlob,
  putManifest,
  registryToken,
  smallImage,
} from '../support/registry-client.ts';
import { testEngines } from '../support/server.ts';
import { waitFor } from '../support/wait-for.ts';
import { abandon, type WireAnswer, type WireRequest } from '../support/wire.ts';
import { type Key, openWorld, type World } from '../support/world.ts';

const agent = 'denials/1';
const missing = `sha256:${'0'.repeat(64)}`;

type Way = 'basic' | 'token';
type Action = 'pull' | 'push' | 'delete';
type Case = {
  method: string;
  /** After `/v2/<project>/`. */
  path: string;
  route: string;
  action: Action;
  reference?: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
};

const upload: Case = { method: 'POST', path: 'blobs/uploads/', route: routes.uploads, action: 'push' };
const getV1: Case = {
  method: 'GET',
  path: 'manifests/v1',
  route: routes.manifest,
  action: 'pull',
  reference: 'v1',
};
const deleteV1: Case = { ...getV1, method: 'DELETE', action: 'delete' };
const putV1: Case = {
  ...getV1,
  method: 'PUT',
  action: 'push',
  headers: { 'content-type': manifestType },
  body: '{}',
};
const lists: readonly Case[] = [
  { method: 'GET', path: 'tags/list', route: '/v2/{name}/tags/list', action: 'pull' },
  {
    method: 'GET',
    path: `referrers/${missing}`,
    route: '/v2/{name}/referrers/{digest}',
    action: 'pull',
    reference: missing,
  },
  { method: 'GET', path: `blobs/${missing}`, route: routes.blob, action: 'pull', reference: missing },
];

for (const { engine, skip } of testEngines()) {
  describe(`denials on ${engine}`, { skip }, () => {
    let world: World;
    before(async () => {
      world = await openWorld({
        engine,
        env: {
          TALLYMAN_HTTP_TRUSTED_PROXIES: '127.0.0.1',
          TALLYMAN_LIMITS_MANIFEST_BYTES: '65536',
          TALLYMAN_LIMITS_BLOB_BYTES: '1048576',
        },
      });
    });
    after(() => world[Symbol.asyncDispose]());
    beforeEach(() => world.trail.mark());

    let sources = 0;
    const nextIp = (): string => {
      sources += 1;
      return `198.51.${100 + Math.floor(sources / 250)}.${1 + (sources % 250)}`;
    };

    /** The first use of a basic credential from a source is a sign-in; here it is over before. */
    const signedIn = async (key: Key, ip: string): Promise<void> => {
      await world.wire.send({ path: '/v2/', headers: { authorization: key.basic, 'x-forwarded-for': ip } });
      await world.trail.mark();
    };
    const authorization = async (way: Way, key: Key, scope: string, ip: string): Promise<string> => {
      if (way === 'basic') {
        await signedIn(key, ip);
        return key.basic;
      }
      return registryToken(world.wire, scope, {
        authorization: key.basic,
        headers: { 'x-forwarded-for': ip },
      });
    };
    const ask = (
      asked: Case,
      project: string,
      more: { authorization: string; ip: string },
    ): Promise<WireAnswer> => {
      const { method, path, headers, body } = asked;
      return world.wire.send({
        method,
        path: `/v2/${project}/${path}`,
        headers: {
          ...headers,
          authorization: more.authorization,
          'x-forwarded-for': more.ip,
          'user-agent': agent,
        },
        body,
      });
    };
    const codeOf = (answer: WireAnswer): string | undefined =>
      (answer.json() as { errors: { code: string }[] }).errors[0]?.code;
    const messageOf = (answer: WireAnswer): string =>
      (answer.json() as { errors: [{ message: string }] }).errors[0].message;

    type Denied = {
      key: Key;
      project: string;
      scope: AuditEvent['scope'];
      status: number;
      code: string;
      reason: Reason;
      roleHeld?: string;
      outcome?: 'denied' | 'failed';
    };
    const roleNeeded = { pull: 'reader', push: 'maintainer', delete: 'maintainer' } as const;
    const scopeActions = { pull: 'pull', push: 'pull,push', delete: 'delete' } as const;
    const deniedFor = async (way: Way, asked: Case, denied: Denied): Promise<void> => {
      const ip = nextIp();
      const { key, project, scope, status, code, reason, roleHeld, outcome } = denied;
      const wanted = scopeActions[asked.action];
      const pass = await authorization(way, key, `repository:${project}:${wanted}`, ip);
      const answer = await ask(asked, project, { authorization: pass, ip });
      assert.deepEqual([answer.status, codeOf(answer)], [status, code], answer.text);
      await world.trail.expect([
        refusalEvent({
          by: { key, agent: 'denials', ip },
          action: asked.action,
          scope,
          project,
          ...(asked.reference !== undefined && { reference: asked.reference }),
          reason,
          ...(outcome !== undefined && { outcome }),
          request: { method: asked.method, route: asked.route, status },
          details: {
            ...(roleHeld !== undefined && { roleHeld, roleNeeded: roleNeeded[asked.action] }),
            ...(way === 'token' && {
              requested: wanted.split(','),
              granted: wanted
                .split(',')
                .filter((name) => roleHeld === undefined || (roleHeld === 'reader' && name === 'pull')),
            }),
            message: messageOf(answer),
          },
        }),
      ]);
    };

    for (const way of ['basic', 'token'] as const) {
      test(`by role, with ${way}: reader, stranger and anybody, on private, public, missing and foreign projects`, async () => {
        const { sam, rita } = world.people;
        const { app, open } = world.projects;
        const strange = { key: sam.key, roleHeld: 'none', reason: 'not_permitted' } as const;
        for (const asked of [getV1, ...lists])
          await deniedFor(way, asked, {
            ...strange,
            project: app.path,
            scope: app.scope,
            status: 404,
            code: 'NAME_UNKNOWN',
          });
        for (const asked of [upload, putV1, deleteV1])
          await deniedFor(way, asked, {
            ...strange,
            project: app.path,
            scope: app.scope,
            status: 403,
            code: 'DENIED',
          });
        for (const asked of [upload, deleteV1]) {
          const held = { key: rita.key, roleHeld: 'reader', reason: 'not_permitted' } as const;
          await deniedFor(way, asked, {
            ...held,
            project: app.path,
            scope: app.scope,
            status: 403,
            code: 'DENIED',
          });
        }
        await deniedFor(way, deleteV1, {
          ...strange,
          project: open.path,
          scope: open.scope,
          status: 403,
          code: 'DENIED',
        });
        // Missing looks like hidden from outside; the event tells the difference.
        const gone = { ...strange, project: 'acme/none', scope: world.acme.home } as const;
        await deniedFor(way, getV1, {
          ...gone,
          status: 404,
          code: 'NAME_UNKNOWN',
          reason: 'project_unknown',
        });
        const nowhere = {
          ...strange,
          project: 'nowhere/app',
          scope: {},
          reason: 'namespace_unknown',
        } as const;
        await deniedFor(way, getV1, { ...nowhere, status: 404, code: 'NAME_UNKNOWN' });
        await deniedFor(way, upload, { ...nowhere, status: 403, code: 'DENIED' });
      });

      test(`by content, with ${way}: manifests and blobs that are not what they should be`, async () => {
        const { mara } = world.people;
        const { app } = world.projects;
        const base = { key: mara.key, project: app.path, scope: app.scope, outcome: 'failed' as const };
        const put = (body: string, more: Partial<Case> = {}): Case => ({ ...putV1, body, ...more });
        const dangling = { ...JSON.parse(smallImage().manifest.bytes.toString('utf8')) };
        const cases: [asked: Case, status: number, code: string, reason: Reason][] = [
          [put('not json'), 400, 'MANIFEST_INVALID', 'manifest_invalid'],
          [put('{"schemaVersion":1}'), 400, 'MANIFEST_INVALID', 'manifest_invalid'],
          [put(JSON.stringify(dangling)), 400, 'MANIFEST_BLOB_UNKNOWN', 'manifest_blob_unknown'],
          [
            put(JSON.stringify({ ...dangling, mediaType: 'text/html' }), {
              headers: { 'content-type': 'text/html' },
            }),
            415,
            'MANIFEST_INVALID',
            'media_type_unsupported',
          ],
          [put(' '.repeat(70_000)), 413, 'MANIFEST_INVALID', 'manifest_too_large'],
          [
            put('{}', { path: `manifests/${missing}`, reference: missing }),
            400,
            'DIGEST_INVALID',
            'digest_mismatch',
          ],
          [
            put('{}', { path: 'manifests/sha256:short', reference: 'sha256:short' }),
            400,
            'DIGEST_INVALID',
            'digest_invalid',
          ],
          [put('{}', { path: 'manifests/-bad', reference: '-bad' }), 400, 'MANIFEST_INVALID', 'tag_invalid'],
          [
            { ...upload, path: `blobs/uploads/?digest=${missing}`, body: 'other bytes' },
            400,
            'DIGEST_INVALID',
            'digest_mismatch',
          ],
          [
            { ...upload, path: 'blobs/uploads/?digest=md5:x', body: 'bytes' },
            400,
            'DIGEST_INVALID',
            'digest_invalid',
          ],
          [
            { ...upload, path: `blobs/uploads/?digest=${missing}`, body: Buffer.alloc(1_100_000) },
            413,
            'SIZE_INVALID',
            'too_large',
          ],
          [
            { ...getV1, path: 'manifests/none', reference: 'none' },
            404,
            'MANIFEST_UNKNOWN',
            'manifest_unknown',
          ],
          [
            { ...deleteV1, path: 'manifests/none', reference: 'none' },
            404,
            'MANIFEST_UNKNOWN',
            'tag_unknown',
          ],
          [
            { ...deleteV1, path: `manifests/${missing}`, reference: missing },
            404,
            'MANIFEST_UNKNOWN',
            'manifest_unknown',
          ],
          [
            { ...deleteV1, path: `blobs/${missing}`, route: routes.blob, reference: missing },
            404,
            'BLOB_UNKNOWN',
            'blob_unknown',
          ],
          [
            {
              ...upload,
              method: 'PATCH',
              path: `blobs/uploads/${missing}`,
              route: routes.upload,
              reference: missing,
              body: 'x',
            },
            404,
            'BLOB_UPLOAD_UNKNOWN',
            'upload_unknown',
          ],
        ];
        const manifests = async (): Promise<number> => {
          const page: unknown = await world.as(mara).call('GET', '/projects/container/acme%2Fapp/manifests');
          return (page as { items: unknown[] }).items.length;
        };
        const held = await manifests();
        for (const [asked, status, code, reason] of cases)
          await deniedFor(way, asked, { ...base, status, code, reason });
        assert.equal(await manifests(), held, 'something of it was stored');
      });

      test(`by state, with ${way}: what another manifest still names is not deleted`, async () => {
        const { mara } = world.people;
        const { app } = world.projects;
        const child = world.image.manifest;
        const layer = world.image.layers[0]?.digest ?? '';
        const index = contentOf(
          JSON.stringify({
            schemaVersion: 2,
            mediaType: indexType,
            manifests: [{ mediaType: manifestType, digest: child.digest, size: child.bytes.length }],
          }),
        );
        const put = { project: app.path, reference: 'index', manifest: index, mediaType: indexType };
        const stored = await putManifest(world.wire, put, { authorization: mara.key.basic });
        assert.equal(stored.status, 201, stored.text);
        await world.trail.mark();
        const denied = { key: mara.key, project: app.path, scope: app.scope, status: 409 } as const;
        const reason = 'manifest_referenced';
        await deniedFor(
          way,
          { ...deleteV1, path: `manifests/${child.digest}`, reference: child.digest },
          { ...denied, code: 'DENIED', reason },
        );
        await deniedFor(
          way,
          { ...deleteV1, path: `blobs/${layer}`, route: routes.blob, reference: layer },
          { ...denied, code: 'DENIED', reason },
        );
      });

      test(`by method, with ${way}: 405 names what is allowed`, async () => {
        const { mara } = world.people;
        const { app } = world.projects;
        const asked: Case = { ...getV1, method: 'POST', action: 'push', body: 'x' };
        const denied = {
          key: mara.key,
          project: app.path,
          scope: app.scope,
          status: 405,
          code: 'UNSUPPORTED',
        };
        await deniedFor(way, asked, { ...denied, reason: 'method_not_allowed', outcome: 'failed' });
      });
    }

    test('reserved names and names of deleted projects', async () => {
      const { olivia } = world.people;
      const image = smallImage();
      const as = { authorization: olivia.key.basic };
      assert.equal((await pushBlob(world.wire, 'acme/gone', image.config, as)).status, 201);
      await world.as(olivia).call('DELETE', '/projects/container/acme%2Fgone');
      await world.trail.mark();
      const denied = { key: olivia.key, status: 403, code: 'DENIED', reason: 'name_reserved' } as const;
      await deniedFor('basic', upload, {
        ...denied,
        project: 'acme/gone',
        scope: world.acme.home,
        roleHeld: 'owner',
      });
    });

    test('what is no refusal leaves none', async () => {
      const { mara } = world.people;
      const ip = nextIp();
      await signedIn(mara.key, ip);
      const send = (asked: WireRequest) =>
        world.wire.send({
          ...asked,
          headers: { authorization: mara.key.basic, 'x-forwarded-for': ip, ...asked.headers },
        });
      const blob = contentOf(randomBytes(100));
      assert.equal((await send({ method: 'HEAD', path: `/v2/acme/app/blobs/${missing}` })).status, 404);
      assert.equal((await send({ path: `/v2/acme/app/blobs/${missing}` })).status, 404);
      assert.equal((await send({ method: 'HEAD', path: '/v2/acme/app/manifests/none' })).status, 404);
      assert.equal((await send({ method: 'HEAD', path: '/v2/mara/new/manifests/none' })).status, 404);
      // A mount that cannot be done is an upload that begins.
      const mount = {
        method: 'POST',
        path: `/v2/acme/app/blobs/uploads/?mount=${blob.digest}&from=sam/secret`,
      };
      const begun = await send(mount);
      assert.equal(begun.status, 202);
      const location = begun.headers.location ?? '';
      const out = await send({
        method: 'PATCH',
        path: location,
        headers: { 'content-range': '50-99', 'content-type': 'application/octet-stream' },
        body: blob.bytes.subarray(50),
      });
      assert.equal(out.status, 416);
      assert.equal((await send({ method: 'DELETE', path: location })).status, 204);
      // A token with fewer rights than asked for is no event; nor is a token for more that is asked for later.
      const pass = await registryToken(world.wire, 'repository:acme/app:pull', {
        authorization: mara.key.basic,
        headers: { 'x-forwarded-for': ip },
      });
      const beyond = await send({
        method: 'POST',
        path: '/v2/acme/app/blobs/uploads/',
        headers: { authorization: pass },
      });
      assert.equal(beyond.status, 401);
      assert.match(beyond.headers['www-authenticate'] ?? '', /scope="repository:acme\/app:pull,push"/);
      await world.trail.expect([]);
    });

    test('a client that breaks off in the middle of a blob was not refused, and nothing is left', async () => {
      const { mara } = world.people;
      const ip = nextIp();
      await signedIn(mara.key, ip);
      const blob = contentOf(randomBytes(2_000));
      const begun = await world.wire.send({
        method: 'POST',
        path: '/v2/acme/app/blobs/uploads/',
        headers: { authorization: mara.key.basic, 'x-forwarded-for': ip },
      });
      const location = begun.headers.location ?? '';
      const head = [
        `PATCH ${location} HTTP/1.1`,
        'Host: x',
        `Authorization: ${mara.key.basic}`,
        `X-Forwarded-For: ${ip}`,
        'Content-Type: application/octet-stream',
        'Content-Length: 2000',
      ].join('\r\n');
      await abandon(
        world.server.url,
        Buffer.concat([Buffer.from(`${head}\r\n\r\n`), blob.bytes.subarray(0, 900)]),
      );
      await waitFor('the upload to be free again', async () => {
        const headers = { authorization: mara.key.basic, 'x-forwarded-for': ip };
        const { status, headers: told } = await world.wire.send({ path: location, headers });
        return status === 204 && told.range !== '0-1999';
      });
      await world.trail.expect([]);
    });
  });
}
