/** The client's calls as queries and mutations: the one place where keys of the cache are made. */
import type { ApiResponse, ApiRouteId } from '@tallyman/contract';
import {
  infiniteQueryOptions,
  MutationCache,
  QueryCache,
  QueryClient,
  queryOptions,
  useMutation,
  useQueryClient,
} from '@tanstack/react-query';
import { type ApiCallInput, callApi, setCsrfToken } from './client.ts';
import { isApiError, NoAnswerError } from './problem.ts';

/** `Page<Item>`: what lists answer with. */
type Page<Item> = { items: Item[]; next: string | null };
type ListId = {
  [Id in ApiRouteId]: ApiResponse<Id> extends Page<unknown> ? Id : never;
}[ApiRouteId];
type ItemOf<Id extends ListId> = ApiResponse<Id> extends Page<infer Item> ? Item : never;

export function apiQuery<Id extends ApiRouteId>(id: Id, input: ApiCallInput<Id>) {
  return queryOptions({
    queryKey: [id, input] as const,
    queryFn: ({ signal }) => callApi(id, input, signal),
  });
}

/** A list that grows by "Show more". */
export function apiList<Id extends ListId>(id: Id, input: ApiCallInput<Id>) {
  return infiniteQueryOptions({
    queryKey: [id, input, 'pages'] as const,
    initialPageParam: null as string | null,
    queryFn: async ({ pageParam, signal }) => {
      const { query } = input as { query?: Record<string, unknown> };
      const paged = { ...input, query: { ...query, ...(pageParam !== null && { cursor: pageParam }) } };
      return (await callApi(id, paged as ApiCallInput<Id>, signal)) as Page<ItemOf<Id>>;
    },
    getNextPageParam: (page) => page.next,
  });
}

/** A change, after which the named endpoints are asked again. What it changed in the trail always is. */
export function useApiMutation<Id extends ApiRouteId>(id: Id, changes: readonly ApiRouteId[] = []) {
  const client = useQueryClient();
  return useMutation({
    meta: { inSession: true },
    mutationFn: (input: ApiCallInput<Id>) => callApi(id, input),
    onSuccess: async () => {
      await Promise.all(
        [...changes, 'events.list' as const].map((key) => client.invalidateQueries({ queryKey: [key] })),
      );
    },
  });
}

/** Who is signed in. Every page depends on it. */
export const sessionQuery = queryOptions({
  queryKey: ['session.get'] as const,
  queryFn: async ({ signal }) => {
    const session = await callApi('session.get', {}, signal);
    setCsrfToken(session.signedIn ? session.csrfToken : undefined);
    return session;
  },
  staleTime: 60_000,
});

export function createQueryClient(onSignedOut: () => void): QueryClient {
  const client = new QueryClient({
    queryCache: new QueryCache({
      onError: (error) => {
        if (isApiError(error, 'unauthenticated')) onSignedOut();
      },
    }),
    mutationCache: new MutationCache({
      onError: (error, _input, _context, mutation) => {
        // Signing in is refused without anybody having been signed in.
        const inSession = mutation.meta?.inSession === true;
        if (inSession && isApiError(error, 'unauthenticated')) onSignedOut();
        // The session began anew elsewhere in this browser: with its proof of origin the next try works.
        if (isApiError(error) && error.problem.reason === 'csrf_failed')
          void client.invalidateQueries({ queryKey: sessionQuery.queryKey });
      },
    }),
    defaultOptions: {
      queries: {
        // Whether the browser takes itself for online says nothing of a server on this machine or in this house.
        networkMode: 'always',
        staleTime: 5_000,
        refetchOnWindowFocus: false,
        // A refusal stays one, and repeating it would fill the trail; only silence is worth another try.
        retry: (failures, error) =>
          failures < 2 && (error instanceof NoAnswerError || isApiError(error, 'unavailable')),
      },
      mutations: { networkMode: 'always' },
    },
  });
  return client;
}
