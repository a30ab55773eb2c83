/** Which events explain present policies and what they locked; retention keeps them (trail/forget/explainer.ts). */
import { statement } from '../db/statement.ts';
import type { ReadDb } from '../db/store.ts';
import type { Explainer } from '../trail/forget/explainer.ts';
import { policyById } from './rows.ts';

/** A tag that a policy of a namespace locked and still holds, whether or not the policy is there. */
const heldTag = statement<{ held: number }>(
  `SELECT 1 AS held FROM project p JOIN tag t ON t.project_id = p.id AND t.lock_policy_id = ? AND t.lock_trigger IS NOT NULL
   WHERE p.namespace_id = ? AND p.deleted_at IS NULL LIMIT 1`,
);

/** Every step of a policy that lives or holds a tag: the tag may have been locked by an earlier version of it. */
async function explainsPresent(policyId: string, what: 'made' | 'deleted', db: ReadDb): Promise<boolean> {
  const policy = await db.get(policyById, [policyId]);
  if (policy === undefined) return false;
  if (policy.deletedAt === null) return what === 'made';
  return (await db.get(heldTag, [policyId, policy.namespaceId])) !== undefined;
}

export const policyExplainers: readonly Explainer[] = [
  {
    types: ['policy.immutability.create', 'policy.immutability.change'],
    explains: ({ details }, db) => explainsPresent(String(details.policyId), 'made', db),
  },
  {
    types: ['policy.immutability.delete'],
    explains: ({ details }, db) => explainsPresent(String(details.policyId), 'deleted', db),
  },
];
