/** The SQL of settings, and look-ups that only an answer's form needs; a noun's own rows belong to its room. */
import type { ReadDb } from '../db/store.ts';

/** What is stored of the keys, by key. Namespace '' = the server. */
export async function selectSettings(
  db: ReadDb,
  where: { namespaceId: string; keys: readonly string[] },
): Promise<Map<string, { value: string; changedAtUs: number }>> {
  const rows = await db.q
    .selectFrom('setting')
    .select(['key', 'value', 'changed_at'])
    .where('namespace_id', '=', where.namespaceId)
    .where('key', 'in', where.keys)
    .execute();
  return new Map(rows.map((row) => [row.key, { value: row.value, changedAtUs: Number(row.changed_at) }]));
}

export type MembershipRow = { id: string; name: string; role: 'owner' | 'member'; defaultRole: string };

/** Living organisations a user belongs to. */
export async function selectMemberships(db: ReadDb, userId: string): Promise<MembershipRow[]> {
  const rows = await db.q
    .selectFrom('member as m')
    .innerJoin('namespace as n', 'n.id', 'm.organisation_id')
    .select(['n.id', 'n.name', 'm.role', 'n.default_role'])
    .where('m.user_id', '=', userId)
    .where('n.deleted_at', 'is', null)
    .orderBy('n.name')
    .limit(mostRights)
    .execute();
  return rows.map(({ default_role: defaultRole, ...row }) => ({ ...row, defaultRole }));
}

export async function selectMember(
  db: ReadDb,
  key: { organisationId: string; userId: string },
): Promise<{ role: 'owner' | 'member'; sinceUs: number } | undefined> {
  return db.q
    .selectFrom('member')
    .select(['role', 'created_at as sinceUs'])
    .where('organisation_id', '=', key.organisationId)
    .where('user_id', '=', key.userId)
    .executeTakeFirst();
}

export async function selectGrant(
  db: ReadDb,
  key: { namespaceId: string; projectId: string; subjectId: string },
): Promise<{ role: 'reader' | 'maintainer' | 'owner'; sinceUs: number } | undefined> {
  return db.q
    .selectFrom('role_grant')
    .select(['role', 'created_at as sinceUs'])
    .where('namespace_id', '=', key.namespaceId)
    .where('project_id', '=', key.projectId)
    .where('subject_id', '=', key.subjectId)
    .executeTakeFirst();
}

/** Who each of the given credentials belongs to, with the name of that user. */
export async function selectHolders(
  db: ReadDb,
  credentialIds: readonly string[],
): Promise<Map<string, { id: string; name: string }>> {
  if (credentialIds.length === 0) return new Map();
  const rows = await db.q
    .selectFrom('credential as c')
    .innerJoin('namespace as n', 'n.id', 'c.principal_id')
    .select(['c.id as credentialId', 'n.id', 'n.name'])
    .where('c.id', 'in', credentialIds)
    .execute();
  return new Map(rows.map(({ credentialId, ...holder }) => [credentialId, holder]));
}

/** Roles granted to a user or robot; projectId '' = on the whole namespace. */
export async function selectGrants(
  db: ReadDb,
  subject: { kind: 'user' | 'robot'; id: string },
): Promise<{ namespaceId: string; projectId: string; role: string }[]> {
  const rows = await db.q
    .selectFrom('role_grant')
    .select(['namespace_id', 'project_id', 'role'])
    .where('subject_kind', '=', subject.kind)
    .where('subject_id', '=', subject.id)
    .limit(mostRights)
    .execute();
  return rows.map((row) => ({ namespaceId: row.namespace_id, projectId: row.project_id, role: row.role }));
}

/** A namespace by id, deleted ones too: their history stays readable. */
export async function selectAnyNamespace(
  db: ReadDb,
  id: string,
): Promise<{ id: string; kind: 'user' | 'organisation'; name: string } | undefined> {
  return db.q.selectFrom('namespace').select(['id', 'kind', 'name']).where('id', '=', id).executeTakeFirst();
}

/** A project by id with its namespace, deleted ones too. */
export async function selectAnyProject(db: ReadDb, id: string) {
  return db.q
    .selectFrom('project as p')
    .innerJoin('namespace as n', 'n.id', 'p.namespace_id')
    .select([
      'p.id',
      'p.format',
      'p.name',
      'n.id as namespaceId',
      'n.kind as namespaceKind',
      'n.name as namespaceName',
    ])
    .where('p.id', '=', id)
    .executeTakeFirst();
}

/** Beyond it somebody has more rights than a page could show; what is left out is not readable, never the reverse. */
const mostRights = 10_000;

/** When a session ends at the latest. */
export async function selectCredentialEnd(db: ReadDb, id: string): Promise<number | undefined> {
  const row = await db.q
    .selectFrom('credential')
    .select('expires_at')
    .where('id', '=', id)
    .executeTakeFirst();
  return row?.expires_at ?? undefined;
}
