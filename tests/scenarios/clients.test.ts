/**
 * Real clients against the real server, with every kind of credential: what they do works unchanged, and the trail holds
 * exactly the events of it. A push or pull that went well leaves no refusal, although clients begin by being challenged.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { ShownEvent } from '@tallyman/contract';
import { makeImage } from '../../bench/images.ts';
import { type ClientHome, clientSkip, createClientHome } from '../support/clients.ts';
import {
  type By,
  facts,
  performer,
  pullEvent,
  pushEvents,
  routes,
  signInEvent,
} from '../support/expected.ts';
import { type Content, contentOf, type SmallImage } from '../support/registry-client.ts';
import { testEngines } from '../support/server.ts';
import { expectEvents, type PlainEvent } from '../support/trail-reader.ts';
import { type Key, type KeyName, openWorld, type World } from '../support/world.ts';

const keyNames: readonly KeyName[] = [
  'password',
  'userRobot',
  'organisationRobot',
  'oauthToken',
  'appToken',
  'accessToken',
];
const configType = 'application/vnd.oci.image.config.v1+json';
const skopeo = 'skopeo';
/** podman and buildah name the library they are made of. */
const podman = 'containers';

type Layout = { path: string; image: SmallImage };

/** A fresh OCI layout, and the same image as the registry will see it. */
async function makeLayout(home: ClientHome, layers = 3): Promise<Layout> {
  const path = home.join(`layout-${randomBytes(4).toString('hex')}`);
  await makeImage(path, { count: layers, sizeBytes: 400 });
  const read = async (digest: string): Promise<Content> =>
    contentOf(await readFile(`${path}/blobs/${digest.replace(':', '/')}`));
  const index = JSON.parse(await readFile(`${path}/index.json`, 'utf8'));
  const manifest = await read(index.manifests[0].digest);
  const named = JSON.parse(manifest.bytes.toString('utf8'));
  const parts = await Promise.all(named.layers.map((layer: { digest: string }) => read(layer.digest)));
  return { path, image: { manifest, config: await read(named.config.digest), layers: parts } };
}

for (const { engine, skip } of testEngines()) {
  describe(`clients on ${engine}`, { skip }, () => {
    let world: World;
    before(async () => {
      world = await openWorld({ engine });
    });
    after(() => world[Symbol.asyncDispose]());
    beforeEach(() => world.trail.mark());

    const at = (path: string): string => `docker://${world.server.host}:${world.server.port}/${path}`;
    const host = (): string => `${world.server.host}:${world.server.port}`;
    const creds = ({ username, secret }: Key): string => `${username}:${secret}`;
    /** Where a key may push: a robot of a user only in that user's namespace. */
    const placeOf = (name: KeyName): string => (name === 'userRobot' ? 'mara/tool' : 'acme/app');
    const scopeOf = async (path: string) => {
      const found: unknown = await world.admin.call('GET', `/projects/container/${path.replace('/', '%2F')}`);
      const { id, namespace } = found as { id: string; namespace: { id: string; name: string } };
      const kind = path.startsWith('acme/') ? ('organisation' as const) : ('user' as const);
      return { namespace: { kind, ...namespace }, project: { format: 'container' as const, id, path } };
    };
    const push = (home: ClientHome, layout: Layout, to: { key: Key; path: string; tag: string }) =>
      home.must('skopeo', [
        'copy',
        '-q',
        '--dest-tls-verify=false',
        '--dest-creds',
        creds(to.key),
        `oci:${layout.path}:v1`,
        at(`${to.path}:${to.tag}`),
      ]);
    const pull = (home: ClientHome, from: { key?: Key; path: string; tag: string }) =>
      home.run('skopeo', [
        'copy',
        '-q',
        '--src-tls-verify=false',
        ...(from.key === undefined ? ['--src-no-creds'] : ['--src-creds', creds(from.key)]),
        at(`${from.path}:${from.tag}`),
        `dir:${home.join(`pulled-${randomBytes(4).toString('hex')}`)}`,
      ]);

    describe('skopeo', { skip: clientSkip('skopeo') }, () => {
      for (const name of keyNames) {
        test(`pushes and pulls with the ${name}`, async () => {
          await using home = await createClientHome();
          const layout = await makeLayout(home);
          const { image } = layout;
          const key = world.keys[name];
          const by: By = { key, agent: skopeo };
          const path = placeOf(name);
          await push(home, layout, { key, path, tag: name });
          const pulled = await pull(home, { key, path, tag: name });
          assert.equal(pulled.code, 0, pulled.stderr);
          const scope = await scopeOf(path);
          await world.trail.expect([
            ...pushEvents(by, {
              scope,
              image,
              tag: name,
              createsProject: path === 'mara/tool',
              artifactType: configType,
            }),
            pullEvent(by, { scope, manifest: image.manifest, reference: name }),
          ]);
        });
      }

      test('a push of what is there already is no event; the same tag on another image is a move', async () => {
        await using home = await createClientHome();
        const [one, two] = [await makeLayout(home, 1), await makeLayout(home, 1)];
        const { key } = world.people.olivia;
        const by: By = { key, agent: skopeo };
        const scope = world.projects.app.scope;
        const to = { key, path: 'acme/app', tag: 'again' };
        await push(home, one, to);
        await push(home, one, to);
        await world.trail.expect(
          pushEvents(by, { scope, image: one.image, tag: 'again', artifactType: configType }),
        );
        await push(home, two, to);
        await world.trail.expect(
          pushEvents(by, {
            scope,
            image: two.image,
            tag: 'again',
            movedFrom: one.image.manifest.digest,
            artifactType: configType,
          }),
        );
      });

      test('a blob that another project shows is mounted, and the event names where from', async () => {
        await using home = await createClientHome();
        const layout = await makeLayout(home, 1);
        const { image } = layout;
        const { key } = world.people.olivia;
        const by: By = { key, agent: skopeo };
        await push(home, layout, { key, path: 'acme/app', tag: 'source' });
        // Now and then skopeo does not find in its own cache where it has seen the blob, and sends it again.
        let path = '';
        let found: ShownEvent[] = [];
        for (let at = 1; at <= 10 && !found.some(({ type }) => type.endsWith('.mount')); at++) {
          await world.trail.mark();
          path = `acme/mounted-${at}`;
          await push(home, layout, { key, path, tag: 'v1' });
          found = await world.trail.since();
        }
        const scope = await scopeOf(path);
        const [created, , config, ...rest] = pushEvents(by, {
          scope,
          image,
          tag: 'v1',
          createsProject: true,
          artifactType: configType,
        });
        const mounted = facts(by, { method: 'POST', route: routes.uploads, status: 201 });
        const mountOf = ({ digest, bytes }: Content): PlainEvent => ({
          ...performer(by),
          type: 'container.blob.mount',
          outcome: 'success',
          scope,
          target: { kind: 'blob', id: digest },
          request: mounted,
          details: { digest, sizeBytes: bytes.length, from: 'acme/app', fromId: world.projects.app.id },
        });
        expectEvents(found, [
          { ...(created as PlainEvent), request: mounted },
          [mountOf(image.layers[0] as Content)],
          // skopeo does not ask for the config to be mounted.
          config as PlainEvent[],
          ...rest,
        ]);
      });

      test('a reader pulls, anybody pulls what is public, and HEAD, lists and deletion are what they are', async () => {
        await using home = await createClientHome();
        const { rita, olivia } = world.people;
        const manifest = world.image.manifest;
        assert.equal((await pull(home, { key: rita.key, path: 'acme/app', tag: 'v1' })).code, 0);
        assert.equal((await pull(home, { path: 'acme/open', tag: 'v1' })).code, 0);
        const tags = ['list-tags', '--tls-verify=false', '--creds', creds(rita.key), at('acme/app')];
        assert.match((await home.must('skopeo', tags)).stdout, /"v1"/);
        const nobody: Key = {
          ...rita.key,
          actor: { kind: 'anonymous', proven: true },
          credential: { kind: 'none' },
        };
        await world.trail.expect([
          pullEvent(
            { key: rita.key, agent: skopeo },
            { scope: world.projects.app.scope, manifest, reference: 'v1' },
          ),
          pullEvent(
            { key: nobody, agent: skopeo },
            { scope: world.projects.open.scope, manifest, reference: 'v1' },
          ),
        ]);
        const layout = await makeLayout(home, 1);
        await push(home, layout, { key: olivia.key, path: 'acme/app', tag: 'going' });
        await world.trail.mark();
        await home.must('skopeo', [
          'delete',
          '--tls-verify=false',
          '--creds',
          creds(olivia.key),
          at('acme/app:going'),
        ]);
        const by: By = { key: olivia.key, agent: skopeo };
        const { digest } = layout.image.manifest;
        const request = facts(by, { method: 'DELETE', route: routes.manifest, status: 202 });
        const { scope } = world.projects.app;
        const found = await world.trail.expect([
          // skopeo looks up the digest of the tag by GET, which is a pull.
          pullEvent(by, { scope, manifest: layout.image.manifest, reference: 'going' }),
          {
            ...performer(by),
            type: 'container.manifest.delete',
            outcome: 'success',
            scope,
            target: { kind: 'manifest', id: digest },
            request,
            details: {
              digest,
              mediaType: 'application/vnd.oci.image.manifest.v1+json',
              tagCount: 1,
              tags: ['going'],
            },
          },
          {
            ...performer(by),
            type: 'container.tag.delete',
            outcome: 'success',
            scope,
            target: { kind: 'tag', name: 'going' },
            request,
            details: { by: 'manifest', digest, tag: 'going' },
            cause: 'container.manifest.delete',
          },
        ]);
        assert.equal(found.length, 3);
      });
    });

    test('docker signs in with every credential', { skip: clientSkip('docker') }, async () => {
      await using home = await createClientHome();
      for (const name of keyNames) {
        const key = world.keys[name];
        await home.must('docker', ['login', '-u', key.username, '--password-stdin', host()], {
          input: key.secret,
        });
        await world.trail.expect([signInEvent({ key, agent: 'Docker-Client' }, 'registry_token')]);
      }
    });

    describe('podman', { skip: clientSkip('podman', 'skopeo') }, () => {
      const flags = ['--storage-driver=vfs'];
      for (const name of ['password', 'organisationRobot', 'oauthToken'] as const) {
        test(`signs in, pulls and pushes with the ${name}`, async () => {
          await using home = await createClientHome();
          const key = world.keys[name];
          const by: By = { key, agent: podman };
          const { scope } = world.projects.app;
          const layout = await makeLayout(home, 2);
          await push(home, layout, { key: world.people.olivia.key, path: 'acme/app', tag: `for-${name}` });
          await world.trail.mark();
          const from = `${host()}/acme/app:for-${name}`;
          const to = `${host()}/acme/app:by-${name}`;
          const login = ['login', '--tls-verify=false', '-u', key.username, '--password-stdin', host()];
          await home.must('podman', [...flags, ...login], { input: key.secret });
          await home.must('podman', [...flags, 'pull', '-q', '--tls-verify=false', from]);
          await home.must('podman', [...flags, 'tag', from, to]);
          const digestFile = home.join('digest');
          await home.must('podman', [
            ...flags,
            'push',
            '-q',
            '--tls-verify=false',
            '--digestfile',
            digestFile,
            to,
          ]);
          const found = await world.trail.since();
          const digest = (await readFile(digestFile, 'utf8')).trim();
          const pushed = await imageAt(world, 'acme/app', digest);
          const known = new Set([...layout.image.layers, layout.image.config].map((part) => part.digest));
          const isNew = (part: Content): boolean => !known.has(part.digest);
          const pushes = pushEvents(by, {
            scope,
            image: pushed,
            blobs: [pushed.layers.filter(isNew), [pushed.config].filter(isNew)],
            tag: `by-${name}`,
            mediaType: pushed.mediaType,
            ...(pushed.mediaType.includes('oci') && { artifactType: configType }),
          });
          const isSame = pushed.manifest.digest === layout.image.manifest.digest;
          expectEvents(found, [
            signInEvent(by, 'registry_token'),
            pullEvent(by, { scope, manifest: layout.image.manifest, reference: `for-${name}` }),
            ...(isSame ? pushes.slice(-1) : pushes),
          ]);
          await world.trail.mark();
        });
      }
    });

    test('buildah pushes what it made, with an access token', { skip: clientSkip('buildah') }, async () => {
      await using home = await createClientHome();
      const key = world.keys.accessToken;
      const by: By = { key, agent: podman };
      await home.must('sh', ['-c', `mkdir tree && echo ${randomBytes(8).toString('hex')} > tree/file`]);
      const made = (await home.must('buildah', ['from', 'scratch'])).stdout.trim();
      await home.must('buildah', ['copy', made, 'tree', '/']);
      await home.must('buildah', ['commit', made, 'small']);
      const digestFile = home.join('digest');
      await home.must('buildah', [
        'push',
        '--tls-verify=false',
        '--creds',
        creds(key),
        '--digestfile',
        digestFile,
        'small',
        at('mara/built:v1'),
      ]);
      const found = await world.trail.since();
      const image = await imageAt(world, 'mara/built', (await readFile(digestFile, 'utf8')).trim());
      expectEvents(
        found,
        pushEvents(
          { ...by, agent: 'Buildah' },
          {
            scope: await scopeOf('mara/built'),
            image,
            tag: 'v1',
            createsProject: true,
            mediaType: image.mediaType,
            ...(image.mediaType.includes('oci') && { artifactType: configType }),
          },
        ),
      );
      await world.trail.mark();
    });
  });
}

/** What a client that makes its own bytes has pushed, read back by the administrator. */
async function imageAt(
  { wire, server }: World,
  path: string,
  digest: string,
): Promise<SmallImage & { mediaType: string }> {
  const headers = { authorization: server.adminAuth.basic };
  const get = async (route: string) => wire.send({ path: `/v2/${path}/${route}`, headers });
  const stored = await get(`manifests/${digest}`);
  assert.equal(stored.status, 200, stored.text);
  const named = stored.json() as { config: { digest: string }; layers: { digest: string }[] };
  const blob = async (part: { digest: string }) => contentOf((await get(`blobs/${part.digest}`)).body);
  return {
    mediaType: stored.headers['content-type'] ?? '',
    manifest: contentOf(stored.body),
    config: await blob(named.config),
    layers: await Promise.all(named.layers.map(blob)),
  };
}
