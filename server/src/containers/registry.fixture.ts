/**
 * A whole registry in this process for tests: real database, trail, identity, access, blob store and HTTP server, with a
 * clock that tests may move. Passwords cost almost nothing here.
 */
import { join } from 'node:path';
import type { AuditEvent } from '@tallyman/contract';
import { openEvent } from '@tallyman/verifier';
import { findFreePort } from '../../../tests/support/free-port.ts';
import { createTestDatabase } from '../../../tests/support/postgres.ts';
import { createTempFolder } from '../../../tests/support/temp-folder.ts';
import { Access } from '../access/access.ts';
import { type GrantedRole, grantRole } from '../access/grants.ts';
import { changeVisibility, deleteProject } from '../access/projects.ts';
import { openFilesStore } from '../blobs/files-store.ts';
import { openDb } from '../db/open.ts';
import type { Db } from '../db/store.ts';
import { type Digest, digestOf } from '../domain/digest.ts';
import { createLog } from '../http/log.ts';
import { HttpMetrics } from '../http/metrics.ts';
import { createHttpServer } from '../http/server.ts';
import { Identity } from '../identity/identity.ts';
import { createToken } from '../identity/tokens.ts';
import { createUser, type User } from '../identity/users.ts';
import { Jobs } from '../jobs/jobs.ts';
import { type Clock, manualClock } from '../stdx/clock.ts';
import type { Performer } from '../trail/draft.ts';
import { nodeSha256 } from '../trail/seal.ts';
import { Trail } from '../trail/trail.ts';
import { deleteProjectContent } from './deletion.ts';
import { DigestGuard } from './digest-guard.ts';
import { containerRoutes } from './host.ts';
import { lockingKind } from './locking.ts';
import type { ContainerLimits, ContainerParts } from './parts.ts';

export type Engine = 'sqlite' | 'postgres';
export type TestClock = Clock & { advanceMs(ms: number): void };
export type Answer = { status: number; headers: Headers; body: Buffer; json(): unknown };
export type Ask = {
  method?: string;
  auth?: string;
  body?: string | Uint8Array;
  headers?: Record<string, string>;
};

export type Registry = AsyncDisposable & {
  url: string;
  db: Db;
  clock: TestClock;
  trail: Trail;
  identity: Identity;
  access: Access;
  blobs: Awaited<ReturnType<typeof openFilesStore>>;
  guard: DigestGuard;
  /** Runs of policies are jobs: `settle` does them. */
  jobs: Jobs;
  /** Basic credentials of a new user whose password is `password of <name>`. */
  addUser(name: string, roles?: readonly ('admin' | 'auditor')[]): Promise<User & { auth: string }>;
  addToken(user: User, scopes: Parameters<typeof createToken>[1]['scopes']): Promise<string>;
  grant(user: User, path: string, role: GrantedRole): Promise<void>;
  publish(path: string): Promise<void>;
  remove(path: string): Promise<void>;
  ask(path: string, ask?: Ask): Promise<Answer>;
  /** A bearer for these scopes. */
  bearer(auth: string | undefined, ...scopes: string[]): Promise<string>;
  /** Whole events, oldest first, from the given index on. */
  events(from?: number): Promise<AuditEvent[]>;
  head(): Promise<number>;
};

export const system: Performer = {
  actor: { kind: 'system', id: 'test', name: 'test', proven: true },
  credential: { kind: 'none' },
  request: { id: 'test', protocol: 'internal' },
};

const httpLimits = {
  connections: 1_000,
  connectionsPerSource: 1_000,
  headerBytes: 16_384,
  headerTimeoutSeconds: 60,
  idleTimeoutSeconds: 60,
  keepAliveSeconds: 5,
  bodyBytes: 1_048_576,
  bodyBytesPerSecond: 1,
  stopSeconds: 1,
};

export async function startRegistry(
  engine: Engine,
  options: {
    limits?: Partial<ContainerLimits>;
    clock?: Clock;
    wrap?: (parts: ContainerParts) => ContainerParts;
  } = {},
): Promise<Registry> {
  await using opened = new AsyncDisposableStack();
  const folder = opened.use(await createTempFolder('registry'));
  const database = engine === 'postgres' ? opened.use(await createTestDatabase()) : undefined;
  const db = await openDb(
    database
      ? { engine: 'postgres', url: database.url }
      : { engine: 'sqlite', path: join(folder.path, 'tallyman.db') },
  );
  opened.defer(() => db.close());
  const clock = (options.clock ?? manualClock()) as TestClock;
  const blobs = await openFilesStore({ dataDir: folder.path, clock });
  opened.defer(() => blobs.close());
  const trail = new Trail({ db, clock });
  await trail.switches.load(db.read);
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  const identity = new Identity({
    db,
    trail,
    clock,
    publicUrl: url,
    registryKey: new Uint8Array(32).fill(7),
    settings: { argon2: { memoryKib: 8, passes: 1 }, passwordChecksWaiting: 1_000 },
  });
  const access = new Access({ db });
  const guard = new DigestGuard();
  const log = createLog({ level: 'error' });
  const onFatal = (error: Error): void => void process.stderr.write(`${error.stack}\n`);
  const http = createHttpServer({
    clock,
    log,
    metrics: new HttpMetrics(),
    limits: httpLimits,
    trustedProxies: [],
    logAll: false,
    forPrograms: ['/v2'],
    onFatal,
  });
  const parts = { db, trail, clock, identity, access, blobs, guard, publicUrl: url };
  const jobs = new Jobs({ db, clock, log });
  jobs.register(lockingKind(parts));
  await http.app.register(
    containerRoutes({
      ...(options.wrap?.(parts) ?? parts),
      ...(options.limits && { limits: options.limits }),
    }),
  );
  await http.listen({ host: '127.0.0.1', port });
  opened.defer(() => http.stop());
  const held = opened.move();
  const registry: Registry = {
    url,
    db,
    clock,
    trail,
    identity,
    access,
    blobs,
    guard,
    jobs,
    async addUser(name, roles = []) {
      const password = `password of ${name}`;
      const user = await createUser(identity.parts, { by: system, name, password, roles });
      return { ...user, auth: basic(name, password) };
    },
    async addToken(user, scopes) {
      const made = await createToken(
        { db, trail, clock },
        { by: system, userId: user.id, kind: 'access_token', name: 'ci', scopes },
      );
      return made.secret.reveal();
    },
    async grant(user, path, role) {
      const project = await getProject(access, path);
      const place = { namespaceId: project.namespaceId, projectId: project.id };
      await grantRole(
        { db, trail, clock },
        { by: system, ...place, subject: { kind: 'user', id: user.id }, role },
      );
    },
    async publish(path) {
      const { id } = await getProject(access, path);
      await changeVisibility({ db, trail, clock }, { by: system, projectId: id, visibility: 'public' });
    },
    async remove(path) {
      const { id } = await getProject(access, path);
      await deleteProject(
        { db, trail, clock },
        { by: system, projectId: id, deleteContent: deleteProjectContent },
      );
    },
    ask: (path, ask) => request(url + path, ask),
    async bearer(auth, ...scopes) {
      const query = new URLSearchParams([
        ['service', new URL(url).host],
        ...scopes.map((scope) => ['scope', scope]),
      ]);
      const answer = await request(`${url}/v2/auth?${query}`, auth === undefined ? {} : { auth });
      if (answer.status !== 200) throw new Error(`no token: ${answer.status} ${answer.body}`);
      return `Bearer ${(answer.json() as { token: string }).token}`;
    },
    events: (from = 0) => readEvents(db, from),
    head: () => db.head(),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
  return registry;
}

export function basic(name: string, secret: string): string {
  return `Basic ${Buffer.from(`${name}:${secret}`).toString('base64')}`;
}

async function getProject(access: Access, path: string) {
  const project = await access.findProject('container', path);
  if (!project) throw new Error(`no project ${path}`);
  return project;
}

async function request(url: string, { method = 'GET', auth, body, headers = {} }: Ask = {}): Promise<Answer> {
  const answer = await fetch(url, {
    method,
    headers: { ...(auth !== undefined && { authorization: auth }), 'user-agent': 'test/1', ...headers },
    ...(body !== undefined && { body: body as string }),
  });
  const bytes = Buffer.from(await answer.arrayBuffer());
  return {
    status: answer.status,
    headers: answer.headers,
    body: bytes,
    json: () => JSON.parse(bytes.toString('utf8')),
  };
}

async function readEvents(db: Db, from: number): Promise<AuditEvent[]> {
  await db.head();
  const rows = await db.read.q
    .selectFrom('event as e')
    .innerJoin('event_private as p', 'p.idx', 'e.idx')
    .select(['e.body', 'p.fields'])
    .where('e.idx', '>=', from)
    .orderBy('e.idx')
    .execute();
  return rows.map(
    (row) =>
      openEvent({ body: row.body, private: row.fields, sha256: nodeSha256 }).event as unknown as AuditEvent,
  );
}

export const imageType = 'application/vnd.oci.image.manifest.v1+json';
export const configType = 'application/vnd.oci.image.config.v1+json';
export const layerType = 'application/vnd.oci.image.layer.v1.tar';

/** POST then PUT; throws unless it is created. */
export async function pushBlob(
  registry: Registry,
  to: { path: string; auth: string },
  content: string,
): Promise<Digest> {
  const digest = digestOf('sha256', content);
  const begun = await registry.ask(`/v2/${to.path}/blobs/uploads/`, { method: 'POST', auth: to.auth });
  const done = await registry.ask(`${begun.headers.get('location')}?digest=${digest}`, {
    method: 'PUT',
    auth: to.auth,
    body: content,
  });
  if (done.status !== 201) throw new Error(`blob not pushed: ${done.status} ${done.body}`);
  return digest;
}

export function imageOf(config: string, layers: readonly string[] = [], more: object = {}): string {
  const describe = (mediaType: string, content: string) => ({
    mediaType,
    digest: digestOf('sha256', content),
    size: Buffer.byteLength(content),
  });
  const parts = {
    config: describe(configType, config),
    layers: layers.map((layer) => describe(layerType, layer)),
  };
  return JSON.stringify({ schemaVersion: 2, mediaType: imageType, ...parts, ...more });
}

export async function putManifest(
  registry: Registry,
  to: { path: string; auth: string; reference: string },
  manifest: string,
): Promise<Answer> {
  const type = (JSON.parse(manifest) as { mediaType: string }).mediaType;
  return registry.ask(`/v2/${to.path}/manifests/${to.reference}`, {
    method: 'PUT',
    auth: to.auth,
    body: manifest,
    headers: { 'content-type': type },
  });
}

/** Config, layers, manifest under a tag; throws unless all of it is created. Resolves to the manifest's digest. */
export async function pushImage(
  registry: Registry,
  to: { path: string; auth: string; tag: string },
  image: { config: string; layers?: readonly string[]; more?: object },
): Promise<Digest> {
  for (const content of [image.config, ...(image.layers ?? [])]) await pushBlob(registry, to, content);
  const manifest = imageOf(image.config, image.layers, image.more);
  const answer = await putManifest(registry, { ...to, reference: to.tag }, manifest);
  if (answer.status !== 201) throw new Error(`image not pushed: ${answer.status} ${answer.body}`);
  return digestOf('sha256', manifest);
}
