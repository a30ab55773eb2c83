/**
 * Immutability policies of namespaces and projects: made, changed, deleted and released, each as one unit with its event.
 * A change raises the namespace's mark first, which every push holds: so a push is before the change or after it. What it
 * means for tags that are there is left to a run, which the same unit begins.
 */
import { policyLimits, type Scope, type Policy as ShownPolicy } from '@tallyman/contract';
import type { Db, ReadDb, Tx } from '../db/store.ts';
import { AppError } from '../domain/error.ts';
import { requireText } from '../identity/credentials.ts';
import type { Jobs } from '../jobs/jobs.ts';
import { type Clock, formatUs } from '../stdx/clock.ts';
import { uuidv7 } from '../stdx/random.ts';
import type { Performer } from '../trail/draft.ts';
import type { Trail } from '../trail/trail.ts';
import { policyOf } from './decide.ts';
import { mostInstructionsTogether, requirePattern } from './patterns.ts';
import {
  carryRuns,
  deletedPolicies,
  insertPolicy,
  insertVersion,
  isLiveProject,
  livePolicies,
  nameOfActor,
  type PolicyRow,
  policyActors,
  policyById,
  raiseMark,
  signMark,
  updatePolicy,
  versionOfNamespace,
} from './rows.ts';
import { beginRun, findLastRun } from './runs.ts';

export type PolicyParts = { db: Db; trail: Trail; clock: Clock; jobs: Pick<Jobs, 'enqueue'> };
/** Where a policy stands: `projectId` '' = on the namespace. `scope` is that of its events. */
export type PolicyPlace = { namespaceId: string; projectId: string; scope: Scope };
export type PolicyWords = { pattern: string; matches: boolean; description: string };
type Change = { by: Performer; place: PolicyPlace };

/** Throws unprocessable (the pattern), conflict (a duplicate, too many). */
export async function createPolicy(
  parts: PolicyParts,
  { by, place, words }: Change & { words: PolicyWords },
): Promise<PolicyRow> {
  const { pattern, matches, description } = await requireWords(parts, place, words);
  return parts.db.transact(async (tx) => {
    const sinceVersion = await raise(tx, place);
    await requireRoom(tx, place, { pattern, matches });
    const nowUs = parts.clock.nowUs();
    const id = uuidv7(nowUs);
    const eventId = parts.trail.record(tx, {
      type: 'policy.immutability.create',
      by,
      scope: place.scope,
      target: { kind: 'policy', id, name: pattern },
      details: { policyId: id, version: 1, scope: scopeOf(place), pattern, matches, description },
    });
    const row: PolicyRow = {
      id,
      namespaceId: place.namespaceId,
      projectId: place.projectId,
      pattern,
      matches: matches ? 1 : 0,
      description,
      version: 1,
      sinceVersion,
      createdAt: nowUs,
      changedAt: nowUs,
      eventId,
      deletedAt: null,
    };
    const { namespaceId, projectId } = row;
    await tx.run(insertPolicy, [
      ...[id, namespaceId, projectId, pattern, row.matches, description],
      ...[1, sinceVersion, nowUs, nowUs, eventId],
    ]);
    await note(tx, { row, what: 'create', by });
    await beginRun(parts, tx, { policyId: id, version: 1, what: 'lock', eventId });
    return row;
  });
}

/** Setting what is set already is no event. Throws not_found, unprocessable, conflict. */
export async function changePolicy(
  parts: PolicyParts,
  { by, place, id, words }: Change & { id: string; words: PolicyWords },
): Promise<PolicyRow> {
  const { pattern, matches, description } = await requireWords(parts, place, words, id);
  return parts.db.transact(async (tx) => {
    const present = await requireIn(tx, place, id);
    const sameNames = present.pattern === pattern && (present.matches === 1) === matches;
    if (sameNames && present.description === description) return present;
    const raised = await raise(tx, place);
    // Another change may have come first while we waited for the mark.
    const before = await requireIn(tx, place, id);
    if (!sameNames) await requireRoom(tx, place, { pattern, matches }, id);
    const version = before.version + 1;
    const eventId = parts.trail.record(tx, {
      type: 'policy.immutability.change',
      by,
      scope: place.scope,
      target: { kind: 'policy', id, name: pattern },
      details: {
        policyId: id,
        version: { from: before.version, to: version },
        scope: scopeOf(place),
        pattern: { from: before.pattern, to: pattern },
        matches: { from: before.matches === 1, to: matches },
        description: { from: before.description, to: description },
      },
    });
    const sinceVersion = sameNames ? before.sinceVersion : raised;
    const row = { ...before, pattern, matches: matches ? 1 : 0, description, version, sinceVersion, eventId };
    const changed = await put(parts, tx, row);
    await note(tx, { row: changed, what: 'change', by });
    if (sameNames) await tx.run(carryRuns, [version, id, before.version]);
    else await beginRun(parts, tx, { policyId: id, version, what: 'lock', eventId });
    return changed;
  });
}

/** Throws not_found. What it locked stays locked. */
export async function deletePolicy(
  parts: PolicyParts,
  { by, place, id }: Change & { id: string },
): Promise<void> {
  await parts.db.transact(async (tx) => {
    await raise(tx, place);
    const before = await requireIn(tx, place, id);
    const { pattern, description } = before;
    const version = before.version + 1;
    const eventId = parts.trail.record(tx, {
      type: 'policy.immutability.delete',
      by,
      scope: place.scope,
      target: { kind: 'policy', id, name: pattern },
      details: {
        policyId: id,
        version,
        scope: scopeOf(place),
        pattern,
        matches: before.matches === 1,
        description,
      },
    });
    const row = await put(parts, tx, { ...before, version, eventId, deletedAt: parts.clock.nowUs() });
    await note(tx, { row, what: 'delete', by });
  });
}

/** Begins to unlock what the policy, deleted or changed, locked and no longer calls for. Throws not_found. */
export async function releasePolicy(
  parts: PolicyParts,
  { by, place, id, reason: typed }: Change & { id: string; reason: string },
): Promise<void> {
  const reason = requireText('reason', typed, 500) ?? '';
  await parts.db.transact(async (tx) => {
    await raise(tx, place);
    const row = await requireIn(tx, place, id, 'deleted too');
    const { pattern, version } = row;
    const eventId = parts.trail.record(tx, {
      type: 'policy.immutability.release',
      by,
      scope: place.scope,
      target: { kind: 'policy', id, name: pattern },
      details: { policyId: id, version, scope: scopeOf(place), pattern, matches: row.matches === 1, reason },
    });
    await tx.run(signMark, [eventId, place.namespaceId]);
    await beginRun(parts, tx, { policyId: id, version, what: 'release', eventId, reason });
  });
}

/** Of the namespace itself, or of the project itself; at most as many as there may be. */
export async function listPolicies(db: ReadDb, place: Omit<PolicyPlace, 'scope'>): Promise<PolicyRow[]> {
  return db.all(livePolicies, [place.namespaceId, place.projectId]);
}

/** The last one deleted first; no more than `limit`. */
export async function listDeletedPolicies(
  db: ReadDb,
  place: Omit<PolicyPlace, 'scope'>,
  limit: number,
): Promise<PolicyRow[]> {
  return db.all(deletedPolicies, [place.namespaceId, place.projectId, limit]);
}

/** A deleted one too. Throws not_found for one that stands elsewhere. */
export async function getPolicy(
  db: ReadDb,
  place: Omit<PolicyPlace, 'scope'>,
  id: string,
): Promise<PolicyRow> {
  return requireIn(db, place, id, 'deleted too');
}

export async function viewPolicy(db: ReadDb, row: PolicyRow): Promise<ShownPolicy> {
  const { id, scope, pattern, matches, version, eventId } = policyOf(row);
  const { description, createdAt, changedAt, deletedAt } = row;
  const actors = await db.get(policyActors, [id]);
  const person = async (actorId = null as string | null) => ({
    id: actorId,
    name: await nameOfActor(db, actorId),
  });
  return {
    id,
    scope,
    pattern,
    matches,
    description,
    version,
    createdAt: formatUs(createdAt),
    createdBy: await person(actors?.creatorId),
    changedAt: formatUs(changedAt),
    changedBy: await person(actors?.changerId),
    deletedAt: deletedAt === null ? null : formatUs(deletedAt),
    eventId,
    run: await findLastRun(db, id),
  };
}

/** The words as they are stored, checked before the unit: compiling patterns takes its time. */
export async function requireWords(
  parts: Pick<PolicyParts, 'db'>,
  place: Omit<PolicyPlace, 'scope'>,
  words: PolicyWords,
  instead?: string,
): Promise<PolicyWords> {
  const { pattern, matches } = words;
  const description = requireText('description', words.description, 500) ?? '';
  let cost = requirePattern(pattern);
  for (const row of await listPolicies(parts.db.read, place))
    if (row.id !== instead) cost += requirePattern(row.pattern);
  if (cost > mostInstructionsTogether) {
    throw new AppError(
      'unprocessable',
      'With this pattern the policies here would take too long to match. Simplify one of them, or delete one.',
      { reason: 'request_invalid', details: { field: 'pattern', position: 0 } },
    );
  }
  return { pattern, matches, description };
}

function scopeOf({ projectId }: Pick<PolicyPlace, 'projectId'>): 'namespace' | 'project' {
  return projectId === '' ? 'namespace' : 'project';
}

/** The first thing of every change: from here on no push is under way in the namespace. */
async function raise(tx: Tx, { namespaceId, projectId }: PolicyPlace): Promise<number> {
  const raised = await tx.run(raiseMark, [namespaceId]);
  if (raised === 0 || (projectId !== '' && !(await isLiveProject(tx, projectId)))) {
    throw new AppError('not_found', 'What the policy stands on was deleted a moment ago.', {
      reason: 'target_unknown',
    });
  }
  return (await tx.get(versionOfNamespace, [namespaceId]))?.version ?? 0;
}

async function requireRoom(
  tx: Tx,
  place: PolicyPlace,
  { pattern, matches }: { pattern: string; matches: boolean },
  instead?: string,
): Promise<void> {
  const others = (await listPolicies(tx, place)).filter(({ id }) => id !== instead);
  if (others.some((row) => row.pattern === pattern && (row.matches === 1) === matches)) {
    throw new AppError('conflict', 'There is a policy with this pattern here already.', {
      reason: 'conflict',
      details: { field: 'pattern' },
    });
  }
  const most = place.projectId === '' ? policyLimits.perNamespace : policyLimits.perProject;
  if (others.length < most) return;
  throw new AppError('conflict', `There are ${most} policies here, which is as many as there may be.`, {
    reason: 'conflict',
  });
}

async function requireIn(
  db: ReadDb,
  place: Omit<PolicyPlace, 'scope'>,
  id: string,
  which: 'living' | 'deleted too' = 'living',
): Promise<PolicyRow> {
  const row = await db.get(policyById, [id]);
  const isHere = row?.namespaceId === place.namespaceId && row.projectId === place.projectId;
  if (row !== undefined && isHere && (row.deletedAt === null || which === 'deleted too')) return row;
  throw new AppError('not_found', 'There is no such policy here, or it was deleted.', {
    reason: 'target_unknown',
    details: { field: 'policy' },
  });
}

async function put({ clock }: Pick<PolicyParts, 'clock'>, tx: Tx, changed: PolicyRow): Promise<PolicyRow> {
  const row = { ...changed, changedAt: clock.nowUs() };
  const { pattern, matches, description, version, sinceVersion, changedAt, eventId, deletedAt, id } = row;
  await tx.run(updatePolicy, [
    ...[pattern, matches, description, version, sinceVersion],
    ...[changedAt, eventId, deletedAt, id],
  ]);
  return row;
}

/** The step in the policy's own history, and the sign that what was remembered of the namespace is old. */
async function note(
  tx: Tx,
  { row, what, by }: { row: PolicyRow; what: 'create' | 'change' | 'delete'; by: Performer },
): Promise<void> {
  const { id, version, pattern, matches, description, changedAt, eventId, namespaceId } = row;
  await tx.run(insertVersion, [
    ...[id, version, what, pattern, matches, description],
    ...[changedAt, eventId, by.actor.id ?? null],
  ]);
  await tx.run(signMark, [eventId, namespaceId]);
}
