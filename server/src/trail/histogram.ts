/** The answers that are counts: a histogram over time, and which values occur how often. What may be counted: count.ts. */
import type { EventCounts, EventFacets, EventHistogram, FacetName } from '@tallyman/contract';
import { formatUs } from '../stdx/clock.ts';
import { addressText } from './address.ts';
import {
  type Counted,
  type Counting,
  countKept,
  keptOf,
  likeEvents,
  lookAt,
  type Times,
  textsOfNumbers,
  timesOf,
  wholeBuckets,
} from './count.ts';
import { checkFilter, isMerged } from './filter.ts';
import { outcomeNumbers } from './projected-row.ts';
import type { Question, Work } from './question.ts';
import { type Grain, grainUs } from './rollup.ts';
import type { SearchSource } from './search-source.ts';
import type { Plan } from './select.ts';
import type { Sql } from './sql.ts';

/** The filter has a `from`. */
export type HistogramQuestion = Question & Pick<EventHistogram, 'by' | 'interval'>;
/** `values`: most of each. */
export type FacetsQuestion = Question & { facets: readonly FacetName[]; values: number };

export async function answerHistogram(work: Work, question: HistogramQuestion): Promise<EventHistogram> {
  const { filter, by, interval } = question;
  const counting = countingOf(work, question);
  const { fromUs = 0, toUs } = counting.filter;
  const buckets = new Map<number, Sums<number>>();
  const total = noCounts();
  const merged = isMerged(filter);
  const us = grainUs[interval];
  const countedFrom = await countLike(work, counting, { longest: interval, needsPlace: false }, (row) => {
    const at = Math.floor(row.atUs / us) * us;
    let sums = buckets.get(at);
    if (!sums) {
      sums = new Map();
      buckets.set(at, sums);
    }
    add(sums, by === 'type' ? row.type : row.outcome, countsOf(row, merged));
    addTo(total, countsOf(row, merged));
  });
  const numbers = by === 'type' ? [...buckets.values()].flatMap((sums) => [...sums.keys()]) : [];
  const names = by === 'type' ? await textsOfNumbers(work.source, numbers) : outcomeNames;
  return {
    by,
    interval,
    from: formatUs(fromUs),
    ...(toUs !== undefined && { to: formatUs(toUs) }),
    total,
    buckets: [...buckets]
      .sort(([a], [b]) => a - b)
      .map(([at, sums]) => ({ at: formatUs(at), counts: inOrder(sums, names) }))
      .filter(({ counts }) => counts.length > 0),
    ...(countedFrom !== undefined && { countedFrom }),
  };
}

const outcomeNames = new Map(Object.entries(outcomeNumbers).map(([name, number]) => [number, name]));

function countingOf({ requireWanted }: Work, { view, reader, filter }: Question): Counting {
  return { view, reader, filter: checkFilter(filter), ...(requireWanted && { requireWanted }) };
}

/** Every event that matches is in exactly one row. Resolves as `lookAt` does. */
async function countLike(
  { source, words }: Work,
  counting: Counting,
  { longest, needsPlace }: { longest: Grain; needsPlace: boolean },
  each: (row: Counted) => void,
): Promise<number | undefined> {
  const times = await timesAsked(source, counting);
  if (!times) return undefined;
  const look = async (filter: Partial<Counting['filter']>): Promise<number | undefined> =>
    lookAt<Counted>(
      source,
      words,
      { ...counting, filter: { ...counting.filter, ...filter } },
      { ...likeEvents, each },
    );
  const kept = keptOf(counting);
  const whole = kept && wholeBuckets(kept, times, longest);
  if (!kept || !whole) return look({});
  const { rows, undecided } = await countKept(source, words, counting, { kept, whole, needsPlace });
  for (const row of rows) each(row);
  const { fromUs, toUs } = times;
  const inside = whole.times;
  const looked = [
    undecided.length === 0 ? undefined : await look({ ...inside, types: undecided }),
    fromUs < inside.fromUs ? await look({ fromUs, toUs: inside.fromUs }) : undefined,
    inside.toUs < toUs ? await look({ fromUs: inside.toUs, toUs }) : undefined,
  ];
  return highest(looked);
}

function highest(reached: readonly (number | undefined)[]): number | undefined {
  const all = reached.filter((index) => index !== undefined);
  return all.length === 0 ? undefined : Math.max(...all);
}

/** What is open at an end reaches a whole bucket beyond everything there is. */
async function timesAsked(source: SearchSource, { filter }: Counting): Promise<Times | undefined> {
  const there = await timesOf(source);
  if (!there) return undefined;
  const { fromUs, toUs } = filter;
  return {
    fromUs: fromUs ?? Math.floor(there.fromUs / grainUs.month) * grainUs.month,
    toUs: toUs ?? Math.ceil((there.toUs + grainUs.hour) / grainUs.month) * grainUs.month,
  };
}

type Sums<K> = Map<K, EventCounts>;

function noCounts(): EventCounts {
  return { events: 0, repeats: 0 };
}

function countsOf({ events, closings, repeats }: Omit<Counted, 'atUs'>, merged: boolean): EventCounts {
  return { events: merged ? events : events + closings, repeats };
}

function addTo(sum: EventCounts, { events, repeats }: EventCounts): void {
  sum.events += events;
  sum.repeats += repeats;
}

function add<K>(sums: Sums<K>, key: K, counts: EventCounts): void {
  const sum = sums.get(key);
  if (sum) addTo(sum, counts);
  else sums.set(key, { ...counts });
}

type Value = EventCounts & { value: string };

/** The most frequent first. */
function inOrder(sums: Sums<number>, names: ReadonlyMap<number, string>): Value[] {
  return [...sums]
    .map(([key, counts]) => ({ value: names.get(key) ?? '', ...counts }))
    .filter(({ value, events, repeats }) => value !== '' && (events !== 0 || repeats !== 0))
    .sort(byFrequency);
}

function byFrequency(a: Value, b: Value): number {
  return b.events - a.events || b.repeats - a.repeats || (a.value < b.value ? -1 : 1);
}

type Facet = EventFacets['facets'][number];
const keptFacets: readonly FacetName[] = ['type', 'outcome', 'reason'];

export async function answerFacets(work: Work, question: FacetsQuestion): Promise<EventFacets> {
  const fromCounts = question.facets.filter((facet) => keptFacets.includes(facet));
  const fromEvents = question.facets.filter((facet) => !keptFacets.includes(facet));
  const found = [
    ...(fromCounts.length > 0 ? await facetsKept(work, question, fromCounts) : []),
    ...(fromEvents.length > 0 ? await facetsLooked(work, question, fromEvents) : []),
  ];
  const facets = question.facets.map((name) => found.find(({ facet }) => facet === name));
  return { facets: facets.filter((facet) => facet !== undefined) };
}

async function facetsKept(
  work: Work,
  question: FacetsQuestion,
  names: readonly FacetName[],
): Promise<Facet[]> {
  const counting = countingOf(work, question);
  const merged = isMerged(question.filter);
  const sums = { type: new Map(), outcome: new Map(), reason: new Map() } satisfies Record<
    string,
    Sums<number>
  >;
  const needsPlace = names.includes('reason') || question.filter.reason !== undefined;
  const countedFrom = await countLike(work, counting, { longest: 'month', needsPlace }, (row) => {
    add(sums.type, row.type, countsOf(row, merged));
    add(sums.outcome, row.outcome, countsOf(row, merged));
    if (row.reason !== 0) add(sums.reason, row.reason, countsOf(row, merged));
  });
  const texts = await textsOfNumbers(work.source, [...sums.type.keys(), ...sums.reason.keys()]);
  return names.map((facet) => {
    const kept = facet as keyof typeof sums;
    const values = inOrder(sums[kept], kept === 'outcome' ? outcomeNames : texts);
    return facetOf(facet, values, question.values, countedFrom);
  });
}

function facetOf<V extends Value>(
  facet: FacetName,
  values: readonly V[],
  most: number,
  countedFrom: number | undefined,
): Facet {
  const found = { facet, values: values.slice(0, most), more: values.length > most };
  return countedFrom === undefined ? found : { ...found, countedFrom };
}

/** What is read of each event; where it may not be seen it is null. */
type Looked = {
  actor: number | null;
  actor_name: string | null;
  credential: number | null;
  namespace: number | null;
  namespace_name: string | null;
  project: number | null;
  project_path: string | null;
  ip: Uint8Array | null;
  repeats: number | null;
  closing: number | null;
};

function lookedColumns({ seen: { placed, whole } }: Plan, names: readonly FacetName[]): Sql {
  const hidden = (rule: Sql, column: string): string =>
    `CASE WHEN ${rule.text} THEN ${column} END AS ${column}`;
  const place = (facet: FacetName): string[] => {
    const { key, name } = lookedFacets[facet] as LookedFacet;
    return names.includes(facet) ? [key, ...(name ? [name] : [])] : [];
  };
  const open = [...place('actor'), ...place('credential'), 'repeats', 'repeats_since_us AS closing'];
  const placedColumns = [...place('namespace'), ...place('project')];
  const wholeColumns = place('ip');
  return {
    text: [
      ...open,
      ...placedColumns.map((column) => hidden(placed, column)),
      ...wholeColumns.map((column) => hidden(whole, column)),
    ].join(', '),
    params: [...placedColumns.flatMap(() => placed.params), ...wholeColumns.flatMap(() => whole.params)],
  };
}

type Named = EventCounts & { name?: string };
type LookedFacet = { key: keyof Looked; name?: keyof Looked };
const lookedFacets: Partial<Record<FacetName, LookedFacet>> = {
  actor: { key: 'actor', name: 'actor_name' },
  credential: { key: 'credential' },
  namespace: { key: 'namespace', name: 'namespace_name' },
  project: { key: 'project', name: 'project_path' },
  ip: { key: 'ip' },
};

async function facetsLooked(
  work: Work,
  question: FacetsQuestion,
  names: readonly FacetName[],
): Promise<Facet[]> {
  const counting = countingOf(work, question);
  const merged = isMerged(question.filter);
  const sums = names.map(() => new Map<number | string, Named>());
  const each = (row: Looked): void => {
    const closing = row.closing === null ? 0 : 1;
    const counts = countsOf(
      { ...emptyRow, events: 1 - closing, closings: closing, repeats: row.repeats ?? 0 },
      merged,
    );
    for (const [at, facet] of names.entries()) {
      const { key, name } = lookedFacets[facet] as LookedFacet;
      const value = row[key];
      if (value === null) continue;
      const id = typeof value === 'object' ? addressKey(value) : value;
      // Newest first: the name it had last.
      note(sums[at] as Map<number | string, Named>, id, counts, name && (row[name] as string | null));
    }
  };
  const countedFrom = await lookAt<Looked>(work.source, work.words, counting, {
    columns: (plan) => lookedColumns(plan, names),
    each,
  });
  const facets: Facet[] = [];
  for (const [at, facet] of names.entries())
    facets.push(
      await namedFacet(work, facet, {
        sums: sums[at] as Map<number | string, Named>,
        most: question.values,
        countedFrom,
      }),
    );
  return facets;
}

/** Cheap to make for each event; only what is told is written as an address. */
function addressKey(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

const emptyRow = { type: 0, outcome: 0, reason: 0 };

function note(
  sums: Map<number | string, Named>,
  key: number | string,
  counts: EventCounts,
  name: string | null | undefined,
): void {
  const known = sums.get(key);
  if (known) addTo(known, counts);
  else sums.set(key, { ...counts, ...(name && { name }) });
}

async function namedFacet(
  work: Work,
  facet: FacetName,
  {
    sums,
    most,
    countedFrom,
  }: { sums: Map<number | string, Named>; most: number; countedFrom: number | undefined },
): Promise<Facet> {
  const counted = [...sums].filter(([, { events, repeats }]) => events !== 0 || repeats !== 0);
  const first = counted.sort(([, a], [, b]) => b.events - a.events || b.repeats - a.repeats).slice(0, most);
  const numbers = first.flatMap(([key]) => (typeof key === 'number' ? [key] : []));
  const texts = await textsOfNumbers(work.source, numbers);
  const values = first.flatMap(([key, named]) => {
    const text = typeof key === 'string' ? addressText(Buffer.from(key, 'latin1')) : texts.get(key);
    // Nobody's account: known by a name alone.
    return text === undefined ? [] : [{ value: text.startsWith('?') ? text.slice(1) : text, ...named }];
  });
  return { ...facetOf(facet, values.sort(byFrequency), most, countedFrom), more: counted.length > most };
}
