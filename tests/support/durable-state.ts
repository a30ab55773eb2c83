/**
 * Reads everything a stopped server left behind and proves that the log and the tables tell the same story: what the
 * events alone say is what the tables hold, row for row. Opening the database is its own recovery.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AuditEvent } from '@tallyman/contract';
import { openDb } from '../../server/src/db/open.ts';
import { statement } from '../../server/src/db/statement.ts';
import type { Db } from '../../server/src/db/store.ts';
import { readEvents } from './events.ts';
import type { TestServer } from './server.ts';
import { waitFor } from './wait-for.ts';

export type DurableState = {
  events: AuditEvent[];
  /** `<project id> <tag>` -> digest. */
  tags: Map<string, string>;
  /** Path -> id. */
  projects: Map<string, string>;
};

/** The server must not run. Throws at the first difference. */
export async function requireSound(
  server: Pick<TestServer, 'engine' | 'dataDir' | 'databaseUrl'>,
): Promise<DurableState> {
  const { engine, dataDir, databaseUrl } = server;
  const openedMs = Date.now();
  const db = await openDb(
    engine === 'sqlite' ? { engine, path: join(dataDir, 'tallyman.db') } : { engine, url: databaseUrl ?? '' },
  );
  try {
    if (engine === 'postgres') await requireAlone(db, openedMs);
    await requireDense(db);
    const events = await readEvents(db);
    const told = replay(events);
    const held = await readTables(db);
    assert.deepEqual(sorted(held.projects), sorted(told.projects), 'projects');
    assert.deepEqual(sorted(held.links), sorted(told.links), 'blobs of projects');
    assert.deepEqual(
      sorted(held.manifests),
      sorted(told.manifests),
      'manifests, with the events that made them',
    );
    assert.deepEqual(sorted(held.tags), sorted(told.tags), 'tags, with the events that moved them');
    assert.deepEqual(sorted(held.policies), sorted(told.policies), 'policies, deleted ones too');
    assert.deepEqual(sorted(held.locks), sorted(told.locks), 'locks of tags, with their events and policies');
    await requireWholeBlobs(db, dataDir);
    return { events, tags: digestsOf(told.tags), projects: told.paths };
  } finally {
    await db.close();
  }
}

const olderBackends = statement<{ count: number }>(
  'SELECT count(*) AS count FROM pg_stat_activity WHERE datname = current_database() AND backend_start < to_timestamp(?)',
);

/** A commit that a killed process had sent may still be under way in PostgreSQL; it counts as before the kill. */
async function requireAlone(db: Db, openedMs: number): Promise<void> {
  await waitFor('the connections of the killed server to be gone', async () => {
    const found = await db.read.get(olderBackends, [openedMs / 1000]);
    return found?.count === 0;
  });
}

/** Design 6.4: indexes run from 0 without a gap, each with both of its rows. */
async function requireDense(db: Db): Promise<void> {
  const head = await db.head();
  for (const table of ['event', 'event_private'] as const) {
    const row = await db.read.q
      .selectFrom(table)
      .select((eb) => [
        eb.fn.countAll<number>().as('count'),
        eb.fn.min('idx').as('first'),
        eb.fn.max('idx').as('last'),
      ])
      .executeTakeFirstOrThrow();
    assert.deepEqual([row.count, row.first, row.last], [head, 0, head - 1], table);
  }
}

type Story = {
  /** id -> path */
  projects: Map<string, string>;
  /** path -> id */
  paths: Map<string, string>;
  /** `<project> <digest>` */
  links: Map<string, string>;
  /** `<project> <digest>` -> event */
  manifests: Map<string, string>;
  /** `<project> <tag>` -> `<digest> <event>` */
  tags: Map<string, string>;
  /** `<policy> <version>` -> `<event> <what> <matches> <pattern>`; every version of every policy. */
  policies: Map<string, string>;
  /** `<project> <tag>` -> `<event> manual` or `<event> policy <policy> <version>` */
  locks: Map<string, string>;
};

function newStory(): Story {
  return {
    projects: new Map(),
    paths: new Map(),
    links: new Map(),
    manifests: new Map(),
    tags: new Map(),
    policies: new Map(),
    locks: new Map(),
  };
}

/** What the events say there must be. Asserts on the way that each follows from those before it. */
function replay(events: readonly AuditEvent[]): Story {
  const story = newStory();
  const { links, manifests, tags, locks } = story;
  for (const event of events) {
    const { project } = event.scope;
    if (event.type.startsWith('policy.immutability.') && event.outcome === 'success')
      replayPolicy(story, event);
    if (project === undefined || event.outcome !== 'success') continue;
    const { digest = '', tag = '', from, to = '' } = event.details as Record<string, string | undefined>;
    const [content, named] = [`${project.id} ${digest}`, `${project.id} ${tag}`];
    const told = `${event.type} ${content} ${tag} of ${event.id}`;
    if (event.type !== 'project.entry.create') assert.ok(story.projects.has(project.id), told);
    switch (event.type) {
      case 'project.entry.create':
        assert.ok(!story.projects.has(project.id), told);
        story.projects.set(project.id, project.path);
        story.paths.set(project.path, project.id);
        break;
      case 'container.blob.upload':
      case 'container.blob.mount':
        assert.ok(!links.has(content), told);
        links.set(content, '');
        break;
      case 'container.blob.delete':
        assert.ok(links.delete(content), told);
        break;
      case 'container.manifest.push':
        assert.ok(!manifests.has(content), told);
        manifests.set(content, event.id);
        break;
      case 'container.manifest.delete':
        assert.ok(manifests.delete(content), told);
        break;
      case 'container.tag.create':
        assert.ok(!tags.has(named) && manifests.has(content), told);
        tags.set(named, `${digest} ${event.id}`);
        replayBirth(story, { named, event, previous: 'absent' });
        break;
      case 'container.tag.move':
        assert.ok(tags.get(named)?.startsWith(`${from} `) && manifests.has(`${project.id} ${to}`), told);
        assert.ok(!locks.has(named), `${told}, which is locked`);
        tags.set(named, `${to} ${event.id}`);
        replayBirth(story, { named, event, previous: 'unlocked' });
        break;
      case 'container.tag.delete':
        assert.ok(tags.get(named)?.startsWith(`${digest} `), told);
        assert.ok(!locks.has(named), `${told}, which is locked`);
        tags.delete(named);
        break;
      case 'container.tag.lock':
        assert.ok(tags.get(named)?.startsWith(`${digest} `), told);
        assert.equal(event.details.previous, locks.has(named) ? 'locked' : 'unlocked', told);
        locks.set(named, lockTold(story, event.details as Locking, event.id));
        break;
      case 'container.tag.unlock': {
        const { eventId } = event.details.lock as { eventId: string };
        assert.ok(locks.get(named)?.startsWith(`${eventId} `), told);
        locks.delete(named);
        break;
      }
      default:
    }
  }
  return story;
}

type Snapshot = { id: string; version: number; pattern: string; matches: boolean };
type Locking = { trigger: 'manual' | 'policy'; policy?: Snapshot };

/** A tag that was pointed under a policy is locked by the event that pointed it. */
function replayBirth(
  story: Story,
  { named, event, previous }: { named: string; event: AuditEvent; previous: 'absent' | 'unlocked' },
): void {
  const born = event.details.immutability as (Locking & { previous: string }) | undefined;
  if (born === undefined) return;
  assert.equal(born.previous, previous, event.id);
  story.locks.set(named, lockTold(story, born, event.id));
}

/** Asserts that the policy an event names as the deciding one is what the last event before it said it is. */
function lockTold({ policies }: Story, { trigger, policy }: Locking, eventId: string): string {
  assert.equal(policy !== undefined, trigger === 'policy', eventId);
  if (policy === undefined) return `${eventId} manual`;
  const { id, version, pattern, matches } = policy;
  const then = policies.get(`${id} ${version}`);
  assert.match(String(then), / (create|change) /, `${eventId} names a policy that was not made before it`);
  assert.ok(then?.endsWith(` ${matches} ${pattern}`), `${eventId} names a policy that is another`);
  assert.ok(!policies.has(`${id} ${version + 1}`), `${eventId} names a policy that no longer held`);
  return `${eventId} policy ${id} ${version}`;
}

function replayPolicy({ policies }: Story, { id: eventId, type, details }: AuditEvent): void {
  const what = type.slice('policy.immutability.'.length);
  if (what === 'release' || what === 'preview') return;
  const now = (value: unknown) => (value as { to?: unknown } | undefined)?.to ?? value;
  const [version, pattern, matches] = [details.version, details.pattern, details.matches].map(now);
  const key = `${details.policyId} ${version}`;
  assert.ok(!policies.has(key), `${type} ${key} of ${eventId}`);
  assert.ok(version === 1 || policies.has(`${details.policyId} ${Number(version) - 1}`), eventId);
  policies.set(key, `${eventId} ${what} ${matches} ${pattern}`);
}

async function readTables(db: Db): Promise<Story> {
  const { q } = db.read;
  const story = newStory();
  const projects = await q
    .selectFrom('project as p')
    .innerJoin('namespace as n', 'n.id', 'p.namespace_id')
    .select(['p.id', 'p.name', 'n.name as namespace'])
    .where('p.deleted_at', 'is', null)
    .execute();
  for (const { id, name, namespace } of projects) story.projects.set(id, `${namespace}/${name}`);
  for (const row of await q.selectFrom('container_blob').selectAll().execute())
    story.links.set(`${row.project_id} ${row.digest}`, '');
  for (const row of await q.selectFrom('manifest').selectAll().execute()) {
    const [algorithm = '', hex] = row.digest.split(':');
    assert.equal(
      createHash(algorithm).update(row.content).digest('hex'),
      hex,
      'a manifest is not its digest',
    );
    story.manifests.set(`${row.project_id} ${row.digest}`, row.event_id);
  }
  for (const row of await q.selectFrom('tag').selectAll().execute()) {
    const named = `${row.project_id} ${row.name}`;
    story.tags.set(named, `${row.digest} ${row.event_id}`);
    const { lock_trigger: trigger, lock_policy_id: policy, lock_policy_version: version } = row;
    const locks = [row.locked_at, row.lock_event_id, policy, version, row.lock_actor_id];
    if (trigger === null) assert.deepEqual(new Set(locks), new Set([null]), `half a lock on ${named}`);
    else
      story.locks.set(
        named,
        trigger === 'manual'
          ? `${row.lock_event_id} manual`
          : `${row.lock_event_id} policy ${policy} ${version}`,
      );
  }
  for (const row of await q.selectFrom('immutability_policy_version').selectAll().execute())
    story.policies.set(
      `${row.policy_id} ${row.version}`,
      `${row.event_id} ${row.what} ${row.matches === 1} ${row.pattern}`,
    );
  return story;
}

/** Every blob file is what its name says, and every blob that a project shows is there. */
async function requireWholeBlobs(db: Db, dataDir: string): Promise<void> {
  const files = new Map<string, number>();
  const folder = join(dataDir, 'blobs');
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const bytes = await readFile(join(entry.parentPath, entry.name));
    const algorithm = entry.parentPath.slice(folder.length + 1).split('/')[0] ?? '';
    const hex = createHash(algorithm).update(bytes).digest('hex');
    assert.equal(hex, entry.name, 'a blob is visible and not whole');
    files.set(`${algorithm}:${hex}`, bytes.length);
  }
  const shown = await db.read.q
    .selectFrom('container_blob as c')
    .leftJoin('blob as b', 'b.digest', 'c.digest')
    .select(['c.digest', 'b.size_bytes'])
    .execute();
  for (const { digest, size_bytes: sizeBytes } of shown)
    assert.equal(files.get(digest), sizeBytes, `blob ${digest} is shown and not on the disk`);
}

function digestsOf(tags: ReadonlyMap<string, string>): Map<string, string> {
  return new Map([...tags].map(([tag, state]) => [tag, state.split(' ')[0] ?? '']));
}

function sorted(map: ReadonlyMap<string, string>): [string, string][] {
  return [...map].sort(([left], [right]) => (left < right ? -1 : 1));
}
