/**
 * The one client of the management API. Its calls are the rows of the contract's table: what a call takes, which path
 * and method it becomes and what comes back are read from there, so a changed endpoint is a compile error here.
 */
import {
  type ApiBody,
  type ApiParams,
  type ApiQuery,
  type ApiResponse,
  type ApiRouteId,
  apiRoute,
  csrfHeader,
} from '@tallyman/contract';
import { NoAnswerError, problemOf } from './problem.ts';

/** `K` is required where the row declares it, optional where everything in it is optional, absent otherwise. */
type Part<K extends string, T> = [T] extends [undefined]
  ? { [P in K]?: never }
  : Record<string, never> extends T
    ? { [P in K]?: T }
    : { [P in K]: T };

/** What a call of this endpoint needs. */
export type ApiCallInput<Id extends ApiRouteId> = Part<'params', ApiParams<Id>> &
  Part<'query', ApiQuery<Id>> &
  Part<'body', ApiBody<Id>>;

/** The general type that walking over the parts needs. */
type AnyInput = {
  params?: Record<string, string> | undefined;
  query?: Record<string, unknown> | undefined;
  body?: unknown;
};

/** Proof of origin of the present session; sent with everything but GET. Set from each answer that carries it. */
let csrfToken: string | undefined;

export function setCsrfToken(token: string | undefined): void {
  csrfToken = token;
}

/** Throws ApiError for a refusal, NoAnswerError when nothing sensible came back. */
export async function callApi<Id extends ApiRouteId>(
  id: Id,
  input: ApiCallInput<Id>,
  signal?: AbortSignal,
): Promise<ApiResponse<Id>> {
  const row = apiRoute(id);
  const response = await send(id, input as AnyInput, { ...(signal && { signal }) });
  if (row.status === 204 || row.response === undefined) return undefined as ApiResponse<Id>;
  const parsed = row.response.safeParse(await response.json());
  if (!parsed.success)
    throw new NoAnswerError(
      `The answer to ${id} is not of the form this console knows (${parsed.error.issues[0]?.path.join('.')}: ${parsed.error.issues[0]?.message}). Reload the page: the server may be newer than it.`,
    );
  return parsed.data as ApiResponse<Id>;
}

/** The whole answer in another of the endpoint's media types. For small ones: exports are the browser's own affair. */
export async function fetchApi<Id extends ApiRouteId>(
  id: Id,
  input: ApiCallInput<Id>,
  { mediaType, signal }: { mediaType: string; signal?: AbortSignal },
): Promise<Uint8Array> {
  const response = await send(id, input as AnyInput, { accept: mediaType, ...(signal && { signal }) });
  return new Uint8Array(await response.arrayBuffer());
}

/** For what the browser requests by itself: event streams, downloads. */
export function apiUrl<Id extends ApiRouteId>(id: Id, input: ApiCallInput<Id>): string {
  const { params, query } = input as AnyInput;
  const path = apiRoute(id).path.replace(/\{(\w+)\}/g, (_, key: string) =>
    encodeURIComponent(params?.[key] ?? ''),
  );
  const search = formatQuery(query ?? {});
  return search === '' ? path : `${path}?${search}`;
}

/** Lists are repeated parameters, as the API takes them. */
export function formatQuery(query: Record<string, unknown>): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value])
      if (one !== undefined && one !== null && one !== '') search.append(key, String(one));
  }
  return search.toString();
}

async function send(
  id: ApiRouteId,
  input: AnyInput,
  { accept = 'application/json', signal }: { accept?: string; signal?: AbortSignal },
): Promise<Response> {
  const { method } = apiRoute(id);
  const headers = new Headers({ accept });
  if (input.body !== undefined) headers.set('content-type', 'application/json');
  if (method !== 'GET' && csrfToken !== undefined) headers.set(csrfHeader, csrfToken);
  const response = await fetch(apiUrl(id, input as never), {
    method,
    headers,
    ...(input.body !== undefined && { body: JSON.stringify(input.body) }),
    ...(signal !== undefined && { signal }),
  }).catch((cause: unknown) => {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    throw new NoAnswerError('The server cannot be reached. Check that it runs and try again.', { cause });
  });
  if (!response.ok) throw await problemOf(response);
  return response;
}
