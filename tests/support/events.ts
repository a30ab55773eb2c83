/** Reads the trail as an auditor would: both rows of every event, opened and checked against each other. */
import type { AuditEvent } from '@tallyman/contract';
import { openEvent } from '@tallyman/verifier';
import type { Db } from '../../server/src/db/store.ts';
import { nodeSha256 } from '../../server/src/trail/seal.ts';

/** Every event from `from` on, in the order of the log, with every erasable field opened. */
export async function readEvents(db: Db, from = 0): Promise<AuditEvent[]> {
  // On PostgreSQL this also waits until what was committed has its index.
  await db.head();
  const rows = await db.read.q
    .selectFrom('event as e')
    .innerJoin('event_private as p', 'p.idx', 'e.idx')
    .select(['e.body', 'p.fields'])
    .where('e.idx', '>=', from)
    .orderBy('e.idx')
    .execute();
  return rows.map(
    (row) =>
      openEvent({ body: row.body, private: row.fields, sha256: nodeSha256 }).event as unknown as AuditEvent,
  );
}

/** An event without what differs from run to run: ids and times of its own. */
export function settled(event: AuditEvent): Omit<AuditEvent, 'id' | 'occurredAt' | 'recordedAt'> {
  const { id: _id, occurredAt: _occurredAt, recordedAt: _recordedAt, ...rest } = event;
  return rest;
}
