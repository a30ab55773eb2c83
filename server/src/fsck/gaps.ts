/**
 * What may be missing and why. Retention notes the runs of bodies it dropped, an erasure the events it took private
 * entries from; each names an event of the log whose details hold a count and a digest over the leaf hashes of exactly
 * those indexes, so that a note added, changed or removed by hand contradicts its event.
 */
import { createHash, type Hash as Hasher } from 'node:crypto';
import type { View } from '../db/onlooker.ts';
import type { Tell } from './findings.ts';
import type { Hash } from './tree.ts';

type Range = { from: number; to: number };
type Run = { first: number; last: number; eventId: string };

/** The notes that concern the indexes from `from` up to, not including, `to`. */
export type Notes = { runs: readonly Run[]; erasures: ReadonlyMap<number, readonly string[]> };

/** Runs do not overlap, so the one that begins last before the range is the only one that can reach into it. */
const selectRuns = `SELECT first_idx AS first, last_idx AS last, event_id AS "eventId" FROM event_gap
  WHERE first_idx < ? AND first_idx >= COALESCE((SELECT max(first_idx) FROM event_gap WHERE first_idx <= ?), ?) ORDER BY first_idx`;
const selectErasures = `SELECT idx, event_id AS "eventId" FROM event_erasure WHERE idx >= ? AND idx < ? ORDER BY idx`;

export async function readNotes(view: View, { from, to }: Range): Promise<Notes> {
  const runs = await view.rows<Run>(selectRuns, [to, from, from]);
  const erasures = new Map<number, string[]>();
  for (const { idx, eventId } of await view.rows<{ idx: number; eventId: string }>(selectErasures, [
    from,
    to,
  ]))
    erasures.set(idx, [...(erasures.get(idx) ?? []), eventId]);
  return { runs, erasures };
}

/** The event whose drop took the body at this index. */
export function dropOf(notes: Notes, index: number): string | undefined {
  return notes.runs.find(({ first, last }) => index >= first && index <= last)?.eventId;
}

const explaining = ['trail.retention.drop', 'trail.erasure.remove'] as const;
type ExplainingType = (typeof explaining)[number];
type Explanation = { index: number; type: ExplainingType; count: number; digest: string };
type Noted = { type: ExplainingType; first: number; count: number; hasher: Hasher };

/** Gathers notes and their events over the whole log. Holds a little for each of them. */
export class Explanations {
  readonly #tell: Tell;
  readonly #told = new Map<string, Explanation>();
  readonly #noted = new Map<string, Noted>();

  constructor(tell: Tell) {
    this.#tell = tell;
  }

  /** For every event of the log, in order; `leaf` is undefined where nothing holds it. */
  add(
    index: number,
    { notes, body, leaf }: { notes: Notes; body: string | undefined; leaf: Hash | undefined },
  ): void {
    const drop = dropOf(notes, index);
    if (drop !== undefined) this.#note('trail.retention.drop', drop, { index, leaf });
    for (const id of notes.erasures.get(index) ?? []) this.#note('trail.erasure.remove', id, { index, leaf });
    const explanation = body === undefined ? undefined : readExplanation(index, body);
    if (explanation !== undefined) this.#told.set(explanation.id, explanation);
  }

  #note(type: ExplainingType, id: string, { index, leaf }: { index: number; leaf: Hash | undefined }): void {
    // One id in both tables is two stories, and the event can tell only one of them.
    const key = `${type} ${id}`;
    const noted = this.#noted.get(key) ?? { type, first: index, count: 0, hasher: createHash('sha256') };
    noted.count++;
    if (leaf !== undefined) noted.hasher.update(leaf);
    this.#noted.set(key, noted);
  }

  /** `later`: ids of explaining events that came after the pass began; what they note was seen in part. */
  finish(later: ReadonlySet<string>): void {
    for (const [key, noted] of this.#noted) {
      const id = key.slice(noted.type.length + 1);
      if (!later.has(id)) this.#compare(id, noted);
    }
    for (const [id, { type, count, index }] of this.#told) {
      if (count === 0 || this.#noted.has(`${type} ${id}`)) continue;
      this.#tell.error(
        'notes_missing',
        `event ${index} tells of ${count} events ${didTo[type]}, and nothing notes which`,
        index,
      );
    }
  }

  #compare(id: string, { type, first, count, hasher }: Noted): void {
    const told = this.#told.get(id);
    const which = count === 1 ? `event ${first} is` : `${count} events from ${first} on are`;
    if (told?.type !== type) {
      this.#tell.error(
        'unexplained',
        `${which} noted as ${didTo[type]} by the event ${id}, and the log has no such event`,
        first,
      );
    } else if (told.count !== count || told.digest !== hasher.digest('base64url')) {
      this.#tell.error(
        'notes_differ',
        `${which} noted as ${didTo[type]}, and event ${told.index}, which tells of ${told.count}, speaks of others`,
        first,
      );
    }
  }
}

const didTo: Readonly<Record<ExplainingType, string>> = {
  'trail.retention.drop': 'dropped by retention',
  'trail.erasure.remove': 'touched by an erasure',
};

function readExplanation(index: number, body: string): (Explanation & { id: string }) | undefined {
  const type = explaining.find((one) => body.includes(`"type":"${one}"`));
  if (type === undefined) return undefined;
  try {
    const event = JSON.parse(body) as {
      id: string;
      type: string;
      details: { count: number; digest: string };
    };
    const { count, digest } = event.details;
    return event.type === type ? { id: event.id, index, type, count, digest } : undefined;
  } catch {
    return undefined;
  }
}

const pageSize = 1_000;

/** Ids of the explaining events from an index on, and of those that have no index yet (PostgreSQL). */
export async function readLaterExplanations(view: View, from: number): Promise<Set<string>> {
  const found = new Set<string>();
  const learn = (body: string): void => {
    const explanation = readExplanation(0, body);
    if (explanation !== undefined) found.add(explanation.id);
  };
  for (let next = from; ; ) {
    const rows = await view.rows<{ idx: number; body: string }>(
      `SELECT idx, body FROM event WHERE idx >= ? ORDER BY idx LIMIT ${pageSize}`,
      [next],
    );
    for (const { body } of rows) learn(body);
    const last = rows.at(-1);
    if (last === undefined || rows.length < pageSize) break;
    next = last.idx + 1;
  }
  if (view.engine === 'postgres')
    for (const { body } of await view.rows<{ body: string }>('SELECT body FROM event_outbox')) learn(body);
  return found;
}
