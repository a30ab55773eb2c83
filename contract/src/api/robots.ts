/** Robots of a user or an organisation, named `owner+name`, each with one token at a time. */
import { z } from 'zod';
import type { ApiRoute } from './route.ts';
import {
  idSchema,
  nameSchema,
  pageOf,
  pageQuery,
  textSchema,
  timeInputSchema,
  timeSchema,
} from './shapes.ts';

export const robotSchema = z.strictObject({
  id: idSchema,
  /** `owner+name`: the user name to sign in with. */
  name: z.string(),
  description: z.string().nullable(),
  createdAt: timeSchema,
  disabled: z.boolean(),
  /** Its present token; null when it has none. */
  token: z
    .strictObject({
      id: idSchema,
      expiresAt: timeSchema.nullable(),
      lastUsedAt: timeSchema.nullable(),
      lastUsedSource: z.string().nullable(),
    })
    .nullable(),
});
export type Robot = z.infer<typeof robotSchema>;

export const robotInputSchema = z.strictObject({
  /** Without the owner. */
  name: nameSchema,
  description: textSchema.optional(),
  expiresAt: timeInputSchema.optional(),
});
export type RobotInput = z.input<typeof robotInputSchema>;
/** `secret` is shown this once and is not stored. */
export const robotSecretSchema = z.strictObject({ robot: robotSchema, secret: z.string() });
export type RobotSecret = z.infer<typeof robotSecretSchema>;

const params = z.strictObject({ owner: nameSchema, robot: nameSchema });
const ownerParams = z.strictObject({ owner: nameSchema });
const owner = { permission: 'namespace_owner', refusal: 'api.action.refuse' } as const;
const reads = { ...owner, scope: 'account:read', records: [], errors: ['forbidden', 'not_found'] } as const;
const writes = { ...owner, scope: 'account:write', errors: ['forbidden', 'not_found', 'conflict'] } as const;

export const robotRoutes = {
  'robots.list': {
    ...reads,
    method: 'GET',
    path: '/api/v1/robots/{owner}',
    summary: 'Robots of a user or an organisation',
    params: ownerParams,
    query: z.strictObject(pageQuery),
    status: 200,
    response: pageOf(robotSchema),
  },
  'robots.create': {
    ...writes,
    method: 'POST',
    path: '/api/v1/robots/{owner}',
    summary: 'Create a robot; its token is shown this once',
    params: ownerParams,
    body: robotInputSchema,
    status: 201,
    response: robotSecretSchema,
    records: ['robot.account.create'],
  },
  'robots.get': {
    ...reads,
    method: 'GET',
    path: '/api/v1/robots/{owner}/{robot}',
    summary: 'One robot',
    params,
    status: 200,
    response: robotSchema,
  },
  'robots.rotate': {
    ...writes,
    method: 'POST',
    path: '/api/v1/robots/{owner}/{robot}/rotate',
    summary: 'Give a robot a new token, shown this once; the former one stops at once',
    params,
    body: z.strictObject({ expiresAt: timeInputSchema.optional() }),
    status: 200,
    response: robotSecretSchema,
    records: ['robot.token.rotate'],
  },
  'robots.disable': {
    ...writes,
    method: 'POST',
    path: '/api/v1/robots/{owner}/{robot}/disable',
    summary: 'Refuse a robot until it is enabled again',
    params,
    status: 200,
    response: robotSchema,
    records: ['robot.account.disable'],
  },
  'robots.enable': {
    ...writes,
    method: 'POST',
    path: '/api/v1/robots/{owner}/{robot}/enable',
    summary: 'Let a disabled robot be used again',
    params,
    status: 200,
    response: robotSchema,
    records: ['robot.account.enable'],
  },
  'robots.delete': {
    ...writes,
    method: 'DELETE',
    path: '/api/v1/robots/{owner}/{robot}',
    summary: 'Delete a robot; its token stops at once',
    params,
    status: 204,
    records: ['robot.account.delete', 'namespace.role.revoke', 'project.role.revoke'],
  },
} as const satisfies Record<string, ApiRoute>;
