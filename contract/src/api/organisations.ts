/** Organisations, their members, and their OAuth applications with the tokens users generate for them. */
import { z } from 'zod';
import { tokenScopeNames } from '../scopes.ts';
import { oauthTokenSchema } from './me.ts';
import type { ApiRoute } from './route.ts';
import {
  idSchema,
  labelSchema,
  memberRoleSchema,
  nameSchema,
  pageOf,
  pageQuery,
  referenceSchema,
  textSchema,
  timeInputSchema,
  timeSchema,
} from './shapes.ts';
import { renameSchema } from './users.ts';

export const defaultRoleSchema = z.enum(['none', 'reader', 'maintainer']);

export const organisationSchema = z.strictObject({
  id: idSchema,
  name: z.string(),
  /** Role of members on all its projects. */
  defaultRole: defaultRoleSchema,
  createdAt: timeSchema,
  /** What the caller is in it; null for an administrator who is neither. */
  role: memberRoleSchema.nullable(),
});
export type Organisation = z.infer<typeof organisationSchema>;

export const organisationListQuerySchema = z.strictObject({
  ...pageQuery,
  /** `all` is for administrators. */
  view: z.enum(['mine', 'all']).default('mine'),
});
export const organisationInputSchema = z.strictObject({ name: nameSchema });

export const memberSchema = z.strictObject({
  user: referenceSchema,
  role: memberRoleSchema,
  since: timeSchema,
});
export type Member = z.infer<typeof memberSchema>;

export const applicationSchema = z.strictObject({
  id: idSchema,
  name: z.string(),
  description: z.string().nullable(),
  createdAt: timeSchema,
});
export type Application = z.infer<typeof applicationSchema>;
export const applicationInputSchema = z.strictObject({
  name: labelSchema,
  description: textSchema.optional(),
});
export const applicationChangeSchema = z
  .strictObject({ name: labelSchema.optional(), description: textSchema.nullable().optional() })
  .refine((change) => Object.keys(change).length > 0, 'must change at least one of name and description');

export const oauthTokenInputSchema = z.strictObject({
  name: labelSchema,
  scopes: z.array(z.enum(tokenScopeNames)).min(1).max(tokenScopeNames.length),
  expiresAt: timeInputSchema.optional(),
});
export type OauthTokenInput = z.input<typeof oauthTokenInputSchema>;
/** `secret` is shown this once and is not stored. */
export const oauthTokenCreatedSchema = z.strictObject({ token: oauthTokenSchema, secret: z.string() });

const params = z.strictObject({ organisation: nameSchema });
const applicationParams = z.strictObject({ organisation: nameSchema, application: idSchema });
const refusal = 'api.action.refuse';
const member = {
  params,
  permission: 'namespace_member',
  scope: 'account:read',
  refusal,
  records: [],
  errors: ['not_found'],
} as const;
const owner = { params, permission: 'namespace_owner', scope: 'project:admin', refusal } as const;
const ownerErrors = ['forbidden', 'not_found', 'conflict'] as const;

export const organisationRoutes = {
  'organisations.list': {
    method: 'GET',
    path: '/api/v1/organisations',
    summary: 'Organisations one belongs to; for administrators, all of them',
    query: organisationListQuerySchema,
    status: 200,
    response: pageOf(organisationSchema),
    permission: 'signed_in',
    scope: 'account:read',
    records: [],
    refusal,
    errors: ['forbidden'],
  },
  'organisations.create': {
    method: 'POST',
    path: '/api/v1/organisations',
    summary: 'Create an organisation; one becomes its first owner',
    body: organisationInputSchema,
    status: 201,
    response: organisationSchema,
    permission: 'person',
    scope: 'account:write',
    records: ['organisation.account.create', 'organisation.member.add'],
    refusal,
    errors: ['forbidden', 'conflict'],
  },
  'organisations.get': {
    ...member,
    method: 'GET',
    path: '/api/v1/organisations/{organisation}',
    summary: 'One organisation',
    status: 200,
    response: organisationSchema,
  },
  'organisations.rename': {
    ...owner,
    method: 'POST',
    path: '/api/v1/organisations/{organisation}/rename',
    summary: 'Rename an organisation; the former name stays reserved',
    body: renameSchema,
    status: 200,
    response: organisationSchema,
    records: ['organisation.account.rename'],
    errors: ownerErrors,
  },
  'organisations.put_default_role': {
    ...owner,
    method: 'PUT',
    path: '/api/v1/organisations/{organisation}/default-role',
    summary: 'Set what members may do on all projects of an organisation',
    body: z.strictObject({ role: defaultRoleSchema }),
    status: 200,
    response: organisationSchema,
    records: ['organisation.default_role.change'],
    errors: ownerErrors,
  },
  'organisations.delete': {
    ...owner,
    method: 'DELETE',
    path: '/api/v1/organisations/{organisation}',
    summary: 'Delete an organisation with its projects, robots and applications; its history stays',
    status: 204,
    records: ['organisation.account.delete', 'project.entry.delete'],
    errors: ownerErrors,
  },
  'organisations.members.list': {
    ...member,
    method: 'GET',
    path: '/api/v1/organisations/{organisation}/members',
    summary: 'Members and owners of an organisation',
    query: z.strictObject(pageQuery),
    status: 200,
    response: pageOf(memberSchema),
  },
  'organisations.members.put': {
    ...owner,
    method: 'PUT',
    path: '/api/v1/organisations/{organisation}/members/{user}',
    summary: 'Add a user as member or owner, or change what the user is',
    params: z.strictObject({ organisation: nameSchema, user: nameSchema }),
    body: z.strictObject({ role: memberRoleSchema }),
    status: 200,
    response: memberSchema,
    records: ['organisation.member.add', 'organisation.member.change'],
    errors: ownerErrors,
  },
  'organisations.members.delete': {
    ...owner,
    method: 'DELETE',
    path: '/api/v1/organisations/{organisation}/members/{user}',
    summary: 'Remove a user from an organisation; the last owner stays',
    params: z.strictObject({ organisation: nameSchema, user: nameSchema }),
    status: 204,
    records: ['organisation.member.remove'],
    errors: ownerErrors,
  },
  'applications.list': {
    ...member,
    method: 'GET',
    path: '/api/v1/organisations/{organisation}/applications',
    summary: 'OAuth applications of an organisation',
    query: z.strictObject(pageQuery),
    status: 200,
    response: pageOf(applicationSchema),
  },
  'applications.create': {
    ...owner,
    method: 'POST',
    path: '/api/v1/organisations/{organisation}/applications',
    summary: 'Create an OAuth application',
    body: applicationInputSchema,
    status: 201,
    response: applicationSchema,
    records: ['oauth.application.create'],
    errors: ownerErrors,
  },
  'applications.get': {
    ...member,
    method: 'GET',
    path: '/api/v1/organisations/{organisation}/applications/{application}',
    summary: 'One OAuth application',
    params: applicationParams,
    status: 200,
    response: applicationSchema,
  },
  'applications.update': {
    ...owner,
    method: 'PATCH',
    path: '/api/v1/organisations/{organisation}/applications/{application}',
    summary: 'Change name or description of an OAuth application',
    params: applicationParams,
    body: applicationChangeSchema,
    status: 200,
    response: applicationSchema,
    records: ['oauth.application.update'],
    errors: ownerErrors,
  },
  'applications.delete': {
    ...owner,
    method: 'DELETE',
    path: '/api/v1/organisations/{organisation}/applications/{application}',
    summary: 'Delete an OAuth application; all its tokens stop at once',
    params: applicationParams,
    status: 204,
    records: ['oauth.application.delete'],
    errors: ownerErrors,
  },
  'applications.tokens.list': {
    ...owner,
    method: 'GET',
    path: '/api/v1/organisations/{organisation}/applications/{application}/tokens',
    summary: 'Tokens generated for an OAuth application, by whomever',
    params: applicationParams,
    query: z.strictObject(pageQuery),
    status: 200,
    response: pageOf(oauthTokenSchema),
    records: [],
    errors: ['forbidden', 'not_found'],
  },
  'applications.tokens.create': {
    ...member,
    method: 'POST',
    path: '/api/v1/organisations/{organisation}/applications/{application}/tokens',
    summary: 'Generate a token with which the application acts in one’s name; the secret is shown this once',
    params: applicationParams,
    body: oauthTokenInputSchema,
    status: 201,
    response: oauthTokenCreatedSchema,
    scope: 'account:write',
    records: ['oauth.token.create'],
    errors: ['forbidden', 'not_found', 'conflict'],
  },
  'applications.tokens.revoke': {
    ...owner,
    method: 'DELETE',
    path: '/api/v1/organisations/{organisation}/applications/{application}/tokens/{token}',
    summary: 'Revoke a token of an OAuth application',
    params: z.strictObject({ organisation: nameSchema, application: idSchema, token: idSchema }),
    status: 204,
    records: ['oauth.token.revoke'],
    errors: ownerErrors,
  },
} as const satisfies Record<string, ApiRoute>;
