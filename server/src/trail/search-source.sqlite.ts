/** Searches on SQLite: `search.db` for the projection, the main file for the events; both opened for reading. */
import type { SqliteFile } from '../db/search-file.ts';
import type { Value } from '../db/statement.ts';
import type { Driver } from './filter.ts';
import type { StoredEvent } from './projected-row.ts';
import { type CandidateRequest, idxIn, portions, type SearchSource, type Span } from './search-source.ts';
import type { Sql } from './sql.ts';

export function sqliteSource(files: { search: SqliteFile; log: SqliteFile }): SearchSource {
  return {
    engine: 'sqlite',
    async rows<R>(sql: Sql) {
      return files.search.rows<R>(sql.text, sql.params);
    },
    async *candidates(request) {
      yield* portionsOf(files.search, request);
    },
    async sizes({ drivers, types, span, most }) {
      return drivers.map((driver) =>
        driver === 'all' ? most : sizeOf(files.search, { driver, types, span, most }),
      );
    },
    async events(indexes) {
      const where = idxIn('sqlite', indexes);
      const sql = `SELECT event.idx AS idx, body, fields FROM event LEFT JOIN event_private ON event_private.idx = event.idx WHERE event.${where.text}`;
      const found = new Map(files.log.rows<StoredEvent>(sql, where.params).map((row) => [row.idx, row]));
      return indexes.map((idx) => found.get(idx)).filter((event) => event !== undefined);
    },
  };
}

function sizeOf(
  file: SqliteFile,
  { driver, types, span, most }: { driver: Driver; types: readonly number[]; span: Span; most: number },
): number {
  let size = 0;
  for (const { column, keys } of driver) {
    const typed = column === 'type' || column === 'cause' ? '' : `AND type IN (${types.join(',')})`;
    const sql = `SELECT count(*) AS size FROM (SELECT 1 FROM search_event WHERE ${column} = ? ${typed} AND idx >= ? AND idx < ? LIMIT ?)`;
    for (const key of keys) {
      if (size >= most) return most;
      size += file.rows<{ size: number }>(sql, [key, span.low, span.high, most - size])[0]?.size ?? 0;
    }
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

function runsOf({ driver, types, span, newestFirst }: CandidateRequest): Run[] {
  const order = newestFirst ? 'DESC' : 'ASC';
  const run = (condition: string, fixed: readonly Value[]): Run => ({
    sql: `SELECT idx FROM search_event WHERE ${condition}idx >= ? AND idx < ? ORDER BY idx ${order} LIMIT ?`,
    fixed,
    span: { ...span },
    buffer: [],
    at: 0,
    portion: 0,
    ended: false,
  });
  if (driver === 'all') return [run('', [])];
  return driver.flatMap(({ column, keys }) =>
    keys.flatMap((key) => {
      if (column === 'type' || column === 'cause') return [run(`${column} = ? AND `, [key])];
      return types.map((type) => run(`${column} = ? AND type = ? AND `, [key, type]));
    }),
  );
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
