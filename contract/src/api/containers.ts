/** Tags and manifests of a container project, as the console and scripts handle them; clients of images use /v2/. */
import { z } from 'zod';
import { lockTriggers } from '../catalogue/immutability.ts';
import { principalKinds } from '../event.ts';
import type { ApiRoute } from './route.ts';
import {
  digestSchema,
  pageOf,
  pageQuery,
  partSchema,
  projectPathSchema,
  tagNameSchema,
  timeInputSchema,
  timeSchema,
} from './shapes.ts';

export const tagSchema = z.strictObject({
  name: z.string(),
  digest: z.string(),
  mediaType: z.string(),
  /** Of the manifest itself. */
  sizeBytes: z.int(),
  createdAt: timeSchema,
  movedAt: timeSchema,
  expiresAt: timeSchema.nullable(),
  /** The event that made it point here. */
  eventId: z.string(),
  /** What locked it, or calls for its lock already; null: it may be moved, deleted and given an end. */
  immutable: z.enum(lockTriggers).nullable(),
});
export type Tag = z.infer<typeof tagSchema>;

/** Who brought a state about, or ended it, and how; as the event tells whoever asks. */
const tagActSchema = z.strictObject({
  type: z.enum(['container.tag.create', 'container.tag.move', 'container.tag.delete']),
  how: z.enum(['push', 'retag', 'restore', 'request', 'manifest', 'expiry']),
  by: z.strictObject({
    kind: z.enum(principalKinds),
    id: z.string().nullable(),
    name: z.string().nullable(),
  }),
});
export type TagAct = z.infer<typeof tagActSchema>;

export const tagHistoryEntrySchema = z.strictObject({
  digest: z.string(),
  from: timeSchema,
  /** null: it still points there. */
  to: timeSchema.nullable(),
  fromEventId: z.string(),
  toEventId: z.string().nullable(),
  /** null where the event is not for the caller to read, or retention dropped it. */
  begun: tagActSchema.nullable(),
  /** The same; null too while the state lasts. */
  ended: tagActSchema.nullable(),
  /** Whether the manifest is still kept, so that the tag can be restored to it. */
  restorable: z.boolean(),
});
export type TagHistoryEntry = z.infer<typeof tagHistoryEntrySchema>;

export const manifestSchema = z.strictObject({
  digest: z.string(),
  mediaType: z.string(),
  artifactType: z.string().nullable(),
  subject: z.string().nullable(),
  sizeBytes: z.int(),
  pushedAt: timeSchema,
  /** The event that pushed it. */
  eventId: z.string(),
  tags: z.array(z.string()).max(100),
});
export type Manifest = z.infer<typeof manifestSchema>;

/** `container` is the one format with tags. */
const project = { format: z.literal('container'), path: projectPathSchema };
const params = z.strictObject(project);
const tagParams = z.strictObject({ ...project, tag: tagNameSchema });
const manifestParams = z.strictObject({ ...project, digest: digestSchema });
const read = {
  permission: 'project_read',
  scope: 'project:read',
  records: [],
  refusal: 'container.pull.refuse',
  errors: ['not_found'],
} as const;
const write = {
  permission: 'project_write',
  scope: 'project:write',
  refusal: 'container.push.refuse',
  errors: ['forbidden', 'not_found', 'conflict'],
} as const;
const remove = {
  permission: 'project_delete',
  scope: 'project:delete',
  refusal: 'container.delete.refuse',
  errors: ['forbidden', 'not_found', 'conflict'],
} as const;

export const containerRoutes = {
  'tags.list': {
    ...read,
    method: 'GET',
    path: '/api/v1/projects/{format}/{path}/tags',
    summary: 'Tags of a project by name',
    params,
    query: z.strictObject({ ...pageQuery, text: partSchema(128).optional() }),
    status: 200,
    response: pageOf(tagSchema),
  },
  'tags.get': {
    ...read,
    method: 'GET',
    path: '/api/v1/projects/{format}/{path}/tags/{tag}',
    summary: 'One tag',
    params: tagParams,
    status: 200,
    response: tagSchema,
  },
  'tags.put': {
    ...write,
    method: 'PUT',
    path: '/api/v1/projects/{format}/{path}/tags/{tag}',
    summary: 'Point a tag, new or not, to a manifest of the project',
    params: tagParams,
    body: z.strictObject({ digest: digestSchema }),
    status: 200,
    response: tagSchema,
    records: ['container.tag.create', 'container.tag.move'],
  },
  'tags.put_expiry': {
    ...write,
    method: 'PATCH',
    path: '/api/v1/projects/{format}/{path}/tags/{tag}',
    summary: 'Say when a tag expires, or that it never does',
    params: tagParams,
    body: z.strictObject({ expiresAt: timeInputSchema.nullable() }),
    status: 200,
    response: tagSchema,
    records: ['container.tag.expire'],
  },
  'tags.delete': {
    ...remove,
    method: 'DELETE',
    path: '/api/v1/projects/{format}/{path}/tags/{tag}',
    summary: 'Delete a tag; it can be restored while its manifest is kept',
    params: tagParams,
    status: 204,
    records: ['container.tag.delete'],
  },
  'tags.history': {
    ...read,
    method: 'GET',
    path: '/api/v1/projects/{format}/{path}/tags/{tag}/history',
    summary: 'Where a tag has pointed and who moved it, newest first, or at one time; also of a deleted tag',
    params: tagParams,
    /** `at`: the state that held then alone; none where the tag did not exist then. */
    query: z.strictObject({ ...pageQuery, at: timeInputSchema.optional() }),
    status: 200,
    response: pageOf(tagHistoryEntrySchema),
    records: ['trail.events.read'],
  },
  'tags.restore': {
    ...write,
    method: 'POST',
    path: '/api/v1/projects/{format}/{path}/tags/{tag}/restore',
    summary: 'Point a tag back to where it once pointed',
    params: tagParams,
    body: z.strictObject({ digest: digestSchema }),
    status: 200,
    response: tagSchema,
    records: ['container.tag.create', 'container.tag.move'],
  },
  'manifests.list': {
    ...read,
    method: 'GET',
    path: '/api/v1/projects/{format}/{path}/manifests',
    summary: 'Manifests of a project, tagged or not',
    params,
    query: z.strictObject(pageQuery),
    status: 200,
    response: pageOf(manifestSchema),
  },
  'manifests.get': {
    ...read,
    method: 'GET',
    path: '/api/v1/projects/{format}/{path}/manifests/{digest}',
    summary: 'One manifest: what it is and which tags point to it',
    params: manifestParams,
    status: 200,
    response: manifestSchema,
  },
  'manifests.delete': {
    ...remove,
    method: 'DELETE',
    path: '/api/v1/projects/{format}/{path}/manifests/{digest}',
    summary: 'Delete a manifest with every tag that points to it',
    params: manifestParams,
    status: 204,
    records: ['container.manifest.delete', 'container.tag.delete'],
  },
} as const satisfies Record<string, ApiRoute>;
