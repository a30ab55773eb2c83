/**
 * A condition on an event, declared once and used twice: as SQL on the projection, and on the facts of one event in
 * memory. Values are the stable ids themselves; the SQL form replaces them by the projection's words.
 */
import type { Engine } from '../db/migrations/migration.ts';
import type { Sql } from './sql.ts';

/** What audiences look at. */
export type Facts = {
  type: string;
  actor?: string;
  proven: boolean;
  onBehalfOf?: string;
  namespace?: string;
  project?: string;
  /** Id of the user it was done to. */
  subject?: string;
};
export type FactColumn = Exclude<keyof Facts, 'proven'>;

/** The projection's column of each. */
export const factColumns = {
  type: 'type',
  actor: 'actor',
  onBehalfOf: 'on_behalf_of',
  namespace: 'namespace',
  project: 'project',
  subject: 'subject',
} as const satisfies Record<FactColumn, string>;

export type Rule =
  | { op: 'always' }
  | { op: 'never' }
  | { op: 'and'; of: readonly Rule[] }
  | { op: 'or'; of: readonly Rule[] }
  | { op: 'in'; column: FactColumn; values: readonly string[] }
  | { op: 'present'; column: FactColumn }
  | { op: 'proven'; is: boolean };

export const always: Rule = { op: 'always' };
export const never: Rule = { op: 'never' };

export function and(...of: readonly Rule[]): Rule {
  const parts = of.filter((part) => part.op !== 'always');
  if (parts.some((part) => part.op === 'never')) return never;
  return parts.length === 0 ? always : parts.length === 1 ? (parts[0] as Rule) : { op: 'and', of: parts };
}

export function or(...of: readonly Rule[]): Rule {
  const parts = of.filter((part) => part.op !== 'never');
  if (parts.some((part) => part.op === 'always')) return always;
  return parts.length === 0 ? never : parts.length === 1 ? (parts[0] as Rule) : { op: 'or', of: parts };
}

export function isIn(column: FactColumn, values: readonly (string | undefined)[]): Rule {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? never : { op: 'in', column, values: known };
}

export function holds(rule: Rule, facts: Facts): boolean {
  switch (rule.op) {
    case 'always':
      return true;
    case 'never':
      return false;
    case 'and':
      return rule.of.every((part) => holds(part, facts));
    case 'or':
      return rule.of.some((part) => holds(part, facts));
    case 'in': {
      const value = facts[rule.column];
      return value !== undefined && rule.values.includes(value);
    }
    case 'present':
      return facts[rule.column] !== undefined;
    case 'proven':
      return facts.proven === rule.is;
  }
}

/** What is known of many events at once: a value, that there is none, or nothing. */
export type Known<T> = { is: T | undefined } | { isNot: T } | undefined;
export type KnownFacts = { type: string; proven?: boolean } & Partial<
  Record<Exclude<FactColumn, 'type'>, Known<string>>
>;

/** The rule for all events of which so much is known; undefined when it depends on the rest. */
export function decided(rule: Rule, known: KnownFacts): boolean | undefined {
  switch (rule.op) {
    case 'always':
      return true;
    case 'never':
      return false;
    case 'and':
    case 'or': {
      const neutral = rule.op === 'and';
      let all: boolean | undefined = neutral;
      for (const part of rule.of) {
        const found = decided(part, known);
        if (found === !neutral) return !neutral;
        if (found === undefined) all = undefined;
      }
      return all;
    }
    case 'in': {
      if (rule.column === 'type') return rule.values.includes(known.type);
      const value = known[rule.column];
      if (value === undefined) return undefined;
      if ('is' in value) return value.is !== undefined && rule.values.includes(value.is);
      return rule.values.every((one) => one === value.isNot) ? false : undefined;
    }
    case 'present': {
      const value = rule.column === 'type' ? { is: known.type } : known[rule.column];
      return value !== undefined && 'is' in value ? value.is !== undefined : undefined;
    }
    case 'proven':
      return known.proven === undefined ? undefined : known.proven === rule.is;
  }
}

/** Every text the rule compares with, to be looked up before it becomes SQL. */
export function valuesIn(rule: Rule): string[] {
  if (rule.op === 'and' || rule.op === 'or') return rule.of.flatMap(valuesIn);
  return rule.op === 'in' ? [...rule.values] : [];
}

/**
 * `words`: the projection's number of each text; a text without one stands in no event. On PostgreSQL, where a statement is
 * prepared once for many readers, the numbers are parameters.
 */
export function ruleSql(rule: Rule, words: ReadonlyMap<string, number>, engine: Engine): Sql {
  switch (rule.op) {
    case 'always':
      return { text: '1 = 1', params: [] };
    case 'never':
      return { text: '1 = 0', params: [] };
    case 'and':
    case 'or': {
      const parts = rule.of.map((part) => ruleSql(part, words, engine));
      const text = parts.map((part) => part.text).join(rule.op === 'and' ? ' AND ' : ' OR ');
      return { text: `(${text})`, params: parts.flatMap((part) => part.params) };
    }
    case 'in': {
      const numbers = rule.values.map((value) => words.get(value)).filter((word) => word !== undefined);
      const column = factColumns[rule.column];
      if (engine === 'postgres')
        return { text: `coalesce(${column} = ANY(?::bigint[]), false)`, params: [`{${numbers.join(',')}}`] };
      // Our own numbers, so they may stand in the text.
      const text = numbers.length === 0 ? '1 = 0' : `coalesce(${column} IN (${numbers.join(',')}), 1 = 0)`;
      return { text, params: [] };
    }
    case 'present':
      return { text: `${factColumns[rule.column]} IS NOT NULL`, params: [] };
    case 'proven':
      return { text: `proven = ${rule.is ? 1 : 0}`, params: [] };
  }
}
