/** The SQL of access's hot reads, prepared once. */
import { statement } from '../db/statement.ts';
import type { ReadDb } from '../db/store.ts';
import type { Holding } from './cache.ts';
import type { Project, Role } from './model.ts';
import { higherRole } from './model.ts';

type ProjectRow = {
  id: string;
  num: number;
  format: string;
  namespace_id: string;
  name: string;
  visibility: string;
  namespace: string;
};

const projectById = statement<ProjectRow>(
  `SELECT p.id, p.num, p.format, p.namespace_id, p.name, p.visibility, n.name AS namespace
     FROM project p JOIN namespace n ON n.id = p.namespace_id WHERE p.id = ? AND p.deleted_at IS NULL AND n.deleted_at IS NULL`,
);
const projectByName = statement<{ id: string }>(
  'SELECT id FROM project WHERE namespace_id = ? AND format = ? AND name = ? AND deleted_at IS NULL',
);
const memberRole = statement<{ role: string }>(
  'SELECT role FROM member WHERE organisation_id = ? AND user_id = ?',
);
const grantedRoles = statement<{ role: string }>(
  'SELECT role FROM role_grant WHERE namespace_id = ? AND project_id IN (?, ?) AND subject_id = ?',
);
const reservedName = statement<{ former_id: string }>(
  'SELECT former_id FROM reserved_name WHERE format = ? AND name = ?',
);

export async function selectProject(db: ReadDb, id: string): Promise<Project | undefined> {
  const row = await db.get(projectById, [id]);
  return row && projectFromRow(row);
}

export function projectFromRow(row: ProjectRow): Project {
  return {
    id: row.id,
    num: row.num,
    format: row.format as Project['format'],
    namespaceId: row.namespace_id,
    name: row.name,
    path: `${row.namespace}/${row.name}`,
    visibility: row.visibility as Project['visibility'],
  };
}

export async function selectProjectId(
  db: ReadDb,
  key: { namespaceId: string; format: string; name: string },
): Promise<string | undefined> {
  return (await db.get(projectByName, [key.namespaceId, key.format, key.name]))?.id;
}

/** projectId '' = only what holds on the whole namespace. */
export async function selectHolding(
  db: ReadDb,
  key: { subjectId: string; namespaceId: string; projectId: string; isUser: boolean },
): Promise<Holding> {
  const { subjectId, namespaceId, projectId } = key;
  const member = key.isUser ? await db.get(memberRole, [namespaceId, subjectId]) : undefined;
  const rows = await db.all(grantedRoles, [namespaceId, '', projectId, subjectId]);
  const granted = rows.reduce<Role>((highest, row) => higherRole(highest, row.role as Role), 'none');
  return { member: member?.role as Holding['member'], granted };
}

/** Whose a reserved name was; format '' = of a namespace. */
export async function selectReservedName(
  db: ReadDb,
  key: { format: string; name: string },
): Promise<string | undefined> {
  return (await db.get(reservedName, [key.format, key.name]))?.former_id;
}
