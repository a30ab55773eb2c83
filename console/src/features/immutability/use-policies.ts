/** Policies of a namespace or of a project: the same questions, each asked of the endpoint that its place has. */
import type { Policy, PolicyInput, PolicyRun } from '@tallyman/contract';
import { type QueryClient, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { apiQuery, useApiMutation } from '../../api/queries.ts';

export type PolicyPlace = { namespace: string } | { format: 'container'; path: string };
type What = 'list' | 'get' | 'create' | 'preview' | 'put' | 'delete' | 'release';

const routeOf = <W extends What>(place: PolicyPlace, what: W) =>
  `${'namespace' in place ? 'namespaces' : 'projects'}.policies.${what}` as
    | `namespaces.policies.${W}`
    | `projects.policies.${W}`;

/** `acme/app`, or `every project of acme`. */
export const placeText = (place: PolicyPlace): string =>
  'namespace' in place ? `every project of ${place.namespace}` : place.path;

/** All that a change of policy may have changed. */
const touched = [
  'namespaces.policies.list',
  'namespaces.policies.get',
  'projects.policies.list',
  'projects.policies.get',
  'tags.list',
  'tags.get',
  'tags.immutability',
] as const;

export function usePolicies(
  place: PolicyPlace,
  { state = 'live', enabled = true }: { state?: 'live' | 'deleted'; enabled?: boolean } = {},
) {
  return useQuery({ ...apiQuery(routeOf(place, 'list'), { params: place, query: { state } }), enabled });
}

const pollMs = 1_000;

/** One policy in full; asked again while its run goes on. */
export function usePolicy(place: PolicyPlace, policy: string, { enabled = true } = {}) {
  const client = useQueryClient();
  const query = useQuery({
    ...apiQuery(routeOf(place, 'get'), { params: { ...place, policy } }),
    enabled,
    refetchInterval: ({ state }) => (state.data?.run?.state === 'running' ? pollMs : false),
  });
  const state = query.data?.run?.state;
  const before = useRef(state);
  useEffect(() => {
    if (before.current === 'running' && state !== 'running') askListsAgain(client);
    before.current = state;
  }, [client, state]);
  return query;
}

/** What a run did stands in the lists of policies and of tags too. */
function askListsAgain(client: QueryClient): void {
  const changed = (id: unknown): boolean =>
    typeof id === 'string' && (id.endsWith('.policies.list') || id.startsWith('tags.'));
  void client.invalidateQueries({ predicate: ({ queryKey: [id] }) => changed(id) });
}

/** The run of a policy from a list, followed to its end; then the lists are asked again. */
export function useRun(place: PolicyPlace, { id, run }: Pick<Policy, 'id' | 'run'>): PolicyRun | null {
  const isRunning = run?.state === 'running';
  const live = usePolicy(place, id, { enabled: isRunning }).data?.run;
  // What is remembered of the policy may still be the run before.
  const asked = isRunning && live && live.startedAt >= run.startedAt ? live : undefined;
  const isOver = asked !== undefined && asked.state !== 'running';
  const client = useQueryClient();
  useEffect(() => {
    if (isOver) askListsAgain(client);
  }, [client, isOver]);
  return asked ?? run;
}

type Done = { onSuccess?: () => void };

export function usePolicyChanges(place: PolicyPlace) {
  const create = useApiMutation(routeOf(place, 'create'), touched);
  const put = useApiMutation(routeOf(place, 'put'), touched);
  const remove = useApiMutation(routeOf(place, 'delete'), touched);
  const release = useApiMutation(routeOf(place, 'release'), touched);
  const preview = useApiMutation(routeOf(place, 'preview'));
  return {
    preview: { ...preview, ask: (body: PolicyInput) => preview.mutate({ params: place, body }) },
    create: {
      ...create,
      ask: (body: PolicyInput, done: Done) => create.mutate({ params: place, body }, done),
    },
    put: {
      ...put,
      ask: (policy: string, body: PolicyInput, done: Done) =>
        put.mutate({ params: { ...place, policy }, body }, done),
    },
    remove: {
      ...remove,
      ask: (policy: string, done: Done) => remove.mutate({ params: { ...place, policy } }, done),
    },
    release: {
      ...release,
      ask: (policy: string, reason: string, done: Done) =>
        release.mutate({ params: { ...place, policy }, body: { reason } }, done),
    },
  };
}
