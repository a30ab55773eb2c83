/** What the row of a tag says of its lock: whole or not at all, by a policy that is there, and as its event tells it. */
import type { View } from '../db/onlooker.ts';
import { type EventFinder, type FoundEvent, tellEvent } from './event-finder.ts';
import type { Tell } from './findings.ts';

export type LockRow = {
  project: string;
  digest: string;
  eventId: string;
  trigger: string | null;
  lockedAt: number | null;
  lockId: string | null;
  policyId: string | null;
  policyVersion: number | null;
  actorId: string | null;
  expiresAt: number | null;
  unlockId: string | null;
};

export const lockColumns = `r.lock_trigger AS trigger, r.locked_at AS "lockedAt", r.lock_event_id AS "lockId", r.lock_policy_id AS "policyId",
  r.lock_policy_version AS "policyVersion", r.lock_actor_id AS "actorId", r.expires_at AS "expiresAt", r.unlock_event_id AS "unlockId"`;

/** `pointing`: the event that made the tag point where it does. */
type Checking = {
  name: string;
  tell: Tell;
  finder: EventFinder;
  pointing: FoundEvent | 'dropped' | undefined;
};

export async function checkLock(view: View, row: LockRow, checking: Checking): Promise<void> {
  const { name, tell, finder } = checking;
  if (!isWhole(row)) tell.error('lock_malformed', `${name} is half locked, or locked and has an end`);
  if (row.lockId !== null) await checkLocked(view, row, row.lockId, checking);
  else if (row.unlockId === null && wasBornLocked(checking.pointing))
    tell.error('lock_missing', `${name} was born locked, and is open although no event unlocked it`);
  if (row.unlockId === null) return;
  const fits = ({ type, scope, details }: FoundEvent): boolean =>
    type === 'container.tag.unlock' && scope.project?.id === row.project && details.digest === row.digest;
  const event = await finder.find(view, row.unlockId);
  tellEvent(event, { name: `the unlocking of ${name}`, id: row.unlockId, fits, tell });
}

function wasBornLocked(event: FoundEvent | 'dropped' | undefined): boolean {
  return event !== undefined && event !== 'dropped' && event.details.immutability !== undefined;
}

function isWhole(row: LockRow): boolean {
  const { trigger, lockedAt, lockId, policyId, policyVersion, actorId, expiresAt, unlockId } = row;
  if (trigger === null)
    return [lockedAt, lockId, policyId, policyVersion, actorId].every((value) => value === null);
  const byPolicy = policyId !== null && policyVersion !== null;
  const fitsTrigger = trigger === 'policy' ? byPolicy : policyId === null && policyVersion === null;
  return fitsTrigger && lockedAt !== null && lockId !== null && expiresAt === null && unlockId === null;
}

async function checkLocked(view: View, row: LockRow, lockId: string, checking: Checking): Promise<void> {
  const { name, tell, finder } = checking;
  if (row.policyId !== null) {
    const [version] = await view.rows<{ what: string }>(
      'SELECT what FROM immutability_policy_version WHERE policy_id = ? AND version = ?',
      [row.policyId, row.policyVersion ?? 0],
    );
    if (version === undefined || version.what === 'delete')
      tell.error(
        'policy_missing',
        `${name} is locked by version ${row.policyVersion} of the policy ${row.policyId}, and there is no such policy`,
      );
  }
  const fits = (event: FoundEvent): boolean => lockedBy(event, row);
  tellEvent(await finder.find(view, lockId), { name: `the lock of ${name}`, id: lockId, fits, tell });
}

/** By an event of its own, or by the one that pointed it under a policy. */
function lockedBy({ type, scope, details }: FoundEvent, row: LockRow): boolean {
  const digest = type === 'container.tag.move' ? details.to : details.digest;
  const told = (type === 'container.tag.lock' ? details : details.immutability) as
    | { trigger?: unknown; policy?: { id?: unknown; version?: unknown } }
    | undefined;
  return (
    ['container.tag.lock', 'container.tag.create', 'container.tag.move'].includes(type) &&
    scope.project?.id === row.project &&
    digest === row.digest &&
    told?.trigger === row.trigger &&
    (told?.policy?.id ?? null) === row.policyId &&
    (told?.policy?.version ?? null) === row.policyVersion
  );
}
