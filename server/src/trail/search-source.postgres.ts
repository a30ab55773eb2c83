/** Searches on PostgreSQL: statements on the pool; the database merges the runs of an index. */
import { CompiledQuery } from 'kysely';
import { limits } from '../db/limits.ts';
import { type Row, type Statement, statement } from '../db/statement.ts';
import type { ReadDb } from '../db/store.ts';
import { type Driver, isNarrowed, type Narrowing } from './filter.ts';
import type { StoredEvent } from './projected-row.ts';
import {
  type CandidateRequest,
  eventsJudged,
  type FirstRequest,
  firstOf,
  firstOfSeveral,
  idxIn,
  type KeyedRun,
  keyedRuns,
  pageOrEnd,
  portions,
  runsInStatement,
  type SearchSource,
  type SearchState,
  type SizesRequest,
  type Span,
  selectChanges,
} from './search-source.ts';
import type { Sql } from './sql.ts';

export function postgresSource(read: ReadDb, state: () => SearchState): SearchSource {
  const prepared = new Map<string, Statement>();
  // Planning a page takes longer than reading it, so its statements are prepared; of all shapes that filters have, some.
  const rows = async <R>(sql: Sql): Promise<R[]> => {
    let known = prepared.get(sql.text);
    if (!known && prepared.size < limits.preparedStatements) {
      known = statement(inDialect(sql.text));
      prepared.set(sql.text, known);
    }
    return known
      ? ((await read.all(known as Statement<Row>, sql.params)) as R[])
      : (await read.q.executeQuery<R>(compiled(sql))).rows;
  };
  return {
    engine: 'postgres',
    rows,
    state,
    async first(request) {
      const found = await rows<{ idx: number; changes: number }>(firstSql(request));
      return { ...firstOf(found.map((row) => row.idx)), changes: found[0]?.changes };
    },
    async *candidates(request) {
      const span = { ...request.span };
      for (let wanted = request.first; ; wanted = Math.min(wanted * 2, portions.largest)) {
        const found = (await rows<{ idx: number }>(candidatesSql({ ...request, span }, wanted))).map(
          (row) => row.idx,
        );
        yield found;
        const last = found.at(-1);
        if (last === undefined || found.length < wanted) return;
        if (request.newestFirst) span.high = last;
        else span.low = last + 1;
      }
    },
    async sizes(request) {
      const [row] = await rows<Record<string, number | null>>(sizesSql(request));
      return request.drivers.map((driver, at) => {
        if (driver === 'all') return request.span.high - request.span.low;
        return driver.reduce((sum, _one, of) => sum + (row?.[`n${at}_${of}`] ?? 0), 0);
      });
    },
    async changes() {
      const [row] = await rows<{ changes: number }>({ text: selectChanges, params: [] });
      return row?.changes as number;
    },
    async events(indexes) {
      if (indexes.length === 0) return [];
      const where = idxIn('postgres', indexes);
      const found = await rows<StoredEvent>({
        text: `SELECT event.idx AS idx, body, fields FROM event LEFT JOIN event_private ON event_private.idx = event.idx WHERE event.${where.text}`,
        params: where.params,
      });
      const byIdx = new Map(found.map((row) => [row.idx, row]));
      return indexes.map((idx) => byIdx.get(idx)).filter((event) => event !== undefined);
    },
  };
}

function inDialect(text: string): string {
  return text.replaceAll('INSTR(', 'STRPOS(');
}

/** `?` becomes `$1, $2, …`, INSTR becomes STRPOS. */
export function compiled({ text, params }: Sql): CompiledQuery<never> {
  let parameter = 0;
  const sql = inDialect(text).replace(/\?/g, () => `$${++parameter}`);
  return CompiledQuery.raw(sql, [...params]) as CompiledQuery<never>;
}

/**
 * The inner limit bounds what is looked at; the outer one ends the walk as soon as the page is full. With each index comes
 * how often events were changed, as of the same moment: another question would cost as much as this one.
 */
function firstSql(request: FirstRequest): Sql {
  const { driver, narrowing, span, where, limit, newestFirst } = request;
  const order = newestFirst ? 'DESC' : 'ASC';
  const rows = limit + 1;
  const changes = `(${selectChanges})`;
  const [run, another] = keyedRuns(driver, narrowing);
  const isOne = run !== undefined && another === undefined;
  const most = isOne ? request.first : firstOfSeveral(limit);
  const candidates = { ...candidatesSql(request, most), most };
  const events: Sql = isOne
    ? {
        text: `SELECT * FROM search_event WHERE ${run.text}idx >= ? AND idx < ? ORDER BY idx ${order} LIMIT ${most}`,
        params: [...run.params, span.low, span.high],
      }
    : inEvents(candidates, order);
  const page = {
    text: `SELECT idx, ${changes} AS changes FROM (${events.text}) AS c WHERE ${where.text} ORDER BY idx ${order} LIMIT ${rows}`,
    params: [...events.params, ...where.params],
  };
  return pageOrEnd(page, { rows, candidates, columns: `, ${changes}` });
}

function inEvents(candidates: Sql, order: 'ASC' | 'DESC'): Sql {
  return {
    text: `SELECT search_event.* FROM (${candidates.text}) AS n JOIN search_event ON search_event.idx = n.idx ORDER BY n.idx ${order}`,
    params: candidates.params,
  };
}

function candidatesSql(request: CandidateRequest, wanted: number): Sql {
  const { driver, narrowing, newestFirst } = request;
  const order = newestFirst ? 'DESC' : 'ASC';
  const runs = keyedRuns(driver, narrowing);
  if (driver === 'all' || (runs.length > 0 && runs.length <= runsInStatement))
    return mergedSql(runs, request, wanted);
  return lateralSql(driver, { narrowing, span: request.span, order, most: wanted });
}

/**
 * The runs are merged in the order of the log. DISTINCT: one event may lie in several of them. Each has a limit of its own,
 * which bounds what is read where the planner expects few different events and sorts them all.
 */
function mergedSql(runs: readonly KeyedRun[], { span, newestFirst }: CandidateRequest, wanted: number): Sql {
  const end = `ORDER BY idx ${newestFirst ? 'DESC' : 'ASC'} LIMIT ${wanted}`;
  const parts = runs.map(
    ({ text }) => `SELECT idx FROM search_event WHERE ${text}idx >= ? AND idx < ? ${end}`,
  );
  const several = parts.map((part) => `(${part})`).join(' UNION ALL ');
  return {
    text: parts.length === 1 ? (parts[0] as string) : `SELECT DISTINCT idx FROM (${several}) AS runs ${end}`,
    params: runs.flatMap(({ params }) => [...params, span.low, span.high]),
  };
}

/** The first `most` of each of very many runs, sorted. */
function lateralSql(driver: Driver, request: RunRequest): Sql {
  const parts = driver.map((one): Sql => {
    const { from, run } = runsSql(one, request);
    return {
      text: `SELECT r.idx FROM ${from.text} CROSS JOIN LATERAL (${run.text}) AS r`,
      params: [...from.params, ...run.params],
    };
  });
  if (parts.length === 0) return { text: 'SELECT idx FROM search_event WHERE 1 = 0', params: [] };
  // UNION, not UNION ALL: one event may lie in several runs.
  return {
    text: `SELECT idx FROM (${parts.map((part) => part.text).join(' UNION ')}) AS found ORDER BY idx ${request.order} LIMIT ${request.most}`,
    params: parts.flatMap((part) => part.params),
  };
}

type RunRequest = { narrowing: Narrowing | undefined; span: Span; order: 'ASC' | 'DESC'; most: number };

/** The first indexes of each run of one column: `from` gives the runs, and within the LATERAL `run` is a walk along one. */
function runsSql({ column, keys }: Driver[number], request: RunRequest): { from: Sql; run: Sql } {
  const { narrowing, span, order, most } = request;
  const narrow = isNarrowed(column) ? narrowing : undefined;
  const ofRun = `e.${column} = k.key${narrow ? ` AND e.${narrow.column} = t.narrow` : ''}`;
  const narrowed = narrow ? ' CROSS JOIN unnest(?::bigint[]) AS t(narrow)' : '';
  return {
    from: {
      text: `unnest(?::${column === 'cause' ? 'bytea' : 'bigint'}[]) AS k(key)${narrowed}`,
      params: [keysArray(keys), ...(narrow ? [keysArray(narrow.keys)] : [])],
    },
    run: {
      text: `SELECT e.idx FROM search_event e WHERE ${ofRun} AND e.idx >= ? AND e.idx < ? ORDER BY e.idx ${order} LIMIT ${most}`,
      params: [span.low, span.high],
    },
  };
}

function keysArray(keys: readonly (number | Buffer)[]): string {
  const elements = keys.map((key) => (typeof key === 'number' ? key : `"\\\\x${key.toString('hex')}"`));
  return `{${elements.join(',')}}`;
}

function sizesSql({ drivers, narrowing, span }: SizesRequest): Sql {
  const sizes = drivers.flatMap((driver, at) =>
    driver === 'all' ? [] : driver.map((one, of) => sizeSql(one, { narrowing, span, name: `n${at}_${of}` })),
  );
  return {
    text: `SELECT ${sizes.map((size) => size.text).join(', ')}`,
    params: sizes.flatMap((size) => size.params),
  };
}

/** As `judgedSize`. */
function sizeSql(
  one: Driver[number],
  { narrowing, span, name }: { narrowing: Narrowing | undefined; span: Span; name: string },
): Sql {
  const { from, run } = runsSql(one, { narrowing, span, order: 'DESC', most: eventsJudged });
  return {
    text: `(SELECT coalesce(sum(CASE WHEN count < ${eventsJudged} THEN count ELSE count * ?::float8 / (?::float8 - last) END), 0)::float8
      FROM ${from.text} CROSS JOIN LATERAL (SELECT count(*) AS count, min(idx) AS last FROM (${run.text}) AS newest) AS judged) AS ${name}`,
    params: [span.high - span.low, span.high, ...from.params, ...run.params],
  };
}
