/** Namespaces: what one may do there, roles on all its projects, names that a rename or deletion left reserved. */
import { z } from 'zod';
import { namespaceKinds, projectFormats } from '../event.ts';
import type { ApiRoute } from './route.ts';
import {
  heldRoleSchema,
  idSchema,
  nameSchema,
  pageOf,
  pageQuery,
  projectRoleSchema,
  subjectKindSchema,
  subjectNameSchema,
  timeSchema,
} from './shapes.ts';

export const namespaceSchema = z.strictObject({
  id: idSchema,
  kind: z.enum(namespaceKinds),
  name: z.string(),
  /** What the caller holds on all its projects. */
  role: heldRoleSchema,
});
export type Namespace = z.infer<typeof namespaceSchema>;

/** A role somebody was granted, on one project or on every project of a namespace. */
export const roleGrantSchema = z.strictObject({
  subject: z.strictObject({ kind: subjectKindSchema, id: idSchema, name: z.string() }),
  role: projectRoleSchema,
  since: timeSchema,
});
export type RoleGrant = z.infer<typeof roleGrantSchema>;
export const roleInputSchema = z.strictObject({ role: projectRoleSchema });

/** `namespace`: the name of a user or an organisation; else the path of a project of that format. */
export const reservedKindSchema = z.enum(['namespace', ...projectFormats]);
export const reservedNameSchema = z.strictObject({
  kind: reservedKindSchema,
  name: z.string(),
  /** Id of the namespace or project that had it. */
  formerId: z.string(),
  reservedAt: timeSchema,
});
export type ReservedName = z.infer<typeof reservedNameSchema>;

const params = z.strictObject({ namespace: nameSchema });
const subjectParams = z.strictObject({
  namespace: nameSchema,
  kind: subjectKindSchema,
  subject: subjectNameSchema,
});
const owner = {
  permission: 'namespace_owner',
  scope: 'project:admin',
  refusal: 'api.action.refuse',
} as const;
const administrator = { permission: 'administrator', scope: 'admin', refusal: 'api.action.refuse' } as const;

export const namespaceRoutes = {
  'namespaces.get': {
    method: 'GET',
    path: '/api/v1/namespaces/{namespace}',
    summary: 'One namespace, and what one may do there',
    params,
    status: 200,
    response: namespaceSchema,
    permission: 'namespace_member',
    scope: 'account:read',
    records: [],
    refusal: 'api.action.refuse',
    errors: ['not_found'],
  },
  'namespaces.roles.list': {
    ...owner,
    method: 'GET',
    path: '/api/v1/namespaces/{namespace}/roles',
    summary: 'Roles granted on every project of a namespace',
    params,
    query: z.strictObject(pageQuery),
    status: 200,
    response: pageOf(roleGrantSchema),
    records: [],
    errors: ['forbidden', 'not_found'],
  },
  'namespaces.roles.put': {
    ...owner,
    method: 'PUT',
    path: '/api/v1/namespaces/{namespace}/roles/{kind}/{subject}',
    summary: 'Grant a role on every project of a namespace',
    params: subjectParams,
    body: roleInputSchema,
    status: 200,
    response: roleGrantSchema,
    records: ['namespace.role.grant'],
    errors: ['forbidden', 'not_found', 'conflict'],
  },
  'namespaces.roles.delete': {
    ...owner,
    method: 'DELETE',
    path: '/api/v1/namespaces/{namespace}/roles/{kind}/{subject}',
    summary: 'Take a role on a namespace away',
    params: subjectParams,
    status: 204,
    records: ['namespace.role.revoke'],
    errors: ['forbidden', 'not_found'],
  },
  'reserved_names.list': {
    ...administrator,
    method: 'GET',
    path: '/api/v1/reserved-names',
    summary: 'Names that a rename or a deletion left reserved',
    query: z.strictObject({ ...pageQuery, kind: reservedKindSchema.default('namespace') }),
    status: 200,
    response: pageOf(reservedNameSchema),
    records: [],
    errors: ['forbidden'],
  },
  'reserved_names.free': {
    ...administrator,
    method: 'DELETE',
    path: '/api/v1/reserved-names/{kind}/{name}',
    summary: 'Free a reserved name, so that it may be taken again',
    params: z.strictObject({ kind: reservedKindSchema, name: z.string().min(1).max(255) }),
    status: 204,
    records: ['namespace.name.free'],
    errors: ['forbidden', 'not_found'],
  },
} as const satisfies Record<string, ApiRoute>;
