/** One's own account: profile, password, sessions, access tokens, app tokens, OAuth tokens granted. */
import { z } from 'zod';
import { credentialKinds } from '../event.ts';
import { tokenScopeNames } from '../scopes.ts';
import type { ApiRoute } from './route.ts';
import {
  idSchema,
  labelSchema,
  memberRoleSchema,
  pageOf,
  pageQuery,
  passwordSchema,
  referenceSchema,
  systemRoleSchema,
  timeInputSchema,
  timeSchema,
} from './shapes.ts';
import { displayNameInputSchema, emailInputSchema } from './users.ts';

export const meSchema = z.strictObject({
  kind: z.enum(['user', 'robot']),
  id: idSchema,
  /** A robot's is `owner+name`. */
  name: z.string(),
  email: z.string().nullable(),
  displayName: z.string().nullable(),
  roles: z.array(systemRoleSchema),
  /** What this request was made with. */
  credential: z.strictObject({
    kind: z.enum(credentialKinds),
    name: z.string().optional(),
    /** null: everything the principal may. */
    scopes: z.array(z.enum(tokenScopeNames)).nullable(),
  }),
  organisations: z.array(z.strictObject({ id: idSchema, name: z.string(), role: memberRoleSchema })),
});
export type Me = z.infer<typeof meSchema>;

export const ownPasswordInputSchema = z.strictObject({
  current: z.string().min(1).max(1024),
  password: passwordSchema,
});

export const accountSessionSchema = z.strictObject({
  id: idSchema,
  /** The browser, as it named itself when it signed in. */
  name: z.string(),
  createdAt: timeSchema,
  expiresAt: timeSchema.nullable(),
  lastUsedAt: timeSchema.nullable(),
  lastUsedSource: z.string().nullable(),
  /** Whether this request was made with it. */
  current: z.boolean(),
});
export type AccountSession = z.infer<typeof accountSessionSchema>;

export const tokenStateSchema = z.enum(['active', 'expired', 'revoked']);
const tokenFields = {
  id: idSchema,
  name: z.string(),
  /** The first characters of the secret, to recognise it by. */
  hint: z.string(),
  /** null: everything its user may. */
  scopes: z.array(z.enum(tokenScopeNames)).nullable(),
  state: tokenStateSchema,
  createdAt: timeSchema,
  expiresAt: timeSchema.nullable(),
  revokedAt: timeSchema.nullable(),
  lastUsedAt: timeSchema.nullable(),
  lastUsedSource: z.string().nullable(),
};
export const tokenKindSchema = z.enum(['access_token', 'app_token']);
export const tokenSchema = z.strictObject({ kind: tokenKindSchema, ...tokenFields });
export type Token = z.infer<typeof tokenSchema>;

export const tokenListQuerySchema = z.strictObject({
  ...pageQuery,
  kind: tokenKindSchema.optional(),
});
export const tokenInputSchema = z.strictObject({
  kind: tokenKindSchema,
  name: labelSchema,
  /** Ceilings: the user's own rights decide within them. */
  scopes: z.array(z.enum(tokenScopeNames)).min(1).max(tokenScopeNames.length),
  expiresAt: timeInputSchema.optional(),
});
export type TokenInput = z.input<typeof tokenInputSchema>;
/** `secret` is shown this once and is not stored. */
export const tokenCreatedSchema = z.strictObject({ token: tokenSchema, secret: z.string() });
export type TokenCreated = z.infer<typeof tokenCreatedSchema>;

export const oauthTokenSchema = z.strictObject({
  ...tokenFields,
  user: referenceSchema,
  application: referenceSchema,
  organisation: referenceSchema,
});
export type OauthToken = z.infer<typeof oauthTokenSchema>;

const own = { permission: 'person', refusal: 'api.action.refuse' } as const;
const reads = { ...own, scope: 'account:read', records: [], errors: ['forbidden'] } as const;
const writes = { ...own, scope: 'account:write' } as const;

export const meRoutes = {
  'me.get': {
    method: 'GET',
    path: '/api/v1/me',
    summary: 'The account that this request is made with',
    status: 200,
    response: meSchema,
    permission: 'signed_in',
    scope: 'account:read',
    records: [],
    refusal: 'api.action.refuse',
    errors: ['forbidden'],
  },
  'me.put_email': {
    ...writes,
    method: 'PUT',
    path: '/api/v1/me/email',
    summary: 'Change or remove one’s e-mail address',
    body: emailInputSchema,
    status: 200,
    response: meSchema,
    records: ['account.email.change'],
    errors: ['forbidden', 'conflict'],
  },
  'me.put_display_name': {
    ...writes,
    method: 'PUT',
    path: '/api/v1/me/display-name',
    summary: 'Change or remove the name shown beside one’s user name',
    body: displayNameInputSchema,
    status: 200,
    response: meSchema,
    records: ['account.display_name.change'],
    errors: ['forbidden'],
  },
  'me.put_password': {
    ...writes,
    method: 'PUT',
    path: '/api/v1/me/password',
    summary: 'Change one’s password; ends one’s other sessions',
    body: ownPasswordInputSchema,
    status: 204,
    records: ['account.password.change'],
    errors: ['forbidden'],
  },
  'me.sessions.list': {
    ...reads,
    method: 'GET',
    path: '/api/v1/me/sessions',
    summary: 'One’s console sessions',
    query: z.strictObject(pageQuery),
    status: 200,
    response: pageOf(accountSessionSchema),
  },
  'me.sessions.delete': {
    ...writes,
    method: 'DELETE',
    path: '/api/v1/me/sessions/{session}',
    summary: 'End one of one’s sessions',
    params: z.strictObject({ session: idSchema }),
    status: 204,
    records: ['account.session.end'],
    errors: ['forbidden', 'not_found'],
  },
  'me.sessions.delete_others': {
    ...writes,
    method: 'DELETE',
    path: '/api/v1/me/sessions',
    summary: 'End all of one’s sessions but the one this request is made with',
    status: 204,
    records: ['account.session.end'],
    errors: ['forbidden'],
  },
  'me.tokens.list': {
    ...reads,
    method: 'GET',
    path: '/api/v1/me/tokens',
    summary: 'One’s access tokens and app tokens, ended ones included',
    query: tokenListQuerySchema,
    status: 200,
    response: pageOf(tokenSchema),
  },
  'me.tokens.create': {
    ...writes,
    method: 'POST',
    path: '/api/v1/me/tokens',
    summary: 'Create an access token or an app token; the secret is shown this once',
    body: tokenInputSchema,
    status: 201,
    response: tokenCreatedSchema,
    records: ['token.access.create', 'token.app.create'],
    errors: ['forbidden', 'conflict'],
  },
  'me.tokens.get': {
    ...reads,
    method: 'GET',
    path: '/api/v1/me/tokens/{token}',
    summary: 'One of one’s tokens',
    params: z.strictObject({ token: idSchema }),
    status: 200,
    response: tokenSchema,
    errors: ['forbidden', 'not_found'],
  },
  'me.tokens.revoke': {
    ...writes,
    method: 'DELETE',
    path: '/api/v1/me/tokens/{token}',
    summary: 'Revoke one of one’s tokens at once',
    params: z.strictObject({ token: idSchema }),
    status: 204,
    records: ['token.access.revoke', 'token.app.revoke'],
    errors: ['forbidden', 'not_found', 'conflict'],
  },
  'me.oauth_tokens.list': {
    ...reads,
    method: 'GET',
    path: '/api/v1/me/oauth-tokens',
    summary: 'OAuth tokens one has granted to applications',
    query: z.strictObject(pageQuery),
    status: 200,
    response: pageOf(oauthTokenSchema),
  },
  'me.oauth_tokens.revoke': {
    ...writes,
    method: 'DELETE',
    path: '/api/v1/me/oauth-tokens/{token}',
    summary: 'Revoke an OAuth token one has granted',
    params: z.strictObject({ token: idSchema }),
    status: 204,
    records: ['oauth.token.revoke'],
    errors: ['forbidden', 'not_found', 'conflict'],
  },
} as const satisfies Record<string, ApiRoute>;
