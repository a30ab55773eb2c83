/** The policies' part of an erasure: those of a deleted user's namespace keep their ids, and lose the user's words. */
import { sql } from 'kysely';
import type { Tx } from '../db/store.ts';

/** Nothing is locked by them any more: their projects are gone. */
export async function erasePoliciesIn(tx: Tx, namespaceId: string): Promise<void> {
  const own = tx.q.selectFrom('immutability_policy').select('id').where('namespace_id', '=', namespaceId);
  const erased = { pattern: 'erased', description: '' };
  await tx.q.updateTable('immutability_policy_version').set(erased).where('policy_id', 'in', own).execute();
  await tx.q
    .updateTable('immutability_run')
    .set({ state: 'superseded' })
    .where('policy_id', 'in', own)
    .where('state', '=', 'running')
    .execute();
  await tx.q
    .updateTable('immutability_run')
    .set({ reason: null, at_tag: '', totals: '{}', of_project: '{}' })
    .where('policy_id', 'in', own)
    .execute();
  // Patterns of one place differ from each other.
  const apart = { pattern: sql<string>`'erased-' || id`, description: '' };
  await tx.q.updateTable('immutability_policy').set(apart).where('namespace_id', '=', namespaceId).execute();
}
