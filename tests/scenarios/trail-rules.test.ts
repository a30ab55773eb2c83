/**
 * What the trail does over time and under disagreement: folding of what repeats, switches and their counts, races, and
 * addresses that only claim to be.
 */
import assert from 'node:assert/strict';

import { after, before, beforeEach, describe, test } from 'node:test';
import { type ShownEvent, type SwitchName, switchNames } from '@tallyman/contract';
import { makeImage } from '../../bench/images.ts';
import { type ClientHome, clientSkip, createClientHome } from '../support/clients.ts';
import { facts, performer, routes } from '../support/expected.ts';
import { pushBlob, putManifest, smallImage } from '../support/registry-client.ts';
import { testEngines } from '../support/server.ts';
import type { PlainEvent } from '../support/trail-reader.ts';
import { basicAuth } from '../support/wire.ts';
import { openWorld, type World } from '../support/world.ts';

const missing = `sha256:${'0'.repeat(64)}`;

for (const { engine, skip } of testEngines()) {
  describe(`rules of the trail on ${engine}`, { skip }, () => {
    let world: World;
    before(async () => {
      world = await openWorld({ engine });
    });
    after(() => world[Symbol.asyncDispose]());
    beforeEach(() => world.trail.mark());

    /** An orderly stop closes what is open: the counts of repeats are on the trail after it. */
    const closingEvents = async (firsts: readonly ShownEvent[]): Promise<ShownEvent[]> => {
      await world.server.restart();
      const ids = new Set(firsts.map(({ id }) => id));
      const found = await world.trail.since();
      return found.filter(({ cause, type }) => type.endsWith('.refuse') && ids.has(cause ?? ''));
    };

    describe('a push denied to a client with many layers', { skip: clientSkip('skopeo', 'podman') }, () => {
      const layersOf = async (home: ClientHome): Promise<string> => {
        const path = home.join('layers');
        await makeImage(path, { count: 12, sizeBytes: 300 });
        return path;
      };
      const denials: ShownEvent[] = [];
      const oneDenial = async (expected: readonly unknown[]): Promise<ShownEvent[]> => {
        const found = await world.trail.since();
        assert.deepEqual(
          found.map(({ type, reason, actor }) => [type, reason, actor.name]),
          [expected],
        );
        denials.push(...found);
        await world.trail.mark();
        return found;
      };
      const target = (path: string): string => `docker://${world.server.host}:${world.server.port}/${path}`;

      test('skopeo, without the right: one denial and at most one closing event', async () => {
        await using home = await createClientHome();
        const { sam } = world.people;
        const path = await layersOf(home);
        const to = target('acme/app:denied');
        const creds = ['--dest-creds', `sam:${sam.password}`];
        const pushed = await home.run('skopeo', [
          'copy',
          '--dest-tls-verify=false',
          ...creds,
          `oci:${path}:v1`,
          to,
        ]);
        assert.notEqual(pushed.code, 0);
        assert.match(pushed.stderr, /denied: You may not push to acme\/app/);
        await oneDenial(['container.push.refuse', 'not_permitted', 'sam']);
      });

      test('podman, as a reader: the same', async () => {
        await using home = await createClientHome();
        const { rita, olivia } = world.people;
        const path = await layersOf(home);
        const from = `${world.server.host}:${world.server.port}/acme/app:layers`;
        const flags = ['--storage-driver=vfs'];
        const creds = (person: typeof rita): string[] => [
          '--tls-verify=false',
          '--creds',
          `${person.name}:${person.password}`,
        ];
        const source = ['copy', '--dest-tls-verify=false', '--dest-creds', `olivia:${olivia.password}`];
        await home.must('skopeo', [...source, `oci:${path}:v1`, `docker://${from}`]);
        await home.must('podman', [...flags, 'pull', '-q', ...creds(olivia), from]);
        await world.trail.mark();
        const pushed = await home.run('podman', [
          ...flags,
          'push',
          ...creds(rita),
          from,
          target('acme/app:denied'),
        ]);
        assert.notEqual(pushed.code, 0);
        await oneDenial(['container.push.refuse', 'not_permitted', 'rita']);
      });

      test('skopeo, with a wrong password and with a wrong robot token: one refused sign-in each', async () => {
        await using home = await createClientHome();
        const path = await layersOf(home);
        for (const [user, reason] of [
          ['sam', 'wrong_password'],
          ['acme+ci', 'wrong_token'],
        ] as const) {
          const creds = ['--dest-creds', `${user}:wrong`];
          const to = target('acme/app:denied');
          const pushed = await home.run('skopeo', [
            'copy',
            '--dest-tls-verify=false',
            ...creds,
            `oci:${path}:v1`,
            to,
          ]);
          assert.notEqual(pushed.code, 0);
          const [first] = await oneDenial(['account.sign_in.refuse', reason, user]);
          assert.deepEqual(first?.details.attempted, { action: 'push', project: 'acme/app' });
        }
      });

      test('docker and podman, signing in with what is wrong: one refused sign-in each', {
        skip: clientSkip('docker'),
      }, async () => {
        await using home = await createClientHome();
        const host = `${world.server.host}:${world.server.port}`;
        const login = ['login', '-u', 'olivia', '--password-stdin', host];
        assert.notEqual((await home.run('docker', login, { input: 'wrong' })).code, 0);
        await oneDenial(['account.sign_in.refuse', 'wrong_password', 'olivia']);
        const app = ['login', '--tls-verify=false', '-u', '$app', '--password-stdin', host];
        const refused = await home.run('podman', ['--storage-driver=vfs', ...app], { input: 'wrong' });
        assert.notEqual(refused.code, 0);
        await oneDenial(['account.sign_in.refuse', 'unknown_token', undefined]);
      });

      test('after them at most one closing event each, which counts the repeats of its key', async () => {
        const closing = await closingEvents(denials);
        const causes = closing.map(({ cause }) => cause);
        assert.equal(new Set(causes).size, causes.length);
        for (const { details } of closing) {
          const { count, folded } = details.repeats as { count: number; folded: string };
          assert.ok(count >= 1 && folded === 'key');
        }
      });
    });

    test('repeats are counted exactly, in one closing event that names the first', async () => {
      const { sam } = world.people;
      const ask = () =>
        world.wire.send({
          method: 'DELETE',
          path: '/v2/acme/app/manifests/v1',
          headers: { authorization: sam.key.basic },
        });
      await world.wire.send({ path: '/v2/', headers: { authorization: sam.key.basic } });
      await world.trail.mark();
      await Promise.all(Array.from({ length: 60 }, ask));
      const found = await world.trail.since();
      assert.deepEqual(
        found.map(({ type }) => type),
        ['container.delete.refuse'],
      );
      const closing = await closingEvents(found);
      assert.equal(closing.length, 1);
      const [{ details }] = closing as [ShownEvent];
      const { count, samples, folded } = details.repeats as Record<string, unknown>;
      assert.deepEqual({ count, samples, folded }, { count: 59, samples: ['acme/app v1'], folded: 'key' });
    });

    test('an X-Forwarded-For that nobody vouches for changes nothing', async () => {
      const forged = ['203.0.113.9', '203.0.113.10, 127.0.0.1', 'not an address', '::ffff:203.0.113.11', ''];
      for (const address of forged) {
        const headers = {
          'x-forwarded-for': address,
          forwarded: `for=${address || 'x'}`,
          'x-real-ip': '203.0.113.12',
        };
        const { sam } = world.people;
        const pull = {
          path: '/v2/acme/open/manifests/v1',
          headers: { ...headers, authorization: sam.key.basic },
        };
        assert.equal((await world.wire.send(pull)).status, 200);
      }
      const found = await world.trail.since();
      const ips = new Set(found.map(({ request }) => request.ip));
      assert.deepEqual([...ips], ['127.0.0.1']);
      assert.equal(found.filter(({ type }) => type === 'container.manifest.pull').length, forged.length);
    });

    test('two pushes of one tag at once: one order, both events, and the tag is where the later one put it', async () => {
      const { mara } = world.people;
      const as = { authorization: mara.key.basic };
      const images = Array.from({ length: 12 }, () => smallImage());
      for (const image of images)
        for (const blob of [...image.layers, image.config])
          assert.equal((await pushBlob(world.wire, 'acme/app', blob, as)).status, 201);
      await world.trail.mark();
      const answers = await Promise.all(
        images.map(({ manifest }) =>
          putManifest(world.wire, { project: 'acme/app', reference: 'fought', manifest }, as),
        ),
      );
      assert.deepEqual(
        answers.map(({ status }) => status),
        images.map(() => 201),
      );
      const found = await world.trail.since();
      const moves = found.filter(({ type }) => type.startsWith('container.tag.'));
      assert.equal(found.length, 24);
      assert.equal(moves.length, 12);
      let at: unknown;
      for (const [order, { type, details }] of moves.entries()) {
        assert.equal(type, order === 0 ? 'container.tag.create' : 'container.tag.move');
        if (order > 0) assert.equal(details.from, at);
        at = order === 0 ? details.digest : details.to;
      }
      const head = await world.wire.send({
        method: 'HEAD',
        path: '/v2/acme/app/manifests/fought',
        headers: as,
      });
      assert.equal(head.headers['docker-content-digest'], at);
      const times = moves.map(({ occurredAt }) => occurredAt);
      assert.deepEqual(times, times.toSorted(), 'order in the log is order in time');
    });

    test('passwords are throttled per source with 429, which is an event, and nothing may be learnt behind it', async () => {
      await using limited = await openWorld({ engine, env: { TALLYMAN_HTTP_TRUSTED_PROXIES: '127.0.0.1' } });
      const headers = { 'x-forwarded-for': '203.0.113.77' };
      const guess = (secret: string, username: string) =>
        limited.wire.send({
          path: '/v2/',
          headers: { ...headers, authorization: basicAuth(username, secret) },
        });
      // Different names, so that no account is locked out first.
      const statuses: number[] = [];
      for (let at = 0; at < 45; at++) statuses.push((await guess(`guess ${at}`, `person-${at}`)).status);
      assert.deepEqual([...new Set(statuses.slice(0, 40))], [401]);
      assert.deepEqual([...new Set(statuses.slice(40))], [429]);
      const { mara } = limited.people;
      const right = await guess(mara.password, 'mara');
      assert.equal(right.status, 429);
      assert.match(String(right.headers['retry-after']), /^\d+$/);
      const elsewhere = await limited.wire.send({ path: '/v2/', headers: { authorization: mara.key.basic } });
      assert.equal(elsewhere.status, 200, 'another source is not slowed');
      const found = (await limited.trail.since()).filter(({ type }) => type === 'account.sign_in.refuse');
      await limited.server.restart();
      const all = (await limited.trail.since()).filter(({ type }) => type === 'account.sign_in.refuse');
      assert.equal(total(all), 46, 'firsts and repeats are what was sent');
      assert.ok(found.length <= 22, `${found.length} rows of one source`);
    });

    test('ten wrong passwords lock an account out, and an administrator ends it: both are events', async () => {
      const password = 'the long password of lena';
      await world.admin.call('POST', '/users', { name: 'lena', password });
      await world.trail.mark();
      const signIn = async (secret: string): Promise<number> =>
        (await world.wire.send({ path: '/v2/', headers: { authorization: basicAuth('lena', secret) } }))
          .status;
      for (let at = 0; at < 10; at++) assert.equal(await signIn(`guess ${at}`), 401);
      assert.equal(await signIn(password), 401, 'the right one neither');
      await world.admin.call('DELETE', '/users/lena/lockout');
      assert.equal(await signIn(password), 200);
      const found = await world.trail.since();
      assert.deepEqual(
        found.map(({ type, reason, actor, target, scope }) => [
          type,
          reason,
          actor.name ?? actor.id,
          target?.name,
          scope.namespace?.name,
        ]),
        [
          ['account.sign_in.refuse', 'wrong_password', 'lena', undefined, 'lena'],
          ['account.lockout.start', undefined, 'lockout', 'lena', 'lena'],
          ['account.sign_in.refuse', 'locked_out', 'lena', undefined, 'lena'],
          ['account.lockout.end', undefined, world.server.adminAuth.username, 'lena', 'lena'],
          ['account.sign_in.succeed', undefined, 'lena', undefined, 'lena'],
        ],
      );
      assert.equal(found[1]?.details.failures, 10);
      assert.deepEqual(found[3]?.details, { by: 'administrator' });
    });

    describe('switches', () => {
      const ways: Record<SwitchName, () => Promise<number>> = {
        failed_logins: async () =>
          (await ask({ path: '/v2/auth', authorization: basicAuth('sam', 'off') })).status,
        failed_pulls: async () => (await ask({ path: '/v2/acme/app/manifests/v1' })).status,
        failed_pushes: async () =>
          (await ask({ method: 'POST', path: '/v2/acme/app/blobs/uploads/' })).status,
        failed_deletions: async () =>
          (await ask({ method: 'DELETE', path: `/v2/acme/app/blobs/${missing}` })).status,
      };
      const ask = (asked: { method?: string; path: string; authorization?: string }) => {
        const { authorization = world.people.sam.key.basic, ...request } = asked;
        return world.wire.send({ ...request, headers: { authorization } });
      };
      const put = (name: SwitchName, mode: string) => world.admin.call('PUT', `/switches/${name}`, { mode });
      const switched = (group: SwitchName, from: string, to: string, unrecorded?: number): PlainEvent => {
        const { actor, credential } = administrator;
        return {
          actor,
          credential,
          type: 'trail.switch.change',
          outcome: 'success',
          scope: {},
          target: { kind: 'switch', id: group },
          request: facts(
            { agent: 'management' },
            { method: 'PUT', route: '/api/v1/switches/:switch', status: 200 },
          ),
          details: { group, mode: { from, to }, ...(unrecorded !== undefined && { unrecorded }) },
        };
      };
      let administrator: Pick<PlainEvent, 'actor' | 'credential'>;

      for (const name of switchNames) {
        test(`${name} off: no event, and the count is in the event that switches it back on`, async () => {
          const own = await world.admin.call('GET', '/me');
          const { id, name: called } = own as unknown as { id: string; name: string };
          administrator = {
            actor: { kind: 'user', id, name: called, proven: true },
            credential: { kind: 'password', id },
          };
          // The switch of what was attempted counts as well, so the sign-in here attempts nothing.
          await ask({ path: '/v2/' });
          await world.trail.mark();
          await put(name, 'off');
          const statuses = new Set<number>();
          for (let at = 0; at < 7; at++) statuses.add(await ways[name]());
          const [status] = statuses;
          assert.ok(statuses.size === 1 && status !== undefined && status >= 401 && status <= 404);
          const [off] = await world.trail.since();
          await put(name, 'on');
          const found = await world.trail.since();
          assert.deepEqual(
            found.map(({ type }) => type),
            ['trail.switch.change', 'trail.switch.change'],
          );
          await world.trail.expect([switched(name, 'on', 'off'), switched(name, 'off', 'on', 7)]);
          assert.ok(off !== undefined);
          await ways[name]();
          const on = await world.trail.since();
          assert.deepEqual(
            on.map(({ outcome }) => outcome),
            ['denied'],
          );
        });
      }

      test('left to the namespaces, an owner switches their own and no other', async () => {
        const { olivia } = world.people;
        await world.server.restart();
        await put('failed_pulls', 'namespace');
        await world.as(olivia).call('PUT', '/namespaces/acme/switches/failed_pulls', { mode: 'off' });
        await world.trail.mark();
        assert.equal((await ask({ path: '/v2/acme/app/manifests/v1' })).status, 404);
        assert.equal((await ask({ path: '/v2/mara/secret/manifests/v1' })).status, 404);
        const found = (await world.trail.since()).filter(({ type }) => type.endsWith('.refuse'));
        assert.deepEqual(
          found.map(({ scope }) => scope.namespace?.name),
          ['mara'],
        );
        await put('failed_pulls', 'on');
      });
    });

    test('a blob read without its manifest is an event of its own; after the manifest it is covered', async () => {
      const { rita } = world.people;
      const { app } = world.projects;
      const layer = world.image.layers[0];
      const get = (path: string) =>
        world.wire.send({ path: `/v2/acme/app/${path}`, headers: { authorization: rita.key.basic } });
      await world.wire.send({ path: '/v2/', headers: { authorization: rita.key.basic } });
      await world.server.restart();
      await world.trail.mark();
      await world.wire.send({ path: '/v2/', headers: { authorization: rita.key.basic } });
      await world.trail.mark();
      assert.equal((await get(`blobs/${layer?.digest}`)).status, 200);
      const request = facts({ agent: undefined }, { method: 'GET', route: routes.blob, status: 200 });
      const who = performer({ key: rita.key });
      const pulled: PlainEvent = {
        ...who,
        type: 'container.blob.pull',
        outcome: 'success',
        scope: app.scope,
        target: { kind: 'blob', id: layer?.digest ?? '' },
        request,
        details: { digest: layer?.digest, sizeBytes: layer?.bytes.length },
      };
      await world.trail.expect([pulled]);
      assert.equal((await get('manifests/v1')).status, 200);
      assert.equal((await get(`blobs/${layer?.digest}`)).status, 200);
      assert.equal((await get(`blobs/${world.image.config.digest}`)).status, 200);
      const found = await world.trail.since();
      assert.deepEqual(
        found.map(({ type }) => type),
        ['container.manifest.pull'],
      );
    });
  });
}

/** Every refusal told once, and those that a closing event counts. */
function total(events: readonly ShownEvent[]): number {
  return events.reduce((sum, { details }) => {
    const repeats = details.repeats as { count: number } | undefined;
    return sum + (repeats?.count ?? 1);
  }, 0);
}
