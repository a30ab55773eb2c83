/** How long events are kept, holds that stop it, and the erasure of persons and addresses. */
import { z } from 'zod';
import { erasureKinds, holdKinds, settableRetention } from '../catalogue/forget.ts';
import type { ApiRoute } from './route.ts';
import { idSchema, nameSchema, pageOf, pageQuery, referenceSchema, timeSchema } from './shapes.ts';

const daysSchema = z.int().min(1).max(36_500);
const retentionClassSchema = z.enum(settableRetention);
export type SettableRetention = z.infer<typeof retentionClassSchema>;

/** Days by default; null = for ever. */
export const defaultRetentionDays = { project: null, account: 400, routine: 90 } as const satisfies Record<
  SettableRetention,
  number | null
>;

/** What owners of namespaces may choose from; longestDays null = for ever, too. */
export const retentionBoundsSchema = z
  .strictObject({ shortestDays: daysSchema, longestDays: daysSchema.nullable() })
  .refine(({ shortestDays, longestDays }) => longestDays === null || longestDays >= shortestDays, {
    path: ['longestDays'],
    message: 'must not be less than shortestDays',
  });
export const retentionRuleSchema = z.strictObject({
  class: retentionClassSchema,
  /** null = for ever. */
  days: daysSchema.nullable(),
  defaultDays: daysSchema.nullable(),
  /** null = every namespace follows the server. */
  namespaces: z.strictObject({ shortestDays: daysSchema, longestDays: daysSchema.nullable() }).nullable(),
  changedAt: timeSchema.nullable(),
});
export type RetentionRule = z.infer<typeof retentionRuleSchema>;
export const namespaceRetentionRuleSchema = z.strictObject({
  class: retentionClassSchema,
  /** In force here; null = for ever. */
  days: daysSchema.nullable(),
  /** As the owner set it; absent where the server is followed. A bound that was narrowed since wins over it. */
  chosenDays: daysSchema.nullable().optional(),
  /** What the owner may choose; null = nothing. */
  bounds: z.strictObject({ shortestDays: daysSchema, longestDays: daysSchema.nullable() }).nullable(),
  changedAt: timeSchema.nullable(),
});
export type NamespaceRetentionRule = z.infer<typeof namespaceRetentionRuleSchema>;

/** What a text may be that identifies a person: one line, long enough not to be everywhere. */
export const identitySchema = z
  .string()
  .trim()
  .min(3)
  .max(254)
  .regex(/^[^\p{C}]+$/u, 'must be one line of printable characters');

export const holdSchema = z.strictObject({
  id: idSchema,
  kind: z.enum(holdKinds),
  subjectId: z.string(),
  /** As it is called now, if it is called anything. */
  subjectName: z.string().nullable(),
  note: z.string(),
  placedAt: timeSchema,
  eventId: z.string(),
});
export type Hold = z.infer<typeof holdSchema>;
export const holdInputSchema = z.strictObject({
  kind: z.enum(holdKinds),
  /** Of the namespace, project or user, deleted ones too. A user’s is that of the user’s namespace. */
  id: idSchema,
  /** Why; it stands in the event. */
  note: z.string().trim().min(1).max(500),
});

export const erasureSubjectSchema = z.discriminatedUnion('kind', [
  /** A deleted user. */
  z.strictObject({ kind: z.literal('user'), id: idSchema }),
  /** What somebody typed or wrote: a user name tried, an e-mail address. */
  z.strictObject({ kind: z.literal('name'), name: identitySchema }),
  /** An IP address. */
  z.strictObject({ kind: z.literal('address'), address: z.union([z.ipv4(), z.ipv6()]) }),
]);

const countsSchema = z.strictObject({
  events: z.int(),
  entries: z.int(),
  /** Events by type, the most frequent first. */
  byType: z.array(z.strictObject({ type: z.string(), events: z.int(), entries: z.int() })),
});
export const erasureStates = ['previewing', 'previewed', 'erasing', 'done', 'failed', 'cancelled'] as const;
export const erasureSchema = z.strictObject({
  id: idSchema,
  kind: z.enum(erasureKinds),
  /** Of a user; nobody else has an id. */
  userId: z.string().nullable(),
  state: z.enum(erasureStates),
  /** Events looked at so far, of how many. */
  looked: z.strictObject({ events: z.int(), of: z.int() }),
  /** What an erasure would remove from the trail; null until it is known. */
  found: countsSchema.nullable(),
  /** Holds that stand in its way. */
  holds: z.array(referenceSchema),
  removed: z.strictObject({ events: z.int(), entries: z.int() }),
  /** What it cannot reach, for whoever decides. */
  unreachable: z.array(z.string()),
  error: z.string().nullable(),
  requestedAt: timeSchema,
  changedAt: timeSchema,
});
export type Erasure = z.infer<typeof erasureSchema>;

export const jobSchema = z.strictObject({
  id: idSchema,
  kind: z.string(),
  summary: z.string(),
  state: z.enum(['waiting', 'running', 'done', 'failed']),
  progress: z.record(z.string(), z.union([z.string(), z.number()])),
  /** When it runs next, while it waits. */
  runAt: timeSchema,
  createdAt: timeSchema,
  updatedAt: timeSchema,
  /** Runs that failed since the last that did not, and what the last of them said. */
  attempts: z.int(),
  error: z.string().nullable(),
});
export type Job = z.infer<typeof jobSchema>;

const administrator = { permission: 'administrator', scope: 'admin', refusal: 'api.action.refuse' } as const;
const owner = {
  permission: 'namespace_owner',
  scope: 'project:admin',
  refusal: 'api.action.refuse',
} as const;
const ofClass = z.strictObject({ class: retentionClassSchema });
const ofNamespace = z.strictObject({ namespace: nameSchema });
const ofNamespaceAndClass = z.strictObject({ namespace: nameSchema, class: retentionClassSchema });
const erasureParams = z.strictObject({ erasure: idSchema });
const jobParams = z.strictObject({ job: idSchema });

export const forgetRoutes = {
  'retention.list': {
    ...administrator,
    method: 'GET',
    path: '/api/v1/retention',
    summary: 'How long events of each class are kept',
    status: 200,
    response: z.strictObject({ items: z.array(retentionRuleSchema), next: z.null() }),
    records: [],
    errors: ['forbidden'],
  },
  'retention.put': {
    ...administrator,
    method: 'PUT',
    path: '/api/v1/retention/{class}',
    summary: 'Set how long events of a class are kept, and what owners of namespaces may choose',
    params: ofClass,
    body: z.strictObject({ days: daysSchema.nullable(), namespaces: retentionBoundsSchema.nullable() }),
    status: 200,
    response: retentionRuleSchema,
    records: ['trail.retention.change'],
    errors: ['forbidden'],
  },
  'namespaces.retention.list': {
    ...owner,
    method: 'GET',
    path: '/api/v1/namespaces/{namespace}/retention',
    summary: 'How long events of a namespace are kept',
    params: ofNamespace,
    status: 200,
    response: z.strictObject({ items: z.array(namespaceRetentionRuleSchema), next: z.null() }),
    records: [],
    errors: ['forbidden', 'not_found'],
  },
  'namespaces.retention.put': {
    ...owner,
    method: 'PUT',
    path: '/api/v1/namespaces/{namespace}/retention/{class}',
    summary: 'Choose how long events of a namespace are kept, within the administrator’s bounds',
    params: ofNamespaceAndClass,
    body: z.strictObject({ days: daysSchema.nullable() }),
    status: 200,
    response: namespaceRetentionRuleSchema,
    records: ['trail.retention.change'],
    errors: ['forbidden', 'not_found', 'conflict'],
  },
  'namespaces.retention.delete': {
    ...owner,
    method: 'DELETE',
    path: '/api/v1/namespaces/{namespace}/retention/{class}',
    summary: 'Follow the server again',
    params: ofNamespaceAndClass,
    status: 204,
    records: ['trail.retention.change'],
    errors: ['forbidden', 'not_found', 'conflict'],
  },
  'holds.list': {
    ...administrator,
    method: 'GET',
    path: '/api/v1/holds',
    summary: 'Legal holds, the newest first',
    query: z.strictObject(pageQuery),
    status: 200,
    response: pageOf(holdSchema),
    records: [],
    errors: ['forbidden'],
  },
  'holds.create': {
    ...administrator,
    method: 'POST',
    path: '/api/v1/holds',
    summary: 'Keep retention and erasure from a namespace, a project or a user',
    body: holdInputSchema,
    status: 201,
    response: holdSchema,
    records: ['trail.hold.place'],
    errors: ['forbidden', 'not_found', 'conflict'],
  },
  'holds.delete': {
    ...administrator,
    method: 'DELETE',
    path: '/api/v1/holds/{hold}',
    summary: 'Lift a legal hold',
    params: z.strictObject({ hold: idSchema }),
    status: 204,
    records: ['trail.hold.lift'],
    errors: ['forbidden', 'not_found'],
  },
  'erasures.list': {
    ...administrator,
    method: 'GET',
    path: '/api/v1/erasures',
    summary: 'Erasures and their previews, the newest first',
    query: z.strictObject(pageQuery),
    status: 200,
    response: pageOf(erasureSchema),
    records: [],
    errors: ['forbidden'],
  },
  'erasures.create': {
    ...administrator,
    method: 'POST',
    path: '/api/v1/erasures',
    summary: 'Find out what erasing a person or an address would remove; removes nothing',
    body: erasureSubjectSchema,
    status: 201,
    response: erasureSchema,
    records: ['trail.erasure.request'],
    errors: ['forbidden', 'not_found', 'conflict'],
  },
  'erasures.get': {
    ...administrator,
    method: 'GET',
    path: '/api/v1/erasures/{erasure}',
    summary: 'One erasure: what was found, how far it has come',
    params: erasureParams,
    status: 200,
    response: erasureSchema,
    records: [],
    errors: ['forbidden', 'not_found'],
  },
  'erasures.confirm': {
    ...administrator,
    method: 'POST',
    path: '/api/v1/erasures/{erasure}/confirm',
    summary: 'Begin an erasure that was previewed, or go on with one that failed; it cannot be undone',
    params: erasureParams,
    status: 200,
    response: erasureSchema,
    records: ['trail.erasure.confirm'],
    errors: ['forbidden', 'not_found', 'conflict'],
  },
  'erasures.cancel': {
    ...administrator,
    method: 'DELETE',
    path: '/api/v1/erasures/{erasure}',
    summary: 'Throw a preview away, with what it remembers of whom it was about',
    params: erasureParams,
    status: 204,
    records: ['trail.erasure.cancel'],
    errors: ['forbidden', 'not_found', 'conflict'],
  },
  'jobs.list': {
    ...administrator,
    method: 'GET',
    path: '/api/v1/jobs',
    summary: 'Work that the server does by itself, the newest first',
    query: z.strictObject(pageQuery),
    status: 200,
    response: pageOf(jobSchema),
    records: [],
    errors: ['forbidden'],
  },
  'jobs.get': {
    ...administrator,
    method: 'GET',
    path: '/api/v1/jobs/{job}',
    summary: 'One job: how far it has come, and what went wrong the last time',
    params: jobParams,
    status: 200,
    response: jobSchema,
    records: [],
    errors: ['forbidden', 'not_found'],
  },
  'jobs.run': {
    ...administrator,
    method: 'POST',
    path: '/api/v1/jobs/{job}/run',
    summary: 'Run a job now that waits for its time',
    params: jobParams,
    status: 200,
    response: jobSchema,
    records: ['system.job.request'],
    errors: ['forbidden', 'not_found', 'conflict'],
  },
} as const satisfies Record<string, ApiRoute>;
