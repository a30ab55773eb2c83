/** Searches on PostgreSQL: statements on the pool; the database merges the runs of an index. */
import { CompiledQuery } from 'kysely';
import type { ReadDb } from '../db/store.ts';
import type { Driver } from './filter.ts';
import type { StoredEvent } from './projected-row.ts';
import {
  type CandidateRequest,
  type First,
  type FirstRequest,
  idxIn,
  portions,
  type SearchSource,
  type SizesRequest,
  type Span,
} from './search-source.ts';
import type { Sql } from './sql.ts';

export function postgresSource(
  read: ReadDb,
  state?: () => { next: number; generation: number; counted: number },
): SearchSource {
  const rows = async <R>(sql: Sql): Promise<R[]> => (await read.q.executeQuery<R>(compiled(sql))).rows;
  return {
    engine: 'postgres',
    rows,
    ...(state && { state }),
    async first(request) {
      const [row] = await rows<First>(firstSql(request));
      return row ?? { found: [], looked: 0, last: undefined };
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
      const [row] = await rows<Record<string, number>>(sizesSql(request));
      return request.drivers.map((_driver, at) => row?.[`n${at}`] ?? 0);
    },
    async events(indexes) {
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

/** `?` becomes `$1, $2, …`, INSTR becomes STRPOS. */
export function compiled({ text, params }: Sql): CompiledQuery<never> {
  let parameter = 0;
  const sql = text.replace(/\?/g, () => `$${++parameter}`).replaceAll('INSTR(', 'STRPOS(');
  return CompiledQuery.raw(sql, [...params]) as CompiledQuery<never>;
}

function firstSql(request: FirstRequest): Sql {
  const { where, most, first, newestFirst } = request;
  const candidates = candidatesSql(request, first);
  const order = newestFirst ? 'DESC' : 'ASC';
  const matching = `SELECT idx FROM search_event WHERE idx IN (SELECT idx FROM c) AND ${where.text} ORDER BY idx ${order} LIMIT ${most}`;
  return {
    text: `WITH c AS MATERIALIZED (${candidates.text}), f AS (${matching})
      SELECT array(SELECT idx::float8 FROM f ORDER BY idx ${order}) AS found, count(*) AS looked,
        ${newestFirst ? 'min' : 'max'}(idx) AS last FROM c`,
    params: [...candidates.params, ...where.params],
  };
}

function candidatesSql({ driver, types, span, newestFirst }: CandidateRequest, wanted: number): Sql {
  const order = newestFirst ? 'DESC' : 'ASC';
  if (driver === 'all') {
    return {
      text: `SELECT idx FROM search_event WHERE idx >= ? AND idx < ? ORDER BY idx ${order} LIMIT ${wanted}`,
      params: [span.low, span.high],
    };
  }
  const parts = driver.flatMap((one) => runSql(one, { types, span, order, most: wanted }));
  if (parts.length === 0) return { text: 'SELECT idx FROM search_event WHERE 1 = 0', params: [] };
  // UNION, not UNION ALL: one event may lie in several runs.
  return {
    text: `SELECT idx FROM (${parts.map((part) => part.text).join(' UNION ')}) AS found ORDER BY idx ${order} LIMIT ${wanted}`,
    params: parts.flatMap((part) => part.params),
  };
}

/** The first indexes of each run of one column; within the LATERAL each is a walk of its own along the index. */
function runSql(
  { column, keys }: Driver[number],
  { types, span, order, most }: { types: readonly number[]; span: Span; order: 'ASC' | 'DESC'; most: number },
): Sql[] {
  if (keys.length === 0) return [];
  const typed = column !== 'type' && column !== 'cause';
  const holes = keys.map(() => (column === 'cause' ? '(?::bytea)' : '(?::bigint)')).join(', ');
  const ofRun = `e.${column} = k.key${typed ? ' AND e.type = t.type' : ''}`;
  const run = `SELECT e.idx FROM search_event e WHERE ${ofRun} AND e.idx >= ? AND e.idx < ? ORDER BY e.idx ${order} LIMIT ${most}`;
  const typeList = typed ? ' CROSS JOIN unnest(?::bigint[]) AS t(type)' : '';
  return [
    {
      text: `SELECT r.idx FROM (VALUES ${holes}) AS k(key)${typeList} CROSS JOIN LATERAL (${run}) r`,
      params: [...keys, ...(typed ? [`{${types.join(',')}}`] : []), span.low, span.high],
    },
  ];
}

function sizesSql({ drivers, types, span, most }: SizesRequest): Sql {
  const sizes = drivers.map((driver, at): Sql => {
    const runs =
      driver === 'all' ? [] : driver.flatMap((one) => runSql(one, { types, span, order: 'DESC', most }));
    const counts = runs.map((run) => `(SELECT count(*) FROM (${run.text} LIMIT ${most}) AS run)`);
    const text = driver === 'all' ? String(most) : counts.join(' + ') || '0';
    return { text: `${text} AS n${at}`, params: runs.flatMap((run) => run.params) };
  });
  return {
    text: `SELECT ${sizes.map((size) => size.text).join(', ')}`,
    params: sizes.flatMap((size) => size.params),
  };
}
