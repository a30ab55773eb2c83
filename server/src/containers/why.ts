/** Why a tag is immutable, or that it is not: the answer with the steps that led to it. */
import type { WhyImmutable } from '@tallyman/contract';
import type { Db, ReadDb } from '../db/store.ts';
import { type Policies, type PolicySnapshot, readPolicies } from '../policies/decide.ts';
import { becauseOf, type LockedBy, lockedBy } from '../policies/locked.ts';
import { nameOfActor, policyById, policyVersions } from '../policies/rows.ts';
import { formatUs } from '../stdx/clock.ts';
import { type LockableTag, tagRow } from './rows.ts';
import { tagUnknown } from './tags.ts';

/** Throws tag_unknown. */
export async function whyImmutable(
  { db }: { db: Pick<Db, 'read'> },
  { projectId, path, tag }: { projectId: string; path: string; tag: string },
): Promise<WhyImmutable> {
  const present = await db.read.get(tagRow, [projectId, tag]);
  if (present === undefined) throw tagUnknown(tag);
  const policies = await readPolicies(db.read, projectId);
  const called = present.lockTrigger === null ? policies.hits(tag, present.exemptVersion) : [];
  const lock = await lockedBy(db.read, { tag, lock: present, called });
  return {
    project: path,
    tag,
    immutable: lock !== undefined,
    because: sentenceOf({ tag, lock, present, policies }),
    trigger: lock?.trigger ?? null,
    since: lock?.since ?? null,
    eventId: lock?.eventId ?? null,
    by: lock?.by === undefined ? null : { id: lock.by.id ?? null, name: lock.by.name ?? null },
    policy: lock?.policy === undefined ? null : await policyOf(db.read, lock.policy),
    calledForBy: policies.hits(tag).map(({ id }) => id),
    unlockedEventId: present.unlockEventId,
  };
}

type Told = { tag: string; lock: LockedBy | undefined; present: LockableTag; policies: Policies };

function sentenceOf({ tag, lock, present, policies }: Told): string {
  if (lock !== undefined) return `The tag ${tag} is immutable: ${becauseOf(lock)}.`;
  if (present.unlockEventId !== null && policies.hits(tag).length > 0)
    return `The tag ${tag} was unlocked by an owner. Policies leave it alone until it is moved or one of them changes.`;
  return `The tag ${tag} is not immutable: no policy calls for it, and nobody locked it.`;
}

async function policyOf(
  db: ReadDb,
  { id, version, scope, pattern, matches }: PolicySnapshot,
): Promise<NonNullable<WhyImmutable['policy']>> {
  const row = await db.get(policyById, [id]);
  const versions = await db.all(policyVersions, [id]);
  const steps = versions.reverse().map(async (step) => ({
    eventId: step.eventId,
    what: step.what,
    version: step.version,
    pattern: step.pattern,
    matches: step.matches === 1,
    at: formatUs(step.at),
    by: { id: step.actorId, name: await nameOfActor(db, step.actorId) },
  }));
  return {
    id,
    version,
    scope,
    pattern,
    matches,
    description: row?.description ?? '',
    deleted: row === undefined || row.deletedAt !== null,
    steps: await Promise.all(steps),
  };
}
