/** Which events explain present policies; retention keeps them (trail/forget/explainer.ts). */
import type { Explainer } from '../trail/forget/explainer.ts';

export const policyExplainers: readonly Explainer[] = [
  {
    types: ['policy.immutability.create', 'policy.immutability.change'],
    // Every version: tags may still be locked by an earlier one.
    explains: async ({ details }, db) => {
      const row = await db.q
        .selectFrom('immutability_policy')
        .select('deleted_at')
        .where('id', '=', String(details.policyId))
        .executeTakeFirst();
      return row !== undefined && row.deleted_at === null;
    },
  },
];
