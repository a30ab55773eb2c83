/**
 * A statement written by hand, for hot paths: prepared once per connection and run by reference. One text for both
 * engines, with `?` for parameters; PostgreSQL gets `$1, $2, …`.
 */

export type Value = string | number | null | Uint8Array;
export type Row = Record<string, Value>;

declare const rowType: unique symbol;
export type Statement<R extends Row = Row> = {
  readonly id: number;
  readonly sqlite: string;
  readonly postgres: string;
  /** Whether it can change anything. */
  readonly writes: boolean;
  readonly [rowType]?: R;
};

let count = 0;

/** Declares a statement at module level. `?` may not stand inside its literals. */
export function statement<R extends Row = Row>(sql: string, only?: { postgres: string }): Statement<R> {
  let parameter = 0;
  return {
    id: count++,
    sqlite: sql,
    postgres: only?.postgres ?? sql.replace(/\?/g, () => `$${++parameter}`),
    writes: !/^\s*select\b/i.test(sql),
  };
}
