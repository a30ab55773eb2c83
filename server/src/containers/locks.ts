/** Locking and unlocking tags that are there. Unlocking exempts one from the policies that stand then, until it is moved. */
import type { Tx } from '../db/store.ts';
import { AppError } from '../domain/error.ts';
import { requireText } from '../identity/credentials.ts';
import { holdPolicies, type Policy, toldOf } from '../policies/decide.ts';
import { type Clock, formatUs } from '../stdx/clock.ts';
import type { Trail } from '../trail/trail.ts';
import {
  type LockableTag,
  lockByPolicies,
  lockTagRow,
  type PolicyLock,
  type TagToLock,
  tagRow,
  unlockTagRow,
} from './rows.ts';
import { lockLive, type OnProject, type TagParts, tagUnknown } from './tags.ts';

type CalledFor = Omit<OnProject, 'status'> & {
  tag: string;
  present: Pick<LockableTag, 'digest' | 'expiresAt' | 'lockTrigger'>;
  hits: readonly [Policy, ...Policy[]];
  cause: string;
};

/** Inside a unit that holds the project's lock and its policies, for a tag that they call for. */
export async function lockByPolicy(
  parts: { trail: Trail; clock: Clock },
  tx: Tx,
  on: CalledFor,
): Promise<void> {
  await lockByPolicies(tx, on.projectId, [recordPolicyLock(parts, tx, on)]);
}

/** Only the event: the row is to be written in the same unit. */
export function recordPolicyLock(
  parts: { trail: Trail; clock: Clock },
  tx: Tx,
  { by, scope, tag, present, hits, cause }: CalledFor,
): PolicyLock {
  const event = parts.trail.record(tx, {
    type: 'container.tag.lock',
    by,
    scope,
    target: { kind: 'tag', name: tag },
    cause,
    details: {
      digest: present.digest,
      ...(present.expiresAt !== null && { expiryCleared: formatUs(present.expiresAt) }),
      previous: present.lockTrigger === null ? 'unlocked' : 'locked',
      tag,
      trigger: 'policy',
      ...toldOf(hits),
    },
  });
  const [{ id: policy, version }] = hits;
  return { tag, at: parts.clock.nowUs(), event, policy, version };
}

type OnTag = OnProject & { tag: string };

/** By hand. What a policy locked is the person's from now on. Throws tag_unknown; conflict when a person locked it already. */
export async function lockTag(parts: TagParts, at: OnTag & { note?: string | undefined }): Promise<void> {
  const { by, scope, projectId, tag, status } = at;
  const note = requireText('note', at.note, 500);
  await parts.db.transact(async (tx) => {
    const present = await requireTag(tx, at);
    if (present.lockTrigger === 'manual') {
      throw new AppError('conflict', `The tag ${tag} is immutable already.`, {
        reason: 'conflict',
        details: { field: 'tag' },
      });
    }
    const eventId = parts.trail.record(tx, {
      type: 'container.tag.lock',
      by,
      scope,
      target: { kind: 'tag', name: tag },
      ...(status !== undefined && { status }),
      details: {
        digest: present.digest,
        ...(present.expiresAt !== null && { expiryCleared: formatUs(present.expiresAt) }),
        ...(note !== undefined && { note }),
        previous: present.lockTrigger === null ? 'unlocked' : 'locked',
        tag,
        trigger: 'manual',
      },
    });
    const nowUs = parts.clock.nowUs();
    const actorId = by.actor.id ?? null;
    await tx.run(lockTagRow, ['manual', nowUs, eventId, null, null, actorId, projectId, tag]);
  });
}

/** Throws tag_unknown; conflict when nothing locked it. */
export async function unlockTag(parts: TagParts, at: OnTag & { reason: string }): Promise<void> {
  const reason = requireText('reason', at.reason, 500) ?? '';
  await parts.db.transact(async (tx) => {
    const present = await requireTag(tx, at);
    const policies = await holdPolicies(tx, at.projectId);
    if (present.lockTrigger === null) throw notLocked(at.tag, policies.hits(at.tag, present.exemptVersion));
    await unlockRow(parts, tx, { ...at, present, reason, how: 'request', exemptVersion: policies.version });
  });
}

function notLocked(tag: string, called: readonly Policy[]): AppError {
  const message =
    called.length === 0
      ? `The tag ${tag} is not immutable.`
      : `A policy is about to lock the tag ${tag}. Wait until its run is finished, then unlock it.`;
  return new AppError('conflict', message, { reason: 'conflict', details: { field: 'tag' } });
}

/** Inside a unit that holds the project's lock. */
export async function unlockRow(
  parts: { trail: Trail },
  tx: Tx,
  on: OnTag & {
    present: Omit<TagToLock, 'name'>;
    reason: string;
    how: 'request' | 'release';
    exemptVersion: number;
    cause?: string;
  },
): Promise<void> {
  const { by, scope, projectId, tag, present, reason, how, exemptVersion, cause, status } = on;
  const { digest, lockTrigger, lockedAt, lockEventId, lockPolicyId } = present;
  const eventId = parts.trail.record(tx, {
    type: 'container.tag.unlock',
    by,
    scope,
    target: { kind: 'tag', name: tag },
    ...(status !== undefined && { status }),
    ...(cause !== undefined && { cause }),
    details: {
      by: how,
      digest,
      lock: {
        eventId: lockEventId as string,
        ...(lockPolicyId !== null && { policyId: lockPolicyId }),
        since: formatUs(lockedAt as number),
        trigger: lockTrigger as 'manual' | 'policy',
      },
      reason,
      tag,
    },
  });
  await tx.run(unlockTagRow, [exemptVersion, eventId, projectId, tag]);
}

async function requireTag(tx: Tx, { projectId, tag }: OnTag): Promise<LockableTag> {
  await lockLive(tx, projectId);
  const present = await tx.get(tagRow, [projectId, tag]);
  if (present === undefined) throw tagUnknown(tag);
  return present;
}
