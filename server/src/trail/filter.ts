/**
 * What is searched for, checked and turned into conditions. A value that means nothing is refused by name; a value that
 * nobody has gives an empty result; nothing asked for is ever left out.
 */
import { type EventFilter, eventTypes } from '@tallyman/contract';
import { invalid } from '../domain/error.ts';
import { parseTimeUs } from '../stdx/clock.ts';
import { remembered } from '../stdx/remember.ts';
import { addressSql } from './address.ts';
import { nameKey, outcomeNumbers, plain, searchable, uuidBytes } from './projected-row.ts';
import { inValues, joined, type Sql } from './sql.ts';

/** Columns each of whose values has the run of its events. */
export type RunColumn =
  | 'type'
  | 'namespace'
  | 'project'
  | 'actor'
  | 'credential'
  | 'on_behalf_of'
  | 'subject'
  | 'reason'
  | 'cause';
/** Columns whose runs are also kept by type, and their refusals by reason. */
const narrowedColumns: ReadonlySet<RunColumn> = new Set([
  'namespace',
  'project',
  'actor',
  'on_behalf_of',
  'subject',
]);
/** Only what has one of these is looked for. */
export type Narrowing = { column: 'type' | 'reason'; keys: readonly number[] };

export function isNarrowed(column: RunColumn): boolean {
  return narrowedColumns.has(column);
}

/** Every event that can match lies in one of these runs. No column has a key twice. */
export type Driver = readonly { column: RunColumn; keys: readonly (number | Buffer)[] }[];

export type NamedDimension = 'actor' | 'on_behalf_of' | 'namespace' | 'project';

export type CheckedFilter = {
  filter: EventFilter;
  /** Names of all types asked for; absent: any. */
  types?: readonly string[];
  fromUs?: number;
  toUs?: number;
  addresses: readonly Sql[];
  causes: readonly Buffer[];
  terms: readonly string[];
};

const mostTerms = 20;

/** Throws `invalid` naming the field. */
export const checkFilter = remembered((filter: EventFilter): CheckedFilter => {
  const fromUs = timeOf(filter.from, 'from');
  const toUs = timeOf(filter.to, 'to');
  if (fromUs !== undefined && toUs !== undefined && toUs <= fromUs)
    throw invalid('to', 'The end of the time range is not after its beginning.');
  const terms = (searchable(plain(filter.text)) ?? '').split(/\s+/).filter((term) => term !== '');
  if (terms.length > mostTerms)
    throw invalid('text', `At most ${mostTerms} words can be looked for at once.`);
  return {
    filter,
    ...(filter.type && { types: unique(filter.type.flatMap(typesOf)) }),
    ...(fromUs !== undefined && { fromUs }),
    ...(toUs !== undefined && { toUs }),
    addresses: (filter.ip ?? []).map((text) => addressSql('ip', text, 'ip')),
    causes: unique((filter.cause ?? []).map((id) => id.toLowerCase())).map((id) => requireUuid(id, 'cause')),
    terms,
  };
});

function typesOf(text: string): string[] {
  const found = text.endsWith('.')
    ? eventTypes.filter((type) => type.startsWith(text))
    : eventTypes.filter((type) => type === text);
  if (found.length === 0) {
    throw invalid(
      'type',
      `There is no event type "${text.slice(0, 100)}". Name one such as "container.tag.create", or a family with its dot, such as "container.tag.".`,
    );
  }
  return found;
}

function timeOf(text: string | undefined, field: string): number | undefined {
  if (text === undefined) return undefined;
  const us = parseTimeUs(text);
  if (us === undefined)
    throw invalid(field, `"${text.slice(0, 60)}" is no time. Write it as 2026-11-22T04:24:43.123456Z.`);
  return us;
}

function requireUuid(id: string, field: string): Buffer {
  const bytes = uuidBytes(id);
  if (!bytes) throw invalid(field, `"${id.slice(0, 60)}" is no event id.`);
  return bytes;
}

/** Every text whose number the conditions need. */
export function textsOf({ filter, types }: CheckedFilter): string[] {
  const principals = [...(filter.actor ?? []), ...(filter.onBehalfOf ?? [])].map(asPlain);
  return [
    ...(types ?? []),
    ...principals,
    ...principals.map(nameKey),
    ...[filter.namespace, filter.project, filter.target, filter.credential].flatMap((values) =>
      (values ?? []).map(asPlain),
    ),
    ...[filter.reason, filter.actorKind, filter.credentialKind, filter.targetKind].flatMap((values) =>
      (values ?? []).map(asPlain),
    ),
  ];
}

/** Names to be looked up, so that a name too finds its run. */
export function namesOf({
  filter,
}: CheckedFilter): { dimension: NamedDimension; names: readonly string[] }[] {
  const asked = {
    actor: filter.actor,
    on_behalf_of: filter.onBehalfOf,
    namespace: filter.namespace,
    project: filter.project,
  } as const;
  return (Object.keys(asked) as NamedDimension[]).flatMap((dimension) => {
    const names = asked[dimension]?.map(asPlain);
    return names ? [{ dimension, names }] : [];
  });
}

/** What the projection knows of the texts and names. */
export type Known = {
  words: ReadonlyMap<string, number>;
  named: ReadonlyMap<NamedDimension, readonly number[]>;
};

export type Conditions = { where: Sql; drivers: Driver[] };

/** When the reader may see restricted fields, and where a refusal stands: a filter on such a field holds only then. */
export type Seen = { whole: Sql; placed: Sql };

export function conditionsOf(checked: CheckedFilter, known: Known, { whole, placed }: Seen): Conditions {
  const { filter, types, fromUs, toUs, addresses, causes, terms } = checked;
  const all: Sql[] = [];
  const drivers: Driver[] = [];
  const words = (values: readonly string[]): number[] => wordsOf(known.words, values);
  const drive = (column: RunColumn, keys: readonly (number | Buffer)[]): void =>
    void drivers.push([{ column, keys }]);

  if (types) {
    all.push(inValues('type', words(types)));
    drive('type', words(types));
  }
  for (const [column, values] of [
    ['actor', filter.actor],
    ['on_behalf_of', filter.onBehalfOf],
  ] as const) {
    if (!values) continue;
    const keys = words([...values, ...values.map((value) => nameKey(asPlain(value)))]);
    all.push(joined([inValues(column, keys), inValues(`${column}_name`, values.map(asPlain))], 'OR'));
    drive(column, unique([...keys, ...(known.named.get(column) ?? [])]));
  }
  for (const [column, nameColumn, values] of [
    ['namespace', 'namespace_name', filter.namespace],
    ['project', 'project_path', filter.project],
  ] as const) {
    if (!values) continue;
    const named = joined([inValues(column, words(values)), inValues(nameColumn, values.map(asPlain))], 'OR');
    all.push(joined([placed, named], 'AND'));
    drive(column, unique([...words(values), ...(known.named.get(column) ?? [])]));
  }
  if (filter.target) {
    const named = [
      inValues('target', words(filter.target)),
      inValues('target_name', filter.target.map(asPlain)),
    ];
    all.push(joined([placed, joined(named, 'OR')], 'AND'));
  }
  if (filter.credential) {
    all.push(inValues('credential', words(filter.credential)));
    drive('credential', words(filter.credential));
  }
  if (filter.reason) {
    all.push(joined([placed, inValues('reason', words(filter.reason))], 'AND'));
    drive('reason', words(filter.reason));
  }
  if (causes.length > 0) {
    all.push(inValues('cause', causes));
    drive('cause', causes);
  }
  if (filter.actorKind) all.push(inValues('actor_kind', words(filter.actorKind)));
  if (filter.credentialKind) all.push(inValues('credential_kind', words(filter.credentialKind)));
  if (filter.targetKind) all.push(joined([placed, inValues('target_kind', words(filter.targetKind))], 'AND'));
  if (filter.outcome) all.push(inValues('outcome', outcomesOf(filter.outcome)));
  if (filter.requestId) all.push(inValues('request', filter.requestId.map(asPlain)));
  if (fromUs !== undefined) all.push({ text: 'occurred_us >= ?', params: [fromUs] });
  if (toUs !== undefined) all.push({ text: 'occurred_us < ?', params: [toUs] });
  if (addresses.length > 0) all.push(joined([whole, joined(addresses, 'OR')], 'AND'));
  if (filter.userAgent) {
    const parts = filter.userAgent.map((part) => contains('agent', searchable(asPlain(part)) as string));
    all.push(joined([whole, joined(parts, 'OR')], 'AND'));
  }
  for (const term of terms)
    all.push(
      joined(
        [
          joined([placed, contains('text', term)], 'AND'),
          joined([whole, contains('restricted_text', term)], 'AND'),
        ],
        'OR',
      ),
    );
  if (isMerged(filter)) all.push(mergedSql(fromUs));
  return { where: joined(all, 'AND'), drivers };
}

/** Numbers of the texts that have one, each once. */
export function wordsOf(words: ReadonlyMap<string, number>, texts: readonly string[]): number[] {
  return unique(texts.map((text) => words.get(asPlain(text))).filter((word) => word !== undefined));
}

/** A run that is read twice gives each of its events twice. */
function unique<T extends string | number>(values: readonly T[]): T[] {
  return [...new Set(values)];
}

export function outcomesOf(outcomes: NonNullable<EventFilter['outcome']>): number[] {
  return outcomes.map((outcome) => outcomeNumbers[outcome]);
}

/** Closing events are shown with the refusal they count for, unless each event is asked for or effects of a cause are. */
export function isMerged(filter: EventFilter): boolean {
  return filter.repeats !== 'rows' && filter.cause === undefined;
}

/** A closing event whose refusal is too old for the time asked for is a row: otherwise its repeats would be lost. */
function mergedSql(fromUs: number | undefined): Sql {
  if (fromUs === undefined) return { text: 'repeats_since_us IS NULL', params: [] };
  return { text: '(repeats_since_us IS NULL OR repeats_since_us < ?)', params: [fromUs] };
}

/** INSTR on SQLite is STRPOS on PostgreSQL; the source replaces the word. */
function contains(column: string, part: string): Sql {
  return { text: `INSTR(${column}, ?) > 0`, params: [part] };
}

function asPlain(value: string): string {
  return plain(value) as string;
}
