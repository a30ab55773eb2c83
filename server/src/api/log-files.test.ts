/** The log over HTTP: its files for everybody and for auditors, proofs and bundles of events, the rotation of its key. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { type AuditEvent, bundleMediaType } from '@tallyman/contract';
import {
  decodeEntries,
  equalHashes,
  followRotations,
  type Json,
  leafHash,
  type OpenedEvent,
  openTrustedCheckpoint,
  parseRotation,
  splitTile,
  trustKey,
  type VerifiedBundle,
  verifyBundle,
} from '@tallyman/verifier';
import { type Api, openApi, populate } from '../../../tests/support/api.ts';
import { engines, root } from '../../../tests/support/house.ts';
import { verifyEd25519 } from '../trail/log/signing-key.ts';
import { nodeSha256 } from '../trail/seal.ts';

async function get(api: Api, path: string, headers: Record<string, string> = {}) {
  const {
    statusCode: status,
    rawPayload: bytes,
    headers: got,
  } = await api.http.app.inject({ url: path, headers });
  return { status, bytes, text: bytes.toString(), headers: got };
}

/** Events that mean nothing, so that tiles fill. */
async function fill(api: Api, count: number): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, () =>
      api.trail.read({ type: 'system.server.stop', by: root, scope: {}, details: {} }),
    ),
  );
  await api.db.head();
  api.clock.advanceMs(1_000);
  await api.eventLog.checkpoint();
}

type Told = OpenedEvent & { index: number; body: string };

function verify(api: Api, text: string, vkey = api.eventLog.vkey): VerifiedBundle & { told: Told[] } {
  const told: Told[] = [];
  assert.ok(text.endsWith('\n'));
  const verified = verifyBundle(text.slice(0, -1).split('\n'), {
    trust: trustKey(vkey, nodeSha256),
    sha256: nodeSha256,
    verify: verifyEd25519,
    nowSec: Math.floor(api.clock.nowMs() / 1_000) + 1,
    onEvent: (event) => told.push(event),
  });
  return { ...verified, told };
}

const ofAcme = '/api/v1/events?view=project&project=acme/app';

for (const { engine, skip } of engines) {
  describe(`the log over HTTP on ${engine}`, { skip }, () => {
    it('serves checkpoint and hash tiles to everybody, and nothing beyond the checkpoint', async () => {
      await using api = await openApi(engine);
      assert.equal((await get(api, '/log/checkpoint')).status, 404);
      assert.equal((await get(api, '/log/tile/0/000.p/1')).status, 404);
      await fill(api, 299);
      const checkpoint = await get(api, '/log/checkpoint');
      assert.deepEqual(
        [checkpoint.status, checkpoint.headers['content-type'], checkpoint.headers['cache-control']],
        [200, 'text/plain; charset=utf-8', 'public, max-age=1'],
      );
      const trust = trustKey(api.eventLog.vkey, nodeSha256);
      const { size } = openTrustedCheckpoint(checkpoint.text, {
        trust,
        sha256: nodeSha256,
        verify: verifyEd25519,
      });
      assert.equal(size, 300);
      await api.trail.read({ type: 'system.server.stop', by: root, scope: {}, details: {} });
      for (const [path, bytes] of [
        ['0/000', 8_192],
        ['0/000.p/7', 7 * 32],
        ['0/001.p/44', 44 * 32],
        ['1/000.p/1', 32],
      ] as const) {
        const tile = await get(api, `/log/tile/${path}`);
        assert.deepEqual([tile.status, tile.bytes.length], [200, bytes], path);
        assert.equal(tile.headers['content-type'], 'application/octet-stream');
        assert.match(String(tile.headers['cache-control']), /immutable/);
      }
      const before = await api.db.head();
      for (const path of [
        ...[
          '0/001',
          '0/001.p/45',
          '0/002.p/1',
          '1/000',
          '1/001.p/1',
          '2/000.p/1',
          '0/000.p/256',
          '0/000.p/0',
        ],
        ...[
          '0/0',
          '00/000',
          '64/000',
          '0/x000/000',
          '-1/000',
          'entries',
          'x/000',
          '0/000/',
          '0/%30%30%30/..',
        ],
        '0/x999/x999/x999/x999/x999/999',
      ])
        assert.equal((await get(api, `/log/tile/${path}`)).status, 404, path);
      assert.equal((await get(api, '/log/other')).status, 404);
      assert.equal(await api.db.head(), before, 'nobody did anything');
      assert.equal((await get(api, '/log/rotations')).text, '');
      const { json } = await api.ask('GET', '/api/v1/log');
      assert.deepEqual(
        { ...json, checkpoint: (json.checkpoint as { size: number }).size },
        { origin: 'registry.example:8080/log', key: api.eventLog.vkey, checkpoint: 300, withheld: null },
      );
    });

    it('serves entries to administrators and auditors alone, whose reading is an event once in ten minutes', async () => {
      await using api = await openApi(engine);
      const { boss, audrey, ada } = await populate(api);
      await fill(api, 300);
      const entries = '/log/tile/entries/000';
      const first = await api.ask('GET', entries, { auth: audrey.auth });
      assert.deepEqual([first.status, first.headers['cache-control']], [200, 'private, no-store']);
      assert.deepEqual(
        first.events.map(({ type, actor, details }) => [type, actor.id, details]),
        [['trail.events.read', audrey.id, { view: 'administration', filter: '{"log":"entries"}' }]],
      );
      assert.deepEqual((await api.ask('GET', entries, { auth: audrey.auth })).events, []);
      assert.equal((await api.ask('GET', entries, { auth: boss.auth })).events.length, 1);
      api.clock.advanceMs(601_000);
      assert.equal((await api.ask('GET', entries, { auth: audrey.auth })).events.length, 1);

      const plain = await get(api, entries, { authorization: audrey.auth });
      const zipped = await get(api, entries, { authorization: audrey.auth, 'accept-encoding': 'gzip, br' });
      assert.equal(zipped.headers['content-encoding'], 'gzip');
      assert.ok(gunzipSync(zipped.bytes).equals(plain.bytes));
      const hashes = splitTile((await get(api, '/log/tile/0/000')).bytes, 256);
      for (const [at, entry] of decodeEntries(plain.bytes, 256).entries()) {
        assert.ok(equalHashes(leafHash(entry, nodeSha256), hashes[at] as Uint8Array));
        assert.ok(!Buffer.from(entry).includes('"name":"'), 'no name in the clear');
      }
      const refused = await api.ask('GET', entries, { auth: ada.auth });
      assert.equal(refused.status, 403);
      assert.deepEqual(
        refused.events.map(({ type, reason, actor, scope, details }) => [
          type,
          reason,
          actor.id,
          scope,
          details.attempted,
        ]),
        [
          [
            'api.action.refuse',
            'not_permitted',
            ada.id,
            {},
            { action: 'log.entries', reference: 'entries/000' },
          ],
        ],
      );
      const anonymous = await api.ask('GET', entries);
      assert.deepEqual([anonymous.status, anonymous.events], [401, []]);
      assert.equal((await api.ask('GET', '/log/tile/entries/004', { auth: audrey.auth })).status, 404);
    });

    it('leaves empty the entries that retention dropped', async () => {
      await using api = await openApi(engine);
      const { audrey } = await populate(api);
      await fill(api, 300);
      await api.db.transact((tx) =>
        tx.q.deleteFrom('event').where('idx', '>=', 5).where('idx', '<', 8).execute(),
      );
      const bundle = await get(api, '/log/tile/entries/000', { authorization: audrey.auth });
      const empty = decodeEntries(bundle.bytes, 256).flatMap((entry, at) => (entry.length === 0 ? [at] : []));
      assert.deepEqual(empty, [5, 6, 7]);
    });

    it('proves one event, with the fields that its reader may read', async () => {
      await using api = await openApi(engine);
      const { ada, max, sid, audrey } = await populate(api);
      const project = '/api/v1/projects/container/acme%2Fapp/description';
      const changed = await api.ask('PUT', project, {
        auth: ada.auth,
        body: { description: 'what it is' },
        ip: '203.0.113.9',
      });
      const event = changed.events.find(({ type }) => type.startsWith('project.')) as AuditEvent;
      assert.ok(event, changed.text);
      const proof = `/api/v1/events/${event.id}/proof`;
      const asked = await api.ask('GET', proof, { auth: ada.auth });
      assert.deepEqual([asked.status, asked.headers['content-type']], [200, bundleMediaType], asked.text);
      assert.equal(asked.headers['content-disposition'], `attachment; filename="event-${event.id}.bundle"`);
      const own = verify(api, asked.text).told;
      assert.deepEqual(
        own.map((one) => one.event),
        [event as unknown as Json],
      );
      const others = verify(api, (await api.ask('GET', proof, { auth: max.auth })).text).told;
      assert.deepEqual(others[0]?.withheld.sort(), ['/request/ip', '/request/userAgent']);
      assert.equal(others[0]?.body, own[0]?.body);
      const hidden = await api.ask('GET', proof, { auth: sid.auth });
      const missing = await api.ask('GET', '/api/v1/events/01930000-0000-7000-8000-000000000000/proof', {
        auth: sid.auth,
      });
      assert.deepEqual([hidden.status, hidden.json.detail], [404, missing.json.detail]);
      const read = await api.ask('GET', proof, { auth: audrey.auth });
      assert.deepEqual(
        read.events.map(({ type }) => type),
        ['trail.events.read'],
      );
    });

    it('does not prove to somebody what their own refusal must not tell them', async () => {
      await using api = await openApi(engine);
      const { sid, ada } = await populate(api);
      const refused = await api.ask('GET', '/api/v1/projects/container/acme%2Fapp', { auth: sid.auth });
      const event = refused.events.at(-1) as AuditEvent;
      assert.equal(event.actor.id, sid.id);
      const proof = `/api/v1/events/${event.id}/proof`;
      assert.equal((await api.ask('GET', `/api/v1/events/${event.id}`, { auth: sid.auth })).status, 200);
      const answer = await api.ask('GET', proof, { auth: sid.auth });
      assert.equal(answer.status, 403);
      assert.match(String(answer.json.detail), /not where it stands/);
      assert.equal((await api.ask('GET', proof, { auth: ada.auth })).status, 200);
      const bundle = await api.ask('GET', '/api/v1/events?export=bundle', { auth: sid.auth });
      assert.equal(bundle.headers['x-events-left-out'], '1');
      assert.ok(verify(api, bundle.text).told.every((one) => one.event.id !== event.id));
    });

    it('exports a search as a bundle of what each may read', async () => {
      await using api = await openApi(engine);
      const { ada, max, audrey, scope } = await populate(api);
      await fill(api, 300);
      await api.ask('PUT', '/api/v1/projects/container/acme%2Fapp/description', {
        auth: ada.auth,
        body: { description: 'new' },
        ip: '203.0.113.9',
      });
      for (const [person, address] of [
        [ada, true],
        [max, false],
        [audrey, true],
      ] as const) {
        const headers = { accept: 'application/x-ndjson' };
        const expected = (await api.ask('GET', ofAcme, { auth: person.auth, headers })).text
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line) as { id: string; type: string });
        const answer = await api.ask('GET', ofAcme, {
          auth: person.auth,
          headers: { accept: bundleMediaType },
        });
        assert.equal(answer.status, 200, answer.text);
        assert.deepEqual(
          answer.events.map(({ type, scope: place, details }) => [type, place, details.format]),
          [['trail.events.export', scope, 'bundle']],
        );
        const { told } = verify(api, answer.text);
        const ids = told.map((one) => one.event.id);
        // Beside it stands the event of the export before.
        assert.deepEqual(
          ids.filter((id) => expected.some((one) => one.id === id)),
          expected.map(({ id }) => id),
        );
        assert.equal(answer.text.includes('203.0.113.9'), address);
      }
      const none = await api.ask('GET', `${ofAcme}&type=account.user.create&export=bundle`, {
        auth: ada.auth,
      });
      assert.deepEqual([verify(api, none.text).events, none.headers['x-events-left-out']], [0, '0']);
      const altered = (await api.ask('GET', `${ofAcme}&export=bundle`, { auth: ada.auth })).text;
      assert.throws(() => verify(api, altered.replace('"outcome\\":\\"success', '"outcome\\":\\"failed')));
    });

    it('rotates the key for administrators; bundles and /log/rotations lead from the old one to the new', async () => {
      await using api = await openApi(engine);
      const { boss, ada } = await populate(api);
      await api.eventLog.checkpoint();
      const first = api.eventLog.vkey;
      const rotate = (auth: string) => api.ask('POST', '/api/v1/log/key/rotations', { auth });
      const refused = await rotate(ada.auth);
      assert.deepEqual([refused.status, refused.events[0]?.type], [403, 'api.action.refuse']);
      api.clock.advanceMs(2_000);
      const rotated = await rotate(boss.auth);
      const origin = 'registry.example:8080/log';
      assert.deepEqual(
        [rotated.status, rotated.json],
        [201, { origin, key: api.eventLog.vkey, formerKey: first }],
      );
      assert.deepEqual(
        rotated.events.map(({ type, actor, details }) => [type, actor.id, details]),
        [['log.key.rotate', boss.id, { origin, from: first, to: api.eventLog.vkey }]],
      );
      await fill(api, 10);
      const lines = (await get(api, '/log/rotations')).text.trimEnd().split('\n');
      const cryptography = { sha256: nodeSha256, verify: verifyEd25519 };
      const trust = followRotations(trustKey(first, nodeSha256), {
        rotations: lines.map(parseRotation),
        ...cryptography,
      });
      openTrustedCheckpoint((await get(api, '/log/checkpoint')).text, { trust, ...cryptography });
      const bundle = await api.ask('GET', `${ofAcme}&export=bundle`, { auth: ada.auth });
      assert.ok(verify(api, bundle.text, first).events > 0);
    });
  });
}
