/**
 * Finding a page: pick the index runs with the fewest events, walk them in order, keep what matches. A walk looks at a
 * bounded number of rows and then says how far it came, so that no question can cost more than its page.
 */
import { declarationOf, eventTypes } from '@tallyman/contract';
import { AppError } from '../domain/error.ts';
import { concerns, rightsIn, viewRule } from './audience.ts';
import {
  type CheckedFilter,
  conditionsOf,
  type Driver,
  type Known,
  type NamedDimension,
  namesOf,
  type RunColumn,
  type Seen,
  textsOf,
} from './filter.ts';
import { ownsView, type Reader, readerIn, type View } from './reader.ts';
import { and, factColumns, isIn, type Rule, ruleSql, valuesIn } from './rule.ts';
import { eventsByIdx, idxIn, type SearchSource, type Span } from './search-source.ts';
import { inValues, joined, type Sql } from './sql.ts';

/** Rows looked at for one page. */
export const mostScanned = 20_000;
/** Candidates looked at in one journey. */
const firstAtOnce = 128;
/** How many events of a run are counted before it is called large. */
const probed = 1_000;
const namesPerLookup = 500;

export type Selection = {
  view: View;
  reader: Reader;
  filter: CheckedFilter;
  /** Further bound on indexes: from `low` on, below `high`. */
  within: Partial<Span>;
  newestFirst: boolean;
  limit: number;
  /** Throws when nobody waits for the answer any more. */
  requireWanted?: () => void;
};

export type Selected = {
  indexes: number[];
  /** There are more, or may be: go on beyond `reached`. */
  more: boolean;
  /** The walk was ended by its bound before the page was full. */
  partial: boolean;
  /** The last index looked at. */
  reached: number | undefined;
  /** Every index below it was projected. */
  projected: number;
};

export type SearchState = { next: number; generation: number; counted: number };

export async function readState(source: SearchSource): Promise<SearchState> {
  if (source.state) return source.state();
  const [state] = await source.rows<SearchState>({
    text: 'SELECT next, generation, counted FROM search_state',
    params: [],
  });
  return state ?? { next: 0, generation: 0, counted: 0 };
}

export async function selectIndexes(
  source: SearchSource,
  words: Words,
  selection: Selection,
): Promise<Selected> {
  const state = await readState(source);
  const nothing: Selected = {
    indexes: [],
    more: false,
    partial: false,
    reached: undefined,
    projected: state.next,
  };
  const span = await spanOf(source, selection, state);
  if (span.low >= span.high) return nothing;
  const plan = await planOf(source, await words.of(source, state), selection);
  const driver = await fewest(source, plan, span);
  const { newestFirst, limit } = selection;
  const request = { driver, types: plan.types, span, newestFirst, first: limit + 1 };
  const found: number[] = [];
  let scanned = 0;
  let reached: number | undefined;
  if (source.first) {
    const first = await source.first({ ...request, first: firstAtOnce, where: plan.where, most: limit + 1 });
    if (first.found.length > limit)
      return {
        ...nothing,
        indexes: first.found.slice(0, limit),
        more: true,
        reached: first.found[limit - 1],
      };
    if (first.looked < firstAtOnce || first.last === undefined) return { ...nothing, indexes: first.found };
    found.push(...first.found);
    scanned = first.looked;
    reached = first.last;
    request.span = newestFirst ? { ...span, high: first.last } : { ...span, low: first.last + 1 };
  }
  const portions = source.candidates(request);
  for await (const portion of portions) {
    selection.requireWanted?.();
    if (portion.length === 0) continue;
    for (const idx of await matching(source, {
      portion,
      where: plan.where,
      newestFirst: selection.newestFirst,
    })) {
      if (found.length === selection.limit)
        return { ...nothing, indexes: found, more: true, reached: found.at(-1) };
      found.push(idx);
    }
    scanned += portion.length;
    reached = portion.at(-1);
    if (scanned >= mostScanned)
      return { ...nothing, indexes: found, more: true, partial: found.length < selection.limit, reached };
  }
  return { ...nothing, indexes: found };
}

async function matching(
  source: SearchSource,
  { portion, where, newestFirst }: { portion: readonly number[]; where: Sql; newestFirst: boolean },
): Promise<number[]> {
  const sql = joined([idxIn(source.engine, portion), where], 'AND');
  const order = newestFirst ? 'DESC' : 'ASC';
  const rows = await source.rows<{ idx: number }>({
    text: `SELECT idx FROM ${eventsByIdx(source.engine)} WHERE ${sql.text} ORDER BY idx ${order}`,
    params: sql.params,
  });
  return rows.map((row) => row.idx);
}

/** `seen`: where the reader may see what is withheld from others; see audience.ts. */
export type Plan = {
  where: Sql;
  seen: Seen;
  types: number[];
  drivers: (Driver | 'all')[];
  words: ReadonlyMap<string, number>;
};

export async function planOf(
  source: SearchSource,
  words: KnownWords,
  { view, reader, filter }: Pick<Selection, 'view' | 'reader' | 'filter'>,
): Promise<Plan> {
  if (view.kind === 'administration' && reader.role === 'person') {
    throw new AppError(
      'forbidden',
      'Only administrators and auditors may read all events. Ask for those of your account, or of a namespace or project of yours.',
      { reason: 'not_permitted' },
    );
  }
  const rights = rightsIn(view, reader);
  const shown = viewRule(view, reader);
  const asksRefusals = isOfRefusals(filter);
  const types = (filter.types ?? eventTypes).filter((type) => !asksRefusals || refusals.has(type));
  const texts = [
    ...types,
    ...textsOf(filter),
    ...valuesIn(rights.placed),
    ...valuesIn(rights.readable),
    ...valuesIn(shown),
  ];
  const runs = runsOf(view, reader);
  const known: Known = { words: await words.numbers(texts), named: await namedWords(source, filter) };
  const seen = { whole: ruleSql(rights.whole, known.words), placed: ruleSql(rights.placed, known.words) };
  const asked = conditionsOf(filter, known, seen);
  const where = joined([ruleSql(and(shown, rights.readable), known.words), asked.where], 'AND');
  const drivers: (Driver | 'all')[] = [...runs.map((run) => toDriver(run, known.words)), ...asked.drivers];
  if (asksRefusals) drivers.push([{ column: 'type', keys: numbersOf(types, known.words) }]);
  return {
    where,
    seen,
    types: numbersOf(types, known.words),
    drivers: drivers.length === 0 ? ['all'] : drivers,
    words: known.words,
  };
}

const refusals: ReadonlySet<string> = new Set(
  eventTypes.filter((type) => declarationOf(type).reasons.length > 0),
);

/** Only a refusal has a reason, and an outcome other than success: their runs are few of all. */
function isOfRefusals({ filter: { reason, outcome } }: CheckedFilter): boolean {
  return reason !== undefined || (outcome !== undefined && !outcome.includes('success'));
}

function numbersOf(texts: readonly string[], words: ReadonlyMap<string, number>): number[] {
  return texts.map((text) => words.get(text)).filter((word) => word !== undefined);
}

type InRule = Extract<Rule, { op: 'in' }>;

/** Sets of runs, each of which holds all that the view shows, or all that the reader may read of it. */
function runsOf(view: View, reader: Reader): InRule[][] {
  if (view.kind === 'administration') return [];
  if (view.kind === 'me') return [concerns(reader)];
  const inView =
    view.kind === 'namespace' ? isIn('namespace', [view.namespace.id]) : isIn('project', [view.project.id]);
  const person = readerIn(view, reader);
  // Who may read most of what is there need not look elsewhere.
  const readsMost = person.role !== 'person' || ownsView(reader, view) || maintainsView(reader, view);
  return readsMost ? [[inView as InRule]] : [[inView as InRule], reachOf(person)];
}

function maintainsView({ maintainedProjects: { ids, ofNamespaces } }: Reader, view: View): boolean {
  if (view.kind === 'me' || view.kind === 'administration') return false;
  return (
    ofNamespaces.includes(view.namespace.id) || (view.kind === 'project' && ids.includes(view.project.id))
  );
}

/** Everything a person may read anywhere. */
function reachOf(reader: Reader): InRule[] {
  const { principalId, owned, memberOf, ownedProjects, maintainedProjects } = reader;
  const rules = [
    ...(['actor', 'onBehalfOf', 'subject'] as const).map((column) => isIn(column, [principalId])),
    isIn('namespace', [
      ...new Set([...owned, ...memberOf, ...ownedProjects.ofNamespaces, ...maintainedProjects.ofNamespaces]),
    ]),
    isIn('project', [...new Set([...ownedProjects.ids, ...maintainedProjects.ids])]),
  ];
  return rules.filter((rule) => rule.op === 'in');
}

function toDriver(runs: readonly InRule[], words: ReadonlyMap<string, number>): Driver {
  return runs.map(({ column, values }) => ({
    column: factColumns[column] as RunColumn,
    keys: numbersOf(values, words),
  }));
}

/** The driver with the fewest events, as far as counting up to a bound tells; the first of equals. */
export async function fewest(
  source: SearchSource,
  { drivers, types }: Pick<Plan, 'drivers' | 'types'>,
  span: Span,
): Promise<Driver | 'all'> {
  const [only] = drivers;
  if (drivers.length === 1) return only as Driver | 'all';
  const sizes = await source.sizes({ drivers, types, span, most: probed });
  return drivers[sizes.indexOf(Math.min(...sizes))] as Driver | 'all';
}

/** Indexes asked for, that are projected, in blocks whose times meet the time asked for. */
export async function spanOf(
  source: SearchSource,
  { within, filter }: Pick<Selection, 'within' | 'filter'>,
  state: SearchState,
): Promise<Span> {
  const span = { low: Math.max(0, within.low ?? 0), high: Math.min(state.next, within.high ?? state.next) };
  const { fromUs, toUs } = filter;
  if (fromUs === undefined && toUs === undefined) return span;
  const [blocks] = await source.rows<{ low: number | null; high: number | null }>({
    text: 'SELECT min(block) AS low, max(block) AS high FROM search_block WHERE last_us >= ? AND first_us < ?',
    params: [fromUs ?? 0, toUs ?? Number.MAX_SAFE_INTEGER],
  });
  if (!blocks || blocks.low === null || blocks.high === null) return { low: 0, high: 0 };
  return {
    low: Math.max(span.low, blocks.low * blockSize),
    high: Math.min(span.high, (blocks.high + 1) * blockSize),
  };
}

/** Indexes of one row of search_block. */
export const blockSize = 4_096;

async function namedWords(
  source: SearchSource,
  filter: CheckedFilter,
): Promise<Map<NamedDimension, number[]>> {
  const found = new Map<NamedDimension, number[]>();
  for (const { dimension, names } of namesOf(filter)) {
    const where = inValues('name', names);
    const rows = await source.rows<{ word: number }>({
      text: `SELECT DISTINCT word FROM search_name WHERE dimension = ? AND ${where.text} LIMIT ${namesPerLookup}`,
      params: [dimension, ...where.params],
    });
    found.set(
      dimension,
      rows.map((row) => row.word),
    );
  }
  return found;
}

const mostRemembered = 50_000;

/** What `Words` gives for one request. */
export type KnownWords = { numbers(texts: readonly string[]): Promise<ReadonlyMap<string, number>> };

/** Remembers the numbers of texts; they never change while the projection is the same one. */
export class Words {
  #known = new Map<string, number>();
  #generation: number | undefined;

  async of(source: SearchSource, { generation }: SearchState): Promise<KnownWords> {
    if (generation !== this.#generation || this.#known.size > mostRemembered) this.#known = new Map();
    this.#generation = generation;
    return { numbers: (texts) => this.#numbers(source, texts) };
  }

  async #numbers(source: SearchSource, texts: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const unknown = [...new Set(texts)].filter((text) => !this.#known.has(text));
    for (let at = 0; at < unknown.length; at += namesPerLookup) {
      const where = inValues('text', unknown.slice(at, at + namesPerLookup));
      const rows = await source.rows<{ id: number; text: string }>({
        text: `SELECT id, text FROM search_word WHERE ${where.text}`,
        params: where.params,
      });
      for (const row of rows) this.#known.set(row.text, row.id);
    }
    return this.#known;
  }
}
