/**
 * Where projected rows go. A sink stores a batch whole or not at all, together with the index it reaches, so a crash
 * leaves the projection behind the log and never wrong. One projector writes at a time.
 */
import type { Value } from '../db/statement.ts';
import type { NamedDimension } from './filter.ts';
import type { ProjectedRow } from './projected-row.ts';
import { type CountedRow, countedColumns } from './rollup.ts';
import { blockSizes } from './select.ts';

/** Of the tables and of what stands in them. Another version is thrown away and made anew. */
export const projectionVersion = 4;

/**
 * `generation` is another one after each making anew, and after names were forgotten. `counted`: events below it are in
 * search_count.
 */
export type ProjectionState = { version: number; generation: number; next: number; counted: number };

/** The last event projected, by which a log that was exchanged (a restored backup) is noticed. */
export type LastRow = { idx: number; id: Uint8Array };

export const selectState = 'SELECT version, generation, next, counted FROM search_state';
export const insertState =
  'INSERT INTO search_state (one, version, generation, next, counted) VALUES (1, ?, ?, ?, ?)';
export const selectLast = 'SELECT idx, id FROM search_event ORDER BY idx DESC LIMIT 1';

/** Words and names are keys of indexes, and those of PostgreSQL hold no long ones. */
const maxKeyLength = 600;

export function keyText(text: string): string {
  return text.length > maxKeyLength ? text.slice(0, maxKeyLength) : text;
}

/** Texts of a row that are stored as their numbers. */
export function wordsOf(row: ProjectedRow): string[] {
  const texts = [
    row.type,
    row.reason,
    row.actor,
    row.actorKind,
    row.onBehalfOf,
    row.credential,
    row.credentialKind,
    row.namespace,
    row.project,
    row.target,
    row.targetKind,
    row.subject,
  ];
  return texts.filter((text) => text !== null).map(keyText);
}

/** A row as it is stored, in the order of `eventColumns`, and what of it is counted. */
export type StoredRow = { values: Value[]; counted: CountedRow };

/** `since`: when the refusal occurred whose repeats this row counts. */
export function storedRow(
  row: ProjectedRow,
  word: (text: string) => number,
  since: number | null,
): StoredRow {
  const number = (text: string | null): number | null => (text === null ? null : word(keyText(text)));
  const counted: CountedRow = {
    type: word(row.type),
    occurred_us: row.occurredUs,
    outcome: row.outcome,
    reason: number(row.reason),
    actor: number(row.actor),
    proven: row.proven,
    on_behalf_of: number(row.onBehalfOf),
    namespace: number(row.namespace),
    project: number(row.project),
    subject: number(row.subject),
    repeats_since_us: since,
    repeats: row.repeats,
  };
  const values = [
    row.idx,
    row.id,
    counted.type,
    row.occurredUs,
    row.outcome,
    counted.reason,
    counted.actor,
    word(row.actorKind),
    row.actorName,
    row.proven,
    counted.on_behalf_of,
    row.onBehalfOfName,
    number(row.credential),
    word(row.credentialKind),
    counted.namespace,
    row.namespaceName,
    counted.project,
    row.projectPath,
    number(row.target),
    number(row.targetKind),
    row.targetName,
    counted.subject,
    row.ip,
    row.agent,
    row.request,
    row.cause,
    since,
    row.repeats,
    row.text,
    row.restrictedText,
  ];
  return { values, counted };
}

export const eventColumns = [
  'idx',
  'id',
  'type',
  'occurred_us',
  'outcome',
  'reason',
  'actor',
  'actor_kind',
  'actor_name',
  'proven',
  'on_behalf_of',
  'on_behalf_of_name',
  'credential',
  'credential_kind',
  'namespace',
  'namespace_name',
  'project',
  'project_path',
  'target',
  'target_kind',
  'target_name',
  'subject',
  'ip',
  'agent',
  'request',
  'cause',
  'repeats_since_us',
  'repeats',
  'text',
  'restricted_text',
] as const;

export type Named = { dimension: NamedDimension; name: string; word: number };

/** Which names of ids were stored, so that each is stored about once and not with every event. */
export class NamesStored {
  readonly #last = new Map<number, string>();

  clear(): void {
    this.#last.clear();
  }

  /** Names by which a filter finds a run, as far as they are news; call it once for each row. */
  newsOf(row: ProjectedRow, { actor, on_behalf_of, namespace, project }: CountedRow): Named[] {
    const news: Named[] = [];
    this.#note('actor', row.actorName, actor, news);
    this.#note('on_behalf_of', row.onBehalfOfName, on_behalf_of, news);
    this.#note('namespace', row.namespaceName, namespace, news);
    this.#note('project', row.projectPath, project, news);
    return news;
  }

  #note(dimension: NamedDimension, name: string | null, word: number | null, into: Named[]): void {
    if (name === null || word === null) return;
    const key = word * 4 + namedDimensions.indexOf(dimension);
    if (this.#last.get(key) === name) return;
    if (this.#last.size >= mostRemembered) this.#last.clear();
    this.#last.set(key, name);
    into.push({ dimension, name: keyText(name), word });
  }
}

const namedDimensions: readonly NamedDimension[] = ['actor', 'on_behalf_of', 'namespace', 'project'];
/** Words and names a sink remembers. */
export const mostRemembered = 100_000;

/** What is read of a row before it goes. */
export type RowLeaving = CountedRow & {
  idx: number;
  actor_name: string | null;
  on_behalf_of_name: string | null;
  namespace_name: string | null;
  project_path: string | null;
};
export const leavingColumns = `idx, ${countedColumns}, actor_name, on_behalf_of_name, namespace_name, project_path`;

/** The column that holds the names of each dimension. */
export const nameColumns = {
  actor: 'actor_name',
  on_behalf_of: 'on_behalf_of_name',
  namespace: 'namespace_name',
  project: 'project_path',
} as const satisfies Record<NamedDimension, keyof RowLeaving>;

/** Columns whose word may be a name: of somebody who is nobody's account. */
export const principalColumns = ['actor', 'on_behalf_of'] as const;
export const deleteName = 'DELETE FROM search_name WHERE dimension = ? AND name = ? AND word = ?';
/** Such a word begins with `nameKey('')` (projected-row.ts): a parameter, because a `?` in a literal would be taken for one. */
export const deleteNameWord = 'DELETE FROM search_word WHERE id = ? AND substr(text, 1, 1) = ?';

/** Names of rows that went, which must go too when no other row has them. */
export class NamesLeft {
  readonly #names = new Map<string, Named>();
  readonly #principals = new Set<number>();

  note(row: RowLeaving): void {
    for (const dimension of namedDimensions) {
      const word = row[dimension];
      const name = row[nameColumns[dimension]];
      if (word !== null && name !== null)
        this.#names.set(`${dimension} ${word} ${name}`, { dimension, name, word });
    }
    for (const word of [row.actor, row.on_behalf_of]) if (word !== null) this.#principals.add(word);
  }

  get names(): Named[] {
    return [...this.#names.values()];
  }

  /** Words of principals, some of which are names themselves: of those who are nobody's account. */
  get principals(): number[] {
    return [...this.#principals];
  }
}

export type Block = { size: number; block: number; firstUs: number; lastUs: number };

export function addToBlocks(blocks: Map<string, Block>, rows: readonly ProjectedRow[]): void {
  for (const { idx, occurredUs } of rows) {
    for (const size of blockSizes) {
      const block = Math.floor(idx / size);
      const key = `${size} ${block}`;
      const found = blocks.get(key);
      if (!found) {
        blocks.set(key, { size, block, firstUs: occurredUs, lastUs: occurredUs });
      } else {
        found.firstUs = Math.min(found.firstUs, occurredUs);
        found.lastUs = Math.max(found.lastUs, occurredUs);
      }
    }
  }
}

export const putBlock = `INSERT INTO search_block (size, block, first_us, last_us) VALUES (?, ?, ?, ?) ON CONFLICT (size, block) DO UPDATE SET
  first_us = CASE WHEN excluded.first_us < search_block.first_us THEN excluded.first_us ELSE search_block.first_us END,
  last_us = CASE WHEN excluded.last_us > search_block.last_us THEN excluded.last_us ELSE search_block.last_us END`;

/** The event id that a row of `event` holds; undefined when its body cannot be read. */
export function idOfBody(body: string): string | undefined {
  try {
    const { id } = JSON.parse(body) as { id?: unknown };
    return typeof id === 'string' ? id : undefined;
  } catch {
    return undefined;
  }
}
