/** Reading a stretch of the log: events with their private rows, in the order of the log. */
import type { Sql } from './sql.ts';

/** Indexes from `low` on, below `high`; at most so many events. */
export type StretchRequest = { low: number; high: number; most: number };

/**
 * Rows are `StoredEvent`. The private rows have bounds of their own: PostgreSQL merges the two tables, and would else read
 * those of every event before the stretch.
 */
export function stretchSql({ low, high, most }: StretchRequest): Sql {
  return {
    text: `SELECT e.idx AS idx, e.body AS body, p.fields AS fields FROM event e
      LEFT JOIN event_private p ON p.idx = e.idx AND p.idx >= ? AND p.idx < ?
      WHERE e.idx >= ? AND e.idx < ? ORDER BY e.idx LIMIT ?`,
    params: [low, high, low, high, most],
  };
}
