/**
 * Where projected rows go. A sink stores a batch whole or not at all, together with the index it reaches, so a crash
 * leaves the projection behind the log and never wrong. One projector writes at a time.
 */
import type { Value } from '../db/statement.ts';
import type { NamedDimension } from './filter.ts';
import type { ProjectedRow } from './projected-row.ts';
import { blockSize } from './select.ts';

/** Of the tables and of what stands in them. Another version is thrown away and made anew. */
export const projectionVersion = 1;

/** `generation` is another one after each making anew. */
export type ProjectionState = { version: number; generation: number; next: number };

/** The last event projected, by which a log that was exchanged (a restored backup) is noticed. */
export type LastRow = { idx: number; id: Uint8Array };

export const selectState = 'SELECT version, generation, next FROM search_state';
export const insertState = 'INSERT INTO search_state (one, version, generation, next) VALUES (1, ?, ?, ?)';
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

/** In the order of `eventColumns`. `since`: when the refusal occurred whose repeats this row counts. */
export function valuesOf(row: ProjectedRow, word: (text: string) => number, since: number | null): Value[] {
  const number = (text: string | null): number | null => (text === null ? null : word(keyText(text)));
  return [
    row.idx,
    row.id,
    number(row.type),
    row.occurredUs,
    row.outcome,
    number(row.reason),
    number(row.actor),
    number(row.actorKind),
    row.actorName,
    row.proven,
    number(row.onBehalfOf),
    row.onBehalfOfName,
    number(row.credential),
    number(row.credentialKind),
    number(row.namespace),
    row.namespaceName,
    number(row.project),
    row.projectPath,
    number(row.target),
    number(row.targetKind),
    row.targetName,
    number(row.subject),
    row.ip,
    row.agent,
    row.request,
    row.cause,
    since,
    row.text,
    row.restrictedText,
  ];
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
  'text',
  'restricted_text',
] as const;

/** Names by which a filter finds a run. */
export function namesOfRow(row: ProjectedRow): { dimension: NamedDimension; name: string; of: string }[] {
  const all = [
    { dimension: 'actor', name: row.actorName, of: row.actor },
    { dimension: 'on_behalf_of', name: row.onBehalfOfName, of: row.onBehalfOf },
    { dimension: 'namespace', name: row.namespaceName, of: row.namespace },
    { dimension: 'project', name: row.projectPath, of: row.project },
  ] as const;
  return all.flatMap(({ dimension, name, of }) =>
    name === null || of === null ? [] : [{ dimension, name: keyText(name), of: keyText(of) }],
  );
}

export type Block = { block: number; firstUs: number; lastUs: number };

export function blocksOf(rows: readonly ProjectedRow[]): Block[] {
  const blocks = new Map<number, Block>();
  for (const { idx, occurredUs } of rows) {
    const block = Math.floor(idx / blockSize);
    const found = blocks.get(block);
    if (!found) {
      blocks.set(block, { block, firstUs: occurredUs, lastUs: occurredUs });
    } else {
      found.firstUs = Math.min(found.firstUs, occurredUs);
      found.lastUs = Math.max(found.lastUs, occurredUs);
    }
  }
  return [...blocks.values()];
}

export const putBlock = `INSERT INTO search_block (block, first_us, last_us) VALUES (?, ?, ?) ON CONFLICT (block) DO UPDATE SET
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
