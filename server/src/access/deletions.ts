/**
 * The projects of a deleted user or organisation, when they are too many for the unit that deletes it: they end in
 * further units of bounded size, each with its events, whose cause is the event of the deletion. Meanwhile nobody can
 * reach them, because their namespace is gone. A setting of the namespace remembers what is left to do: a crash leaves it
 * there, and `resumeDeletions` goes on.
 */
import type { Performer } from '../trail/draft.ts';
import type { AccessParts } from './parts.ts';
import { type DeleteContent, deleteProjectsIn, leftoverKey } from './projects.ts';

type Deletion = { by: Performer; namespaceId: string; deleteContent: DeleteContent };

/** Ends what the deletion left; nothing, most of the time. Safe to run twice at once, and to break off. */
export async function finishDeletion(parts: AccessParts, deletion: Deletion): Promise<void> {
  const { namespaceId } = deletion;
  for (let left = true; left; ) {
    left = await parts.db.transact(async (tx) => {
      await tx.lock(`account ${namespaceId}`);
      const leftover = await tx.q
        .selectFrom('setting')
        .select('value')
        .where('namespace_id', '=', namespaceId)
        .where('key', '=', leftoverKey)
        .executeTakeFirst();
      if (leftover === undefined) return false;
      return deleteProjectsIn(parts, tx, { ...deletion, cause: leftover.value, of: 'leftover' });
    });
  }
}

/** For whoever has answered for the deletion already: what cannot be done now is done by `resumeDeletions`. */
export async function tryFinishDeletion(parts: AccessParts, deletion: Deletion): Promise<void> {
  await finishDeletion(parts, deletion).catch(() => undefined);
}

/** Goes on with deletions that a crash or a full disk broke off. */
export async function resumeDeletions(
  parts: AccessParts,
  { by, deleteContent }: Omit<Deletion, 'namespaceId'>,
): Promise<void> {
  const rows = await parts.db.read.q
    .selectFrom('setting')
    .select('namespace_id')
    .where('key', '=', leftoverKey)
    .execute();
  for (const { namespace_id: namespaceId } of rows)
    await finishDeletion(parts, { by, namespaceId, deleteContent });
}
