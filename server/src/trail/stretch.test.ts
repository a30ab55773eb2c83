/** A stretch is the log's own rows, and costs no more at the end of a long log than at its beginning. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import pg from 'pg';
import { createTestDatabase, postgresSkip } from '../../../tests/support/postgres.ts';
import { createTempFolder } from '../../../tests/support/temp-folder.ts';
import { migrate } from '../db/open.ts';
import { openSqlite } from '../db/sqlite-file.ts';
import { compiled } from './search-source.postgres.ts';
import { stretchSql } from './stretch.ts';

const events = 60_000;
/** Every seventh private row was erased, and a run of bodies dropped. */
const isErased = (idx: number): boolean => idx % 7 === 0;
const dropped = { first: 50_100, last: 50_199 };

function expected({ low, high, most }: { low: number; high: number; most: number }) {
  const rows = [];
  for (let idx = low; idx < Math.min(high, events) && rows.length < most; idx++) {
    if (idx >= dropped.first && idx <= dropped.last) continue;
    rows.push({ idx, body: `b${idx}`, fields: isErased(idx) ? null : `f${idx}` });
  }
  return rows;
}

const stretches = [
  { low: 0, high: events, most: 10 },
  { low: 50_090, high: 50_210, most: 500 },
  { low: 50_050, high: events, most: 100 },
  { low: events - 5, high: events + 5, most: 100 },
  { low: events, high: events + 5, most: 100 },
];

const fill = [
  `INSERT INTO event (idx, body) SELECT n, 'b' || n FROM numbers WHERE n NOT BETWEEN ${dropped.first} AND ${dropped.last}`,
  `INSERT INTO event_private (idx, fields) SELECT n, 'f' || n FROM numbers WHERE n % 7 <> 0 AND n NOT BETWEEN ${dropped.first} AND ${dropped.last}`,
];

describe('a stretch of the log', () => {
  it('on sqlite', async () => {
    await using folder = await createTempFolder();
    const path = join(folder.path, 'tallyman.db');
    await migrate({ engine: 'sqlite', path });
    using handle = openSqlite(path, { readOnly: false });
    const numbers = `WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${events - 1})`;
    handle.exec('BEGIN');
    for (const sql of fill) handle.exec(`${numbers} ${sql}`);
    handle.exec('COMMIT');
    for (const asked of stretches) {
      const { text, params } = stretchSql(asked);
      const rows = handle.prepare(text).all(...(params as number[]));
      assert.deepEqual(
        rows.map((row) => ({ ...row })),
        expected(asked),
      );
    }
  });

  it('on postgres, which reads no private row of an event before it', { skip: postgresSkip() }, async () => {
    await using database = await createTestDatabase();
    await migrate({ engine: 'postgres', url: database.url });
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    try {
      const numbers = `WITH numbers(n) AS (SELECT generate_series(0, ${events - 1}))`;
      for (const sql of fill) await client.query(`${numbers} ${sql}`);
      await client.query('ANALYZE event, event_private');
      for (const asked of stretches) {
        const { sql, parameters } = compiled(stretchSql(asked));
        const { rows } = await client.query(sql, [...parameters]);
        assert.deepEqual(
          rows.map((row) => ({ ...row, idx: Number(row.idx) })),
          expected(asked),
        );
      }
      const { sql, parameters } = compiled(stretchSql({ low: events - 5_000, high: events, most: 500 }));
      const { rows } = await client.query(`EXPLAIN (ANALYZE, FORMAT JSON) ${sql}`, [...parameters]);
      const read = rowsRead(rows[0]['QUERY PLAN'][0].Plan, 'event_private');
      assert.ok(read > 0 && read <= 1_000, `${read} private rows were read for 500 events`);
    } finally {
      await client.end();
    }
  });
});

type Node = {
  'Relation Name'?: string;
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  Plans?: Node[];
};

function rowsRead(node: Node, table: string): number {
  const own =
    node['Relation Name'] === table
      ? (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops']
      : 0;
  return (node.Plans ?? []).reduce((sum, plan) => sum + rowsRead(plan, table), own);
}
