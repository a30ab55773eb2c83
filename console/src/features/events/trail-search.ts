/**
 * What stands in the address of a trail: the API's own filter parameters, the cursor, and the event being looked at.
 * Values are kept as written and judged by the server, so that a wrong address is told, not silently widened.
 */
import type {
  ApiQuery,
  EventFilterInput,
  EventViewKind,
  ProjectFormat,
  ShownEvent,
} from '@tallyman/contract';

/** Filters that take several values, in the order they are shown. */
export const listFilters = [
  'type',
  'outcome',
  'reason',
  'actor',
  'actorKind',
  'onBehalfOf',
  'credential',
  'credentialKind',
  'namespace',
  'project',
  'target',
  'targetKind',
  'ip',
  'userAgent',
  'requestId',
  'cause',
] as const satisfies readonly (keyof EventFilterInput)[];
export type ListFilter = (typeof listFilters)[number];
export const plainFilters = [
  'from',
  'to',
  'text',
  'repeats',
] as const satisfies readonly (keyof EventFilterInput)[];
export type PlainFilter = (typeof plainFilters)[number];

export type TrailFilter = { [K in ListFilter]?: string[] } & { [K in PlainFilter]?: string };
export type TrailSearch = TrailFilter & { cursor?: string; event?: string };

/** Whose trail: one's own, a namespace's, a project's, or everything. */
export type TrailView =
  | { kind: Extract<EventViewKind, 'me' | 'administration'> }
  | { kind: 'namespace'; namespace: string }
  | { kind: 'project'; format: ProjectFormat; path: string };

/** From the router's raw search; unknown parameters are dropped, known ones brought to one shape. */
export function parseTrailSearch(raw: Record<string, unknown>): TrailSearch {
  const search: Record<string, string | string[]> = {};
  for (const key of listFilters) {
    const values = [raw[key]].flat().filter((value) => typeof value === 'string' && value !== '');
    if (values.length > 0) search[key] = values as string[];
  }
  for (const key of [...plainFilters, 'cursor', 'event'] as const) {
    const value = [raw[key]].flat()[0];
    if (typeof value === 'string' && value !== '') search[key] = value;
  }
  return search as TrailSearch;
}

export function filterOf({ cursor: _cursor, event: _event, ...filter }: TrailSearch): TrailFilter {
  return filter;
}

/** The API's question. A namespace's and a project's view name it by that filter; whoever adds another finds nothing else. */
export function questionOf(view: TrailView, filter: TrailFilter): ApiQuery<'events.tail'> {
  const place =
    view.kind === 'namespace'
      ? { namespace: [view.namespace] }
      : view.kind === 'project'
        ? { project: [view.path] }
        : {};
  return { view: view.kind, ...filter, ...place } as ApiQuery<'events.tail'>;
}

/** Filters that a view itself sets. */
export function fixedFilters(view: TrailView): readonly ListFilter[] {
  if (view.kind === 'namespace') return ['namespace'];
  return view.kind === 'project' ? ['project', 'namespace'] : [];
}

/** The ways on from an event: each is a filter under which it and its like are found. */
export function likeFilters(event: ShownEvent): { label: string; filter: TrailFilter }[] {
  const { actor, credential, scope, target, request } = event;
  const ways: { label: string; filter: TrailFilter | undefined }[] = [
    {
      label: `by ${actor.name ?? actor.kind}`,
      filter: actor.id || actor.name ? { actor: [actor.id ?? (actor.name as string)] } : undefined,
    },
    {
      label: `with ${credential.name ?? 'this credential'}`,
      filter: credential.id ? { credential: [credential.id] } : undefined,
    },
    { label: `from ${request.ip}`, filter: request.ip ? { ip: [request.ip] } : undefined },
    {
      label: `on ${scope.project?.path ?? 'this project'}`,
      filter: scope.project ? { project: [scope.project.id] } : undefined,
    },
    {
      label: `in ${scope.namespace?.name ?? 'this namespace'}`,
      filter: scope.namespace ? { namespace: [scope.namespace.id] } : undefined,
    },
    {
      label: `to ${target?.name ?? 'the same target'}`,
      filter: target?.id ? { target: [target.id] } : undefined,
    },
    { label: 'in the same request', filter: { requestId: [request.id] } },
    { label: 'of this type', filter: { type: [event.type] } },
    { label: 'brought about by it', filter: { cause: [event.id], repeats: 'rows' } },
  ];
  return ways.filter((way): way is { label: string; filter: TrailFilter } => way.filter !== undefined);
}
