/** Rows of `erasure`: who is to be forgotten, what was found, how far it has come. The names in it go when it is done. */
import type { ReadDb, Tx } from '../../db/store.ts';
import { AppError } from '../../domain/error.ts';
import type { Counted } from './erase.ts';
import type { Traces } from './traces.ts';

export type ErasureState = 'previewing' | 'previewed' | 'erasing' | 'done' | 'cancelled';
export type SubjectKind = 'user' | 'name' | 'address';

/** What the preview found: by type, and which holds stand in the way. */
export type FoundBefore = Counted & { byType: Record<string, Counted>; holds: string[] };

export type Erasure = {
  id: string;
  kind: SubjectKind;
  userId: string | undefined;
  /** Empty once it is done. */
  traces: Traces;
  state: ErasureState;
  found: FoundBefore;
  removed: Counted;
  requestedAtUs: number;
  changedAtUs: number;
  jobId: string | undefined;
};

export const noTraces: Traces = { robotIds: [], names: [], others: [], addresses: [] };
export const nothingFound: FoundBefore = { events: 0, entries: 0, byType: {}, holds: [] };

type Row = {
  id: string;
  subject_kind: SubjectKind;
  user_id: string | null;
  subject: string;
  state: string;
  preview: string;
  removed: string;
  requested_at: number;
  changed_at: number;
  job_id: string | null;
};

function fromRow(row: Row): Erasure {
  return {
    id: row.id,
    kind: row.subject_kind,
    userId: row.user_id ?? undefined,
    traces: { ...noTraces, ...(JSON.parse(row.subject) as Partial<Traces>) },
    state: row.state as ErasureState,
    found: { ...nothingFound, ...(JSON.parse(row.preview) as Partial<FoundBefore>) },
    removed: { events: 0, entries: 0, ...(JSON.parse(row.removed) as Partial<Counted>) },
    requestedAtUs: row.requested_at,
    changedAtUs: row.changed_at,
    jobId: row.job_id ?? undefined,
  };
}

export async function insertErasure(tx: Tx, erasure: Erasure): Promise<void> {
  await tx.q
    .insertInto('erasure')
    .values({
      id: erasure.id,
      subject_kind: erasure.kind,
      user_id: erasure.userId ?? null,
      subject: JSON.stringify(erasure.traces),
      state: erasure.state,
      preview: JSON.stringify(erasure.found),
      removed: JSON.stringify(erasure.removed),
      error: null,
      requested_at: erasure.requestedAtUs,
      changed_at: erasure.changedAtUs,
      job_id: erasure.jobId ?? null,
    })
    .execute();
}

export type ErasureChange = Partial<Pick<Erasure, 'traces' | 'state' | 'found' | 'removed' | 'jobId'>>;

/** Throws when it is in another state by now: somebody cancelled it meanwhile. */
export async function putErasure(
  tx: Tx,
  { erasure, nowUs }: { erasure: Pick<Erasure, 'id' | 'state'>; nowUs: number },
  change: ErasureChange,
): Promise<void> {
  const { traces, state, found, removed, jobId } = change;
  const { numUpdatedRows } = await tx.q
    .updateTable('erasure')
    .set({
      changed_at: nowUs,
      ...(traces !== undefined && { subject: JSON.stringify(traces) }),
      ...(state !== undefined && { state }),
      ...(found !== undefined && { preview: JSON.stringify(found) }),
      ...(removed !== undefined && { removed: JSON.stringify(removed) }),
      ...(jobId !== undefined && { job_id: jobId }),
    })
    .where('id', '=', erasure.id)
    .where('state', '=', erasure.state)
    .executeTakeFirstOrThrow();
  if (Number(numUpdatedRows) !== 1) throw new Error('the erasure was changed meanwhile');
}

export async function getErasure(db: ReadDb, id: string): Promise<Erasure> {
  const row = await db.q.selectFrom('erasure').selectAll().where('id', '=', id).executeTakeFirst();
  if (row !== undefined) return fromRow(row as Row);
  throw new AppError('not_found', 'There is no such erasure.', {
    reason: 'target_unknown',
    details: { field: 'erasure' },
  });
}

/** Newest first. */
export async function selectErasures(
  db: ReadDb,
  page: { before?: string; limit: number },
): Promise<Erasure[]> {
  let query = db.q.selectFrom('erasure').selectAll().orderBy('id', 'desc').limit(page.limit);
  if (page.before !== undefined) query = query.where('id', '<', page.before);
  return (await query.execute()).map((row) => fromRow(row as Row));
}

/** Previews that nobody confirmed. */
export async function selectOldPreviews(db: ReadDb, beforeUs: number): Promise<Erasure[]> {
  const rows = await db.q
    .selectFrom('erasure')
    .selectAll()
    .where('state', 'in', ['previewing', 'previewed'])
    .where('changed_at', '<', beforeUs)
    .limit(100)
    .execute();
  return rows.map((row) => fromRow(row as Row));
}
