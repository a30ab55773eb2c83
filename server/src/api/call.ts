/**
 * What a handler of the management API gets and gives. The gates (gates.ts) have run before it: who asks is known, the
 * permission of its row is held, and what the path names exists and is visible to the caller.
 */
import type {
  ApiInput,
  ApiPermission,
  ApiResponse,
  ApiRouteId,
  apiRoutes,
  RequestFacts,
} from '@tallyman/contract';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Namespace, Project, Role } from '../access/model.ts';
import type { Caller } from '../domain/caller.ts';
import type { Visit } from './refusals.ts';

/** What the gate of each permission hands on. */
type Passed<P extends ApiPermission> = P extends 'anyone'
  ? { caller: Caller | undefined }
  : P extends 'namespace_member' | 'namespace_owner'
    ? { caller: Caller; namespace: Namespace }
    : P extends 'project_read'
      ? { caller: Caller | undefined; namespace: Namespace; project: Project; role: Role }
      : P extends 'project_inspect' | 'project_write' | 'project_delete' | 'project_administer'
        ? { caller: Caller; namespace: Namespace; project: Project; role: Role }
        : { caller: Caller };

export type ApiCall<Id extends ApiRouteId> = ApiInput<Id> &
  Passed<(typeof apiRoutes)[Id]['permission']> & {
    /** For a handler that itself finds out where a refusal belongs. */
    visit: Visit;
    /** Of the request, with the status that the row answers with; so is the caller's. For events of what was done. */
    done: RequestFacts;
    /** Aborts when the server stops: endless answers end. */
    closing: AbortSignal;
    request: FastifyRequest;
    reply: FastifyReply;
  };

/** The handler has sent the answer itself: an export or a tail. */
export const sent = Symbol('sent');

type Answer<T> = [T] extends [undefined] ? Promise<void> | Promise<typeof sent> : Promise<T | typeof sent>;

export type ApiHandler<Id extends ApiRouteId> = (call: ApiCall<Id>) => Answer<ApiResponse<Id>>;

/** One handler for each of the given rows; a missing one does not compile. */
export type ApiHandlers<Id extends ApiRouteId> = { [I in Id]: ApiHandler<I> };
