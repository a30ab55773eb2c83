/**
 * The projection as searches see it: the same tables on both engines. Sources differ in how they merge the runs of an
 * index and where they run; search-source.sqlite.ts works in a worker thread, search-source.postgres.ts on the pool.
 */
import type { Engine } from '../db/migrations/migration.ts';
import { type Driver, isNarrowed, type Narrowing } from './filter.ts';
import type { StoredEvent } from './projected-row.ts';
import type { Sql } from './sql.ts';

/** Indexes from `low` on, up to but not including `high`. */
export type Span = { low: number; high: number };

export type CandidateRequest = {
  /** 'all': every event of the span. */
  driver: Driver | 'all';
  /** Of runs that are kept so, only what has one of these is read. */
  narrowing: Narrowing | undefined;
  span: Span;
  newestFirst: boolean;
  /** About how many are wanted at first. */
  first: number;
};

export type SizesRequest = {
  drivers: readonly (Driver | 'all')[];
  narrowing: Narrowing | undefined;
  span: Span;
};

/** What matches among the first candidates, newest or oldest first. `limit`: events of a page. */
export type FirstRequest = CandidateRequest & { where: Sql; limit: number };
/**
 * `found`: one more than the page has at most. `ended`: these are all there are; otherwise candidates may be left that were
 * not looked at. `changes`: as the source tells it, where it was read with them.
 */
export type First = { found: number[]; ended: boolean; changes?: number | undefined };

/**
 * How far the projection is. `generation`: another one when numbers of words may mean something else, or names were
 * forgotten. `words`: another number when there may be words that were not there before.
 */
export type SearchState = { next: number; generation: number; words: number | null };

/** Whatever unit changes or drops events raises it (forget/follow.ts). */
export const selectChanges = 'SELECT changes FROM event_changes';

export const selectSearchState =
  'SELECT next, generation, (SELECT max(id) FROM search_word) AS words FROM search_state';

export interface SearchSource {
  readonly engine: Engine;
  /** For statements on the projection's tables. */
  rows<R>(sql: Sql): Promise<R[]>;
  /** Indexes of the runs' events, each once, in order, in growing portions; the last portion may be empty. */
  candidates(request: CandidateRequest): AsyncIterable<readonly number[]>;
  /**
   * What the first candidates hold of a page, with as few statements as can be. When that is less than a page and not all,
   * candidates are to be asked for: how many were looked at is not told.
   */
  first(request: FirstRequest): Promise<First>;
  /** Known without asking. It may be behind what other questions find, never ahead. */
  state(): SearchState;
  /** About how many events lie in the runs of each driver, judged by the newest of each; one in several counts several times. */
  sizes(request: SizesRequest): Promise<number[]>;
  /** How often stored events were changed or dropped since the log began. What was read before it grew may be different now. */
  changes(): Promise<number>;
  /** The events themselves, in the order asked for; those whose body was dropped are left out. */
  events(indexes: readonly number[]): Promise<StoredEvent[]>;
}

/** The condition that idx is one of many. */
export function idxIn(engine: Engine, indexes: readonly number[]): Sql {
  return engine === 'sqlite'
    ? { text: 'idx IN (SELECT value FROM json_each(?))', params: [JSON.stringify(indexes)] }
    : { text: 'idx = ANY(?::bigint[])', params: [`{${indexes.join(',')}}`] };
}

/**
 * The events when they are looked up by `idxIn`. SQLite, which counts nothing of what is in an index, would else walk the
 * whole run of a value that is asked for.
 */
export function eventsByIdx(engine: Engine): string {
  return engine === 'sqlite' ? 'search_event NOT INDEXED' : 'search_event';
}

/** In place of an index, behind those that were found: no candidate is left. */
const noneLeft = -1;

/**
 * What `page` finds and, when that is less than a page, whether more than `candidates` were to be looked at; the engines do
 * not ask for that as long as the page is full. `columns`: what `page` selects behind idx, for the last row.
 */
export function pageOrEnd(
  page: Sql,
  { rows, candidates, columns = '' }: { rows: number; candidates: Sql & { most: number }; columns?: string },
): Sql {
  const beyond = `SELECT 1 FROM (${candidates.text}) AS candidate LIMIT 1 OFFSET ${candidates.most - 1}`;
  return {
    text: `SELECT * FROM (${page.text}) AS page UNION ALL SELECT ${noneLeft}${columns} WHERE NOT EXISTS (${beyond}) LIMIT ${rows}`,
    params: [...page.params, ...candidates.params],
  };
}

export function firstOf(found: number[]): Pick<First, 'found' | 'ended'> {
  const ended = found.at(-1) === noneLeft;
  return { found: ended ? found.slice(0, -1) : found, ended };
}

export const portions = { first: 256, largest: 2_000 } as const;
/** Candidates of several runs, of which each is read so far: enough for a page in which most match. */
export function firstOfSeveral(limit: number): number {
  return 2 * (limit + 1);
}

/** More runs than these are not merged by one statement, which would have as many parts. */
export const runsInStatement = 12;

/** Events of a run by which its size is judged. */
export const eventsJudged = 256;

/** `count`, `last`: the newest events of a run within the span, up to `eventsJudged`, and the oldest of these. */
export function judgedSize(
  { count, last }: { count: number; last: number | null },
  { low, high }: Span,
): number {
  if (last === null || count < eventsJudged) return count;
  return (count * (high - low)) / (high - last);
}

/** One run: of the index `search_event` + `of`, or of the table itself. */
export type KeyedRun = { of: string; text: string; params: readonly (number | Buffer)[] };

export function keyedRuns(driver: Driver | 'all', narrowing: Narrowing | undefined): KeyedRun[] {
  if (driver === 'all') return [{ of: '', text: '', params: [] }];
  return driver.flatMap(({ column, keys }) =>
    keys.flatMap((key): KeyedRun[] => {
      if (narrowing === undefined || !isNarrowed(column))
        return [{ of: `_${column}`, text: `${column} = ? AND `, params: [key] }];
      const text = `${column} = ? AND ${narrowing.column} = ? AND `;
      const of = `_${column}_${narrowing.column}`;
      return narrowing.keys.map((narrow) => ({ of, text, params: [key, narrow] }));
    }),
  );
}
