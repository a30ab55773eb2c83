/** The projects' part of an erasure: those of a deleted user keep their ids, and lose what the user called them. */
import type { Tx } from '../db/store.ts';
import { accessCacheOf } from './cache.ts';
import type { AccessParts } from './parts.ts';

/** They were deleted with the user. Returns their ids. */
export async function eraseProjectsIn(
  parts: Pick<AccessParts, 'db'>,
  tx: Tx,
  namespaceId: string,
): Promise<string[]> {
  const projects = await tx.q
    .selectFrom('project')
    .select(['id', 'num'])
    .where('namespace_id', '=', namespaceId)
    .execute();
  for (const { id, num } of projects)
    await tx.q
      .updateTable('project')
      .set({ name: `erased-${num}`, description: '' })
      .where('id', '=', id)
      .execute();
  const ids = projects.map((project) => project.id);
  tx.afterCommit(() => {
    for (const id of ids) accessCacheOf(parts.db).forgetProject(id);
  });
  return ids;
}
