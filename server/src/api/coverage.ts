/**
 * The coverage matrix (invariant 2): each route with each outcome it can have, and for each the event it leaves or the
 * written reason why it leaves none. Made from the same tables that the servers bind, so a route cannot be missing; a
 * test fails on an outcome with neither.
 */
import {
  type ApiRoute,
  apiRoute,
  apiRouteIds,
  declarationOf,
  type EventType,
  type Reason,
} from '@tallyman/contract';
import { openApiPath } from './openapi.ts';

export type CoverageOutcome = {
  outcome: string;
  events: readonly EventType[];
  /** Why there is no event, or when there is none. Empty only where every such outcome has one. */
  silent: string;
};
export type CoverageRow = {
  surface: string;
  method: string;
  path: string;
  outcomes: readonly CoverageOutcome[];
};

/** What a host's own table says of a route. */
export type HostRoute = {
  method: string;
  path: string;
  events: readonly EventType[];
  refusal: EventType | undefined;
  silent: string;
};

const challenge = 'Nobody acted: a request without credentials is answered by a challenge.';
const byIdentity = 'account.sign_in.refuse';
const fault =
  'Nothing was done and nothing was refused: a fault of the server stands in its log under the request’s id.';
const readsOnly = 'It changes nothing and shows only what the caller may see anyway.';
const nobody = 'Where nobody need be signed in, an anonymous caller’s mistake is nobody’s act.';
const unrecordable = 'When the trail itself cannot be written, the answer is 503 and the metric counts it.';

const readsOwn =
  'Reading one’s own events is no event; others’ are one per reader and filter in ten minutes.';
const silentSuccess: Partial<Record<string, string>> = {
  'events.list': readsOwn,
  'events.histogram': readsOwn,
  'events.facets': readsOwn,
  'events.get': readsOwn,
  'tags.history': `Where a tag pointed is no event. ${readsOwn}`,
  'events.proof':
    'Reading one’s own events is no event; others’ are one per reader and filter in ten minutes.',
};
const unchanged = 'Setting what is set already changes nothing.';

export function apiCoverage(): CoverageRow[] {
  const rows = apiRouteIds.map((id) => {
    const row = apiRoute(id);
    return { surface: 'Management API', method: row.method, path: row.path, outcomes: outcomesOf(id, row) };
  });
  return [
    ...rows,
    ...fixedRoutes,
    {
      surface: 'Management API',
      method: 'any other',
      path: 'every path above',
      outcomes: [
        outcome('405, signed in', ['api.action.refuse']),
        outcome('405, nobody signed in', [], challenge),
      ],
    },
    {
      surface: 'Management API',
      method: 'any',
      path: '/api/*',
      outcomes: [outcome('404', [], 'There is no such endpoint, so nothing was asked of anybody.')],
    },
  ];
}

const fixedRoutes: CoverageRow[] = [
  {
    surface: 'Management API',
    method: 'GET',
    path: openApiPath,
    outcomes: [outcome('200', [], 'A document that is the same for everybody.')],
  },
];

function outcomesOf(id: string, row: ApiRoute): CoverageOutcome[] {
  const changes = row.method !== 'GET' && row.records.length > 0;
  const success =
    row.records.length === 0 ? readsOnly : (silentSuccess[id] ?? (changes ? mayBeUnchanged(row) : ''));
  return [
    outcome(String(row.status), row.records, success),
    ...authentication(row),
    ...refusals(row),
    outcome('503 unavailable', refusalFor(row, 'unavailable'), unrecordable),
    outcome('500 internal', [], fault),
  ];
}

/** PUT and PATCH are idempotent: the second of two like ones finds the work done. */
function mayBeUnchanged({ method }: ApiRoute): string {
  return method === 'PUT' || method === 'PATCH' ? unchanged : '';
}

function authentication(row: ApiRoute): CoverageOutcome[] {
  const open = row.permission === 'anyone';
  const unsafe = row.method !== 'GET';
  return [
    ...(open ? [] : [outcome('401, nothing presented', [], challenge)]),
    outcome('401, what was presented failed', [byIdentity]),
    outcome('429 rate_limited, too many sign-ins failed', [byIdentity]),
    outcome(
      '429 rate_limited, too many calls',
      open ? [] : refusalFor(row, 'rate_limited'),
      open ? nobody : '',
    ),
    ...(unsafe && !open ? [outcome('403 csrf_failed', refusalFor(row, 'csrf_failed'))] : []),
    ...(row.scope === undefined ? [] : [outcome('403 scope_missing', refusalFor(row, 'scope_missing'))]),
  ];
}

function refusals(row: ApiRoute): CoverageOutcome[] {
  const open = row.permission === 'anyone';
  const told = (name: string, reason: Reason): CoverageOutcome => {
    // What is sent without signing in is nobody's act, and at the doors of sign-in there is nobody yet.
    const events = open && row.refusal === byIdentity ? [] : refusalFor(row, reason);
    return outcome(name, events, open ? nobody : '');
  };
  return [
    ...(row.errors.includes('forbidden') ? [told('403 not_permitted', 'not_permitted')] : []),
    ...(row.errors.includes('not_found') ? [told('404, hidden or missing', 'target_unknown')] : []),
    ...(row.errors.includes('conflict') ? [told('409 conflict', 'conflict')] : []),
    told('400 invalid', 'request_invalid'),
    ...(row.body === undefined
      ? []
      : [told('413 too_large', 'too_large'), told('415 unsupported', 'media_type_unsupported')]),
  ];
}

/** As refusals.ts chooses: a type that does not know the reason gives way to the general one. */
function refusalFor(row: ApiRoute, reason: Reason): EventType[] {
  if (row.refusal === byIdentity) return [byIdentity];
  return [declarationOf(row.refusal).reasons.includes(reason) ? row.refusal : 'api.action.refuse'];
}

function outcome(name: string, events: readonly EventType[], silent = ''): CoverageOutcome {
  return { outcome: name, events, silent };
}

/** A host's routes: what was done, what was refused, and what its table says of the rest. */
export function hostCoverage(surface: string, routes: readonly HostRoute[]): CoverageRow[] {
  return routes.map(({ method, path, events, refusal, silent }) => ({
    surface,
    method,
    path,
    outcomes: [
      outcome('done', events, events.length === 0 ? silent : ''),
      outcome('401, nothing presented', [], challenge),
      outcome('401 or 429, what was presented failed', [byIdentity]),
      outcome('refused or failed a check', refusal === undefined ? [] : [refusal], silent),
      outcome('500 internal', [], fault),
    ],
  }));
}

/** The log's files (log-files.ts). */
export function logCoverage(): CoverageRow[] {
  const row = (path: string, outcomes: CoverageOutcome[]): CoverageRow => ({
    surface: 'Log',
    method: 'GET',
    path,
    outcomes: [...outcomes, outcome('500 internal', [], fault)],
  });
  const same = 'The same for everybody, and nothing in it tells what an event says.';
  const missing = 'The log has no such file, so nothing was refused.';
  const open = [outcome('200', [], same), outcome('404', [], missing)];
  const refusal = (name: string): CoverageOutcome => outcome(name, ['api.action.refuse']);
  return [
    row('/log/checkpoint', open),
    row('/log/rotations', [outcome('200', [], same)]),
    row('/log/tile/{level}/{n}', open),
    row('/log/tile/entries/{n}', [
      outcome('200', ['trail.events.read'], 'Once per reader in ten minutes.'),
      outcome('401, nothing presented', [], challenge),
      outcome('401 or 429, what was presented failed', [byIdentity]),
      refusal('403 not_permitted or scope_missing'),
      refusal('404'),
      refusal('429 rate_limited'),
      refusal('503 unavailable'),
    ]),
  ];
}

/** What the HTTP server answers by itself. */
export function serverCoverage(): CoverageRow[] {
  const row = (method: string, path: string, outcomes: CoverageOutcome[]): CoverageRow => ({
    surface: 'Server',
    method,
    path,
    outcomes,
  });
  const probe = 'Asked by machines every few seconds; it tells only whether the server works.';
  return [
    row('GET', '/healthz', [outcome('200', [], probe)]),
    row('GET', '/readyz', [outcome('200 or 503', [], probe)]),
    row('GET', '/metrics', [
      outcome('200', [], 'Numbers without names, read by machines every few seconds.'),
      outcome(
        '401 or 404',
        [],
        'The metrics token is the operator’s, not a principal’s; nobody can be named. The access log counts it.',
      ),
    ]),
    row('GET', '/*', [
      outcome('200 or 304', [], 'The console’s files are the same for everybody.'),
      outcome('404', [], 'There is nothing at the address, so nothing was refused.'),
      outcome('503', [], 'The console is not built.'),
    ]),
    row('any', 'not well-formed HTTP', [
      outcome(
        '400, 408, 431',
        [],
        'It never became a request: there is no method, path or credential to tell of.',
      ),
    ]),
  ];
}

/** Outcomes with neither event nor reason, and what cannot be: for the test that fails on them. */
export function coverageGaps(rows: readonly CoverageRow[]): string[] {
  return rows.flatMap(({ method, path, outcomes }) => [
    ...(outcomes.length === 0 ? [`${method} ${path} has no outcome`] : []),
    ...outcomes
      .filter(({ events, silent }) => events.length === 0 && silent.trim() === '')
      .map(({ outcome: name }) => `${method} ${path}: ${name} has neither an event nor a reason why not`),
  ]);
}

export function coverageMarkdown(rows: readonly CoverageRow[]): string {
  const surfaces = [...new Set(rows.map(({ surface }) => surface))];
  const head = [
    '# Coverage',
    '',
    'Every route with every outcome it can have, and the event it leaves or the reason why it leaves none. Generated from',
    'the tables that the server binds; a test fails on a gap.',
  ];
  const sections = surfaces.map((surface) =>
    section(
      surface,
      rows.filter((row) => row.surface === surface),
    ),
  );
  return `${[...head, ...sections.flat()].join('\n')}\n`;
}

function section(surface: string, rows: readonly CoverageRow[]): string[] {
  const lines = rows.flatMap(({ method, path, outcomes }) =>
    outcomes.map(
      ({ outcome: name, events, silent }, at) =>
        `| ${at === 0 ? `\`${method} ${path}\`` : ''} | ${name} | ${events.map((type) => `\`${type}\``).join(', ') || '–'} | ${silent} |`,
    ),
  );
  return [
    '',
    `## ${surface}`,
    '',
    '| route | outcome | event | why none |',
    '| --- | --- | --- | --- |',
    ...lines,
  ];
}
