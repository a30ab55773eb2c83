/** Projects of every format and the roles on them. A project's path is one percent-encoded segment: `team%2Fapp`. */
import { z } from 'zod';
import { projectFormats } from '../event.ts';
import { roleGrantSchema, roleInputSchema } from './namespaces.ts';
import type { ApiRoute } from './route.ts';
import {
  heldRoleSchema,
  idSchema,
  nameSchema,
  pageOf,
  pageQuery,
  partSchema,
  projectNameSchema,
  projectPathSchema,
  referenceSchema,
  subjectKindSchema,
  subjectNameSchema,
  textSchema,
  timeSchema,
  visibilitySchema,
} from './shapes.ts';

export const projectSchema = z.strictObject({
  id: idSchema,
  format: z.enum(projectFormats),
  /** `namespace/name`. */
  path: z.string(),
  name: z.string(),
  namespace: referenceSchema,
  visibility: visibilitySchema,
  description: z.string(),
  createdAt: timeSchema,
  /** What the caller holds on it. */
  role: heldRoleSchema,
});
export type Project = z.infer<typeof projectSchema>;

export const projectListQuerySchema = z.strictObject({
  ...pageQuery,
  format: z.enum(projectFormats).optional(),
  namespace: nameSchema.optional(),
  /** Any part of the path. */
  text: partSchema(255).optional(),
});
/** Formats whose projects can be made by request. */
export const projectInputSchema = z.strictObject({
  format: z.literal('container'),
  path: projectPathSchema,
  visibility: visibilitySchema.default('private'),
  description: textSchema.optional(),
});
export type ProjectInput = z.input<typeof projectInputSchema>;

export const projectParams = z.strictObject({ format: z.enum(projectFormats), path: projectPathSchema });
const subjectParams = z.strictObject({
  format: z.enum(projectFormats),
  path: projectPathSchema,
  kind: subjectKindSchema,
  subject: subjectNameSchema,
});
const read = {
  params: projectParams,
  permission: 'project_read',
  scope: 'project:read',
  records: [],
  errors: ['not_found'],
} as const;
const administer = {
  params: projectParams,
  permission: 'project_administer',
  scope: 'project:admin',
  refusal: 'api.action.refuse',
} as const;

export const projectRoutes = {
  'projects.list': {
    method: 'GET',
    path: '/api/v1/projects',
    summary: 'Projects one may read',
    query: projectListQuerySchema,
    status: 200,
    response: pageOf(projectSchema),
    permission: 'anyone',
    scope: 'project:read',
    records: [],
    refusal: 'api.action.refuse',
    errors: [],
  },
  'projects.create': {
    method: 'POST',
    path: '/api/v1/projects',
    summary: 'Create an empty project',
    body: projectInputSchema,
    status: 201,
    response: projectSchema,
    permission: 'signed_in',
    scope: 'project:write',
    records: ['project.entry.create', 'project.description.change'],
    refusal: 'container.push.refuse',
    errors: ['forbidden', 'not_found', 'conflict'],
  },
  'projects.get': {
    ...read,
    method: 'GET',
    path: '/api/v1/projects/{format}/{path}',
    summary: 'One project',
    status: 200,
    response: projectSchema,
    refusal: 'api.action.refuse',
  },
  'projects.rename': {
    ...administer,
    method: 'POST',
    path: '/api/v1/projects/{format}/{path}/rename',
    summary: 'Rename a project within its namespace; the former name stays reserved',
    body: z.strictObject({ name: projectNameSchema }),
    status: 200,
    response: projectSchema,
    records: ['project.entry.rename'],
    errors: ['forbidden', 'not_found', 'conflict'],
  },
  'projects.put_visibility': {
    ...administer,
    method: 'PUT',
    path: '/api/v1/projects/{format}/{path}/visibility',
    summary: 'Publish or hide a project',
    body: z.strictObject({ visibility: visibilitySchema }),
    status: 200,
    response: projectSchema,
    records: ['project.visibility.change'],
    errors: ['forbidden', 'not_found'],
  },
  'projects.put_description': {
    ...administer,
    method: 'PUT',
    path: '/api/v1/projects/{format}/{path}/description',
    summary: 'Change the text shown with a project',
    body: z.strictObject({ description: textSchema }),
    status: 200,
    response: projectSchema,
    records: ['project.description.change'],
    errors: ['forbidden', 'not_found'],
  },
  'projects.delete': {
    ...administer,
    method: 'DELETE',
    path: '/api/v1/projects/{format}/{path}',
    summary: 'Delete a project with its content; its history stays',
    status: 204,
    records: ['project.entry.delete'],
    refusal: 'container.delete.refuse',
    errors: ['forbidden', 'not_found', 'conflict'],
  },
  'projects.roles.list': {
    ...administer,
    method: 'GET',
    path: '/api/v1/projects/{format}/{path}/roles',
    summary: 'Roles granted on a project',
    query: z.strictObject(pageQuery),
    status: 200,
    response: pageOf(roleGrantSchema),
    records: [],
    errors: ['forbidden', 'not_found'],
  },
  'projects.roles.put': {
    ...administer,
    method: 'PUT',
    path: '/api/v1/projects/{format}/{path}/roles/{kind}/{subject}',
    summary: 'Grant a role on a project',
    params: subjectParams,
    body: roleInputSchema,
    status: 200,
    response: roleGrantSchema,
    records: ['project.role.grant'],
    errors: ['forbidden', 'not_found', 'conflict'],
  },
  'projects.roles.delete': {
    ...administer,
    method: 'DELETE',
    path: '/api/v1/projects/{format}/{path}/roles/{kind}/{subject}',
    summary: 'Take a role on a project away',
    params: subjectParams,
    status: 204,
    records: ['project.role.revoke'],
    errors: ['forbidden', 'not_found'],
  },
} as const satisfies Record<string, ApiRoute>;
