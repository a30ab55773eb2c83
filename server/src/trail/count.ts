/**
 * Counting what a filter matches, as far as its reader may read it: from the counts kept beside the events (rollup.ts) where
 * rights and filter can be decided for many events at once, else by looking at a bounded number of events, newest first.
 * Nothing is counted that the same reader's list would not show.
 */
import { eventTypes } from '@tallyman/contract';
import { rightsIn } from './audience.ts';
import { type CheckedFilter, outcomesOf, wordsOf } from './filter.ts';

import { concern, type Dimension, dimensions, type Grain, grains, grainsOf, grainUs } from './rollup.ts';
import { and, decided, type Known, type KnownFacts, type Rule } from './rule.ts';
import { eventsByIdx, idxIn, type SearchSource } from './search-source.ts';
import { blockSizes, fewest, type Plan, planOf, type Selection, spanOf, type Words } from './select.ts';
import { inValues, joined, type Sql } from './sql.ts';

export type Counting = Pick<Selection, 'view' | 'reader' | 'filter' | 'requireWanted'>;

/** From `fromUs` on, before `toUs`. */
export type Times = { fromUs: number; toUs: number };

/** Sums of like events. Type and reason are numbers of words, 0 for none. `atUs`: when the bucket that was read begins. */
export type Counted = {
  atUs: number;
  type: number;
  outcome: number;
  reason: number;
  events: number;
  closings: number;
  repeats: number;
};

/** Where counts of all that the view shows are kept. */
type Kept = { dimension: Dimension; id: string | undefined };

/** The place whose counts answer this; undefined when the filter asks for what is not kept. */
export function keptOf({ view, reader, filter: { filter } }: Counting): Kept | undefined {
  const { type, outcome, reason, from, to, repeats, ...further } = filter;
  if (Object.values(further).some((value) => value !== undefined)) return undefined;
  switch (view.kind) {
    case 'administration':
      return { dimension: 'all', id: undefined };
    case 'namespace':
      return { dimension: 'namespace', id: view.namespace.id };
    case 'project':
      return { dimension: 'project', id: view.project.id };
    case 'me': {
      const { principalId, accountId } = reader;
      const isOne = principalId !== undefined && (accountId === undefined || accountId === principalId);
      return isOne ? { dimension: 'account', id: principalId } : undefined;
    }
  }
}

export type Whole = { times: Times; parts: { grain: Grain; low: number; high: number }[] };

/** The whole buckets of a time, as few as can be; grains no longer than `longest`. Undefined when there is none. */
export function wholeBuckets(kept: Kept, { fromUs, toUs }: Times, longest: Grain): Whole | undefined {
  const all = grainsOf[kept.dimension].filter((grain) => grainUs[grain] <= grainUs[longest]);
  const [finest] = all;
  if (finest === undefined) return undefined;
  const times = {
    fromUs: Math.ceil(fromUs / grainUs[finest]) * grainUs[finest],
    toUs: Math.floor(toUs / grainUs[finest]) * grainUs[finest],
  };
  if (times.fromUs >= times.toUs) return undefined;
  return { times, parts: split(times, all) };
}

/** In the longest grain as far as it fits, and what is before and after it in shorter ones. */
function split({ fromUs, toUs }: Times, all: readonly Grain[]): Whole['parts'] {
  const grain = all.at(-1);
  if (grain === undefined || fromUs >= toUs) return [];
  const shorter = all.slice(0, -1);
  const us = grainUs[grain];
  const low = Math.ceil(fromUs / us);
  const high = Math.floor(toUs / us);
  if (low >= high) return split({ fromUs, toUs }, shorter);
  return [
    ...split({ fromUs, toUs: low * us }, shorter),
    { grain, low, high },
    ...split({ fromUs: high * us, toUs }, shorter),
  ];
}

/** `needsPlace`: rows tell reasons, or are chosen by them, which not everybody may read. */
export type KeptQuestion = { kept: Kept; whole: Whole; needsPlace: boolean };

/**
 * Counts within whole buckets. `undecided`: types whose events some may read and some may not; they are not among `rows`
 * and must be looked at. One statement, so that an event that is being counted is in it once.
 */
export async function countKept(
  source: SearchSource,
  words: Words,
  counting: Counting,
  { kept, whole, needsPlace }: KeptQuestion,
): Promise<{ rows: Counted[]; undecided: string[] }> {
  const filter: CheckedFilter = { ...counting.filter, ...whole.times };
  const plan = await planOf(source, await words.of(source, source.state()), rowsOf({ ...counting, filter }));
  const id = kept.id === undefined ? undefined : await idNumber(source, kept.id);
  // Nothing was ever there.
  if (kept.id !== undefined && id === undefined) return { rows: [], undecided: [] };
  const parts = whole.parts.map((part) =>
    keptSql(source, part, { dimension: dimensions[kept.dimension], key: id ?? 0, filter, plan }),
  );
  const sql = [...parts, tailSql(plan)];
  const found = await source.rows<Counted & { how: number }>({
    text: sql.map((part) => part.text).join(' UNION ALL '),
    params: sql.flatMap((part) => part.params),
  });
  return decide(source, found, { counting, kept, plan, needsPlace });
}

async function idNumber(source: SearchSource, id: string): Promise<number | undefined> {
  const [row] = await source.rows<{ id: number }>({
    text: 'SELECT id FROM search_word WHERE text = ?',
    params: [id],
  });
  return row?.id;
}

/** Each event a row: what is merged with another is told apart by the sums. */
function rowsOf<C extends Counting>(counting: C): C {
  const { filter } = counting;
  return { ...counting, filter: { ...filter, filter: { ...filter.filter, repeats: 'rows' } } };
}

function keptSql(
  source: SearchSource,
  { grain, low, high }: Whole['parts'][number],
  { dimension, key, filter, plan }: { dimension: number; key: number; filter: CheckedFilter; plan: Plan },
): Sql {
  const buckets = Array.from({ length: high - low }, (_none, at) => low + at);
  const inBuckets = idxIn(source.engine, buckets);
  const { type, outcome, reason } = filter.filter;
  const conditions: Sql[] = [
    {
      text: `grain = ${grains[grain]} AND bucket ${inBuckets.text.slice('idx '.length)}`,
      params: inBuckets.params,
    },
    { text: 'dimension = ? AND key = ?', params: [dimension, key] },
  ];
  if (type) conditions.push(inValues('type', wordsOf(plan.words, filter.types ?? [])));
  if (outcome) conditions.push(inValues('outcome', outcomesOf(outcome)));
  if (reason) conditions.push(inValues('reason', wordsOf(plan.words, reason)));
  const where = joined(conditions, 'AND');
  return {
    text: `SELECT bucket * ${grainUs[grain]} AS "atUs", how, type, outcome, reason, events, closings, repeats FROM search_count WHERE ${where.text}`,
    params: where.params,
  };
}

/** What is not counted yet. -1: whether it may be read was decided for each. */
function tailSql({ where, seen }: Plan): Sql {
  return {
    text: `SELECT ${atUs} AS "atUs", -1 AS how, type, outcome, ${placedReason(seen.placed)} AS reason, ${sums}
      FROM search_event WHERE idx >= (SELECT counted FROM search_state) AND ${where.text} GROUP BY 1, 3, 4, 5`,
    params: [...seen.placed.params, ...where.params],
  };
}

const atUs = `(occurred_us / ${grainUs.hour}) * ${grainUs.hour}`;
const sums = `CAST(sum(CASE WHEN repeats_since_us IS NULL THEN 1 ELSE 0 END) AS BIGINT) AS events,
  CAST(sum(CASE WHEN repeats_since_us IS NULL THEN 0 ELSE 1 END) AS BIGINT) AS closings,
  CAST(coalesce(sum(repeats), 0) AS BIGINT) AS repeats`;

function placedReason(placed: Sql): string {
  return `CASE WHEN ${placed.text} THEN coalesce(reason, 0) ELSE 0 END`;
}

async function decide(
  source: SearchSource,
  found: readonly (Counted & { how: number })[],
  asked: { counting: Counting; kept: Kept; plan: Plan; needsPlace: boolean },
): Promise<{ rows: Counted[]; undecided: string[] }> {
  const { counting, kept, needsPlace } = asked;
  const { readable, placed } = rightsIn(counting.view, counting.reader);
  const rule = needsPlace && counting.filter.filter.reason ? and(readable, placed) : readable;
  const types = await textsOfNumbers(
    source,
    found.map((row) => row.type),
    asked.plan.words,
  );
  const verdicts = new Map<number, boolean | undefined>();
  const verdictOf = ({ how, type }: { how: number; type: number }): boolean | undefined => {
    if (how === -1) return true;
    const at = type * 32 + how;
    if (!verdicts.has(at)) {
      const known = knownFacts(types.get(type) ?? '', counting, kept, how);
      verdicts.set(at, verdict(known, { rule, placed, needsPlace }));
    }
    return verdicts.get(at);
  };
  const undecided = new Set(found.filter((row) => verdictOf(row) === undefined).map((row) => row.type));
  return {
    rows: found.filter((row) => verdictOf(row) === true && !undecided.has(row.type)),
    undecided: [...undecided].map((type) => types.get(type)).filter((type) => type !== undefined),
  };
}

/** Counts carry reasons: where these are to be told, whether they may be must be clear as well. */
function verdict(
  known: KnownFacts,
  { rule, placed, needsPlace }: { rule: Rule; placed: Rule; needsPlace: boolean },
): boolean | undefined {
  const found = decided(rule, known);
  if (found !== true || !needsPlace) return found;
  return decided(placed, known) === true ? true : undefined;
}

function knownFacts(type: string, { view }: Counting, kept: Kept, how: number): KnownFacts {
  if (view.kind === 'namespace') return { type, namespace: { is: view.namespace.id } };
  if (view.kind === 'project')
    return { type, namespace: { is: view.namespace.id }, project: { is: view.project.id } };
  const { id } = kept;
  if (id === undefined) return { type };
  const fact = (bit: number): Known<string> => ((how & bit) !== 0 ? { is: id } : { isNot: id });
  return {
    type,
    proven: (how & concern.proven) !== 0,
    actor: fact(concern.actor),
    onBehalfOf: fact(concern.onBehalfOf),
    subject: fact(concern.subject),
    namespace: fact(concern.namespace),
  };
}

/** What is selected of each event, or of each group of like ones. */
export type Look = { columns: (plan: Plan) => Sql; groupBy?: string };

/** For sums of like events, as `Counted`. */
export const likeEvents: Look = {
  columns: ({ seen }) => ({
    text: `${atUs} AS "atUs", type, outcome, ${placedReason(seen.placed)} AS reason, ${sums}`,
    params: seen.placed.params,
  }),
  groupBy: 'GROUP BY 1, 2, 3, 4',
};

/** Looks at events that match, newest first. Resolves with the index down to which it came, when that was not all. */
export async function lookAt<R>(
  source: SearchSource,
  words: Words,
  counting: Counting,
  look: Look & { each: (row: R) => void },
): Promise<number | undefined> {
  const asked = rowsOf(counting);
  const state = source.state();
  const span = await spanOf(source, { ...asked, within: {} }, state);
  if (span.low >= span.high) return undefined;
  const plan = await planOf(source, await words.of(source, state), asked);
  const driver = await fewest(source, plan, span);
  const columns = look.columns(plan);
  const request = { driver, narrowing: plan.narrowing, span, newestFirst: true, first: firstLook };
  let scanned = 0;
  for await (const portion of source.candidates(request)) {
    counting.requireWanted?.();
    if (portion.length === 0) continue;
    const where = joined([idxIn(source.engine, portion), plan.where], 'AND');
    const rows = await source.rows<R>({
      text: `SELECT ${columns.text} FROM ${eventsByIdx(source.engine)} WHERE ${where.text} ${look.groupBy ?? 'ORDER BY idx DESC'}`,
      params: [...columns.params, ...where.params],
    });
    for (const row of rows) look.each(row);
    scanned += portion.length;
    if (scanned >= mostLookedAt) return portion.at(-1);
  }
  return undefined;
}

const firstLook = 1_000;
/** A count that ends early cannot be gone on with, as a page can: it looks at more. */
const mostLookedAt = 20_000;

/** When the first and the last event occurred. */
export async function timesOf(source: SearchSource): Promise<Times | undefined> {
  const [row] = await source.rows<{ first: number | null; last: number | null }>({
    text: 'SELECT min(first_us) AS first, max(last_us) AS last FROM search_block WHERE size = ?',
    params: [blockSizes[0]],
  });
  if (!row || row.first === null || row.last === null) return undefined;
  return { fromUs: row.first, toUs: row.last };
}

/** `known`: texts with their numbers, to spare a look. */
export async function textsOfNumbers(
  source: SearchSource,
  numbers: readonly number[],
  known: ReadonlyMap<string, number> = new Map(),
): Promise<Map<number, string>> {
  const texts = new Map<number, string>();
  for (const type of eventTypes) {
    const number = known.get(type);
    if (number !== undefined) texts.set(number, type);
  }
  const missing = [...new Set(numbers)].filter((number) => !texts.has(number));
  for (let at = 0; at < missing.length; at += numbersPerLookup) {
    const where = inValues('id', missing.slice(at, at + numbersPerLookup));
    const rows = await source.rows<{ id: number; text: string }>({
      text: `SELECT id, text FROM search_word WHERE ${where.text}`,
      params: where.params,
    });
    for (const { id, text } of rows) texts.set(id, text);
  }
  return texts;
}

const numbersPerLookup = 500;
