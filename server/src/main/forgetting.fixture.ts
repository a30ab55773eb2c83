/**
 * For tests of forgetting: a database with every room that has a part in it, people in it, and one who will be forgotten,
 * with names, addresses and texts that can be looked for as bytes.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { sql } from 'kysely';
import { type Looked, requireClean } from '../../../tests/support/fsck.ts';
import { cheap, deleteNothing, type Engine, root } from '../../../tests/support/house.ts';
import { createTestDatabase } from '../../../tests/support/postgres.ts';
import { createSeededRandom } from '../../../tests/support/seeded-random.ts';
import { createTempFolder } from '../../../tests/support/temp-folder.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { grantRole } from '../access/grants.ts';
import { addMember, createOrganisation } from '../access/organisations.ts';
import { createProjectOnRequest } from '../access/projects.ts';
import { endRightsOfUser } from '../access/rights.ts';
import { openDb } from '../db/open.ts';
import { openSqlite } from '../db/sqlite-file.ts';
import { createLog } from '../http/log.ts';
import { Identity } from '../identity/identity.ts';
import { createRobot } from '../identity/robots.ts';
import { createToken } from '../identity/tokens.ts';
import { changeEmail, createUser, deleteUser, renameUser } from '../identity/users.ts';
import { Jobs } from '../jobs/jobs.ts';
import { manualClock } from '../stdx/clock.ts';
import type { EventDraft, Performer } from '../trail/draft.ts';
import { sealDraft } from '../trail/seal.ts';
import { Search } from '../trail/search.ts';
import { Trail } from '../trail/trail.ts';
import { composeForgetting } from './forgetting.ts';

/** What the forgotten one leaves behind. Letters that nothing else in the world has. */
export const traces = {
  name: 'zwetschge',
  formerName: 'mirabelle',
  email: 'post@pflaumenbaum.example',
  address: '203.0.113.77',
  otherAddress: '2001:db8:77::1f',
  agent: 'obstkorb/7',
  token: 'quittenmus',
  robot: 'steinobst',
} as const;

export async function openForgetting(engine: Engine, more: { log?: (line: string) => void } = {}) {
  const opened = new AsyncDisposableStack();
  const folder = opened.use(await createTempFolder('forgetting'));
  const database = engine === 'postgres' ? opened.use(await createTestDatabase()) : undefined;
  const location = database
    ? ({ engine: 'postgres', url: database.url } as const)
    : ({ engine: 'sqlite', path: folder.join('tallyman.db') } as const);
  const lines: string[] = [];
  const write = (line: string): void => {
    lines.push(line);
    more.log?.(line);
  };
  const log = createLog({ level: 'trace', destination: { write } });
  // Long enough ago that no test moves it beyond the machine's own.
  const clock = manualClock(Date.UTC(2023, 0, 1));
  const start = async () => {
    const running = new AsyncDisposableStack();
    const db = await openDb(location);
    running.defer(() => db.close());
    const trail = new Trail({ db, clock });
    const search = await Search.open({ db, clock, trail, location, limits: { searchers: 1 } });
    running.defer(() => search.close());
    const jobs = new Jobs({ db, clock, log });
    const { erasures, scanner } = composeForgetting({ db, clock, trail, search, jobs, location });
    running.defer(() => scanner.close());
    const identity = new Identity({
      db,
      trail,
      clock,
      registryKey: new Uint8Array(32).fill(7),
      publicUrl: 'http://127.0.0.1:8080',
      settings: cheap,
    });
    // On PostgreSQL events get their index a little after they are acknowledged.
    const caughtUp = async (): Promise<void> => {
      await db.head();
      await waitFor('the projection', () => search.lag() === 0);
    };
    return {
      db,
      trail,
      search,
      jobs,
      erasures,
      scanner,
      identity,
      caughtUp,
      close: () => running.disposeAsync(),
    };
  };
  const server = await start();
  const house = {
    engine,
    folder,
    location,
    clock,
    lines,
    ...server,
    parts: { db: server.db, clock, trail: server.trail },
    /** As after a crash or an update: everything anew on what is stored. */
    async restart(): Promise<void> {
      await house.close();
      Object.assign(house, await start());
      house.parts = { db: house.db, clock, trail: house.trail };
    },
    fsck: () =>
      requireClean({ engine, dataDir: folder.path, databaseUrl: database?.url } as Looked, {
        beside: true,
        deep: false,
      }),
    [Symbol.asyncDispose]: async () => {
      await house.close();
      await opened.disposeAsync();
    },
  };
  return house;
}
export type ForgettingHouse = Awaited<ReturnType<typeof openForgetting>>;

/** Somebody at some place, as the trail names them. */
export function performer(
  who: { id: string; name: string },
  { ip, agent = 'docker/1' }: { ip: string; agent?: string },
): Performer {
  return {
    actor: { kind: 'user', id: who.id, name: who.name, proven: true },
    credential: { kind: 'access_token', id: `credential-${who.id.slice(-4)}`, name: `laptop of ${who.name}` },
    request: { id: 'r', protocol: 'http', ip, userAgent: agent },
  };
}

/** acme with ada and ben; and the one to be forgotten, with a project, a robot, tokens, a former name. */
export async function populate(house: ForgettingHouse) {
  const { parts, identity } = house;
  const store = identity.parts;
  const user = (name: string, email?: string) =>
    createUser(store, { by: root, name, ...(email !== undefined && { email }) });
  const [ada, ben] = [await user('ada', 'ada@example.org'), await user('ben')];
  const plum = await user(traces.formerName, `first-${traces.email}`);
  await renameUser(parts, { by: root, userId: plum.id, name: traces.name });
  const own = performer({ id: plum.id, name: traces.name }, { ip: traces.address, agent: traces.agent });
  await changeEmail(parts, { by: own, userId: plum.id, email: traces.email });
  const acme = await createOrganisation(parts, { by: root, name: 'acme', ownerId: ada.id });
  await addMember(parts, { by: root, organisationId: acme.id, userId: plum.id, role: 'member' });
  const namespace = { id: acme.id, kind: 'organisation' as const, name: 'acme' };
  const project = await createProjectOnRequest(parts, {
    by: root,
    namespace: namespace as never,
    format: 'container',
    name: 'app',
    visibility: 'private',
  });
  await grantRole(parts, {
    by: root,
    namespaceId: acme.id,
    projectId: project.id,
    subject: { kind: 'user', id: plum.id },
    role: 'reader',
  });
  await createProjectOnRequest(parts, {
    by: own,
    namespace: { id: plum.id, kind: 'user', name: traces.name } as never,
    format: 'container',
    name: 'pit',
    visibility: 'private',
  });
  await createRobot(store, { by: own, namespaceId: plum.id, name: traces.robot, description: traces.token });
  await createToken(store, {
    by: own,
    userId: plum.id,
    kind: 'access_token',
    name: traces.token,
    scopes: ['project:read'],
  });
  const scope = {
    namespace,
    project: { format: 'container' as const, id: project.id, path: 'acme/app' },
  };
  return {
    ada: { id: ada.id, name: 'ada' },
    ben: { id: ben.id, name: 'ben' },
    plum: { id: plum.id, name: traces.name },
    scope,
  };
}
export type ForgettingWorld = Awaited<ReturnType<typeof populate>>;

/** Many events of everybody, some by, about and around the one to be forgotten. */
export async function live(house: ForgettingHouse, world: ForgettingWorld, events: number): Promise<void> {
  const random = createSeededRandom(77);
  const { db, clock } = house;
  const draft = drafts(world);
  for (let made = 0; made < events; ) {
    const some = Array.from({ length: Math.min(500, events - made) }, () =>
      draft(random.integer({ min: 0, max: 11 })),
    );
    await db.append(some.map((one) => sealDraft(one, clock)));
    made += some.length;
  }
}

function drafts({ ada, ben, plum, scope }: ForgettingWorld): (kind: number) => EventDraft {
  const byBen = performer(ben, { ip: '198.51.100.2' });
  const byAda = performer(ada, { ip: '198.51.100.3' });
  const own = performer(plum, { ip: traces.address, agent: traces.agent });
  const elsewhere = performer(plum, { ip: traces.otherAddress, agent: traces.agent });
  const pull = (by: Performer, reference = 'latest') => ({
    type: 'container.manifest.pull',
    by,
    scope,
    details: { digest: 'sha256:00', reference, by: 'tag', mediaType: 'm' },
  });
  const attempt = (by: Performer, details: object) => ({
    type: 'account.sign_in.refuse',
    by,
    scope: { namespace: { kind: 'user', id: plum.id, name: plum.name } },
    outcome: 'denied',
    reason: 'wrong_password',
    details: { attempted: { action: 'sign_in' }, surface: 'console', ...details },
  });
  const unproven = (by: Performer): Performer => ({ ...by, actor: { ...by.actor, proven: false } });
  const all: (() => object)[] = [
    () => pull(byBen),
    () => pull(byAda),
    () => pull(byBen, 'v1'),
    () => pull(byAda, 'v2'),
    () => pull(own),
    () => pull(elsewhere, `${traces.name}-branch`),
    () => attempt(unproven(own), { typedName: traces.email }),
    () =>
      attempt(unproven(own), {
        typedName: traces.name.toUpperCase(),
        repeats: {
          count: 3,
          firstAt: 'a',
          lastAt: 'b',
          samples: [`${traces.name} acme/app`, 'acme/other'],
          folded: 'key',
        },
      }),
    () => ({
      type: 'project.description.change',
      by: byAda,
      scope,
      details: { description: { from: 'plain', to: `Ask ${traces.name}, or ${traces.formerName}.` } },
    }),
    () => ({
      type: 'trail.events.read',
      by: byAda,
      scope: {},
      details: { view: 'administration', filter: `["actor",["${traces.name}"]]` },
    }),
    () => ({
      type: 'container.tag.create',
      by: byBen,
      scope,
      target: { kind: 'tag', name: 'latest' },
      details: { tag: 'latest', digest: 'sha256:00', by: 'push' },
    }),
    () => ({
      type: 'container.manifest.pull',
      by: byBen,
      scope: {
        namespace: { kind: 'user', id: plum.id, name: plum.name },
        project: { format: 'container', id: 'pit-id', path: `${plum.name}/pit` },
      },
      details: { digest: 'sha256:00', reference: 'latest', by: 'tag', mediaType: 'm' },
    }),
  ];
  return (kind) => (all[kind] ?? (all[0] as () => object))() as EventDraft;
}

export async function deleteAccount(house: ForgettingHouse, { plum }: ForgettingWorld): Promise<void> {
  const { parts } = house;
  const by = root;
  const endRights = endRightsOfUser(parts, { by, userId: plum.id, deleteContent: deleteNothing });
  await deleteUser(parts, { by, userId: plum.id, endRights });
}

const needles = [
  ...Object.values(traces).flatMap((text) => [text, text.toUpperCase()]),
  traces.email.split('@')[1] as string,
].map((text) => Buffer.from(text));
/** As the projection stores addresses. */
const binaryNeedles = ['00000000000000000000ffffcb00714d', '20010db800770000000000000000001f'].map((hex) =>
  Buffer.from(hex, 'hex'),
);
const hexNeedles = binaryNeedles.map((bytes) => Buffer.from(bytes.toString('hex')));

/** Where a trace stands, in whatever form: `file: text`. */
export function tracesIn(name: string, bytes: Buffer): string[] {
  return [...needles, ...binaryNeedles, ...hexNeedles]
    .filter((needle) => bytes.includes(needle))
    .map(
      (needle) =>
        `${name}: ${/^[ -~]+$/.test(needle.toString()) ? needle.toString() : needle.toString('hex')}`,
    );
}

/** Everything this database is made of on the disk, a fresh backup of it, and what was logged; each looked through as bytes. */
export async function findBytes(house: ForgettingHouse): Promise<string[]> {
  const { engine, folder, lines } = house;
  const files = engine === 'sqlite' ? await sqliteFiles(house) : await postgresFiles(house);
  const found = tracesIn('log', Buffer.from(lines.join('')));
  for (const file of files)
    found.push(...tracesIn(file.slice(file.lastIndexOf('/') + 1), await readFile(file)));
  assert.ok(files.length > 2, `only ${files.length} files in ${folder.path}`);
  // Out of reach of the next erasure.
  await rm(folder.join(backupName));
  return found;
}

const backupName = 'fresh-backup';

async function sqliteFiles({ folder, location }: ForgettingHouse): Promise<string[]> {
  assert.ok(location.engine === 'sqlite');
  const backup = folder.join(backupName);
  const handle = openSqlite(location.path, { readOnly: true });
  handle.exec(`VACUUM INTO '${backup}'`);
  handle.close();
  const names = await readdir(folder.path);
  assert.ok(names.includes('search.db'));
  return names.map((name) => join(folder.path, name));
}

const run = promisify(execFile);

/** The files of this database's own tables and indexes, and a dump. PostgreSQL's WAL is said to be out of reach. */
async function postgresFiles({ db, folder, location }: ForgettingHouse): Promise<string[]> {
  assert.ok(location.engine === 'postgres');
  await db.read.q.executeQuery(sql`CHECKPOINT`.compile(db.read.q));
  const { rows } = await db.read.q.executeQuery<{ path: string }>(
    sql<{
      path: string;
    }>`SELECT current_setting('data_directory') || '/' || pg_relation_filepath(c.oid) AS path
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname IN ('public', 'pg_toast') AND pg_relation_filepath(c.oid) IS NOT NULL`.compile(
      db.read.q,
    ),
  );
  const dump = folder.join(backupName);
  await run('pg_dump', ['--file', dump, location.url]);
  const files = [dump];
  for (const { path } of rows) if ((await stat(path).catch(() => undefined))?.isFile()) files.push(path);
  return files;
}
