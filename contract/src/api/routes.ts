/**
 * Every endpoint of the management API, by id. The one place they are listed: the server binds a handler to each row,
 * the console's typed client, the OpenAPI document and docs/reference/api.md derive from it.
 */
import type { z } from 'zod';
import { backupRoutes } from './backups.ts';
import { containerRoutes } from './containers.ts';
import { forgetRoutes } from './forget.ts';
import { immutabilityRoutes } from './immutability.ts';
import { logRoutes } from './log.ts';
import { meRoutes } from './me.ts';
import { namespaceRoutes } from './namespaces.ts';
import { organisationRoutes } from './organisations.ts';
import { projectRoutes } from './projects.ts';
import { robotRoutes } from './robots.ts';
import type { ApiRoute } from './route.ts';
import { sessionRoutes } from './session.ts';
import { settingRoutes } from './settings.ts';
import { trailRoutes } from './trail.ts';
import { userRoutes } from './users.ts';

export const apiRoutes = {
  ...sessionRoutes,
  ...meRoutes,
  ...userRoutes,
  ...organisationRoutes,
  ...robotRoutes,
  ...namespaceRoutes,
  ...projectRoutes,
  ...containerRoutes,
  ...immutabilityRoutes,
  ...trailRoutes,
  ...logRoutes,
  ...backupRoutes,
  ...settingRoutes,
  ...forgetRoutes,
} as const satisfies Record<string, ApiRoute>;

export type ApiRouteId = keyof typeof apiRoutes;
export const apiRouteIds = Object.keys(apiRoutes) as ApiRouteId[];

type Row<Id extends ApiRouteId> = (typeof apiRoutes)[Id];
type Sent<R, K extends string> = R extends Record<K, infer S extends z.ZodType> ? z.input<S> : undefined;
type Received<R, K extends string> = R extends Record<K, infer S extends z.ZodType> ? z.output<S> : undefined;

/** What a client sends. */
export type ApiParams<Id extends ApiRouteId> = Sent<Row<Id>, 'params'>;
export type ApiQuery<Id extends ApiRouteId> = Sent<Row<Id>, 'query'>;
export type ApiBody<Id extends ApiRouteId> = Sent<Row<Id>, 'body'>;
/** What a client gets; undefined with 204. */
export type ApiResponse<Id extends ApiRouteId> = Received<Row<Id>, 'response'>;

/** What a handler gets: validated, defaults filled in. */
export type ApiInput<Id extends ApiRouteId> = {
  params: Received<Row<Id>, 'params'>;
  query: Received<Row<Id>, 'query'>;
  body: Received<Row<Id>, 'body'>;
};

/** The row with the general type that walks over the table need. */
export function apiRoute(id: ApiRouteId): ApiRoute {
  return apiRoutes[id];
}
