/** Roles granted on a project or on every project of a namespace. */
import type { RoleGrant } from '@tallyman/contract';
import {
  type GrantedRole,
  type GrantPlace,
  grantRole,
  listGrants,
  revokeRole,
  type Subject,
} from '../access/grants.ts';
import type { AccessParts } from '../access/parts.ts';
import { AppError } from '../domain/error.ts';
import { parseRobotName } from '../domain/names.ts';
import { accountsOf } from '../identity/accounts.ts';
import { findRobotByName } from '../identity/robots.ts';
import { getUser } from '../identity/users.ts';
import { formatUs } from '../stdx/clock.ts';
import type { Performer } from '../trail/draft.ts';
import type { ApiHandlers } from './call.ts';
import { nextOf, pageOf } from './pages.ts';
import { selectGrant } from './rows.ts';

type RoleRoutes = `${'namespaces' | 'projects'}.roles.${'list' | 'put' | 'delete'}`;

export function roleHandlers(parts: AccessParts): ApiHandlers<RoleRoutes> {
  return {
    'namespaces.roles.list': async ({ namespace, query }) =>
      list(parts, { namespaceId: namespace.id }, query),
    'namespaces.roles.put': async ({ caller, namespace, params, body }) =>
      put(parts, caller, { at: { namespaceId: namespace.id }, named: params, role: body.role }),
    'namespaces.roles.delete': async ({ caller, namespace, params }) =>
      remove(parts, caller, { at: { namespaceId: namespace.id }, named: params }),
    'projects.roles.list': async ({ namespace, project, query }) =>
      list(parts, { namespaceId: namespace.id, projectId: project.id }, query),
    'projects.roles.put': async ({ caller, namespace, project, params, body }) =>
      put(parts, caller, {
        at: { namespaceId: namespace.id, projectId: project.id },
        named: params,
        role: body.role,
      }),
    'projects.roles.delete': async ({ caller, namespace, project, params }) =>
      remove(parts, caller, { at: { namespaceId: namespace.id, projectId: project.id }, named: params }),
  };
}

type Named = { kind: 'user' | 'robot'; subject: string };
type Query = { cursor?: string | undefined; limit: number };

async function list(
  parts: AccessParts,
  at: GrantPlace,
  query: Query,
): Promise<{ items: RoleGrant[]; next: string | null }> {
  const { grants, next } = await listGrants(parts, { ...at, ...pageOf(query) });
  const items = grants.map(({ subject, role, sinceUs }) => ({ subject, role, since: formatUs(sinceUs) }));
  return { items, next: nextOf(next) };
}

async function put(
  parts: AccessParts,
  by: Performer,
  { at, named, role }: { at: GrantPlace; named: Named; role: GrantedRole },
): Promise<RoleGrant> {
  const subject = await resolve(parts, named);
  await grantRole(parts, { ...at, by, subject, role });
  const key = { namespaceId: at.namespaceId, projectId: at.projectId ?? '', subjectId: subject.id };
  const granted = await selectGrant(parts.db.read, key);
  if (granted === undefined)
    throw new AppError('conflict', 'The role was taken away a moment ago.', { reason: 'conflict' });
  return {
    subject: { ...subject, name: named.subject },
    role: granted.role,
    since: formatUs(granted.sinceUs),
  };
}

async function remove(
  parts: AccessParts,
  by: Performer,
  { at, named }: { at: GrantPlace; named: Named },
): Promise<void> {
  await revokeRole(parts, { ...at, by, subject: await resolve(parts, named) });
}

async function resolve(parts: AccessParts, { kind, subject }: Named): Promise<Subject> {
  if (kind === 'user') return { kind, id: (await getUser(parts, { name: subject })).id };
  const name = parseRobotName(subject);
  const owner = name && (await accountsOf(parts.db).findNamespace(name.owner));
  const robot = name && owner && (await findRobotByName(parts, { namespaceId: owner.id, name: name.short }));
  if (robot) return { kind, id: robot.id };
  throw new AppError('not_found', 'There is no such robot. A robot is named owner+name.', {
    reason: 'unknown_robot',
    details: { field: 'subject' },
  });
}
