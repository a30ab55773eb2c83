/** Who or what locked a name, told alike in the answer and in the event of every refusal. */
import type { EventDetails } from '@tallyman/contract';
import type { ReadDb } from '../db/store.ts';
import { AppError } from '../domain/error.ts';
import { formatUs } from '../stdx/clock.ts';
import { type Policy, type PolicySnapshot, snapshotOf } from './decide.ts';
import { nameOfActor, policyById, policyVersion } from './rows.ts';

/** The columns of a row that can be locked. All null = it is not. */
export type LockColumns = {
  lockTrigger: 'manual' | 'policy' | null;
  lockedAt: number | null;
  lockEventId: string | null;
  lockPolicyId: string | null;
  lockPolicyVersion: number | null;
  lockActorId: string | null;
  exemptVersion: number;
};

export type LockedBy = NonNullable<EventDetails<'container.push.refuse'>['lock']>;

/** Undefined when nothing locks it. `called`: what calls for its lock, should a run have yet to reach it. */
export async function lockedBy(
  db: ReadDb,
  {
    tag,
    project,
    lock,
    called,
  }: { tag: string; project?: string; lock: LockColumns; called: readonly Policy[] },
): Promise<LockedBy | undefined> {
  const { lockTrigger: trigger, lockedAt, lockEventId } = lock;
  if (trigger !== null) {
    const policy = trigger === 'policy' ? await policyAt(db, lock) : undefined;
    const id = lock.lockActorId;
    const name = await nameOfActor(db, id);
    return {
      tag,
      ...(project !== undefined && { project }),
      trigger,
      since: formatUs(lockedAt as number),
      eventId: lockEventId as string,
      ...(policy !== undefined && { policy }),
      ...(trigger === 'manual' && { by: { ...(id !== null && { id }), ...(name !== null && { name }) } }),
    };
  }
  const [decisive] = called;
  return decisive && { tag, trigger: 'policy', eventId: decisive.eventId, policy: snapshotOf(decisive) };
}

/** As it was when it locked. */
export async function policyAt(db: ReadDb, lock: LockColumns): Promise<PolicySnapshot | undefined> {
  const { lockPolicyId: id, lockPolicyVersion: version } = lock;
  if (id === null || version === null) return undefined;
  const row = await db.get(policyById, [id]);
  const then = await db.get(policyVersion, [id, version]);
  if (row === undefined || then === undefined) return undefined;
  const scope = row.projectId === '' ? 'namespace' : 'project';
  return { id, version, scope, pattern: then.pattern, matches: then.matches === 1 };
}

const locks = new WeakMap<AppError, LockedBy>();

/** 409 in whatever form the protocol has. `doing`: what was refused, as in "it cannot be moved". */
export function tagImmutable(lock: LockedBy, doing: string): AppError {
  const { tag, project, trigger, since, policy } = lock;
  const named = project === undefined ? tag : `${tag} of ${project}`;
  const error = new AppError(
    'conflict',
    `The tag ${named} is immutable and cannot be ${doing}: ${becauseOf(lock)}. An owner of the project can unlock it, with a reason.`,
    {
      reason: 'tag_immutable',
      details: {
        field: 'tag',
        tag,
        trigger,
        since,
        eventId: lock.eventId,
        policy: policy?.id,
        pattern: policy?.pattern,
      },
    },
  );
  locks.set(error, lock);
  return error;
}

export function lockOf(error: AppError): LockedBy | undefined {
  return locks.get(error);
}

/** A clause: which policy or person, and since when. */
export function becauseOf({ trigger, since, policy, by }: LockedBy): string {
  const when = since === undefined ? '' : ` on ${since.slice(0, 19).replace('T', ' ')} UTC`;
  if (trigger === 'manual') return `${by?.name ?? 'somebody'} locked it${when}`;
  if (policy === undefined) return `a policy locked it${when}`;
  const names = `${policy.pattern}${policy.matches ? '' : ' (all that does not match)'}`;
  const told = `the policy ${names} of the ${policy.scope} (${policy.id}, version ${policy.version})`;
  return since === undefined ? `${told} calls for it` : `${told} locked it${when}`;
}
