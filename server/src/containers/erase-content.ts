/** The registry's part of an erasure: names that deleted projects of the user still hold, and uploads the user began. */
import type { Tx } from '../db/store.ts';

const perStatement = 500;

/** Rows of uploads only: their bytes go as those of any upload that nobody returns to. */
export async function eraseContentIn(
  tx: Tx,
  of: { userId: string; projectIds: readonly string[]; names: readonly string[] },
): Promise<void> {
  const { userId, projectIds, names } = of;
  await tx.q.deleteFrom('upload').where('principal_id', '=', userId).execute();
  for (const name of names)
    await tx.q
      .deleteFrom('upload')
      .where('path', '>=', `${name}/`)
      // The character after the slash: paths are ASCII.
      .where('path', '<', `${name}0`)
      .execute();
  for (let at = 0; at < projectIds.length; at += perStatement)
    await tx.q
      .deleteFrom('tag_history')
      .where('project_id', 'in', projectIds.slice(at, at + perStatement))
      .execute();
}
