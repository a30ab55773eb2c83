/**
 * Legal holds: while one stands on a namespace, a project or a user, retention drops none of its events and erasure
 * refuses to touch them. By id, so they outlive renames and deletions.
 */
import type { ReadDb, Tx } from '../../db/store.ts';
import { AppError } from '../../domain/error.ts';
import { uuidv7 } from '../../stdx/random.ts';
import type { Performer } from '../draft.ts';
import type { OpenEvent } from '../projected-row.ts';
import { type ForgetParts, forgetLock } from './settings.ts';

export type HoldKind = 'namespace' | 'project' | 'user';
export type HoldRow = {
  id: string;
  kind: HoldKind;
  subject_id: string;
  note: string;
  placed_at: number;
  event_id: string;
};

/** What stands under a hold: id of the subject -> ids of the holds. Plain data, for other threads. */
export type Held = Record<string, string[]>;

const mostHolds = 10_000;

export async function readHeld(db: ReadDb): Promise<Held> {
  const rows = await db.q.selectFrom('legal_hold').select(['id', 'subject_id']).orderBy('id').execute();
  const held: Held = {};
  for (const { id, subject_id: subjectId } of rows) held[subjectId] = [...(held[subjectId] ?? []), id];
  return held;
}

/** Ids of the holds on an event: those on its namespace, its project, and any user it is of or about. */
export function holdsOn(event: OpenEvent, held: Held): string[] {
  const { scope, actor, onBehalfOf, target, details } = event;
  const subject = typeof details.subjectId === 'string' ? details.subjectId : undefined;
  const ids = [scope.namespace?.id, scope.project?.id, actor.id, onBehalfOf?.id, target?.id, subject];
  const found = ids.flatMap((id) => (id !== undefined && Object.hasOwn(held, id) ? (held[id] ?? []) : []));
  return [...new Set(found)];
}

export type NewHold = { kind: HoldKind; subjectId: string; subjectName: string; note: string };

/** Throws conflict for a second hold of the same kind on the same subject. */
export async function placeHold(
  { db, clock, trail }: ForgetParts,
  by: Performer,
  { kind, subjectId, subjectName, note }: NewHold,
): Promise<HoldRow> {
  return db.transact(async (tx) => {
    await tx.lock(forgetLock);
    await requireRoom(tx, kind, subjectId);
    const nowUs = clock.nowUs();
    const id = uuidv7(nowUs);
    const eventId = trail.record(tx, {
      type: 'trail.hold.place',
      by,
      scope: {},
      target: { kind, id: subjectId, name: subjectName },
      details: { holdId: id, kind, subjectId, note },
    });
    const row = { id, kind, subject_id: subjectId, note, placed_at: nowUs, event_id: eventId };
    await tx.q.insertInto('legal_hold').values(row).execute();
    return row;
  });
}

async function requireRoom(tx: Tx, kind: HoldKind, subjectId: string): Promise<void> {
  const rows = await tx.q.selectFrom('legal_hold').select(['kind', 'subject_id']).limit(mostHolds).execute();
  if (rows.some((row) => row.kind === kind && row.subject_id === subjectId))
    throw new AppError('conflict', 'A legal hold stands on it already.', { reason: 'conflict' });
  if (rows.length < mostHolds) return;
  throw new AppError('conflict', `There are ${mostHolds} legal holds, which is the most. Lift one first.`, {
    reason: 'conflict',
  });
}

/** `nameOf`: what the subject is called now; undefined when it is called nothing any more. */
export type HoldLift = {
  id: string;
  nameOf: (on: ReadDb, hold: { kind: HoldKind; subjectId: string }) => Promise<string | undefined>;
};

export async function liftHold({ db, trail }: ForgetParts, by: Performer, lift: HoldLift): Promise<void> {
  await db.transact(async (tx) => {
    await tx.lock(forgetLock);
    const row = await tx.q.selectFrom('legal_hold').selectAll().where('id', '=', lift.id).executeTakeFirst();
    if (row === undefined)
      throw new AppError('not_found', 'There is no such legal hold, or it was lifted.', {
        reason: 'target_unknown',
        details: { field: 'hold' },
      });
    await tx.q.deleteFrom('legal_hold').where('id', '=', lift.id).execute();
    const { kind, subject_id: subjectId, note } = row;
    const name = await lift.nameOf(tx, { kind, subjectId });
    trail.record(tx, {
      type: 'trail.hold.lift',
      by,
      scope: {},
      target: { kind, id: subjectId, ...(name !== undefined && { name }) },
      details: { holdId: lift.id, kind, subjectId, note },
    });
  });
}

/** Newest first. */
export async function selectHolds(db: ReadDb, page: { before?: string; limit: number }): Promise<HoldRow[]> {
  let query = db.q.selectFrom('legal_hold').selectAll().orderBy('id', 'desc').limit(page.limit);
  if (page.before !== undefined) query = query.where('id', '<', page.before);
  return query.execute();
}
