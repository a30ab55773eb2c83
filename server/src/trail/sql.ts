/** A piece of SQL with its parameters, put together from such pieces. `?` for parameters on both engines. */
import type { Value } from '../db/statement.ts';

export type Sql = { text: string; params: readonly Value[] };

export function joined(parts: readonly Sql[], word: 'AND' | 'OR'): Sql {
  if (parts.length === 0) return { text: word === 'AND' ? '1 = 1' : '1 = 0', params: [] };
  return {
    text: `(${parts.map((part) => part.text).join(` ${word} `)})`,
    params: parts.flatMap((part) => part.params),
  };
}

/** One parameter per value. */
export function inValues(column: string, values: readonly Value[]): Sql {
  if (values.length === 0) return { text: '1 = 0', params: [] };
  return { text: `${column} IN (${values.map(() => '?').join(', ')})`, params: values };
}
