/**
 * The one shape of an audit event, as people and programs read it. How it is stored (public body, private row,
 * commitments) is docs/spec/event.md; which types exist and what their details hold is catalogue/.
 */
import { z } from 'zod';
import { reasons } from './reasons.ts';

export const outcomes = ['success', 'denied', 'failed'] as const;
/** `denied`: a rule said no. `failed`: it was allowed, or nobody could tell, and it did not come about. */
export type Outcome = (typeof outcomes)[number];

export const principalKinds = [
  'user',
  'robot',
  'deploy_key',
  'deploy_token',
  'publisher',
  'system',
  'anonymous',
] as const;
export type PrincipalKind = (typeof principalKinds)[number];

export const credentialKinds = [
  'password',
  'session',
  'access_token',
  'app_token',
  'oauth_token',
  'robot_token',
  'deploy_token',
  'deploy_key',
  'ssh_key',
  'publisher_token',
  'none',
] as const;
export type CredentialKind = (typeof credentialKinds)[number];

export const namespaceKinds = ['user', 'organisation'] as const;
export type NamespaceKind = (typeof namespaceKinds)[number];

export const projectFormats = ['container', 'python', 'git'] as const;
export type ProjectFormat = (typeof projectFormats)[number];

/** Microseconds, UTC, always six fraction digits: `2026-11-22T04:24:43.123456Z`. */
export const timestampSchema = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/, 'must be UTC with six fraction digits');

export const actorSchema = z.strictObject({
  kind: z.enum(principalKinds),
  /** Absent for anonymous, and for a name that belongs to nobody. */
  id: z.string().optional(),
  name: z.string().optional(),
  /** false: the identity was only claimed. A wrong password for alice is an attempt on her account, not her act. */
  proven: z.boolean(),
});
export type Actor = z.infer<typeof actorSchema>;

export const onBehalfOfSchema = z.strictObject({
  kind: z.string(),
  id: z.string().optional(),
  name: z.string().optional(),
});
export type OnBehalfOf = z.infer<typeof onBehalfOfSchema>;

export const credentialSchema = z.strictObject({
  kind: z.enum(credentialKinds),
  id: z.string().optional(),
  name: z.string().optional(),
  fingerprint: z.string().optional(),
  scopes: z.array(z.string()).optional(),
});
/** What was presented. Never the secret: `id` is stable and safe to show. */
export type Credential = z.infer<typeof credentialSchema>;

export const scopeSchema = z.strictObject({
  namespace: z.strictObject({ kind: z.enum(namespaceKinds), id: z.string(), name: z.string() }).optional(),
  project: z.strictObject({ format: z.enum(projectFormats), id: z.string(), path: z.string() }).optional(),
});
/** Where it happened. Empty = the system scope, read by administrators and auditors only. */
export type Scope = z.infer<typeof scopeSchema>;

export const targetSchema = z.strictObject({
  kind: z.string(),
  id: z.string().optional(),
  name: z.string().optional(),
});
/** What it was done to: a tag, a manifest, a token, a user, … */
export type Target = z.infer<typeof targetSchema>;

export const requestSchema = z.strictObject({
  id: z.string(),
  ip: z.string().optional(),
  userAgent: z.string().optional(),
  protocol: z.enum(['http', 'ssh', 'internal']),
  method: z.string().optional(),
  /** The route's pattern, never the path: what a person typed stands in erasable fields only. */
  route: z.string().optional(),
  status: z.int().optional(),
});
export type RequestFacts = z.infer<typeof requestSchema>;

export const eventSchema = z.strictObject({
  /** Version of this shape. */
  v: z.literal(1),
  id: z.string(),
  type: z.string(),
  /** Version of the type's details. */
  version: z.int(),
  occurredAt: timestampSchema,
  recordedAt: timestampSchema,
  outcome: z.enum(outcomes),
  reason: z.enum(reasons).optional(),
  actor: actorSchema,
  onBehalfOf: onBehalfOfSchema.optional(),
  credential: credentialSchema,
  scope: scopeSchema,
  target: targetSchema.optional(),
  request: requestSchema,
  /** Id of the event that brought this one about. */
  cause: z.string().optional(),
  details: z.record(z.string(), z.unknown()),
});
export type AuditEvent = z.infer<typeof eventSchema>;

/** JSON Pointers of the erasable fields every event may carry; a type's own details add theirs. */
export const erasableEnvelope = [
  '/actor/name',
  '/onBehalfOf/name',
  '/credential/name',
  '/credential/fingerprint',
  '/scope/namespace/name',
  '/scope/project/path',
  '/target/name',
  '/request/ip',
  '/request/userAgent',
] as const;

/** JSON Pointers of the restricted fields every event may carry. */
export const restrictedEnvelope = ['/request/ip', '/request/userAgent'] as const;
