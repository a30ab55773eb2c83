/**
 * What a locked tag refuses: it is not moved, deleted or given an end, nor does its manifest or its project go. So is one
 * that a policy calls for while the policy's run has yet to reach it: a policy holds from the moment it was accepted.
 */
import type { EventDetails } from '@tallyman/contract';
import type { ReadDb, Tx } from '../db/store.ts';
import { AppError } from '../domain/error.ts';
import { type Policies, type Policy, toldOf } from '../policies/decide.ts';
import { type LockColumns, lockedBy, tagImmutable } from '../policies/locked.ts';
import { anyRunUnderWay, holdMark, runUnderWay } from '../policies/rows.ts';
import { formatUs } from '../stdx/clock.ts';
import { lockedTagBeside, lockedTagOf } from './rows.ts';

type Guarded = { tag: string; lock: LockColumns; policies: Policies; doing: string };

/** Throws tag_immutable, naming the policy or person. */
export async function requireUnlocked(db: ReadDb, { tag, lock, policies, doing }: Guarded): Promise<void> {
  const called = lock.lockTrigger === null ? policies.hits(tag, lock.exemptVersion) : [];
  if (lock.lockTrigger === null && called.length === 0) return;
  const by = await lockedBy(db, { tag, lock, called });
  if (by !== undefined) throw tagImmutable(by, doing);
}

type Born = NonNullable<EventDetails<'container.tag.create'>['immutability']>;

/** What the event of a tag that is pointed says of its lock. `present`: as it was, unless it is new. */
export function bornLocked(
  hits: readonly Policy[],
  present: { expiresAt: number | null } | undefined,
): { immutability?: Born } {
  const [decisive, ...others] = hits;
  if (decisive === undefined) return {};
  const expiresAt = present?.expiresAt ?? null;
  return {
    immutability: {
      trigger: 'policy',
      previous: present === undefined ? 'absent' : 'unlocked',
      ...toldOf([decisive, ...others]),
      ...(expiresAt !== null && { expiryCleared: formatUs(expiresAt) }),
    },
  };
}

/** Units that have found nothing locked in the whole namespace: it is looked through once, not for each project. */
const lookedThrough = new WeakSet<Tx>();

/**
 * Before content goes, in a unit that holds the project's lock. Holds the policies, so that none is made meanwhile, and
 * throws tag_immutable or conflict, unless the setting lets locked tags go.
 */
export async function requireDeletable(
  tx: Tx,
  projectId: string,
  of: 'project' | 'namespace',
): Promise<void> {
  if (await mayDeleteLocked(tx)) return;
  const mark = await tx.get(holdMark, [projectId]);
  await requireNoneLocked(tx, projectId, of);
  if (of === 'namespace' && lookedThrough.has(tx)) return;
  const underWay =
    mark !== undefined &&
    mark.version > 0 &&
    (of === 'project'
      ? await tx.get(runUnderWay, [mark.namespaceId, projectId])
      : await tx.get(anyRunUnderWay, [mark.namespaceId]));
  if (underWay) {
    throw new AppError(
      'conflict',
      'A policy is being carried to the tags here. Wait until its run is finished, then try again.',
      { reason: 'conflict' },
    );
  }
  if (of === 'namespace') lookedThrough.add(tx);
}

/** Its own are looked at each time: one may have been locked by hand since the namespace was looked through. */
async function requireNoneLocked(tx: Tx, projectId: string, of: 'project' | 'namespace'): Promise<void> {
  const beside = of === 'namespace' && !lookedThrough.has(tx);
  const locked = beside ? await tx.get(lockedTagBeside, [projectId]) : await tx.get(lockedTagOf, [projectId]);
  if (locked === undefined) return;
  const path = 'path' in locked ? { project: String(locked.path) } : {};
  const by = await lockedBy(tx, { tag: locked.name, ...path, lock: locked, called: [] });
  if (by !== undefined) throw tagImmutable(by, `deleted with its ${of}`);
}

async function mayDeleteLocked(tx: Tx): Promise<boolean> {
  const setting = await tx.q
    .selectFrom('setting')
    .select('value')
    .where('namespace_id', '=', '')
    .where('key', '=', 'projects.delete_locked')
    .executeTakeFirst();
  return setting?.value === 'allow';
}
