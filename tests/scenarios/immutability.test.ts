/**
 * Immutable tags as people meet them, with real clients: what a policy did is read where it happened, names the policy,
 * and a refused push says who or what stands in its way.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import type { ShownEvent } from '@tallyman/contract';
import { makeImage } from '../../bench/images.ts';
import { type ClientHome, clientSkip, createClientHome } from '../support/clients.ts';
import { pushImage, smallImage } from '../support/registry-client.ts';
import { runTallyman, testEngines } from '../support/server.ts';
import { waitFor } from '../support/wait-for.ts';
import { openWorld, type Person, type World } from '../support/world.ts';

type Row = Record<string, unknown>;

for (const { engine, skip } of testEngines()) {
  describe(`immutability on ${engine}`, { skip }, () => {
    let world: World;
    before(async () => {
      world = await openWorld({ engine });
    });
    after(() => world[Symbol.asyncDispose]());

    const at = (path: string): string => `docker://${world.server.host}:${world.server.port}/${path}`;
    const creds = ({ key }: Person): string => `${key.username}:${key.secret}`;
    const layout = async (home: ClientHome): Promise<string> => {
      const path = home.join(`layout-${randomBytes(4).toString('hex')}`);
      await makeImage(path, { count: 1, sizeBytes: 400 });
      return path;
    };
    const skopeo = (home: ClientHome, from: string, to: string) =>
      home.run('skopeo', [
        'copy',
        '-q',
        '--dest-tls-verify=false',
        '--dest-creds',
        creds(world.people.mara),
        `oci:${from}:v1`,
        at(to),
      ]);
    /** As the owner, in the view of a project or of the namespace. */
    const events = async (view: Record<string, string>): Promise<ShownEvent[]> => {
      const query = new URLSearchParams({ namespace: 'acme', limit: '500', ...view });
      const page = await world.as(world.people.olivia).call('GET', `/events?${query}`);
      return (page as unknown as { items: ShownEvent[] }).items;
    };
    const ofProject = { view: 'project', project: 'acme/app' };
    const ofNamespace = { view: 'namespace' };
    const runDone = (place: string, id: unknown): Promise<unknown> =>
      waitFor('the run of the policy', async () => {
        const policy = await world.as(world.people.olivia).call('GET', `${place}/${String(id)}`);
        return (policy as unknown as { run: { state: string } }).run.state === 'done';
      });

    test('a policy, then a push under it: an event in the project’s view names the policy', {
      skip: clientSkip('podman', 'skopeo'),
    }, async () => {
      await using home = await createClientHome();
      const owner = world.as(world.people.olivia);
      const policy = await owner.call('POST', '/namespaces/acme/immutability-policies', {
        pattern: '^latest$',
      });
      const host = `${world.server.host}:${world.server.port}`;
      const podman = (...words: string[]) => home.must('podman', ['--storage-driver=vfs', ...words]);
      const login = ['login', '--tls-verify=false', '-u', 'mara', '--password-stdin', host];
      await home.must('podman', ['--storage-driver=vfs', ...login], { input: world.people.mara.password });
      assert.equal((await skopeo(home, await layout(home), 'acme/app:source')).code, 0);
      await podman('pull', '-q', '--tls-verify=false', `${host}/acme/app:source`);
      const push = ['push', '-q', '--tls-verify=false', `${host}/acme/app:source`, `${host}/acme/app:latest`];
      await podman(...push);
      const created = (await events({ ...ofProject, type: 'container.tag.create' })).find(
        ({ target }) => target?.name === 'latest',
      );
      const details = created?.details as { immutability: { policy: Row } } | undefined;
      assert.deepEqual(
        [details?.immutability.policy.id, details?.immutability.policy.pattern],
        [policy.id, '^latest$'],
      );
      assert.equal(created?.actor?.name, 'mara');
      // The identical image again is no refusal; another one is.
      await podman(...push);
      const refused = await skopeo(home, await layout(home), 'acme/app:latest');
      assert.notEqual(refused.code, 0);
      assert.match(refused.stderr, /The tag latest is immutable.*the policy \^latest\$ of the namespace/);
    });

    test('a project with 100 tags, then a policy: its event, 100 events it caused, one summary', {
      skip: clientSkip('skopeo'),
    }, async () => {
      await using home = await createClientHome();
      const owner = world.as(world.people.olivia);
      const maintainer = world.as(world.people.mara);
      const tags = Array.from({ length: 99 }, (_, n) => `v1.${n}.0`);
      for (const tag of ['v1.0.0-first', ...tags])
        await maintainer.call('PUT', `/projects/container/acme%2Fapp/tags/${tag}`, {
          digest: world.image.manifest.digest,
        });
      await maintainer.call('DELETE', '/projects/container/acme%2Fapp/tags/v1');
      const place = '/projects/container/acme%2Fapp/immutability-policies';
      const policy = await owner.call('POST', place, { pattern: '^v.*$' });
      await runDone(place, policy.id);
      for (const view of [ofProject, ofNamespace]) {
        const locks = await events({ ...view, type: 'container.tag.lock' });
        assert.equal(locks.length, 100);
        assert.deepEqual([...new Set(locks.map(({ cause }) => cause))], [policy.eventId]);
        const made = await events({ ...view, type: 'policy.immutability.create' });
        assert.ok(made.some(({ id }) => id === policy.eventId));
        const summaries = await events({ ...view, type: 'policy.run.finish' });
        const ofRun = summaries.filter(({ cause }) => cause === policy.eventId);
        assert.deepEqual(
          ofRun.map(({ details }) => {
            const { locked, stillLocked, pattern, policyId, version, sample } = details as Row & {
              sample: string[];
            };
            return [locked, stillLocked, pattern, policyId, version, sample.length];
          }),
          [[100, 0, { to: '^v.*$' }, policy.id, 1, 10]],
        );
        assert.equal(new Set(locks.map(({ target }) => target?.name)).size, 100);
        for (const { details, actor } of locks) {
          const { trigger, previous, policy: by } = details as Row & { policy: Row };
          assert.deepEqual(
            [trigger, previous, by.id, by.version, by.scope, by.pattern, actor?.kind],
            ['policy', 'unlocked', policy.id, 1, 'project', '^v.*$', 'system'],
          );
        }
        assert.equal(made.find(({ id }) => id === policy.eventId)?.actor?.name, 'olivia');
      }
      const refused = await skopeo(home, await layout(home), 'acme/app:v1.0.0');
      assert.match(refused.stderr, /The tag v1\.0\.0 is immutable.*the policy \^v\.\*\$ of the project/);
      const [denied] = await events({ ...ofProject, type: 'container.push.refuse' });
      const { lock } = (denied?.details ?? {}) as { lock?: { tag: string; policy: Row } };
      assert.deepEqual(
        [denied?.reason, denied?.actor?.name, lock?.tag, lock?.policy.id],
        ['tag_immutable', 'mara', 'v1.0.0', policy.id],
      );
    });

    test('a policy of a namespace, made and changed: a summary for each project and one of the whole', async () => {
      const owner = world.as(world.people.olivia);
      const image = { image: world.image, tag: 'first' };
      const as = { authorization: world.people.olivia.key.basic };
      for (const project of ['acme/app', 'acme/open']) {
        await pushImage(world.wire, { project, ...image }, as);
        const { digest } = world.image.manifest;
        for (const tag of ['one-1', 'one-2', 'two-1'])
          await owner.call('PUT', `/projects/container/${encodeURIComponent(project)}/tags/${tag}`, {
            digest,
          });
      }
      const place = '/namespaces/acme/immutability-policies';
      const made = await owner.call('POST', place, { pattern: 'one-.*' });
      await runDone(place, made.id);
      const words = { pattern: 'two-.*', matches: true, description: '' };
      const changed = await owner.call('PUT', `${place}/${String(made.id)}`, words);
      await runDone(place, made.id);
      const told = async (view: Record<string, string>, cause: unknown) =>
        (await events({ ...view, type: 'policy.run.finish' }))
          .filter((event) => event.cause === cause)
          .map(({ details, scope }) => {
            const { of, locked, stillLocked, pattern } = details as Row;
            return [of, scope?.project?.path ?? '', locked, stillLocked, (pattern as Row).from ?? ''].join(
              ' ',
            );
          })
          .sort();
      const both = ['acme/app', 'acme/open'];
      for (const [cause, from, locked, left] of [
        [made.eventId, '', 2, 0],
        [changed.eventId, 'one-.*', 1, 2],
      ] as const) {
        const line = (project: string) => `project ${project} ${locked} ${left} ${from}`;
        for (const project of both)
          assert.deepEqual(await told({ view: 'project', project }, cause), [line(project)]);
        const whole = `run  ${locked * 2} ${left * 2} ${from}`;
        assert.deepEqual(await told(ofNamespace, cause), [...both.map(line), whole]);
      }
    });

    test('`tallyman why` tells how it came to be', async () => {
      const maintainer = world.as(world.people.mara);
      const made = await maintainer.call('POST', '/me/tokens', {
        kind: 'access_token',
        name: 'why',
        scopes: ['project:read'],
      });
      const env = { TALLYMAN_URL: world.server.url, TALLYMAN_TOKEN: String(made.secret) };
      await maintainer.call('PUT', '/projects/container/acme%2Fapp/tags/by-hand', {
        digest: world.image.manifest.digest,
      });
      await maintainer.call('POST', '/projects/container/acme%2Fapp/tags/by-hand/lock', {});
      const byHand = await runTallyman(['why', 'acme/app:by-hand'], { env });
      assert.equal(byHand.code, 0, byHand.stderr);
      assert.match(
        byHand.stdout,
        /^The tag by-hand is immutable: mara locked it on .*\n {2}.* mara locked the tag/,
      );
      const owner = world.as(world.people.olivia);
      const place = '/projects/container/acme%2Fapp/immutability-policies';
      const policy = await owner.call('POST', place, { pattern: 'why-.*' });
      await maintainer.call('PUT', '/projects/container/acme%2Fapp/tags/why-1', {
        digest: world.image.manifest.digest,
      });
      const { stdout, code } = await runTallyman(['why', 'acme/app:why-1'], { env });
      const [because, created, locked] = stdout.split('\n');
      assert.equal(code, 0);
      assert.ok(
        because?.includes(`the policy why-.* of the project (${String(policy.id)}, version 1) locked it`),
      );
      assert.match(created ?? '', /olivia created the policy as why-\.\*, version 1 {2}\(event /);
      assert.match(locked ?? '', /the policy locked the tag {2}\(event /);
      assert.equal((await runTallyman(['why', 'nothing'], { env })).code, 2);
      const writer = await maintainer.call('POST', '/me/tokens', {
        kind: 'access_token',
        name: 'writes only',
        scopes: ['project:write'],
      });
      const refused = await runTallyman(['why', 'acme/app:why-1'], {
        env: { ...env, TALLYMAN_TOKEN: String(writer.secret) },
      });
      assert.notEqual(refused.code, 0);
      assert.match(refused.stderr, /does not carry the scope "project:read"/);
    });

    test('`tallyman tag history` tells where it pointed and who moved it, `tag restore` goes back', async () => {
      const maintainer = world.as(world.people.mara);
      const { secret } = await maintainer.call('POST', '/me/tokens', {
        kind: 'access_token',
        name: 'history',
        scopes: ['project:read', 'project:write', 'events:read'],
      });
      const env = { TALLYMAN_URL: world.server.url, TALLYMAN_TOKEN: String(secret) };
      const tag = (...words: string[]) => runTallyman(['tag', ...words], { env });
      const other = smallImage();
      const as = { authorization: world.people.mara.key.basic };
      const first = world.image.manifest.digest;
      const place = '/projects/container/acme%2Fapp/tags/turned';
      await maintainer.call('PUT', place, { digest: first });
      const { movedAt } = await maintainer.call('GET', place);
      await pushImage(world.wire, { project: 'acme/app', tag: 'turned', image: other }, as);
      const shown = await tag('history', 'acme/app:turned');
      assert.equal(shown.code, 0, shown.stderr);
      const [newest = '', oldest = ''] = shown.stdout.split('\n');
      assert.ok(newest.includes(`${other.manifest.digest}  until now  moved by mara (push)`), newest);
      assert.match(
        oldest,
        new RegExp(`${first}  until .*, moved by mara \\(push\\)  created by mara \\(retag\\)`),
      );
      const then = await tag('history', 'acme/app:turned', '--at', String(movedAt), '--json');
      assert.deepEqual((JSON.parse(then.stdout) as { digest: string }).digest, first);
      const restored = await tag('restore', 'acme/app:turned', '--at', String(movedAt));
      assert.ok(restored.stdout.startsWith(`acme/app:turned points to ${first}  (event `), restored.stderr);
      const [moved] = await events({ ...ofProject, type: 'container.tag.move' });
      const details = moved?.details as Row | undefined;
      assert.deepEqual([details?.by, details?.from, details?.to], ['restore', other.manifest.digest, first]);
      const none = await tag('restore', 'acme/app:turned', '--at', '2020-01-01T00:00:00Z');
      assert.deepEqual([none.code, /did not exist/.test(none.stderr)], [2, true]);
      assert.equal((await tag('restore', 'acme/app:turned')).code, 2);
    });
  });
}
