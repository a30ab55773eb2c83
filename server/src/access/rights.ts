/** What ends with a user or a robot: handed to identity as `endRights`, because identity knows no roles. */
import type { Tx } from '../db/store.ts';
import type { Performer } from '../trail/draft.ts';
import { accessCacheOf } from './cache.ts';
import { clearGrantsOfNamespace, revokeRolesOf } from './grants.ts';
import { removeMemberIn } from './organisations.ts';
import type { AccessParts } from './parts.ts';
import { type DeleteContent, deleteProjectsIn } from './projects.ts';

/** Projects of the user, memberships, roles. Throws conflict when it is the last owner of an organisation. */
export function endRightsOfUser(
  parts: AccessParts,
  user: { by: Performer; userId: string; deleteContent: DeleteContent },
): (tx: Tx, cause: string) => Promise<void> {
  const { by, userId, deleteContent } = user;
  return async (tx, cause) => {
    await deleteProjectsIn(parts, tx, { by, namespaceId: userId, cause, deleteContent });
    await clearGrantsOfNamespace(parts, tx, userId);
    const organisations = await tx.q
      .selectFrom('member as m')
      .innerJoin('namespace as n', 'n.id', 'm.organisation_id')
      .select(['n.id', 'n.name'])
      .where('m.user_id', '=', userId)
      .orderBy('n.id')
      .execute();
    for (const organisation of organisations) {
      await tx.lock(`account ${organisation.id}`);
      await removeMemberIn(parts, tx, { by, organisation, userId, cause });
    }
    await revokeRolesOf(parts, tx, { by, subject: { kind: 'user', id: userId }, cause });
    tx.afterCommit(() => accessCacheOf(parts.db).forgetHoldings());
  };
}

export function endRightsOfRobot(
  parts: AccessParts,
  robot: { by: Performer; robotId: string },
): (tx: Tx, cause: string) => Promise<void> {
  const { by, robotId } = robot;
  return (tx, cause) => revokeRolesOf(parts, tx, { by, subject: { kind: 'robot', id: robotId }, cause });
}
