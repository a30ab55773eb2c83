/**
 * Tags whose time has come. Until this has run a tag still answers: it ends when its event says so, and not before. One
 * that a policy calls for is locked instead, as the policy's run is about to do: its end is cleared, and its event says so.
 */
import type { Scope } from '@tallyman/contract';
import { holdPolicies } from '../policies/decide.ts';
import { systemPerformer } from '../trail/system-performer.ts';
import { lockByPolicy } from './locks.ts';
import { tagRow } from './rows.ts';
import { lockLive, removeTag, type TagParts } from './tags.ts';

/** Tags removed in one pass, each in a unit of its own. */
const tagsPerPass = 1_000;

/** Resolves to how many it removed or locked; call it again at once when that is a whole pass. */
export async function expireTags(parts: TagParts): Promise<number> {
  const nowUs = parts.clock.nowUs();
  const by = systemPerformer(parts.clock, 'tag expiry');
  let expired = 0;
  for (const due of await dueTags(parts, nowUs)) {
    const { projectId, tag, scope } = due;
    expired += await parts.db.transact(async (tx) => {
      await lockLive(tx, projectId);
      const present = await tx.get(tagRow, [projectId, tag]);
      if (present === undefined || present.expiresAt === null || present.expiresAt > nowUs) return 0;
      const policies = await holdPolicies(tx, projectId);
      const [decisive, ...others] = policies.hits(tag, present.exemptVersion);
      if (decisive !== undefined) {
        const on = { by, scope, projectId, tag, present, cause: decisive.eventId };
        await lockByPolicy(parts, tx, { ...on, hits: [decisive, ...others] });
        return 1;
      }
      await removeTag(parts, tx, { by, scope, projectId, tag, digest: present.digest, how: 'expiry' });
      return 1;
    });
  }
  return expired;
}

async function dueTags(
  parts: TagParts,
  nowUs: number,
): Promise<{ projectId: string; tag: string; scope: Scope }[]> {
  const rows = await parts.db.read.q
    .selectFrom('tag as t')
    .innerJoin('project as p', 'p.id', 't.project_id')
    .innerJoin('namespace as n', 'n.id', 'p.namespace_id')
    .select([
      't.project_id',
      't.name as tag',
      'p.name as project',
      'n.id as namespaceId',
      'n.kind',
      'n.name as namespace',
    ])
    .where('t.expires_at', '<=', nowUs)
    .where('p.deleted_at', 'is', null)
    .orderBy('t.expires_at')
    .limit(tagsPerPass)
    .execute();
  return rows.map((row) => ({
    projectId: row.project_id,
    tag: row.tag,
    scope: {
      namespace: { id: row.namespaceId, kind: row.kind, name: row.namespace },
      project: { format: 'container', id: row.project_id, path: `${row.namespace}/${row.project}` },
    },
  }));
}
