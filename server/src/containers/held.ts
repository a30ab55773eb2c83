/** How many tags a policy holds: it locked them, and nothing has unlocked them since. Counted up to a bound. */
import { statement } from '../db/statement.ts';
import type { Db } from '../db/store.ts';

const mostTags = 10_000;

const heldInProject = statement<{ tags: number }>(
  `SELECT COUNT(*) AS tags FROM (SELECT 1 FROM tag WHERE project_id = ? AND lock_policy_id = ? AND lock_trigger IS NOT NULL LIMIT ?) AS held`,
);
const heldInNamespace = statement<{ tags: number }>(
  `SELECT COUNT(*) AS tags FROM (SELECT 1 FROM project p JOIN tag t ON t.project_id = p.id AND t.lock_policy_id = ? AND t.lock_trigger IS NOT NULL
     WHERE p.namespace_id = ? AND p.deleted_at IS NULL LIMIT ?) AS held`,
);

export async function countHeld(
  { db }: { db: Pick<Db, 'read'> },
  { namespaceId, projectId, policyId }: { namespaceId: string; projectId: string; policyId: string },
): Promise<{ tags: number; complete: boolean }> {
  const found =
    projectId === ''
      ? await db.read.get(heldInNamespace, [policyId, namespaceId, mostTags + 1])
      : await db.read.get(heldInProject, [projectId, policyId, mostTags + 1]);
  const tags = Number(found?.tags ?? 0);
  return { tags: Math.min(tags, mostTags), complete: tags <= mostTags };
}
