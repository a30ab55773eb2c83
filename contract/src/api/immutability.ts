/** Immutability: policies on namespaces and on container projects, and the locks of single tags. */
import { z } from 'zod';
import { lockTriggers, policyScopes } from '../catalogue/immutability.ts';
import type { ApiRoute } from './route.ts';
import {
  idSchema,
  nameSchema,
  pageOf,
  pageQuery,
  projectPathSchema,
  tagNameSchema,
  textSchema,
  timeSchema,
} from './shapes.ts';

export const policyLimits = {
  patternChars: 256,
  /** On the namespace itself, and on each project. */
  perNamespace: 200,
  perProject: 50,
} as const;

/** RE2 syntax (linear time), matched against the whole name of a tag. */
const patternSchema = z.string().min(1);
export const policyInputSchema = z.strictObject({
  pattern: patternSchema,
  /** false: it locks every name that the pattern does not match. */
  matches: z.boolean().default(true),
  description: textSchema.default(''),
});
export type PolicyInput = z.input<typeof policyInputSchema>;

export const policyRunSchema = z.strictObject({
  what: z.enum(['lock', 'release']),
  state: z.enum(['running', 'done', 'superseded']),
  /** Looked at, locked and unlocked so far. */
  tags: z.int(),
  locked: z.int(),
  unlocked: z.int(),
  /** Locked by the policy, no longer called for by it. */
  stillLocked: z.int(),
  startedAt: timeSchema,
  finishedAt: timeSchema.nullable(),
});
export type PolicyRun = z.infer<typeof policyRunSchema>;

/** Who did something, as they are called now. */
const personSchema = z.strictObject({ id: z.string().nullable(), name: z.string().nullable() });

export const policySchema = z.strictObject({
  id: idSchema,
  scope: z.enum(policyScopes),
  pattern: z.string(),
  matches: z.boolean(),
  description: z.string(),
  version: z.int(),
  createdAt: timeSchema,
  createdBy: personSchema,
  /** The last change, which may be its creation or its deletion. */
  changedAt: timeSchema,
  changedBy: personSchema,
  deletedAt: timeSchema.nullable(),
  /** The event of its last change. */
  eventId: z.string(),
  /** Its last run: the locking of tags that were there. */
  run: policyRunSchema.nullable(),
});
export type Policy = z.infer<typeof policySchema>;
export const policyInFullSchema = policySchema.extend({
  /** Tags that it locked and that are locked by it still; where `complete` is false, there are more. */
  holds: z.strictObject({ tags: z.int(), complete: z.boolean() }),
});
export type PolicyInFull = z.infer<typeof policyInFullSchema>;
/** `deleted`: those that were taken away, the last one first, as many as a page holds. */
const policyListQuery = z.strictObject({ ...pageQuery, state: z.enum(['live', 'deleted']).default('live') });

export const policyPreviewSchema = z.strictObject({
  /** Tags looked at. */
  tags: z.int(),
  wouldLock: z.int(),
  alreadyLocked: z.int(),
  /** The first names that would be locked, with their projects. */
  sample: z.array(z.strictObject({ project: z.string(), tag: z.string() })).max(10),
  /** false: there are more tags than a preview looks at. */
  complete: z.boolean(),
});
export type PolicyPreview = z.infer<typeof policyPreviewSchema>;

const policyStepSchema = z.strictObject({
  eventId: z.string(),
  what: z.enum(['create', 'change', 'delete']),
  version: z.int(),
  pattern: z.string(),
  matches: z.boolean(),
  at: timeSchema,
  by: personSchema,
});
const whyPolicySchema = z.strictObject({
  id: z.string(),
  /** As it was when it locked the tag. */
  version: z.int(),
  scope: z.enum(policyScopes),
  pattern: z.string(),
  matches: z.boolean(),
  description: z.string(),
  deleted: z.boolean(),
  /** How the policy came to be, oldest first. */
  steps: z.array(policyStepSchema),
});
export const whyImmutableSchema = z.strictObject({
  project: z.string(),
  tag: z.string(),
  immutable: z.boolean(),
  /** One sentence that says it all. */
  because: z.string(),
  trigger: z.enum(lockTriggers).nullable(),
  /** null while the policy’s run has yet to reach the tag. */
  since: timeSchema.nullable(),
  /** The event that locked it. */
  eventId: z.string().nullable(),
  by: personSchema.nullable(),
  policy: whyPolicySchema.nullable(),
  /** Every policy that calls for it now. */
  calledForBy: z.array(z.string()),
  /** Set where it was unlocked and policies leave it alone meanwhile. */
  unlockedEventId: z.string().nullable(),
});
export type WhyImmutable = z.infer<typeof whyImmutableSchema>;

const reasonSchema = z.string().trim().min(3, 'must say why, in 3 characters at least').max(500);
const namespace = { namespace: nameSchema };
const project = { format: z.literal('container'), path: projectPathSchema };
const policy = { policy: idSchema };
const namespaceRead = {
  permission: 'namespace_member',
  scope: 'project:read',
  records: [],
  refusal: 'api.action.refuse',
  errors: ['not_found'],
} as const;
const namespaceOwner = {
  permission: 'namespace_owner',
  scope: 'project:admin',
  refusal: 'api.action.refuse',
} as const;
const projectRead = {
  permission: 'project_inspect',
  scope: 'project:read',
  records: [],
  refusal: 'api.action.refuse',
  errors: ['forbidden', 'not_found'],
} as const;
const projectOwner = {
  permission: 'project_administer',
  scope: 'project:admin',
  refusal: 'api.action.refuse',
} as const;
const writes = ['forbidden', 'not_found', 'conflict', 'unprocessable'] as const;

export const immutabilityRoutes = {
  'namespaces.policies.list': {
    ...namespaceRead,
    method: 'GET',
    path: '/api/v1/namespaces/{namespace}/immutability-policies',
    summary: 'Immutability policies on every project of a namespace',
    params: z.strictObject(namespace),
    query: policyListQuery,
    status: 200,
    response: pageOf(policySchema),
  },
  'namespaces.policies.get': {
    ...namespaceRead,
    method: 'GET',
    path: '/api/v1/namespaces/{namespace}/immutability-policies/{policy}',
    summary: 'One policy, also a deleted one: how far its run has come, and what it holds',
    params: z.strictObject({ ...namespace, ...policy }),
    status: 200,
    response: policyInFullSchema,
  },
  'namespaces.policies.create': {
    ...namespaceOwner,
    method: 'POST',
    path: '/api/v1/namespaces/{namespace}/immutability-policies',
    summary: 'Make tags of every project of a namespace immutable, present and future ones',
    params: z.strictObject(namespace),
    body: policyInputSchema,
    status: 201,
    response: policySchema,
    records: ['policy.immutability.create'],
    errors: writes,
  },
  'namespaces.policies.preview': {
    ...namespaceOwner,
    method: 'POST',
    path: '/api/v1/namespaces/{namespace}/immutability-policies/preview',
    summary: 'Which tags a policy would lock; nothing is changed',
    params: z.strictObject(namespace),
    body: policyInputSchema,
    status: 200,
    response: policyPreviewSchema,
    records: ['policy.immutability.preview'],
    errors: ['forbidden', 'not_found', 'unprocessable'],
  },
  'namespaces.policies.put': {
    ...namespaceOwner,
    method: 'PUT',
    path: '/api/v1/namespaces/{namespace}/immutability-policies/{policy}',
    summary: 'Change a policy; what it locked before stays locked until it is released',
    params: z.strictObject({ ...namespace, ...policy }),
    body: policyInputSchema,
    status: 200,
    response: policySchema,
    records: ['policy.immutability.change'],
    errors: writes,
  },
  'namespaces.policies.delete': {
    ...namespaceOwner,
    method: 'DELETE',
    path: '/api/v1/namespaces/{namespace}/immutability-policies/{policy}',
    summary: 'Delete a policy; what it locked stays locked until it is released',
    params: z.strictObject({ ...namespace, ...policy }),
    status: 204,
    records: ['policy.immutability.delete'],
    errors: ['forbidden', 'not_found'],
  },
  'namespaces.policies.release': {
    ...namespaceOwner,
    method: 'POST',
    path: '/api/v1/namespaces/{namespace}/immutability-policies/{policy}/release',
    summary: 'Unlock what a deleted or narrowed policy alone had locked',
    params: z.strictObject({ ...namespace, ...policy }),
    body: z.strictObject({ reason: reasonSchema }),
    status: 200,
    response: policyRunSchema,
    records: ['policy.immutability.release'],
    errors: ['forbidden', 'not_found', 'conflict'],
  },
  'projects.policies.list': {
    ...projectRead,
    method: 'GET',
    path: '/api/v1/projects/{format}/{path}/immutability-policies',
    summary: 'Immutability policies of a project itself; those of its namespace hold besides',
    params: z.strictObject(project),
    query: policyListQuery,
    status: 200,
    response: pageOf(policySchema),
  },
  'projects.policies.get': {
    ...projectRead,
    method: 'GET',
    path: '/api/v1/projects/{format}/{path}/immutability-policies/{policy}',
    summary: 'One policy of a project, also a deleted one: how far its run has come, and what it holds',
    params: z.strictObject({ ...project, ...policy }),
    status: 200,
    response: policyInFullSchema,
  },
  'projects.policies.create': {
    ...projectOwner,
    method: 'POST',
    path: '/api/v1/projects/{format}/{path}/immutability-policies',
    summary: 'Make tags of a project immutable, present and future ones',
    params: z.strictObject(project),
    body: policyInputSchema,
    status: 201,
    response: policySchema,
    records: ['policy.immutability.create'],
    errors: writes,
  },
  'projects.policies.preview': {
    ...projectOwner,
    method: 'POST',
    path: '/api/v1/projects/{format}/{path}/immutability-policies/preview',
    summary: 'Which tags of a project a policy would lock; nothing is changed',
    params: z.strictObject(project),
    body: policyInputSchema,
    status: 200,
    response: policyPreviewSchema,
    records: ['policy.immutability.preview'],
    errors: ['forbidden', 'not_found', 'unprocessable'],
  },
  'projects.policies.put': {
    ...projectOwner,
    method: 'PUT',
    path: '/api/v1/projects/{format}/{path}/immutability-policies/{policy}',
    summary: 'Change a policy of a project; what it locked before stays locked until it is released',
    params: z.strictObject({ ...project, ...policy }),
    body: policyInputSchema,
    status: 200,
    response: policySchema,
    records: ['policy.immutability.change'],
    errors: writes,
  },
  'projects.policies.delete': {
    ...projectOwner,
    method: 'DELETE',
    path: '/api/v1/projects/{format}/{path}/immutability-policies/{policy}',
    summary: 'Delete a policy of a project; what it locked stays locked until it is released',
    params: z.strictObject({ ...project, ...policy }),
    status: 204,
    records: ['policy.immutability.delete'],
    errors: ['forbidden', 'not_found'],
  },
  'projects.policies.release': {
    ...projectOwner,
    method: 'POST',
    path: '/api/v1/projects/{format}/{path}/immutability-policies/{policy}/release',
    summary: 'Unlock what a deleted or narrowed policy of a project alone had locked',
    params: z.strictObject({ ...project, ...policy }),
    body: z.strictObject({ reason: reasonSchema }),
    status: 200,
    response: policyRunSchema,
    records: ['policy.immutability.release'],
    errors: ['forbidden', 'not_found', 'conflict'],
  },
  'tags.immutability': {
    method: 'GET',
    path: '/api/v1/projects/{format}/{path}/tags/{tag}/immutability',
    summary: 'Why a tag is immutable, or that it is not',
    params: z.strictObject({ ...project, tag: tagNameSchema }),
    status: 200,
    response: whyImmutableSchema,
    permission: 'project_inspect',
    scope: 'project:read',
    records: [],
    refusal: 'container.pull.refuse',
    errors: ['forbidden', 'not_found'],
  },
  'tags.lock': {
    method: 'POST',
    path: '/api/v1/projects/{format}/{path}/tags/{tag}/lock',
    summary: 'Make one tag immutable',
    params: z.strictObject({ ...project, tag: tagNameSchema }),
    body: z.strictObject({ note: textSchema.optional() }),
    status: 200,
    response: whyImmutableSchema,
    permission: 'project_write',
    scope: 'project:write',
    records: ['container.tag.lock'],
    refusal: 'container.push.refuse',
    errors: ['forbidden', 'not_found', 'conflict'],
  },
  'tags.unlock': {
    method: 'POST',
    path: '/api/v1/projects/{format}/{path}/tags/{tag}/unlock',
    summary:
      'Unlock one tag, with a reason; policies leave it alone until it is moved or one of them changes',
    params: z.strictObject({ ...project, tag: tagNameSchema }),
    body: z.strictObject({ reason: reasonSchema }),
    status: 200,
    response: whyImmutableSchema,
    permission: 'project_administer',
    scope: 'project:admin',
    records: ['container.tag.unlock'],
    refusal: 'container.push.refuse',
    errors: ['forbidden', 'not_found', 'conflict'],
  },
} as const satisfies Record<string, ApiRoute>;
