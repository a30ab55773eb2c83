/**
 * Organisations: their life, members and default role, and the freeing of reserved names. Each change is one unit with
 * its event. An organisation always has an owner.
 */
import type { Scope, Target } from '@tallyman/contract';
import type { Tx } from '../db/store.ts';
import type { Caller } from '../domain/caller.ts';
import { AppError } from '../domain/error.ts';
import { accountsOf } from '../identity/accounts.ts';
import { reservedForms } from '../identity/erase-account.ts';
import { claimNamespaceName, reserveName } from '../identity/names.ts';
import { deleteOauthApplicationsIn } from '../identity/oauth-applications.ts';
import { deleteRobotsIn } from '../identity/robots.ts';
import { cutPage, pageSize } from '../stdx/pages.ts';
import { uuidv7 } from '../stdx/random.ts';
import type { Performer } from '../trail/draft.ts';
import { accessCacheOf } from './cache.ts';
import { tryFinishDeletion } from './deletions.ts';
import { clearGrantsOfNamespace } from './grants.ts';
import type { AccessParts } from './parts.ts';
import { type DeleteContent, deleteProjectsIn } from './projects.ts';

export type MemberRole = 'owner' | 'member';
export type DefaultRole = 'none' | 'reader' | 'maintainer';
export type Organisation = {
  id: string;
  num: number;
  name: string;
  defaultRole: DefaultRole;
  createdAtUs: number;
};
export type Member = { userId: string; name: string; role: MemberRole; sinceUs: number };

const whoCreates = 'organisations.create';

/** Whether users who are no administrators may create organisations; default: they may. */
export async function mayCreateOrganisation(
  parts: Pick<AccessParts, 'db'>,
  caller: Caller,
): Promise<boolean> {
  if (caller.actor.kind !== 'user') return false;
  if (caller.roles.admin) return true;
  const row = await parts.db.read.q
    .selectFrom('setting')
    .select('value')
    .where('namespace_id', '=', '')
    .where('key', '=', whoCreates)
    .executeTakeFirst();
  return row?.value !== 'administrators';
}

/** `ownerId`: the user who becomes its first owner. */
export async function createOrganisation(
  parts: AccessParts,
  creation: { by: Performer; name: string; ownerId: string },
): Promise<Organisation> {
  return parts.db.transact(async (tx) => {
    const name = await claimNamespaceName(tx, { name: creation.name });
    await tx.lock(`account ${creation.ownerId}`);
    const owner = await requireUser(tx, creation.ownerId);
    const nowUs = parts.clock.nowUs();
    const id = uuidv7(nowUs);
    await tx.q
      .insertInto('namespace')
      .values({ id, kind: 'organisation', name, created_at: nowUs, deleted_at: null })
      .execute();
    await tx.q
      .insertInto('member')
      .values({ organisation_id: id, user_id: owner.id, role: 'owner', created_at: nowUs })
      .execute();
    const place = placeOf({ id, name });
    const cause = parts.trail.record(tx, {
      type: 'organisation.account.create',
      by: creation.by,
      ...place,
      details: {},
    });
    parts.trail.record(tx, {
      type: 'organisation.member.add',
      by: creation.by,
      scope: place.scope,
      target: { kind: 'user', id: owner.id, name: owner.name },
      cause,
      details: { role: 'owner' },
    });
    tx.afterCommit(() => accessCacheOf(parts.db).forgetHoldings());
    return (await findIn(tx, id)) as Organisation;
  });
}

/** Living ones only. */
export async function getOrganisation(parts: Pick<AccessParts, 'db'>, id: string): Promise<Organisation> {
  return (await findIn(parts.db.read, id)) ?? throwUnknown();
}

/** By name; those of one user when `memberId` is given. */
export async function listOrganisations(
  parts: Pick<AccessParts, 'db'>,
  page: { memberId?: string; after?: string; limit?: number },
): Promise<{ organisations: Organisation[]; next?: string }> {
  const limit = pageSize(page.limit);
  const { memberId } = page;
  let query = selectOrganisations(parts.db.read).where('name', '>', page.after ?? '');
  if (memberId !== undefined) {
    query = query.where('id', 'in', (eb) =>
      eb.selectFrom('member').select('organisation_id').where('user_id', '=', memberId),
    );
  }
  const rows = await query
    .orderBy('name')
    .limit(limit + 1)
    .execute();
  const { shown, ...more } = cutPage(rows, limit, (row) => row.name);
  return { organisations: shown.map(fromRow), ...more };
}

/** The former name stays reserved; taking an own former name back ends its reservation. */
export async function renameOrganisation(
  parts: AccessParts,
  change: { by: Performer; organisationId: string; name: string },
): Promise<Organisation> {
  return changeOrganisation(parts, change.organisationId, async (tx, before) => {
    if (change.name === before.name) return;
    const name = await claimNamespaceName(tx, { name: change.name, ownerId: before.id });
    await reserveName(tx, { format: '', name: before.name, formerId: before.id, nowUs: parts.clock.nowUs() });
    await tx.q.updateTable('namespace').set({ name }).where('id', '=', before.id).execute();
    parts.trail.record(tx, {
      type: 'organisation.account.rename',
      by: change.by,
      ...placeOf({ id: before.id, name }),
      details: { from: before.name, to: name },
    });
  });
}

/** Its projects, robots, applications, members and grants end with it, in one unit. The name stays reserved. */
export async function deleteOrganisation(
  parts: AccessParts,
  deletion: { by: Performer; organisationId: string; deleteContent: DeleteContent },
): Promise<void> {
  const { by, deleteContent } = deletion;
  await changeOrganisation(parts, deletion.organisationId, async (tx, before) => {
    const nowUs = parts.clock.nowUs();
    const robots = await deleteRobotsIn(parts, tx, before.id);
    await deleteOauthApplicationsIn(parts, tx, before.id);
    const projects = await countProjects(tx, before.id);
    const place = placeOf(before);
    const cause = parts.trail.record(tx, {
      type: 'organisation.account.delete',
      by,
      ...place,
      details: { projects, robots: robots.length },
    });
    await deleteProjectsIn(parts, tx, { by, namespaceId: before.id, cause, deleteContent });
    await clearGrantsOfNamespace(parts, tx, before.id);
    await tx.q.deleteFrom('member').where('organisation_id', '=', before.id).execute();
    await reserveName(tx, { format: '', name: before.name, formerId: before.id, nowUs });
    await tx.q.updateTable('namespace').set({ deleted_at: nowUs }).where('id', '=', before.id).execute();
  });
  await tryFinishDeletion(parts, { by, namespaceId: deletion.organisationId, deleteContent });
}

/** Throws conflict when the user is a member already. */
export async function addMember(
  parts: AccessParts,
  change: { by: Performer; organisationId: string; userId: string; role: MemberRole },
): Promise<void> {
  const { by, userId, role } = change;
  await changeOrganisation(parts, change.organisationId, async (tx, organisation) => {
    await tx.lock(`account ${userId}`);
    const user = await requireUser(tx, userId);
    if (await findMemberRole(tx, organisation.id, userId)) {
      throw new AppError('conflict', `${user.name} is a member already. Change the role instead.`, {
        reason: 'conflict',
      });
    }
    const row = { organisation_id: organisation.id, user_id: userId, role, created_at: parts.clock.nowUs() };
    await tx.q.insertInto('member').values(row).execute();
    parts.trail.record(tx, {
      type: 'organisation.member.add',
      by,
      ...memberPlace(organisation, user),
      details: { role },
    });
  });
}

/** Throws conflict for the last owner. */
export async function changeMember(
  parts: AccessParts,
  change: { by: Performer; organisationId: string; userId: string; role: MemberRole },
): Promise<void> {
  const { by, userId, role } = change;
  await changeOrganisation(parts, change.organisationId, async (tx, organisation) => {
    const { user, role: from } = await requireMember(tx, organisation.id, userId);
    if (from === role) return;
    if (from === 'owner') await requireOtherOwner(tx, organisation, userId);
    await tx.q
      .updateTable('member')
      .set({ role })
      .where('organisation_id', '=', organisation.id)
      .where('user_id', '=', userId)
      .execute();
    const details = { role: { from, to: role } };
    parts.trail.record(tx, {
      type: 'organisation.member.change',
      by,
      ...memberPlace(organisation, user),
      details,
    });
  });
}

/** Throws conflict for the last owner. */
export async function removeMember(
  parts: AccessParts,
  change: { by: Performer; organisationId: string; userId: string },
): Promise<void> {
  await changeOrganisation(parts, change.organisationId, (tx, organisation) =>
    removeMemberIn(parts, tx, { ...change, organisation }),
  );
}

type Removal = { by: Performer; organisation: { id: string; name: string }; userId: string; cause?: string };

export async function removeMemberIn(parts: AccessParts, tx: Tx, removal: Removal): Promise<void> {
  const { by, organisation, userId, cause } = removal;
  const { user, role } = await requireMember(tx, organisation.id, userId);
  if (role === 'owner') await requireOtherOwner(tx, organisation, userId);
  await tx.q
    .deleteFrom('member')
    .where('organisation_id', '=', organisation.id)
    .where('user_id', '=', userId)
    .execute();
  parts.trail.record(tx, {
    type: 'organisation.member.remove',
    by,
    ...memberPlace(organisation, user),
    ...(cause !== undefined && { cause }),
    details: { role },
  });
}

/** By name. */
export async function listMembers(
  parts: Pick<AccessParts, 'db'>,
  page: { organisationId: string; after?: string; limit?: number },
): Promise<{ members: Member[]; next?: string }> {
  const limit = pageSize(page.limit);
  const rows = await parts.db.read.q
    .selectFrom('member as m')
    .innerJoin('namespace as n', 'n.id', 'm.user_id')
    .select(['m.user_id', 'n.name', 'm.role', 'm.created_at'])
    .where('m.organisation_id', '=', page.organisationId)
    .where('n.name', '>', page.after ?? '')
    .orderBy('n.name')
    .limit(limit + 1)
    .execute();
  const { shown, ...more } = cutPage(rows, limit, (row) => row.name);
  const members = shown.map((row) => ({
    userId: row.user_id,
    name: row.name,
    role: row.role,
    sinceUs: row.created_at,
  }));
  return { members, ...more };
}

/** The user's role in the organisation itself; undefined when no member. */
export async function findMember(
  parts: Pick<AccessParts, 'db'>,
  key: { organisationId: string; userId: string },
): Promise<MemberRole | undefined> {
  return findMemberRole(parts.db.read, key.organisationId, key.userId);
}

export async function changeDefaultRole(
  parts: AccessParts,
  change: { by: Performer; organisationId: string; role: DefaultRole },
): Promise<Organisation> {
  return changeOrganisation(parts, change.organisationId, async (tx, before) => {
    if (before.defaultRole === change.role) return;
    await tx.q
      .updateTable('namespace')
      .set({ default_role: change.role })
      .where('id', '=', before.id)
      .execute();
    parts.trail.record(tx, {
      type: 'organisation.default_role.change',
      by: change.by,
      ...placeOf(before),
      details: { role: { from: before.defaultRole, to: change.role } },
    });
  });
}

export type ReservedName = { format: string; name: string; formerId: string; reservedAtUs: number };

/** By name; format '' = names of users and organisations. */
export async function listReservedNames(
  parts: Pick<AccessParts, 'db'>,
  page: { format: string; after?: string; limit?: number },
): Promise<{ names: ReservedName[]; next?: string }> {
  const limit = pageSize(page.limit);
  const rows = await parts.db.read.q
    .selectFrom('reserved_name')
    .selectAll()
    .where('format', '=', page.format)
    .where('name', '>', page.after ?? '')
    .orderBy('name')
    .limit(limit + 1)
    .execute();
  const { shown, ...more } = cutPage(rows, limit, (row) => row.name);
  const names = shown.map((row) => ({
    format: row.format,
    name: row.name,
    formerId: row.former_id,
    reservedAtUs: row.reserved_at,
  }));
  return { names, ...more };
}

/** An administrator's: lets anybody take the name again. format '' = of a user or organisation. */
export async function freeName(
  parts: AccessParts,
  change: { by: Performer; format: string; name: string },
): Promise<void> {
  const { by, format, name } = change;
  await parts.db.transact(async (tx) => {
    const freed = await tx.q
      .deleteFrom('reserved_name')
      .where('format', '=', format)
      .where('name', 'in', format === '' ? await reservedForms(tx, name) : [name])
      .returning('former_id')
      .execute();
    const [former] = freed;
    if (!former) throw new AppError('not_found', 'This name is not reserved.', { reason: 'conflict' });
    const target = { kind: format === '' ? 'namespace' : 'project', id: former.former_id, name };
    const details = { name, ...(format !== '' && { format }) };
    parts.trail.record(tx, { type: 'namespace.name.free', by, scope: {}, target, details });
  });
}

async function changeOrganisation(
  parts: AccessParts,
  id: string,
  change: (tx: Tx, organisation: Organisation) => Promise<void>,
): Promise<Organisation> {
  return parts.db.transact(async (tx) => {
    await tx.lock(`account ${id}`);
    const before = (await findIn(tx, id)) ?? throwUnknown();
    await change(tx, before);
    tx.afterCommit(() => {
      accountsOf(parts.db).forgetNamespace(id);
      accessCacheOf(parts.db).forgetHoldings();
    });
    return (await findIn(tx, id)) ?? before;
  });
}

async function requireOtherOwner(
  tx: Tx,
  organisation: { id: string; name: string },
  userId: string,
): Promise<void> {
  const other = await tx.q
    .selectFrom('member')
    .select('user_id')
    .where('organisation_id', '=', organisation.id)
    .where('role', '=', 'owner')
    .where('user_id', '!=', userId)
    .limit(1)
    .executeTakeFirst();
  if (other) return;
  const message = `This is the last owner of ${organisation.name}. Make somebody else owner first, or delete the organisation.`;
  throw new AppError('conflict', message, { reason: 'conflict' });
}

async function requireMember(
  tx: Tx,
  organisationId: string,
  userId: string,
): Promise<{ user: { id: string; name: string }; role: MemberRole }> {
  const role = await findMemberRole(tx, organisationId, userId);
  const user = await tx.q
    .selectFrom('namespace')
    .select(['id', 'name'])
    .where('id', '=', userId)
    .executeTakeFirst();
  if (!role || !user)
    throw new AppError('not_found', 'This user is not a member.', { reason: 'unknown_user' });
  return { user, role };
}

async function findMemberRole(
  db: Pick<Tx, 'q'>,
  organisationId: string,
  userId: string,
): Promise<MemberRole | undefined> {
  const row = await db.q
    .selectFrom('member')
    .select('role')
    .where('organisation_id', '=', organisationId)
    .where('user_id', '=', userId)
    .executeTakeFirst();
  return row?.role;
}

async function requireUser(tx: Tx, id: string): Promise<{ id: string; name: string }> {
  const row = await tx.q
    .selectFrom('namespace')
    .select(['id', 'name'])
    .where('id', '=', id)
    .where('kind', '=', 'user')
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
  if (!row) throw new AppError('not_found', 'There is no such user.', { reason: 'unknown_user' });
  return row;
}

async function countProjects(tx: Tx, namespaceId: string): Promise<number> {
  const row = await tx.q
    .selectFrom('project')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('namespace_id', '=', namespaceId)
    .where('deleted_at', 'is', null)
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

function selectOrganisations(db: Pick<Tx, 'q'>) {
  return db.q
    .selectFrom('namespace')
    .select(['id', 'num', 'name', 'default_role', 'created_at'])
    .where('kind', '=', 'organisation')
    .where('deleted_at', 'is', null);
}

async function findIn(db: Pick<Tx, 'q'>, id: string): Promise<Organisation | undefined> {
  const row = await selectOrganisations(db).where('id', '=', id).executeTakeFirst();
  return row && fromRow(row);
}

function fromRow(row: {
  id: string;
  num: number;
  name: string;
  default_role: string;
  created_at: number;
}): Organisation {
  return {
    id: row.id,
    num: row.num,
    name: row.name,
    defaultRole: row.default_role as DefaultRole,
    createdAtUs: row.created_at,
  };
}

type Place = { scope: Scope; target: Target };

function placeOf({ id, name }: { id: string; name: string }): Place {
  return {
    scope: { namespace: { id, kind: 'organisation', name } },
    target: { kind: 'organisation', id, name },
  };
}

function memberPlace(
  organisation: { id: string; name: string },
  { id, name }: { id: string; name: string },
): Place {
  return { scope: placeOf(organisation).scope, target: { kind: 'user', id, name } };
}

function throwUnknown(): never {
  throw new AppError('not_found', 'There is no such organisation.', { reason: 'namespace_unknown' });
}
