/** First run, the console's session, and what the server says of itself. */
import { z } from 'zod';
import { projectFormats } from '../event.ts';
import type { ApiRoute } from './route.ts';
import { emailSchema, nameSchema, passwordSchema, systemRoleSchema, timeSchema } from './shapes.ts';

export const setupStateSchema = z.strictObject({
  /** true until the first administrator exists. */
  needed: z.boolean(),
});
export type SetupState = z.infer<typeof setupStateSchema>;

export const setupInputSchema = z.strictObject({
  /** The one-time code that the first start printed. */
  code: z.string().min(1).max(128),
  username: nameSchema,
  password: passwordSchema,
  email: emailSchema.optional(),
});
export type SetupInput = z.infer<typeof setupInputSchema>;

export const sessionSchema = z.strictObject({
  signedIn: z.literal(true),
  user: z.strictObject({ id: z.string(), name: z.string(), roles: z.array(systemRoleSchema) }),
  /** Send it as `x-tallyman-csrf` with every request that is not GET. */
  csrfToken: z.string(),
  expiresAt: timeSchema,
});
export const sessionStateSchema = z.discriminatedUnion('signedIn', [
  sessionSchema,
  z.strictObject({ signedIn: z.literal(false) }),
]);
export type Session = z.infer<typeof sessionSchema>;
export type SessionState = z.infer<typeof sessionStateSchema>;

export const signInSchema = z.strictObject({
  username: z.string().min(1).max(256),
  password: z.string().min(1).max(1024),
});
export type SignIn = z.infer<typeof signInSchema>;

export const csrfHeader = 'x-tallyman-csrf';

export const serverInfoSchema = z.strictObject({
  name: z.literal('tallyman'),
  publicUrl: z.string(),
  /** Host and port to write before an image's name. */
  registry: z.string(),
  formats: z.array(z.enum(projectFormats)),
  /** Only for those signed in. */
  version: z.string().optional(),
});
export type ServerInfo = z.infer<typeof serverInfoSchema>;

export const sessionRoutes = {
  'server.get': {
    method: 'GET',
    path: '/api/v1/server',
    summary: 'What this server is',
    status: 200,
    response: serverInfoSchema,
    permission: 'anyone',
    records: [],
    refusal: 'api.action.refuse',
    errors: [],
  },
  'setup.get': {
    method: 'GET',
    path: '/api/v1/setup',
    summary: 'Whether the first administrator is still to be created',
    status: 200,
    response: setupStateSchema,
    permission: 'anyone',
    records: [],
    refusal: 'api.action.refuse',
    errors: [],
  },
  'setup.create': {
    method: 'POST',
    path: '/api/v1/setup',
    summary: 'Create the first administrator with the one-time code, and sign in',
    body: setupInputSchema,
    status: 201,
    response: sessionSchema,
    permission: 'anyone',
    records: ['account.user.create', 'account.sign_in.succeed'],
    refusal: 'account.sign_in.refuse',
    errors: ['conflict'],
  },
  'session.get': {
    method: 'GET',
    path: '/api/v1/session',
    summary: 'Who is signed in, and the token that unsafe requests of a session carry',
    status: 200,
    response: sessionStateSchema,
    permission: 'anyone',
    records: [],
    refusal: 'api.action.refuse',
    errors: [],
  },
  'session.create': {
    method: 'POST',
    path: '/api/v1/session',
    summary: 'Sign in with name and password; sets the session cookie',
    body: signInSchema,
    status: 201,
    response: sessionSchema,
    permission: 'anyone',
    records: ['account.sign_in.succeed'],
    refusal: 'account.sign_in.refuse',
    errors: [],
  },
  'session.delete': {
    method: 'DELETE',
    path: '/api/v1/session',
    summary: 'Sign out; clears the session cookie',
    status: 204,
    permission: 'signed_in',
    records: ['account.session.end'],
    refusal: 'api.action.refuse',
    errors: ['forbidden', 'conflict'],
  },
} as const satisfies Record<string, ApiRoute>;
