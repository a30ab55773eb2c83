/**
 * For tests: the whole management API in this process, on a real database with its trail and search, and a small world
 * of people around the organisation `acme`. Requests are injected, so each can come from an address of its own.
 */
import type { AuditEvent } from '@tallyman/contract';
import { Access } from '../../server/src/access/access.ts';
import { grantRole } from '../../server/src/access/grants.ts';
import { addMember, createOrganisation } from '../../server/src/access/organisations.ts';
import { createProjectOnRequest } from '../../server/src/access/projects.ts';
import { type ApiParts, apiRoutes } from '../../server/src/api/api.ts';
import { logFiles } from '../../server/src/api/log-files.ts';
import { lockingKind } from '../../server/src/containers/locking.ts';
import { pointTag } from '../../server/src/containers/tags.ts';
import { openDb } from '../../server/src/db/open.ts';
import type { Digest } from '../../server/src/domain/digest.ts';
import { createLog } from '../../server/src/http/log.ts';
import { HttpMetrics } from '../../server/src/http/metrics.ts';
import { createHttpServer } from '../../server/src/http/server.ts';
import { Identity } from '../../server/src/identity/identity.ts';
import { createOauthApplication } from '../../server/src/identity/oauth-applications.ts';
import { createRobot } from '../../server/src/identity/robots.ts';
import { createToken } from '../../server/src/identity/tokens.ts';
import { createUser, type UserCreation } from '../../server/src/identity/users.ts';
import { Jobs } from '../../server/src/jobs/jobs.ts';
import { containerNouns } from '../../server/src/main/api-containers.ts';
import { composeForgetting } from '../../server/src/main/forgetting.ts';
import { manualClock } from '../../server/src/stdx/clock.ts';
import { uuidv7 } from '../../server/src/stdx/random.ts';
import { Log } from '../../server/src/trail/log/log.ts';
import { Search } from '../../server/src/trail/search.ts';
import { Trail } from '../../server/src/trail/trail.ts';
import { readEvents } from './events.ts';
import { cheap, type Engine, root } from './house.ts';
import { createTestDatabase } from './postgres.ts';
import { createTempFolder } from './temp-folder.ts';

export const publicUrl = 'http://registry.example:8080';
export const setupCode = 'RIGHT-CODE';

const httpLimits = {
  connections: 100,
  connectionsPerSource: 100,
  headerBytes: 16_384,
  headerTimeoutSeconds: 60,
  idleTimeoutSeconds: 60,
  keepAliveSeconds: 5,
  bodyBytes: 1_048_576,
  bodyBytesPerSecond: 1,
  stopSeconds: 1,
};

export type Ask = {
  /** Value of the Authorization header. */
  auth?: string;
  body?: unknown;
  headers?: Record<string, string>;
  /** Address of the client; default: one that no other request of the test has. */
  ip?: string;
};
export type Answer = {
  status: number;
  json: Record<string, unknown>;
  text: string;
  headers: Record<string, unknown>;
  /** What it added to the log. */
  events: AuditEvent[];
};

export async function openApi(engine: Engine, more: Partial<ApiParts> = {}) {
  // What fails half-way closes what it opened: an open pool of connections keeps a test's program running for ever.
  await using opened = new AsyncDisposableStack();
  const folder = opened.use(await createTempFolder('api'));
  const database = engine === 'postgres' ? opened.use(await createTestDatabase()) : undefined;
  const location = database
    ? ({ engine: 'postgres', url: database.url } as const)
    : ({ engine: 'sqlite', path: folder.join('t.db') } as const);
  const db = await openDb(location);
  opened.defer(() => db.close());
  const clock = manualClock();
  const trail = new Trail({ db, clock });
  const search = await Search.open({ db, clock, trail, location, limits: { searchers: 1 } });
  opened.defer(() => search.close());
  const checkpoint = { origin: undefined, keyPath: folder.join('log/key'), copies: [] };
  const logSettings = { dataDir: folder.path, publicUrl, checkpoint };
  const eventLog = await Log.open({ db, clock, trail, server: () => root, settings: logSettings });
  opened.defer(() => eventLog.close());
  const registryKey = new Uint8Array(32).fill(7);
  const settings = { ...cheap, passwordChecksWaiting: 1_000 };
  const identity = new Identity({ db, trail, clock, registryKey, publicUrl, settings });
  const access = new Access({ db });
  const http = createHttpServer({
    clock,
    log: createLog({ level: 'error' }),
    metrics: new HttpMetrics(),
    limits: httpLimits,
    trustedProxies: [],
    logAll: false,
    onFatal: (error) => void process.stderr.write(`${error.stack}\n`),
  });
  const jobs = new Jobs({ db, clock, log: createLog({ level: 'error' }) });
  jobs.register(lockingKind({ db, trail, clock }));
  const { erasures, scanner } = composeForgetting({ db, clock, trail, search, jobs, location });
  opened.defer(() => scanner.close());
  const parts: ApiParts = {
    db,
    clock,
    trail,
    search,
    eventLog,
    identity,
    access,
    jobs,
    erasures,
    containers: containerNouns({ db, trail, clock }),
    publicUrl,
    version: '0.0.0-test',
    formats: ['container'],
    setupCode: { isRight: (typed) => typed === setupCode },
    ...more,
  };
  await http.app.register(apiRoutes(parts));
  await http.app.register(logFiles(parts));
  await http.app.ready();
  opened.defer(() => http.stop());

  let addresses = 0;
  const ask = async (
    method: string,
    path: string,
    { auth, body, headers, ip }: Ask = {},
  ): Promise<Answer> => {
    const from = await db.head();
    addresses++;
    const answer = await http.app.inject({
      method: method as 'GET',
      url: path,
      remoteAddress: ip ?? `10.${addresses >> 16}.${(addresses >> 8) & 255}.${addresses & 255}`,
      headers: {
        host: 'registry.example:8080',
        'user-agent': 'test/1',
        ...(auth !== undefined && { authorization: auth }),
        ...(body !== undefined && typeof body !== 'string' && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const isJson = /json/.test(String(answer.headers['content-type'])) && answer.payload !== '';
    return {
      status: answer.statusCode,
      json:
        isJson && !/ndjson/.test(String(answer.headers['content-type'])) ? JSON.parse(answer.payload) : {},
      text: answer.payload,
      headers: answer.headers,
      events: await readEvents(db, from),
    };
  };
  const held = opened.move();
  return { ...parts, clock, http, ask, [Symbol.asyncDispose]: () => held.disposeAsync() };
}
export type Api = Awaited<ReturnType<typeof openApi>>;

export const digests = {
  one: `sha256:${'1'.repeat(64)}` as Digest,
  two: `sha256:${'2'.repeat(64)}` as Digest,
};

const everyScope = [
  'project:read',
  'project:write',
  'project:delete',
  'project:admin',
  'account:read',
  'account:write',
  'events:read',
  'admin',
] as const;

/**
 * Administrator boss, auditor audrey; ada owns acme, mia is a plain member, max maintains and rita reads acme/app, and
 * sid has nothing to do with it. The robot acme+ci reads it.
 */
export async function populate(api: Api) {
  const { identity, db, clock, trail, access } = api;
  const store = identity.parts;
  const user = async (name: string, roles: UserCreation['roles'] = []) => {
    const made = await createUser(store, { by: root, name, password: `password of ${name}`, roles });
    const { token, secret } = await createToken(store, {
      by: root,
      userId: made.id,
      kind: 'access_token',
      name: `token of ${name}`,
      scopes: everyScope,
    });
    return {
      id: made.id,
      name,
      token: { id: token.id, name: token.name },
      auth: `Bearer ${secret.reveal()}`,
    };
  };
  const boss = await user('boss', ['admin']);
  const audrey = await user('audrey', ['auditor']);
  const [ada, mia, max, rita, sid] = [
    await user('ada'),
    await user('mia'),
    await user('max'),
    await user('rita'),
    await user('sid'),
  ];
  const parts = { db, clock, trail };
  const { id: organisationId } = await createOrganisation(parts, { by: root, name: 'acme', ownerId: ada.id });
  await addMember(parts, { by: root, organisationId, userId: mia.id, role: 'member' });
  const acme = await access.getNamespaceById(organisationId);
  const project = await createProjectOnRequest(parts, {
    by: root,
    namespace: acme,
    format: 'container',
    name: 'app',
    visibility: 'private',
  });
  const at = { by: root, namespaceId: acme.id, projectId: project.id };
  await grantRole(parts, { ...at, subject: { kind: 'user', id: max.id }, role: 'maintainer' });
  await grantRole(parts, { ...at, subject: { kind: 'user', id: rita.id }, role: 'reader' });
  const made = await createRobot(store, { by: root, namespaceId: acme.id, name: 'ci' });
  await grantRole(parts, { ...at, subject: { kind: 'robot', id: made.robot.id }, role: 'reader' });
  const robot = {
    id: made.robot.id,
    name: made.robot.name,
    auth: `Basic ${Buffer.from(`acme+ci:${made.secret.reveal()}`).toString('base64')}`,
  };
  const application = await createOauthApplication(store, { by: root, organisationId, name: 'builder' });
  const scope = access.scopeOf(acme, project);
  for (const digest of Object.values(digests)) await insertManifest(api, project.id, digest);
  await db.transact((tx) =>
    pointTag(parts, tx, {
      by: root,
      projectId: project.id,
      scope,
      tag: 'latest',
      digest: digests.one,
      how: 'push',
    }),
  );
  return { boss, audrey, ada, mia, max, rita, sid, acme, project, robot, application, scope };
}
export type World = Awaited<ReturnType<typeof populate>>;

async function insertManifest({ db, clock }: Api, projectId: string, digest: Digest): Promise<void> {
  const nowUs = clock.nowUs();
  await db.transact(async (tx) => {
    await tx.q
      .insertInto('manifest')
      .values({
        project_id: projectId,
        digest,
        media_type: 'application/vnd.oci.image.manifest.v1+json',
        artifact_type: null,
        subject_digest: null,
        size_bytes: 2,
        content: Buffer.from('{}'),
        annotations: null,
        created_at: nowUs,
        event_id: uuidv7(nowUs),
      })
      .execute();
  });
}

/** A console session of somebody, as a browser would hold it. */
export async function openSession(api: Api, name: string) {
  const answer = await api.ask('POST', '/api/v1/session', {
    body: { username: name, password: `password of ${name}` },
  });
  const cookie = String(answer.headers['set-cookie']).split(';')[0] as string;
  return { answer, cookie, csrf: String(answer.json.csrfToken) };
}
