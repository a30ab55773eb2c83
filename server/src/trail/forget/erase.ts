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
import type { Performer } from '../draft.ts';
import { systemPerformer } from '../system-performer.ts';
import { askToFollow } from './follow.ts';
import { type Held, readHeld } from './holds.ts';
import type { TraceHit } from './scan.ts';
import type { Scanner } from './scanner.ts';
import { type ForgetParts, forgetLock } from './settings.ts';
import { touchedBy } from './touched.ts';
import type { Traces } from './traces.ts';

export type EraseParts = ForgetParts & { scanner: Scanner };

/** Events changed in one unit: well under 10 ms. */
const perUnit = 50;

/** Many rows in one round trip, from a JSON array of `{idx, fields}`. */
const putFields = statement(
  `UPDATE event_private SET fields = j.value ->> 'fields' FROM json_each(?) AS j WHERE event_private.idx = j.value ->> 'idx'`,
  {
    postgres: `UPDATE event_private SET fields = v.fields FROM json_to_recordset($1::json) AS v(idx BIGINT, fields TEXT)
      WHERE event_private.idx = v.idx`,
  },
);

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
  const { touched, entries } = await eraseIn(tx, hits);
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

/** Those that had any of the entries, and how many entries went. */
async function eraseIn(tx: Tx, hits: readonly TraceHit[]): Promise<{ touched: TraceHit[]; entries: number }> {
  if (hits.length === 0) return { touched: [], entries: 0 };
  const indexes = hits.map(({ idx }) => idx);
  const rows = await tx.q.selectFrom('event_private').selectAll().where('idx', 'in', indexes).execute();
  const stored = new Map(rows.map(({ idx, fields }) => [idx, fields]));
  const changed: { idx: number; fields: string }[] = [];
  const touched: TraceHit[] = [];
  let entries = 0;
  for (const hit of hits) {
    const fields = JSON.parse(stored.get(hit.idx) ?? '{}') as JsonObject;
    const present = hit.pointers.filter((pointer) => Object.hasOwn(fields, pointer));
    if (present.length === 0) continue;
    for (const pointer of present) delete fields[pointer];
    changed.push({ idx: hit.idx, fields: canonicalize(fields) });
    touched.push(hit);
    entries += present.length;
  }
  if (changed.length > 0) await tx.run(putFields, [JSON.stringify(changed)]);
  return { touched, entries };
}

export function erasureItself({ clock }: { clock: ForgetParts['clock'] }): Performer {
  return systemPerformer(clock, 'erasure');
}
