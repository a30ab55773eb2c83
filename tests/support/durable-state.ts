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
};

function newStory(): Story {
  return { projects: new Map(), paths: new Map(), links: new Map(), manifests: new Map(), tags: new Map() };
}

/** What the events say there must be. Asserts on the way that each follows from those before it. */
function replay(events: readonly AuditEvent[]): Story {
  const story = newStory();
  const { links, manifests, tags } = story;
  for (const event of events) {
    const { project } = event.scope;
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
        break;
      case 'container.tag.move':
        assert.ok(tags.get(named)?.startsWith(`${from} `) && manifests.has(`${project.id} ${to}`), told);
        tags.set(named, `${to} ${event.id}`);
        break;
      case 'container.tag.delete':
        assert.ok(tags.get(named)?.startsWith(`${digest} `), told);
        tags.delete(named);
        break;
      default:
    }
  }
  return story;
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
  for (const row of await q.selectFrom('tag').selectAll().execute())
    story.tags.set(`${row.project_id} ${row.name}`, `${row.digest} ${row.event_id}`);
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
