/** Searches on SQLite: `search.db` for the projection, the main file for the events; both opened for reading. */
import type { SqliteFile } from '../db/search-file.ts';
import type { Value } from '../db/statement.ts';
import type { Driver, Narrowing } from './filter.ts';
import type { StoredEvent } from './projected-row.ts';
import {
  type CandidateRequest,
  eventsJudged,
  type FirstRequest,
  firstOf,
  firstOfSeveral,
  idxIn,
  judgedSize,
  type KeyedRun,
  keyedRuns,
  pageOrEnd,
  portions,
  runsInStatement,
  type SearchSource,
  type SearchState,
  type Span,
  selectChanges,
} from './search-source.ts';
import type { Sql } from './sql.ts';

type Files = { search: SqliteFile; log: SqliteFile };

export function sqliteSource(files: Files, state: SearchState): SearchSource {
  return {
    engine: 'sqlite',
    state: () => state,
    async rows<R>(sql: Sql) {
      return files.search.rows<R>(sql.text, sql.params);
    },
    async first(request) {
      const sql = firstSql(request);
      return sql ? firstOf(files.search.numbers(sql.text, sql.params)) : { found: [], ended: false };
    },
    async *candidates(request) {
      yield* portionsOf(files.search, request);
    },
    async sizes({ drivers, narrowing, span }) {
      return drivers.map((driver) => sizeOf(files.search, { driver, narrowing, span }));
    },
    async changes() {
      return files.log.rows<{ changes: number }>(selectChanges)[0]?.changes as number;
    },
    async events(indexes) {
      return eventsOf(files.log, indexes);
    },
  };
}

function eventsOf(log: SqliteFile, indexes: readonly number[]): StoredEvent[] {
  if (indexes.length === 0) return [];
  const where = idxIn('sqlite', indexes);
  const sql = `SELECT event.idx AS idx, body, fields FROM event LEFT JOIN event_private ON event_private.idx = event.idx WHERE event.${where.text}`;
  const found = new Map(log.rows<StoredEvent>(sql, where.params).map((row) => [row.idx, row]));
  return indexes.map((idx) => found.get(idx)).filter((event) => event !== undefined);
}

/** SQLite, which counts nothing of what is in an index, would else take another one. */
function eventsOfRun({ of }: Pick<KeyedRun, 'of'>): string {
  return of === '' ? 'search_event NOT INDEXED' : `search_event INDEXED BY search_event${of}`;
}

/** Undefined where a statement would have to read too many runs: they are merged here. */
function firstSql({
  driver,
  narrowing,
  span,
  newestFirst,
  first,
  where,
  limit,
}: FirstRequest): Sql | undefined {
  const runs = keyedRuns(driver, narrowing);
  const [only] = runs;
  if (!only || runs.length > runsInStatement) return undefined;
  const order = newestFirst ? 'DESC' : 'ASC';
  const rows = limit + 1;
  const inRun = (run: KeyedRun): string => `FROM ${eventsOfRun(run)} WHERE ${run.text}idx >= ? AND idx < ?`;
  const params = runs.flatMap((run) => [...run.params, span.low, span.high]);
  const isOne = runs.length === 1;
  const most = isOne ? first : firstOfSeveral(limit);
  // Ordered as a whole the runs are merged, none read further than wanted. UNION, as one event may lie in several of them.
  const several = runs.map((run) => `SELECT idx ${inRun(run)}`).join(' UNION ');
  const end = `ORDER BY idx ${order} LIMIT`;
  const candidates = { text: `${several} ${end} ${most}`, params, most };
  // The inner limit bounds what is looked at; the outer one ends the walk as soon as the page is full.
  const page = isOne
    ? `SELECT idx FROM (SELECT * ${inRun(only)} ${end} ${most}) WHERE ${where.text} LIMIT ${rows}`
    : `SELECT idx FROM search_event NOT INDEXED WHERE idx IN (${candidates.text}) AND ${where.text} ${end} ${rows}`;
  return pageOrEnd({ text: page, params: [...params, ...where.params] }, { rows, candidates });
}

function sizeOf(
  file: SqliteFile,
  { driver, narrowing, span }: { driver: Driver | 'all'; narrowing: Narrowing | undefined; span: Span },
): number {
  let size = 0;
  for (const { text, params, ...one } of keyedRuns(driver, narrowing)) {
    const run = `SELECT idx FROM ${eventsOfRun(one)} WHERE ${text}idx >= ? AND idx < ? ORDER BY idx DESC LIMIT ${eventsJudged}`;
    const [judged] = file.rows<{ count: number; last: number | null }>(
      `SELECT count(*) AS count, min(idx) AS last FROM (${run})`,
      [...params, span.low, span.high],
    );
    if (judged) size += judgedSize(judged, span);
  }
  return size;
}

/** One run of an index, read in portions that double. */
type Run = {
  sql: string;
  fixed: readonly Value[];
  span: Span;
  buffer: number[];
  at: number;
  portion: number;
  ended: boolean;
};

function* portionsOf(file: SqliteFile, request: CandidateRequest): Generator<number[]> {
  const { newestFirst, first } = request;
  const heap = new RunHeap(newestFirst);
  const runs = runsOf(request);
  for (const run of runs) {
    run.portion = Math.max(4, Math.ceil((first * 2) / runs.length));
    refill(file, run, newestFirst);
    heap.push(run);
  }
  let wanted = first;
  let last: number | undefined;
  let found: number[] = [];
  for (let run = heap.top; run; run = heap.top) {
    const idx = run.buffer[run.at++] as number;
    if (run.at === run.buffer.length) refill(file, run, newestFirst);
    heap.sink();
    // One event may lie in several runs.
    if (idx === last) continue;
    last = idx;
    if (found.push(idx) < wanted) continue;
    yield found;
    found = [];
    wanted = Math.min(wanted * 2, portions.largest);
  }
  yield found;
}

function runsOf({ driver, narrowing, span, newestFirst }: CandidateRequest): Run[] {
  const order = newestFirst ? 'DESC' : 'ASC';
  return keyedRuns(driver, narrowing).map(({ text, params, ...one }) => ({
    sql: `SELECT idx FROM ${eventsOfRun(one)} WHERE ${text}idx >= ? AND idx < ? ORDER BY idx ${order} LIMIT ?`,
    fixed: params,
    span: { ...span },
    buffer: [],
    at: 0,
    portion: 0,
    ended: false,
  }));
}

function refill(file: SqliteFile, run: Run, newestFirst: boolean): void {
  run.buffer = [];
  run.at = 0;
  if (run.ended) return;
  const rows = file.rows<{ idx: number }>(run.sql, [...run.fixed, run.span.low, run.span.high, run.portion]);
  run.buffer = rows.map((row) => row.idx);
  run.ended = rows.length < run.portion;
  run.portion = Math.min(run.portion * 2, portions.largest);
  const last = run.buffer.at(-1);
  if (last === undefined) return;
  if (newestFirst) run.span.high = last;
  else run.span.low = last + 1;
}

/** Runs by their next index; empty ones are not in it. */
class RunHeap {
  readonly #runs: Run[] = [];
  readonly #sign: 1 | -1;

  constructor(newestFirst: boolean) {
    this.#sign = newestFirst ? -1 : 1;
  }

  get top(): Run | undefined {
    return this.#runs[0];
  }

  push(run: Run): void {
    if (run.buffer.length === 0) return;
    const runs = this.#runs;
    let at = runs.push(run) - 1;
    while (at > 0 && this.#key(at) < this.#key((at - 1) >> 1)) at = this.#swap(at, (at - 1) >> 1);
  }

  /** Puts the top where it belongs after its next index changed. */
  sink(): void {
    const runs = this.#runs;
    const top = runs[0] as Run;
    if (top.at >= top.buffer.length) {
      const end = runs.pop() as Run;
      if (runs.length === 0) return;
      runs[0] = end;
    }
    for (let at = 0; ; ) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2])
        if (child < runs.length && this.#key(child) < this.#key(least)) least = child;
      if (least === at) return;
      at = this.#swap(at, least);
    }
  }

  #key(at: number): number {
    const run = this.#runs[at] as Run;
    return (run.buffer[run.at] as number) * this.#sign;
  }

  #swap(from: number, to: number): number {
    const runs = this.#runs;
    [runs[from], runs[to]] = [runs[to] as Run, runs[from] as Run];
    return to;
  }
}
