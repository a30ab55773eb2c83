/**
 * Projects: their life, names and who sees them. What a project holds belongs to its host, which hands in how its
 * content is deleted. A deleted project keeps its row, so that its owners and administrators still find its history.
 */
import type { ProjectFormat, Scope, Target } from '@tallyman/contract';
import { sql } from 'kysely';
import type { Tx } from '../db/store.ts';
import type { Caller } from '../domain/caller.ts';
import { AppError } from '../domain/error.ts';
import { parseProjectPath } from '../domain/names.ts';
import { requireText } from '../identity/credentials.ts';
import { reserveName } from '../identity/names.ts';
import { cutPage, pageSize } from '../stdx/pages.ts';
import { uuidv7 } from '../stdx/random.ts';
import type { Performer } from '../trail/draft.ts';
import { accessCacheOf } from './cache.ts';
import type { Namespace, Project } from './model.ts';
import type { AccessParts } from './parts.ts';
import { projectFromRow } from './rows.ts';
import { visibleBy } from './visible.ts';

export type ProjectCreation = {
  by: Performer;
  namespace: Namespace;
  format: ProjectFormat;
  /** Without the namespace. */
  name: string;
  visibility: 'private' | 'public';
  cause: 'upload' | 'request';
};

/**
 * A project by itself; with its namespace, and asked for the first of its projects in the unit that deletes it; or one
 * that such a deletion left for later, which cannot be refused any more.
 */
export type DeletionOf = 'project' | 'namespace' | 'leftover';
/** Deletes what a project holds, inside the unit; returns how much there was. Throws to refuse the deletion. */
export type DeleteContent = (
  tx: Tx,
  project: Project,
  of: DeletionOf,
) => Promise<{ tags: number; manifests: number }>;

/**
 * Makes a project inside the caller's unit; throws conflict (it exists, or name_reserved). Units that make the same one
 * are serialised: the second finds it and throws. Whether the caller may is asked before, with `access.decide`.
 */
export async function createProject(
  parts: Pick<AccessParts, 'trail' | 'clock'>,
  tx: Tx,
  creation: ProjectCreation,
): Promise<{ project: Project; eventId: string }> {
  const { by, format, visibility } = creation;
  await tx.lock(`account ${creation.namespace.id}`);
  const namespace = await requireNamespace(tx, creation.namespace.id);
  const { name, path } = parseProjectPath(`${namespace.name}/${creation.name}`);
  await requireFree(tx, { namespaceId: namespace.id, format, name, path });
  const nowUs = parts.clock.nowUs();
  const id = uuidv7(nowUs);
  const names = { id, format, namespace_id: namespace.id, name };
  await tx.q
    .insertInto('project')
    .values({ ...names, visibility, description: '', created_at: nowUs, deleted_at: null })
    .execute();
  const { project } = await requireIn(tx, id);
  const eventId = parts.trail.record(tx, {
    type: 'project.entry.create',
    by,
    ...placeOf(namespace, project),
    details: { visibility, by: creation.cause },
  });
  return { project, eventId };
}

/** Of its own unit, for pages and the API. */
export async function createProjectOnRequest(
  parts: AccessParts,
  creation: Omit<ProjectCreation, 'cause'>,
): Promise<Project> {
  return parts.db.transact(
    async (tx) => (await createProject(parts, tx, { ...creation, cause: 'request' })).project,
  );
}

export type ProjectEntry = Project & { description: string; createdAtUs: number; deletedAtUs?: number };

/** Deleted ones too: whose history may be read. */
export async function findProjectEntry(
  parts: Pick<AccessParts, 'db'>,
  id: string,
): Promise<ProjectEntry | undefined> {
  return findIn(parts.db.read, id);
}

/** The name within its namespace changes; the former path stays reserved. */
export async function renameProject(
  parts: AccessParts,
  change: { by: Performer; projectId: string; name: string },
): Promise<Project> {
  return changeProject(parts, change.projectId, async (tx, { namespace, project }) => {
    if (change.name === project.name) return;
    const { name, path } = parseProjectPath(`${namespace.name}/${change.name}`);
    await tx.lock(`account ${namespace.id}`);
    const { format, id } = project;
    await requireFree(tx, { namespaceId: namespace.id, format, name, path, ownId: id });
    await reserveName(tx, { format, name: project.path, formerId: id, nowUs: parts.clock.nowUs() });
    await tx.q.updateTable('project').set({ name }).where('id', '=', id).execute();
    const details = { from: project.path, to: path };
    const place = placeOf(namespace, { ...project, name, path });
    parts.trail.record(tx, { type: 'project.entry.rename', by: change.by, ...place, details });
  });
}

export async function changeVisibility(
  parts: AccessParts,
  change: { by: Performer; projectId: string; visibility: 'private' | 'public' },
): Promise<Project> {
  return changeProject(parts, change.projectId, async (tx, { namespace, project }) => {
    const { visibility } = change;
    if (visibility === project.visibility) return;
    await tx.q.updateTable('project').set({ visibility }).where('id', '=', project.id).execute();
    const details = { visibility: { from: project.visibility, to: visibility } };
    parts.trail.record(tx, {
      type: 'project.visibility.change',
      by: change.by,
      ...placeOf(namespace, project),
      details,
    });
  });
}

export async function changeDescription(
  parts: AccessParts,
  change: { by: Performer; projectId: string; description: string },
): Promise<Project> {
  const to = requireText('description', change.description, 4_000) ?? '';
  return changeProject(parts, change.projectId, async (tx, { namespace, project }) => {
    const from = (await findIn(tx, project.id))?.description ?? '';
    if (from === to) return;
    await tx.q.updateTable('project').set({ description: to }).where('id', '=', project.id).execute();
    const details = { description: { from, to } };
    parts.trail.record(tx, {
      type: 'project.description.change',
      by: change.by,
      ...placeOf(namespace, project),
      details,
    });
  });
}

/** The path stays reserved, the history readable to the namespace's owners and to administrators. */
export async function deleteProject(
  parts: AccessParts,
  deletion: { by: Performer; projectId: string; deleteContent: DeleteContent },
): Promise<void> {
  const { by, deleteContent } = deletion;
  await changeProject(parts, deletion.projectId, (tx, found) =>
    deleteIn(parts, tx, { ...found, by, deleteContent, of: 'project' }),
  );
}

/** Ended in one unit, which other writers wait for: about a third of a millisecond each. */
const projectsPerUnit = 100;
/** The setting of a deleted namespace that remembers its deletion's event while projects are left. */
export const leftoverKey = 'deletion.cause';

/**
 * With their namespace, in its unit; the event of the namespace's deletion is their cause. True when some are left: they
 * are for units of their own, see deletions.ts.
 */
export async function deleteProjectsIn(
  parts: AccessParts,
  tx: Tx,
  deletion: {
    by: Performer;
    namespaceId: string;
    cause: string;
    deleteContent: DeleteContent;
    of?: 'namespace' | 'leftover';
  },
): Promise<boolean> {
  const { namespaceId, cause } = deletion;
  const rows = await selectProjects(tx)
    .where('p.namespace_id', '=', namespaceId)
    .where('p.deleted_at', 'is', null)
    .orderBy('p.name')
    .limit(projectsPerUnit + 1)
    .execute();
  const left = rows.length > projectsPerUnit;
  await rememberLeftover(tx, { namespaceId, cause, left, nowUs: parts.clock.nowUs() });
  if (rows.length === 0) return false;
  const namespace = await requireNamespaceRow(tx, namespaceId);
  for (const row of rows.slice(0, projectsPerUnit))
    await deleteIn(parts, tx, { of: 'namespace', ...deletion, namespace, project: projectFromRow(row) });
  return left;
}

async function rememberLeftover(
  tx: Tx,
  { namespaceId, cause, left, nowUs }: { namespaceId: string; cause: string; left: boolean; nowUs: number },
): Promise<void> {
  if (left) {
    const row = { namespace_id: namespaceId, key: leftoverKey, value: cause, changed_at: nowUs };
    await tx.q
      .insertInto('setting')
      .values(row)
      .onConflict((conflict) => conflict.columns(['namespace_id', 'key']).doNothing())
      .execute();
  } else {
    await tx.q
      .deleteFrom('setting')
      .where('namespace_id', '=', namespaceId)
      .where('key', '=', leftoverKey)
      .execute();
  }
}

type DeletionIn = Found & {
  by: Performer;
  deleteContent: DeleteContent;
  of: DeletionOf;
  cause?: string;
};

async function deleteIn(parts: AccessParts, tx: Tx, deletion: DeletionIn): Promise<void> {
  const { by, namespace, project, of, cause } = deletion;
  const nowUs = parts.clock.nowUs();
  const { tags, manifests } = await deletion.deleteContent(tx, project, of);
  await tx.q.deleteFrom('role_grant').where('project_id', '=', project.id).execute();
  await reserveName(tx, { format: project.format, name: project.path, formerId: project.id, nowUs });
  await tx.q.updateTable('project').set({ deleted_at: nowUs }).where('id', '=', project.id).execute();
  parts.trail.record(tx, {
    type: 'project.entry.delete',
    by,
    ...placeOf(namespace, project),
    ...(cause !== undefined && { cause }),
    details: { tags, manifests, by: of === 'project' ? 'request' : 'namespace' },
  });
  tx.afterCommit(() => {
    accessCacheOf(parts.db).forgetProject(project.id);
    accessCacheOf(parts.db).forgetHoldings();
  });
}

export type ProjectPage = {
  caller: Caller | undefined;
  format?: ProjectFormat;
  namespaceId?: string;
  /** Part of the path, in any case. */
  text?: string;
  /** Path of the last one seen. */
  after?: string;
  limit?: number;
};

/** What the caller may read, by namespace and name; `next` is the path to go on after. */
export async function listProjects(
  parts: Pick<AccessParts, 'db'>,
  page: ProjectPage,
): Promise<{ projects: ProjectEntry[]; next?: string }> {
  const limit = pageSize(page.limit, 1_000);
  const found = await Promise.all(pageQueries(parts.db.read, page, limit).map((query) => query.execute()));
  // One project may be found in several ways.
  const rows = [...new Map(found.flat().map((row) => [row.id, row])).values()].sort(byPath);
  const { shown, ...more } = cutPage(rows, limit, (row) => fromRow(row).path);
  return { projects: shown.map(fromRow), ...more };
}

/** The questions whose answers, together and in order, are the page. */
export function pageQueries(db: Pick<Tx, 'q'>, page: ProjectPage, limit: number) {
  let query = selectProjects(db).where('p.deleted_at', 'is', null).where('n.deleted_at', 'is', null);
  if (page.format !== undefined) query = query.where('p.format', '=', page.format);
  if (page.namespaceId !== undefined) query = query.where('p.namespace_id', '=', page.namespaceId);
  if (page.text !== undefined) {
    // Paths hold `_`, which LIKE would read as any one character.
    const pattern = `%${page.text.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`;
    query = query.where(sql<boolean>`n.name || '/' || p.name like ${pattern} escape '\\'`);
  }
  if (page.after !== undefined) {
    const slash = page.after.indexOf('/');
    const [owner, name] =
      slash < 0 ? [page.after, ''] : [page.after.slice(0, slash), page.after.slice(slash + 1)];
    query = query.where((eb) =>
      eb.or([eb('n.name', '>', owner), eb.and([eb('n.name', '=', owner), eb('p.name', '>', name)])]),
    );
  }
  return visibleBy(page.caller).map((condition) =>
    query
      .where((eb) => condition(eb as never))
      .orderBy('n.name')
      .orderBy('p.name')
      .limit(limit + 1),
  );
}

/** As the database orders them: both names are ASCII. */
function byPath(left: Row, right: Row): number {
  if (left.namespace !== right.namespace) return left.namespace < right.namespace ? -1 : 1;
  return left.name === right.name ? 0 : left.name < right.name ? -1 : 1;
}

type NamespaceName = { id: string; kind: 'user' | 'organisation'; name: string };
type Found = { namespace: NamespaceName; project: Project };

async function changeProject(
  parts: AccessParts,
  id: string,
  change: (tx: Tx, found: Found) => Promise<void>,
): Promise<Project> {
  return parts.db.transact(async (tx) => {
    await tx.lock(`project ${id}`);
    const found = await requireIn(tx, id);
    await change(tx, found);
    tx.afterCommit(() => accessCacheOf(parts.db).forgetProject(id));
    return (await findIn(tx, id)) ?? found.project;
  });
}

async function requireIn(tx: Tx, id: string): Promise<Found> {
  const row = await selectProjects(tx)
    .where('p.id', '=', id)
    .where('p.deleted_at', 'is', null)
    .executeTakeFirst();
  if (!row) throw new AppError('not_found', 'There is no such project.', { reason: 'project_unknown' });
  return {
    namespace: { id: row.namespace_id, kind: row.namespace_kind, name: row.namespace },
    project: projectFromRow(row),
  };
}

/** Holds for the rest of the unit, under the namespace's lock. */
async function requireFree(
  tx: Tx,
  wanted: { namespaceId: string; format: ProjectFormat; name: string; path: string; ownId?: string },
): Promise<void> {
  const { namespaceId, format, name, path, ownId } = wanted;
  const living = await tx.q
    .selectFrom('project')
    .select('id')
    .where('namespace_id', '=', namespaceId)
    .where('format', '=', format)
    .where('name', '=', name)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
  if (living)
    throw new AppError('conflict', `The project "${path}" exists already.`, {
      reason: 'conflict',
      details: { field: 'name' },
    });
  const reserved = await tx.q
    .selectFrom('reserved_name')
    .select('former_id')
    .where('format', '=', format)
    .where('name', '=', path)
    .executeTakeFirst();
  if (!reserved) return;
  if (reserved.former_id !== ownId) {
    const message = `The name "${path}" belonged to a project that was renamed or deleted, and is reserved. An administrator can free it.`;
    throw new AppError('conflict', message, { reason: 'name_reserved', details: { field: 'name' } });
  }
  await tx.q.deleteFrom('reserved_name').where('format', '=', format).where('name', '=', path).execute();
}

async function requireNamespace(tx: Tx, id: string): Promise<NamespaceName> {
  const row = await tx.q
    .selectFrom('namespace')
    .select(['id', 'kind', 'name'])
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
  if (!row)
    throw new AppError('not_found', 'There is no such user or organisation.', {
      reason: 'namespace_unknown',
    });
  return row;
}

/** Also one that the same unit has just deleted. */
async function requireNamespaceRow(tx: Tx, id: string): Promise<NamespaceName> {
  return tx.q
    .selectFrom('namespace')
    .select(['id', 'kind', 'name'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
}

function selectProjects(db: Pick<Tx, 'q'>) {
  return db.q
    .selectFrom('project as p')
    .innerJoin('namespace as n', 'n.id', 'p.namespace_id')
    .select([
      'p.id',
      'p.num',
      'p.format',
      'p.namespace_id',
      'p.name',
      'p.visibility',
      'p.description',
      'p.created_at',
      'p.deleted_at',
    ])
    .select(['n.name as namespace', 'n.kind as namespace_kind']);
}

async function findIn(db: Pick<Tx, 'q'>, id: string): Promise<ProjectEntry | undefined> {
  const row = await selectProjects(db).where('p.id', '=', id).executeTakeFirst();
  return row && fromRow(row);
}

type Row = Awaited<ReturnType<ReturnType<typeof selectProjects>['execute']>>[number];

function fromRow(row: Row): ProjectEntry {
  return {
    ...projectFromRow(row),
    description: row.description,
    createdAtUs: row.created_at,
    ...(row.deleted_at !== null && { deletedAtUs: row.deleted_at }),
  };
}

function placeOf(namespace: NamespaceName, { format, id, path }: Project): { scope: Scope; target: Target } {
  const { id: namespaceId, kind, name } = namespace;
  return {
    scope: { namespace: { id: namespaceId, kind, name }, project: { format, id, path } },
    target: { kind: 'project', id, name: path },
  };
}
