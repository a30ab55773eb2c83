/**
 * Roles granted to users and robots, on one project or on every project of a namespace. A robot can only be granted
 * something in its owner's namespace.
 */
import type { Scope, Target } from '@tallyman/contract';
import type { Tx } from '../db/store.ts';
import { AppError } from '../domain/error.ts';
import { cutPage, pageSize } from '../stdx/pages.ts';
import type { Performer } from '../trail/draft.ts';
import { accessCacheOf } from './cache.ts';
import type { AccessParts } from './parts.ts';

export type GrantedRole = 'reader' | 'maintainer' | 'owner';
export type Subject = { kind: 'user' | 'robot'; id: string };
/** projectId absent = every project of the namespace. */
export type GrantPlace = { namespaceId: string; projectId?: string };
export type RoleGrant = GrantPlace & {
  subject: Subject & { name: string };
  role: GrantedRole;
  sinceUs: number;
};

/** Grants, or changes what was granted; the same role again changes nothing and is no event. */
export async function grantRole(
  parts: AccessParts,
  grant: GrantPlace & { by: Performer; subject: Subject; role: GrantedRole },
): Promise<void> {
  const { by, subject, role } = grant;
  await changeGrants(parts, async (tx) => {
    await tx.lock(`grants ${grant.namespaceId}`);
    const place = await requirePlace(tx, grant);
    const name = await requireSubject(tx, subject, grant.namespaceId);
    const previous = await findRole(tx, grant, subject.id);
    if (previous === role) return;
    await tx.q
      .insertInto('role_grant')
      .values({
        namespace_id: grant.namespaceId,
        project_id: grant.projectId ?? '',
        subject_kind: subject.kind,
        subject_id: subject.id,
        role,
        created_at: parts.clock.nowUs(),
      })
      .onConflict((conflict) =>
        conflict.columns(['namespace_id', 'project_id', 'subject_id']).doUpdateSet({ role }),
      )
      .execute();
    const details = { ...subjectDetails({ ...subject, name }), role, ...(previous && { previous }) };
    const type = grant.projectId === undefined ? 'namespace.role.grant' : 'project.role.grant';
    parts.trail.record(tx, { type, by, ...place, details });
  });
}

/** Throws not_found when nothing was granted. */
export async function revokeRole(
  parts: AccessParts,
  change: GrantPlace & { by: Performer; subject: Subject },
): Promise<void> {
  await changeGrants(parts, async (tx) => {
    await tx.lock(`grants ${change.namespaceId}`);
    const place = await requirePlace(tx, change);
    const role = await findRole(tx, change, change.subject.id);
    if (!role) throw new AppError('not_found', 'No role was granted there.', { reason: 'conflict' });
    const name = (await findSubjectName(tx, change.subject)) ?? '';
    await removeIn(parts, tx, { ...change, place, role, subject: { ...change.subject, name } });
  });
}

/**
 * Ends every role of a user or robot that is deleted, each with its event, in the unit of its deletion. `cause` is the
 * event of that.
 */
export async function revokeRolesOf(
  parts: AccessParts,
  tx: Tx,
  change: { by: Performer; subject: Subject; cause: string },
): Promise<void> {
  const { by, subject, cause } = change;
  const name = (await findSubjectName(tx, subject)) ?? '';
  const rows = await tx.q.selectFrom('role_grant').selectAll().where('subject_id', '=', subject.id).execute();
  for (const row of rows) {
    const at: GrantPlace = {
      namespaceId: row.namespace_id,
      ...(row.project_id !== '' && { projectId: row.project_id }),
    };
    const place = await requirePlace(tx, at);
    await removeIn(parts, tx, { ...at, by, place, role: row.role, subject: { ...subject, name }, cause });
  }
  tx.afterCommit(() => accessCacheOf(parts.db).forgetHoldings());
}

/** With their namespace, whose event stands for them. */
export async function clearGrantsOfNamespace(parts: AccessParts, tx: Tx, namespaceId: string): Promise<void> {
  await tx.q.deleteFrom('role_grant').where('namespace_id', '=', namespaceId).execute();
  tx.afterCommit(() => accessCacheOf(parts.db).forgetHoldings());
}

/** On one project, or on the namespace itself; in the order of subject ids. */
export async function listGrants(
  parts: Pick<AccessParts, 'db'>,
  page: GrantPlace & { after?: string; limit?: number },
): Promise<{ grants: RoleGrant[]; next?: string }> {
  const limit = pageSize(page.limit);
  const rows = await parts.db.read.q
    .selectFrom('role_grant')
    .selectAll()
    .where('namespace_id', '=', page.namespaceId)
    .where('project_id', '=', page.projectId ?? '')
    .where('subject_id', '>', page.after ?? '')
    .orderBy('subject_id')
    .limit(limit + 1)
    .execute();
  const { shown, ...more } = cutPage(rows, limit, (row) => row.subject_id);
  const grants: RoleGrant[] = [];
  for (const row of shown) {
    const subject = { kind: row.subject_kind, id: row.subject_id };
    const name = (await findSubjectName(parts.db.read, subject)) ?? '';
    const { namespaceId, projectId } = page;
    grants.push({
      namespaceId,
      ...(projectId !== undefined && { projectId }),
      subject: { ...subject, name },
      role: row.role,
      sinceUs: row.created_at,
    });
  }
  return { grants, ...more };
}

type Place = { scope: Scope; target: Target };
type Removal = GrantPlace & {
  by: Performer;
  place: Place;
  role: GrantedRole;
  subject: Subject & { name: string };
  cause?: string;
};

async function removeIn(parts: AccessParts, tx: Tx, removal: Removal): Promise<void> {
  const { by, place, role, subject, cause } = removal;
  await tx.q
    .deleteFrom('role_grant')
    .where('namespace_id', '=', removal.namespaceId)
    .where('project_id', '=', removal.projectId ?? '')
    .where('subject_id', '=', subject.id)
    .execute();
  const type = removal.projectId === undefined ? 'namespace.role.revoke' : 'project.role.revoke';
  const details = { ...subjectDetails(subject), role };
  parts.trail.record(tx, { type, by, ...place, ...(cause !== undefined && { cause }), details });
}

async function changeGrants(parts: AccessParts, change: (tx: Tx) => Promise<void>): Promise<void> {
  await parts.db.transact(async (tx) => {
    await change(tx);
    tx.afterCommit(() => accessCacheOf(parts.db).forgetHoldings());
  });
}

async function findRole(tx: Tx, place: GrantPlace, subjectId: string): Promise<GrantedRole | undefined> {
  const row = await tx.q
    .selectFrom('role_grant')
    .select('role')
    .where('namespace_id', '=', place.namespaceId)
    .where('project_id', '=', place.projectId ?? '')
    .where('subject_id', '=', subjectId)
    .executeTakeFirst();
  return row?.role;
}

async function requirePlace(tx: Tx, { namespaceId, projectId }: GrantPlace): Promise<Place> {
  const namespace = await tx.q
    .selectFrom('namespace')
    .select(['id', 'kind', 'name'])
    .where('id', '=', namespaceId)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
  if (!namespace)
    throw new AppError('not_found', 'There is no such user or organisation.', {
      reason: 'namespace_unknown',
    });
  const { id, kind, name } = namespace;
  if (projectId === undefined)
    return { scope: { namespace: { id, kind, name } }, target: { kind, id, name } };
  const project = await tx.q
    .selectFrom('project')
    .select(['id', 'format', 'name'])
    .where('id', '=', projectId)
    .where('namespace_id', '=', namespaceId)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
  if (!project) throw new AppError('not_found', 'There is no such project.', { reason: 'project_unknown' });
  const path = `${name}/${project.name}`;
  return {
    scope: { namespace: { id, kind, name }, project: { format: project.format, id: project.id, path } },
    target: { kind: 'project', id: project.id, name: path },
  };
}

/** The subject's name; throws unless it lives and may hold a role here. */
async function requireSubject(tx: Tx, subject: Subject, namespaceId: string): Promise<string> {
  const name = await findSubjectName(tx, subject, { living: true });
  if (name === undefined) {
    const isUser = subject.kind === 'user';
    throw new AppError('not_found', isUser ? 'There is no such user.' : 'There is no such robot.', {
      reason: isUser ? 'unknown_user' : 'unknown_robot',
    });
  }
  if (subject.kind === 'user') return name;
  const robot = await tx.q
    .selectFrom('robot')
    .select('namespace_id')
    .where('id', '=', subject.id)
    .executeTakeFirst();
  if (robot?.namespace_id === namespaceId) return name;
  throw new AppError(
    'conflict',
    `${name} belongs to another namespace, and a robot can only be given roles in its own.`,
    {
      reason: 'conflict',
      details: { field: 'subject' },
    },
  );
}

async function findSubjectName(
  db: Pick<Tx, 'q'>,
  subject: Subject,
  only?: { living: true },
): Promise<string | undefined> {
  if (subject.kind === 'user') {
    let users = db.q
      .selectFrom('namespace')
      .select('name')
      .where('id', '=', subject.id)
      .where('kind', '=', 'user');
    if (only) users = users.where('deleted_at', 'is', null);
    return (await users.executeTakeFirst())?.name;
  }
  let robots = db.q
    .selectFrom('robot as r')
    .innerJoin('namespace as n', 'n.id', 'r.namespace_id')
    .select(['n.name as owner', 'r.name as short'])
    .where('r.id', '=', subject.id);
  if (only) robots = robots.where('r.deleted_at', 'is', null);
  const row = await robots.executeTakeFirst();
  return row && `${row.owner}+${row.short}`;
}

function subjectDetails(subject: Subject & { name: string }) {
  return { subjectKind: subject.kind, subject: subject.name, subjectId: subject.id };
}
