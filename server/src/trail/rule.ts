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
  | { op: 'in'; column: FactColumn; values: ReadonlySet<string> }
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
  const known = new Set(values.filter((value) => value !== undefined));
  return known.size === 0 ? never : { op: 'in', column, values: known };
}

/** What is left of a rule for events of which one value is known. */
export function given(rule: Rule, column: FactColumn, value: string): Rule {
  switch (rule.op) {
    case 'and':
      return and(...rule.of.map((part) => given(part, column, value)));
    case 'or':
      return or(...rule.of.map((part) => given(part, column, value)));
    case 'in':
      if (rule.column !== column) return rule;
      return rule.values.has(value) ? always : never;
    case 'present':
      return rule.column === column ? always : rule;
    default:
      return rule;
  }
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
      return value !== undefined && rule.values.has(value);
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
      if (rule.column === 'type') return rule.values.has(known.type);
      const value = known[rule.column];
      if (value === undefined) return undefined;
      if ('is' in value) return value.is !== undefined && rule.values.has(value.is);
      return rule.values.size === 1 && rule.values.has(value.isNot) ? false : undefined;
    }
    case 'present': {
      const value = rule.column === 'type' ? { is: known.type } : known[rule.column];
      return value !== undefined && 'is' in value ? value.is !== undefined : undefined;
    }
    case 'proven':
      return known.proven === undefined ? undefined : known.proven === rule.is;
  }
}

/** What is known of the numbers of a rule's values; holds while nothing more is known. */
type Numbered = {
  words: ReadonlyMap<string, number>;
  size: number;
  /** Parted by commas. */
  numbers: string;
  unknown: readonly string[];
};
/** Types of an audience are many and asked for with every question. */
const numbered = new WeakMap<ReadonlySet<string>, Numbered>();

function numbersOf(values: ReadonlySet<string>, words: ReadonlyMap<string, number>): Numbered {
  const found = numbered.get(values);
  if (found?.words === words && found.size === words.size) return found;
  const numbers: number[] = [];
  const unknown: string[] = [];
  for (const value of values) {
    const number = words.get(value);
    if (number === undefined) unknown.push(value);
    else numbers.push(number);
  }
  const made = { words, size: words.size, numbers: numbers.join(','), unknown };
  numbered.set(values, made);
  return made;
}

/** Every text the rule compares with that has no number yet, to be looked up before the rule becomes SQL. */
export function addUnknown(rule: Rule, words: ReadonlyMap<string, number>, to: Set<string>): void {
  if (rule.op === 'and' || rule.op === 'or') for (const part of rule.of) addUnknown(part, words, to);
  else if (rule.op === 'in') for (const text of numbersOf(rule.values, words).unknown) to.add(text);
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
      const { numbers } = numbersOf(rule.values, words);
      const column = factColumns[rule.column];
      if (engine === 'postgres')
        return { text: `coalesce(${column} = ANY(?::bigint[]), false)`, params: [`{${numbers}}`] };
      // Our own numbers, so they may stand in the text.
      const text = numbers === '' ? '1 = 0' : `coalesce(${column} IN (${numbers}), 1 = 0)`;
      return { text, params: [] };
    }
    case 'present':
      return { text: `${factColumns[rule.column]} IS NOT NULL`, params: [] };
    case 'proven':
      return { text: `proven = ${rule.is ? 1 : 0}`, params: [] };
  }
}
