/**
 * Erasure in the trail: private entries that identify somebody are deleted, entry by entry. What the log hashes stays as
 * it was, and so do the entries of others, so whatever was disclosed of those can still be proved.
 *
 *   unit:  UPDATE event_private              at most `perUnit` events
 *          trail.erasure.remove              range, count, digest over the leaf hashes of the events touched
 *          INSERT event_erasure, search_redo
 *          progress                          so that each unit is done exactly once
 */
import { canonicalize, type JsonObject } from '@tallyman/verifier';
import { statement } from '../../db/statement.ts';
import type { Tx } from '../../db/store.ts';
import { AppError } from '../../domain/error.ts';
import { uuidv7 } from '../../stdx/random.ts';
import type { Performer } from '../draft.ts';
import { askToFollow } from './follow.ts';
import { type Held, readHeld } from './holds.ts';
import type { TraceHit } from './scan.ts';
import type { Scanner } from './scanner.ts';
import { type ForgetParts, forgetLock } from './settings.ts';
import { touchedBy } from './touched.ts';
import type { Traces } from './traces.ts';

export type EraseParts = ForgetParts & { scanner: Scanner };

/** Events changed in one unit: well under 10 ms. */
const perUnit = 100;

const selectFields = statement<{ fields: string }>('SELECT fields FROM event_private WHERE idx = ?');
const putFields = statement('UPDATE event_private SET fields = ? WHERE idx = ?');

export type Counted = { events: number; entries: number };
export type Stretch = { low: number; high: number };
/** What one stretch held, by type of event. */
export type Preview = { next: number; byType: Map<string, Counted>; holds: string[] };

/** Counts what an erasure would remove, and removes nothing. */
export async function previewStretch(
  { db, scanner }: EraseParts,
  { traces, place }: { traces: Traces; place: Stretch },
): Promise<Preview> {
  const { hits, next } = await scanner.traces({ place, traces, held: await readHeld(db.read) });
  const byType = new Map<string, Counted>();
  for (const { type, pointers } of hits) {
    const { events, entries } = byType.get(type) ?? { events: 0, entries: 0 };
    byType.set(type, { events: events + 1, entries: entries + pointers.length });
  }
  return { next, byType, holds: [...new Set(hits.flatMap((hit) => hit.holds))] };
}

export type StretchErasure = {
  erasureId: string;
  traces: Traces;
  place: Stretch;
  /** Runs in each unit that removed something, and in the last; `next` is set in the last. */
  save: (tx: Tx, removed: Counted, next?: number) => Promise<void>;
};

/** Throws conflict, with what was removed so far, when a legal hold stands on one of the events. */
export async function eraseStretch(parts: EraseParts, erasure: StretchErasure): Promise<void> {
  const { traces, place, save } = erasure;
  const held = await readHeld(parts.db.read);
  const { hits, next } = await parts.scanner.traces({ place, traces, held });
  requireNoHold(hits.flatMap((hit) => hit.holds));
  const chunks: TraceHit[][] = [];
  for (let at = 0; at < hits.length; at += perUnit) chunks.push(hits.slice(at, at + perUnit));
  const last = chunks.pop() ?? [];
  for (const chunk of chunks)
    await inUnit(parts, held, async (tx) =>
      save(tx, await eraseEntries(parts, tx, { erasure, hits: chunk })),
    );
  await inUnit(parts, held, async (tx) =>
    save(tx, await eraseEntries(parts, tx, { erasure, hits: last }), Math.max(next, place.low)),
  );
}

export function requireNoHold(holds: readonly string[]): void {
  const ids = [...new Set(holds)];
  if (ids.length === 0) return;
  const named = ids.slice(0, 5).join(', ');
  throw new AppError(
    'conflict',
    `A legal hold stands on what would be erased (${named}). Lift it first, or leave the erasure until it is lifted.`,
    { reason: 'legal_hold' },
  );
}

/** Holds placed since the events were looked at are met by the next step. */
async function inUnit(parts: EraseParts, held: Held, work: (tx: Tx) => Promise<void>): Promise<void> {
  await parts.db.transact(async (tx) => {
    await tx.lock(forgetLock);
    if (JSON.stringify(await readHeld(tx)) === JSON.stringify(held)) await work(tx);
  });
}

async function eraseEntries(
  parts: EraseParts,
  tx: Tx,
  { erasure, hits }: { erasure: StretchErasure; hits: readonly TraceHit[] },
): Promise<Counted> {
  const touched: TraceHit[] = [];
  let entries = 0;
  for (const hit of hits) {
    const removed = await eraseIn(tx, hit);
    entries += removed;
    if (removed > 0) touched.push(hit);
  }
  if (touched.length === 0) return { events: 0, entries: 0 };
  const eventId = parts.trail.record(tx, {
    type: 'trail.erasure.remove',
    by: erasureItself(parts),
    scope: {},
    details: { erasureId: erasure.erasureId, ...touchedBy(touched), entries },
  });
  const rows = touched.map(({ idx }) => ({ idx, event_id: eventId }));
  await tx.q.insertInto('event_erasure').values(rows).execute();
  await askToFollow(tx, { reproject: touched.map(({ idx }) => idx) });
  return { events: touched.length, entries };
}

/** How many entries were there to be removed. */
async function eraseIn(tx: Tx, { idx, pointers }: TraceHit): Promise<number> {
  const row = await tx.get(selectFields, [idx]);
  if (row === undefined) return 0;
  const fields = JSON.parse(row.fields) as JsonObject;
  const present = pointers.filter((pointer) => Object.hasOwn(fields, pointer));
  for (const pointer of present) delete fields[pointer];
  if (present.length > 0) await tx.run(putFields, [canonicalize(fields), idx]);
  return present.length;
}

export function erasureItself({ clock }: { clock: ForgetParts['clock'] }): Performer {
  return {
    actor: { kind: 'system', id: 'erasure', name: 'erasure', proven: true },
    credential: { kind: 'none' },
    request: { id: uuidv7(clock.nowUs()), protocol: 'internal' },
  };
}
