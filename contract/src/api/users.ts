/** Users as administrators see them. Each change is one endpoint, so that it is one event. */
import { z } from 'zod';
import type { ApiRoute } from './route.ts';
import {
  emailSchema,
  idSchema,
  labelSchema,
  nameSchema,
  pageOf,
  pageQuery,
  passwordSchema,
  systemRoleSchema,
  textSchema,
  timeSchema,
} from './shapes.ts';

export const userSchema = z.strictObject({
  id: idSchema,
  name: z.string(),
  email: z.string().nullable(),
  displayName: z.string().nullable(),
  roles: z.array(systemRoleSchema),
  createdAt: timeSchema,
  disabled: z.boolean(),
  /** Until when passwords are refused after too many wrong ones. */
  lockedUntil: timeSchema.nullable(),
});
export type User = z.infer<typeof userSchema>;

export const userListSchema = pageOf(userSchema);
export const userListQuerySchema = z.strictObject({
  ...pageQuery,
  /** Beginning of the name. */
  name: z.string().min(1).max(64).optional(),
});
export const userInputSchema = z.strictObject({
  name: nameSchema,
  password: passwordSchema.optional(),
  email: emailSchema.optional(),
  displayName: textSchema.optional(),
  roles: z.array(systemRoleSchema).max(2).default([]),
});
export type UserInput = z.input<typeof userInputSchema>;

export const renameSchema = z.strictObject({ name: nameSchema });
export const emailInputSchema = z.strictObject({ email: emailSchema.nullable() });
/** null: none. */
export const displayNameInputSchema = z.strictObject({ displayName: labelSchema.nullable() });
export const passwordInputSchema = z.strictObject({ password: passwordSchema });
export const rolesInputSchema = z.strictObject({ roles: z.array(systemRoleSchema).max(2) });
export const disableInputSchema = z.strictObject({ note: textSchema.optional() });
const params = z.strictObject({ user: nameSchema });

const administrator = {
  params,
  permission: 'administrator',
  scope: 'admin',
  refusal: 'api.action.refuse',
} as const;

export const userRoutes = {
  'users.list': {
    method: 'GET',
    path: '/api/v1/users',
    summary: 'Users by name',
    query: userListQuerySchema,
    status: 200,
    response: userListSchema,
    permission: 'administrator',
    scope: 'admin',
    records: [],
    refusal: 'api.action.refuse',
    errors: ['forbidden'],
  },
  'users.create': {
    method: 'POST',
    path: '/api/v1/users',
    summary: 'Create a user',
    body: userInputSchema,
    status: 201,
    response: userSchema,
    permission: 'administrator',
    scope: 'admin',
    records: ['account.user.create'],
    refusal: 'api.action.refuse',
    errors: ['forbidden', 'conflict'],
  },
  'users.get': {
    method: 'GET',
    path: '/api/v1/users/{user}',
    summary: 'One user',
    params,
    status: 200,
    response: userSchema,
    permission: 'account',
    scope: 'account:read',
    records: [],
    refusal: 'api.action.refuse',
    errors: ['not_found'],
  },
  'users.rename': {
    ...administrator,
    method: 'POST',
    path: '/api/v1/users/{user}/rename',
    summary: 'Rename a user; the former name stays reserved',
    body: renameSchema,
    status: 200,
    response: userSchema,
    records: ['account.user.rename'],
    errors: ['forbidden', 'not_found', 'conflict'],
  },
  'users.put_email': {
    ...administrator,
    method: 'PUT',
    path: '/api/v1/users/{user}/email',
    summary: 'Change or remove the e-mail address of a user',
    body: emailInputSchema,
    status: 200,
    response: userSchema,
    records: ['account.email.change'],
    errors: ['forbidden', 'not_found', 'conflict'],
  },
  'users.put_display_name': {
    ...administrator,
    method: 'PUT',
    path: '/api/v1/users/{user}/display-name',
    summary: 'Change or remove the name shown beside the user name',
    body: displayNameInputSchema,
    status: 200,
    response: userSchema,
    records: ['account.display_name.change'],
    errors: ['forbidden', 'not_found'],
  },
  'users.put_password': {
    ...administrator,
    method: 'PUT',
    path: '/api/v1/users/{user}/password',
    summary: 'Give a user a new password; ends the user’s sessions and lock-out',
    body: passwordInputSchema,
    status: 204,
    records: ['account.password.change', 'account.lockout.end'],
    errors: ['forbidden', 'not_found'],
  },
  'users.put_roles': {
    ...administrator,
    method: 'PUT',
    path: '/api/v1/users/{user}/roles',
    summary: 'Make a user administrator or auditor, or neither',
    body: rolesInputSchema,
    status: 200,
    response: userSchema,
    records: ['account.role.change'],
    errors: ['forbidden', 'not_found', 'conflict'],
  },
  'users.disable': {
    ...administrator,
    method: 'POST',
    path: '/api/v1/users/{user}/disable',
    summary: 'Stop every credential of a user at once',
    body: disableInputSchema,
    status: 200,
    response: userSchema,
    records: ['account.user.disable'],
    errors: ['forbidden', 'not_found', 'conflict'],
  },
  'users.enable': {
    ...administrator,
    method: 'POST',
    path: '/api/v1/users/{user}/enable',
    summary: 'Let a disabled user sign in again',
    status: 200,
    response: userSchema,
    records: ['account.user.enable'],
    errors: ['forbidden', 'not_found', 'conflict'],
  },
  'users.end_lockout': {
    ...administrator,
    method: 'DELETE',
    path: '/api/v1/users/{user}/lockout',
    summary: 'End the lock-out of a user before its time',
    status: 204,
    records: ['account.lockout.end'],
    errors: ['forbidden', 'not_found', 'conflict'],
  },
  'users.end_sessions': {
    ...administrator,
    method: 'DELETE',
    path: '/api/v1/users/{user}/sessions',
    summary: 'Sign a user out everywhere',
    status: 204,
    records: ['account.session.end'],
    errors: ['forbidden', 'not_found'],
  },
  'users.delete': {
    ...administrator,
    method: 'DELETE',
    path: '/api/v1/users/{user}',
    summary: 'Delete a user; the history of what the user did stays',
    status: 204,
    records: [
      'account.user.delete',
      'project.entry.delete',
      'organisation.member.remove',
      'namespace.role.revoke',
      'project.role.revoke',
    ],
    errors: ['forbidden', 'not_found', 'conflict'],
  },
} as const satisfies Record<string, ApiRoute>;
