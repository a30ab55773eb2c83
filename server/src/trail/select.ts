/**
 * Finding a page: pick the index runs with the fewest events, walk them in order, keep what matches. A walk looks at a
 * bounded number of rows and then says how far it came, so that no question can cost more than its page.
 */
import { declarationOf, eventTypes } from '@tallyman/contract';
import { AppError } from '../domain/error.ts';
import { BoundedCache } from '../stdx/bounded-cache.ts';
import { remembered } from '../stdx/remember.ts';
import { concerns, rightsOver, viewRule } from './audience.ts';
import {
  type CheckedFilter,
  conditionsOf,
  type Driver,
  isNarrowed,
  type Known,
  type NamedDimension,
  type Narrowing,
  namesOf,
  type RunColumn,
  type Seen,
  textsOf,
  wordsOf,
} from './filter.ts';
import { ownsView, type ReaderRights, readerIn, type View } from './reader.ts';
import { addUnknown, and, factColumns, isIn, type Rule, ruleSql } from './rule.ts';
import {
  eventsByIdx,
  idxIn,
  portions,
  type SearchSource,
  type SearchState,
  type Span,
} from './search-source.ts';
import { inValues, joined, type Sql } from './sql.ts';

/** Rows looked at for one page: on SQLite its thread is held for some 20 to 40 ms, and others wait for no more than that. */
const mostScanned = 5_000;
/** A longer page is gathered in portions. */
const mostAtOnce = 100;
/** Candidates looked at before it is asked again which runs have the fewest; twice as many each time. */
const patience = 1_000;
const namesPerLookup = 500;

export type Selection = {
  view: View;
  reader: ReaderRights;
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
  /** How often stored events had been changed or dropped when they were found, where that was read with them. */
  changes?: number | undefined;
  /** There are more, or may be: go on beyond `reached`. */
  more: boolean;
  /** The walk was ended by its bound before the page was full. */
  partial: boolean;
  /** The last index looked at. */
  reached: number | undefined;
  /** Every index below it was projected. */
  projected: number;
};

export async function selectIndexes(
  source: SearchSource,
  words: Words,
  selection: Selection,
): Promise<Selected> {
  const state = source.state();
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
  const { newestFirst, limit } = selection;
  const driver = await fewest(source, plan, span);
  const request = { driver, narrowing: plan.narrowing, span, newestFirst, first: portions.first };
  if (limit <= mostAtOnce) {
    const { found, ended, changes } = await source.first({ ...request, where: plan.where, limit });
    if (ended) return { ...nothing, indexes: found, changes };
    if (found.length > limit)
      return {
        ...nothing,
        indexes: found.slice(0, limit),
        changes,
        more: true,
        reached: found[limit - 1],
      };
  }
  return { ...nothing, ...(await walk(source, { selection, plan, span, driver })) };
}

type Walk = { selection: Selection; plan: Plan; span: Span; driver: Driver | 'all' };

/** Looks at candidates until the page is full, they end or the bound is reached. */
async function walk(
  source: SearchSource,
  { selection, plan, span: whole, driver: first }: Walk,
): Promise<Partial<Selected>> {
  const { newestFirst, limit, requireWanted } = selection;
  const indexes: number[] = [];
  let scanned = 0;
  let span = whole;
  let driver = first;
  let chosenFor = plan.drivers.length === 1 ? mostScanned : patience;
  for (;;) {
    let reached: number | undefined;
    let looked = 0;
    const request = { driver, narrowing: plan.narrowing, span, newestFirst, first: portions.first };
    for await (const read of source.candidates(request)) {
      requireWanted?.();
      const portion = read.slice(0, mostScanned - scanned - looked);
      if (portion.length === 0) continue;
      for (const idx of await matching(source, { portion, where: plan.where, newestFirst })) {
        if (indexes.length === limit) return { indexes, more: true, reached: indexes.at(-1) };
        indexes.push(idx);
      }
      looked += portion.length;
      reached = portion.at(-1) as number;
      if (scanned + looked >= mostScanned)
        return { indexes, more: true, partial: indexes.length < limit, reached };
      if (looked >= chosenFor) break;
      reached = undefined;
    }
    if (reached === undefined) return { indexes };
    scanned += looked;
    chosenFor *= 2;
    span = newestFirst ? { ...span, high: reached } : { ...span, low: reached + 1 };
    driver = await fewest(source, plan, span);
  }
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
  narrowing: Narrowing | undefined;
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
  const key = keyOfPlan(view, reader, filter);
  const kept = key === undefined ? undefined : words.plans.get(key);
  if (kept) return kept;
  const shown = viewRule(view, reader);
  const { readable, whole, placed } = rightsOver(view, reader);
  const types = typesOf(filter);
  const texts = [...(types ?? []), ...textsOf(filter)];
  const known: Known = {
    words: await words.lookUp(texts, [placed, readable, shown]),
    named: await namedWords(source, filter),
  };
  const rule = (of: Rule): Sql => ruleSql(of, known.words, source.engine);
  // Few filters ask for these, and they are long.
  const seen = {
    get whole() {
      return rule(whole);
    },
    get placed() {
      return rule(placed);
    },
  };
  const asked = conditionsOf(filter, known, seen);
  const narrowing = narrowingOf(filter, types, known.words);
  const runs = runsOf(view, reader).map((run) => toDriver(run, known.words));
  const plan = {
    where: joined([rule(and(shown, readable)), asked.where], 'AND'),
    seen,
    narrowing,
    drivers: driversOf(meeting([...runs, ...asked.drivers]), narrowing),
    words: known.words,
  };
  if (key !== undefined) words.plans.set(key, plan);
  return plan;
}

/** Undefined where it may be planned otherwise the next time: a name may come to stand for more. */
const keyOfPlan = remembered((view: View, reader: ReaderRights, checked: CheckedFilter) => {
  if (namesOf(checked).length > 0) return undefined;
  const { filter, types, fromUs, toUs } = checked;
  return JSON.stringify([view, reader, filter, types, fromUs, toUs]);
});

/** The types that can match; undefined: any. Only a refusal has a reason, and an outcome other than success. */
function typesOf({ types, filter: { reason, outcome } }: CheckedFilter): readonly string[] | undefined {
  if (reason === undefined && (outcome === undefined || outcome.includes('success'))) return types;
  return (types ?? eventTypes).filter((type) => refusals.has(type));
}

function narrowingOf(
  { filter: { reason } }: CheckedFilter,
  types: readonly string[] | undefined,
  words: ReadonlyMap<string, number>,
): Narrowing | undefined {
  if (reason) return { column: 'reason', keys: wordsOf(words, reason) };
  return types && { column: 'type', keys: wordsOf(words, types) };
}

/**
 * Each holds all that can match, so of runs of one column only those are left that none of the others leaves out: what is
 * asked of another place or person than the view's is not looked for among all that the view shows.
 */
export function meeting(drivers: readonly Driver[]): Driver[] {
  const shared = new Map<RunColumn, ReadonlySet<number | Buffer>>();
  for (const [run, another] of drivers) {
    if (run === undefined || another !== undefined) continue;
    const before = shared.get(run.column);
    shared.set(run.column, new Set(before ? run.keys.filter((key) => before.has(key)) : run.keys));
  }
  const ofOne = [...shared].map(([column, keys]) => [{ column, keys: [...keys] }]);
  const others = drivers.filter((driver) => driver.length !== 1);
  const left = others.map((driver) =>
    driver.map(({ column, keys }) => {
      const among = shared.get(column);
      return { column, keys: among ? keys.filter((key) => among.has(key)) : keys };
    }),
  );
  return [...ofOne, ...left];
}

/** Where narrowed runs hold all that can match, the runs of the types or reasons alone hold no less. */
function driversOf(drivers: readonly Driver[], narrowing: Narrowing | undefined): (Driver | 'all')[] {
  if (narrowing === undefined) return drivers.length === 0 ? ['all'] : [...drivers];
  const narrowed = drivers.some((driver) => driver.every(({ column }) => isNarrowed(column)));
  if (!narrowed) {
    const alone = drivers.some((driver) => driver.some(({ column }) => column === narrowing.column));
    return alone ? [...drivers] : [...drivers, [narrowing]];
  }
  return drivers.filter((driver) => driver.every(({ column }) => column !== narrowing.column));
}

const refusals: ReadonlySet<string> = new Set(
  eventTypes.filter((type) => declarationOf(type).reasons.length > 0),
);

type InRule = Extract<Rule, { op: 'in' }>;

/** Sets of runs, each of which holds all that the view shows, or all that the reader may read of it. */
function runsOf(view: View, reader: ReaderRights): InRule[][] {
  if (view.kind === 'administration') return [];
  if (view.kind === 'me') return [concerns(reader)];
  const inView =
    view.kind === 'namespace' ? isIn('namespace', [view.namespace.id]) : isIn('project', [view.project.id]);
  const person = readerIn(view, reader);
  // Who may read most of what is there need not look elsewhere.
  const readsMost = person.role !== 'person' || ownsView(reader, view) || maintainsView(reader, view);
  return readsMost ? [[inView as InRule]] : [[inView as InRule], reachOf(person)];
}

function maintainsView({ maintainedProjects: { ids, ofNamespaces } }: ReaderRights, view: View): boolean {
  if (view.kind === 'me' || view.kind === 'administration') return false;
  return (
    ofNamespaces.includes(view.namespace.id) || (view.kind === 'project' && ids.includes(view.project.id))
  );
}

/** Everything a person may read anywhere. */
function reachOf(reader: ReaderRights): InRule[] {
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
    keys: wordsOf(words, [...values]),
  }));
}

/** The driver with the fewest events, as far as its newest tell; the first of equals. */
export async function fewest(
  source: SearchSource,
  { drivers, narrowing }: Pick<Plan, 'drivers' | 'narrowing'>,
  span: Span,
): Promise<Driver | 'all'> {
  const [only] = drivers;
  if (drivers.length === 1) return only as Driver | 'all';
  const sizes = await source.sizes({ drivers, narrowing, span });
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
    text: selectBlocks,
    params: blockSizes.flatMap((_size, at) => {
      const times = [fromUs ?? 0, toUs ?? Number.MAX_SAFE_INTEGER];
      return at === 0 ? times : [...times, ...times];
    }),
  });
  if (!blocks || blocks.low === null || blocks.high === null) return { low: 0, high: 0 };
  return { low: Math.max(span.low, blocks.low), high: Math.min(span.high, blocks.high) };
}

/** Indexes of the rows of search_block. Each size is a number of times the next. */
export const blockSizes = [65_536, 4_096, 256] as const;

/** The first and last block whose times meet the time asked for, and within these two the same of the next size. */
const selectBlocks = `WITH ${blockSizes.map(blocksOf).join(', ')}
  SELECT low * ${blockSizes[2]} AS low, (high + 1) * ${blockSizes[2]} AS high FROM b2`;

function blocksOf(size: number, at: number): string {
  const meets = `size = ${size} AND last_us >= ? AND first_us < ?`;
  if (at === 0)
    return `b0 AS MATERIALIZED (SELECT min(block) AS low, max(block) AS high FROM search_block WHERE ${meets})`;
  const times = (blockSizes[at - 1] as number) / size;
  const end = (which: 'low' | 'high', of: string, none: string): string =>
    `(SELECT coalesce(${of}(block), ${none}) FROM search_block WHERE ${meets} AND block >= ${which} * ${times} AND block < (${which} + 1) * ${times}) AS ${which}`;
  return `b${at} AS MATERIALIZED (SELECT ${end('low', 'min', `(b${at - 1}.low + 1) * ${times}`)}, ${end('high', 'max', `b${at - 1}.high * ${times} - 1`)} FROM b${at - 1})`;
}

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

/** What `Words` gives for one request: numbers of texts, among them these and those that the rules compare with. */
export type KnownWords = {
  /** What was planned with the words there are now, by what was asked. */
  plans: BoundedCache<Plan>;
  lookUp(texts: readonly string[], rules: readonly Rule[]): Promise<ReadonlyMap<string, number>>;
};

/** What is known of words. Another one is begun when it may not hold any more, so that an answer still under way spoils none. */
type Vocabulary = {
  numbers: Map<string, number>;
  /** Texts that had none. */
  missing: Set<string>;
  plans: BoundedCache<Plan>;
};

/** Remembers the numbers of texts; they never change while the projection is the same one. */
export class Words {
  #generation: number | undefined;
  #words: number | null | undefined;
  #known: Vocabulary = nothingKnown();

  async of(source: SearchSource, { generation, words }: SearchState): Promise<KnownWords> {
    const { numbers, missing } = this.#known;
    if (generation !== this.#generation || numbers.size > mostRemembered) this.#known = nothingKnown();
    else if (words !== this.#words || missing.size > mostRemembered)
      this.#known = { ...nothingKnown(), numbers };
    this.#generation = generation;
    this.#words = words;
    const known = this.#known;
    return { plans: known.plans, lookUp: (texts, rules) => lookUp(source, known, [texts, rules]) };
  }
}

function nothingKnown(): Vocabulary {
  return { numbers: new Map(), missing: new Set(), plans: new BoundedCache(500) };
}

async function lookUp(
  source: SearchSource,
  { numbers, missing }: Vocabulary,
  [texts, rules]: [texts: readonly string[], rules: readonly Rule[]],
): Promise<ReadonlyMap<string, number>> {
  const asked = new Set(texts.filter((text) => !numbers.has(text)));
  for (const rule of rules) addUnknown(rule, numbers, asked);
  const unknown = [...asked].filter((text) => !missing.has(text));
  for (let at = 0; at < unknown.length; at += namesPerLookup) {
    const where = inValues('text', unknown.slice(at, at + namesPerLookup));
    const rows = await source.rows<{ id: number; text: string }>({
      text: `SELECT id, text FROM search_word WHERE ${where.text}`,
      params: where.params,
    });
    for (const row of rows) numbers.set(row.text, row.id);
  }
  for (const text of unknown) if (!numbers.has(text)) missing.add(text);
  return numbers;
}
