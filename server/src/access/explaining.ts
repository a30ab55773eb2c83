/** Which events explain present memberships, roles and projects; retention keeps them (trail/forget/explainer.ts). */
import type { ReadDb } from '../db/store.ts';
import { type Explainer, recordedUs } from '../trail/forget/explainer.ts';
import type { OpenEvent } from '../trail/projected-row.ts';

/** Of an event about a role: since the row was made, every grant and change is part of how it came to be. */
async function isGrantedStill({ scope, details, type, recordedAt }: OpenEvent, db: ReadDb): Promise<boolean> {
  const row = await db.q
    .selectFrom('role_grant')
    .select('created_at')
    .where('namespace_id', '=', scope.namespace?.id ?? '')
    .where('project_id', '=', type === 'namespace.role.grant' ? '' : (scope.project?.id ?? ''))
    .where('subject_id', '=', String(details.subjectId))
    .executeTakeFirst();
  return row !== undefined && recordedUs({ recordedAt } as OpenEvent) >= row.created_at;
}

export const accessExplainers: readonly Explainer[] = [
  { types: ['namespace.role.grant', 'project.role.grant'], explains: isGrantedStill },
  {
    types: ['organisation.member.add', 'organisation.member.change'],
    explains: async (event, db) => {
      const row = await db.q
        .selectFrom('member')
        .select('created_at')
        .where('organisation_id', '=', event.scope.namespace?.id ?? '')
        .where('user_id', '=', event.target?.id ?? '')
        .executeTakeFirst();
      return row !== undefined && recordedUs(event) >= row.created_at;
    },
  },
  {
    types: ['organisation.account.create', 'organisation.default_role.change'],
    explains: async ({ scope, type, details }, db) => {
      const row = await db.q
        .selectFrom('namespace')
        .select(['default_role', 'deleted_at'])
        .where('id', '=', scope.namespace?.id ?? '')
        .executeTakeFirst();
      if (row === undefined || row.deleted_at !== null) return false;
      const role = (details.role as { to?: string } | undefined)?.to;
      return type === 'organisation.account.create' || (role !== 'none' && role === row.default_role);
    },
  },
  {
    types: ['project.entry.create', 'project.visibility.change'],
    explains: async ({ scope, type, details }, db) => {
      const row = await db.q
        .selectFrom('project')
        .select(['visibility', 'deleted_at'])
        .where('id', '=', scope.project?.id ?? '')
        .executeTakeFirst();
      if (row === undefined || row.deleted_at !== null) return false;
      const visibility = (details.visibility as { to?: string } | undefined)?.to;
      return type === 'project.entry.create' || visibility === row.visibility;
    },
  },
];
