/**
 * How an endpoint of the management API is declared: as data, once. The server binds handlers to it, the console's typed
 * client and the OpenAPI document are derived from it, and so is the table of endpoints in docs/reference.
 */
import type { z } from 'zod';
import type { EventType, RefusalType } from '../catalogue/catalogue.ts';
import type { TokenScope } from '../scopes.ts';
import type { bundleMediaType } from './events.ts';
import type { ProblemCode } from './problem.ts';

/** What somebody must be to get through; one place in the server checks each word. */
export const permissionTexts = {
  anyone: 'Anyone, signed in or not',
  signed_in: 'Anyone signed in',
  person: 'A person signed in (not a robot)',
  administrator: 'Administrators',
  reads_trail: 'Anyone signed in; each sees only the events that concern them',
  account: 'The user themselves, or an administrator',
  namespace_member: 'Members and owners of the namespace, and administrators',
  namespace_owner: 'Owners of the namespace, and administrators',
  project_read: 'Whoever may pull from the project',
  project_inspect: 'Maintainers and owners of the project',
  project_write: 'Maintainers and owners of the project',
  project_delete: 'Maintainers and owners of the project',
  project_administer: 'Owners of the project, and administrators',
} as const;
export type ApiPermission = keyof typeof permissionTexts;

export type ApiMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export type ApiRoute = {
  method: ApiMethod;
  /** With `{params}`; each is percent-encoded as one segment. */
  path: `/api/v1/${string}`;
  summary: string;
  params?: z.ZodObject;
  query?: z.ZodObject;
  body?: z.ZodType;
  status: 200 | 201 | 204;
  /** Absent with 204, and where the answer is no JSON at all. */
  response?: z.ZodType;
  /** Further media types, chosen by `Accept`. */
  formats?: readonly ('application/x-ndjson' | 'text/csv' | 'text/event-stream' | typeof bundleMediaType)[];
  permission: ApiPermission;
  /** What a token limited by scopes must carry. Absent where nobody need be signed in. */
  scope?: TokenScope;
  /** Types it records when it succeeds. */
  records: readonly EventType[];
  /** The type a refusal of somebody signed in is recorded as; which of the four switches it follows comes with it. */
  refusal: RefusalType;
  /** What it may answer besides `invalid`, `unauthenticated`, `rate_limited`, `unavailable` and `internal`. */
  errors: readonly ProblemCode[];
};
