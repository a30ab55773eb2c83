/**
 * Tags: names that point to a manifest of their project. Everything that points, moves or removes one goes through here,
 * under the project's lock, with its event and its line of history in the same unit. Used by pushes, by the management
 * API and by expiry. Pointing a tag where it points already changes nothing and is no event.
 */
import type { Scope } from '@tallyman/contract';
import { sql } from 'kysely';
import type { Db, Tx } from '../db/store.ts';
import type { Digest } from '../domain/digest.ts';
import { AppError } from '../domain/error.ts';
import { holdPolicies } from '../policies/decide.ts';
import { type Clock, formatUs } from '../stdx/clock.ts';
import type { Performer } from '../trail/draft.ts';
import type { Trail } from '../trail/trail.ts';
import { bornLocked, requireUnlocked } from './immutable.ts';
import {
  beginHistory,
  deleteTagRow,
  endHistory,
  headByDigest,
  insertLockedTag,
  insertTag,
  isLiveProject,
  lockProject,
  lockTagRow,
  moveTag,
  setExpiry,
  type TagRow,
  tagRow,
} from './rows.ts';

export type TagParts = { db: Db; trail: Trail; clock: Clock };
/** Who changes what is in which project; `status` is that of the answer, where there is one. */
export type OnProject = { by: Performer; projectId: string; scope: Scope; status?: number };
type Pointing = OnProject & {
  tag: string;
  digest: Digest;
  cause?: string;
  /** The event that had begun the state which is restored. */
  restores?: string;
};

/** Inside a unit that holds the project's lock and knows that the manifest is there. Throws tag_immutable. */
export async function pointTag(
  parts: { trail: Trail; clock: Clock },
  tx: Tx,
  pointing: Pointing & { how: 'push' | 'retag' | 'restore' },
): Promise<void> {
  const { by, projectId, scope, tag, digest, how, status, cause, restores } = pointing;
  const present = await tx.get(tagRow, [projectId, tag]);
  if (present?.digest === digest) return;
  const policies = await holdPolicies(tx, projectId);
  if (present !== undefined) await requireUnlocked(tx, { tag, lock: present, policies, doing: 'moved' });
  const born = policies.hits(tag);
  const immutability = bornLocked(born, present);
  const restored = restores === undefined ? {} : { restores };
  const draft = {
    by,
    scope,
    target: { kind: 'tag', name: tag },
    ...(status !== undefined && { status }),
    ...(cause !== undefined && { cause }),
  };
  const eventId =
    present === undefined
      ? parts.trail.record(tx, {
          ...draft,
          type: 'container.tag.create',
          details: { by: how, digest, ...immutability, ...restored, tag },
        })
      : parts.trail.record(tx, {
          ...draft,
          type: 'container.tag.move',
          details: { by: how, from: present.digest, ...immutability, ...restored, tag, to: digest },
        });
  const nowUs = parts.clock.nowUs();
  const [decisive] = born;
  const lock = decisive && [nowUs, eventId, decisive.id, decisive.version];
  if (present === undefined) {
    const row = [projectId, tag, digest, nowUs, nowUs, eventId];
    if (lock === undefined) await tx.run(insertTag, row);
    else await tx.run(insertLockedTag, [...row, ...lock]);
  } else {
    await tx.run(endHistory, [nowUs, eventId, projectId, tag]);
    await tx.run(moveTag, [digest, nowUs, eventId, projectId, tag]);
    if (lock !== undefined) await tx.run(lockTagRow, ['policy', ...lock, null, projectId, tag]);
  }
  await tx.run(beginHistory, [projectId, tag, digest, nowUs, eventId]);
}

/** Points a tag, new or not, to a manifest of the project. Throws manifest_unknown. */
export async function retag(parts: TagParts, to: Pointing): Promise<void> {
  await repoint(parts, to, 'retag');
}

/** Points a tag, deleted or not, back to a manifest it once pointed to. Throws tag_unknown when it never did, or manifest_unknown when that is gone. */
export async function restoreTag(parts: TagParts, to: Pointing): Promise<void> {
  await repoint(parts, to, 'restore');
}

async function repoint(parts: TagParts, to: Pointing, how: 'retag' | 'restore'): Promise<void> {
  await parts.db.transact(async (tx) => {
    await lockLive(tx, to.projectId);
    const restores = how === 'restore' ? await requireOnceThere(tx, to) : undefined;
    const manifest = await tx.get(headByDigest, [to.projectId, to.digest]);
    if (manifest === undefined) {
      throw new AppError('not_found', 'There is no such manifest in the project, or it is kept no longer.', {
        reason: 'manifest_unknown',
        details: { field: 'digest' },
      });
    }
    await pointTag(parts, tx, { ...to, how, ...(restores !== undefined && { restores }) });
  });
}

/** The event that began the last state in which the tag pointed there. */
async function requireOnceThere(tx: Tx, { projectId, tag, digest }: Pointing): Promise<string> {
  const once = await tx.q
    .selectFrom('tag_history')
    .select('from_event_id')
    .where('project_id', '=', projectId)
    .where('name', '=', tag)
    .where('digest', '=', digest)
    .orderBy('from_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (once === undefined) throw tagUnknown(tag, `The tag ${tag} never pointed to this manifest.`);
  return once.from_event_id;
}

/** Throws tag_unknown, tag_immutable. The manifest stays, so that the tag can be restored. */
export async function deleteTag(parts: TagParts, at: OnProject & { tag: string }): Promise<void> {
  await parts.db.transact(async (tx) => {
    await lockLive(tx, at.projectId);
    const present = await tx.get(tagRow, [at.projectId, at.tag]);
    if (present === undefined) throw tagUnknown(at.tag);
    const policies = await holdPolicies(tx, at.projectId);
    await requireUnlocked(tx, { tag: at.tag, lock: present, policies, doing: 'deleted' });
    await removeTag(parts, tx, { ...at, how: 'request', digest: present.digest });
  });
}

/** Inside a unit that holds the project's lock and knows that the tag is not immutable. */
export async function removeTag(
  parts: { trail: Trail; clock: Clock },
  tx: Tx,
  at: OnProject & { tag: string; digest: string; how: 'request' | 'manifest' | 'expiry'; cause?: string },
): Promise<void> {
  const { by, scope, projectId, tag, digest, how, cause, status } = at;
  const eventId = parts.trail.record(tx, {
    type: 'container.tag.delete',
    by,
    scope,
    target: { kind: 'tag', name: tag },
    ...(status !== undefined && { status }),
    ...(cause !== undefined && { cause }),
    details: { by: how, digest, tag },
  });
  await tx.run(deleteTagRow, [projectId, tag]);
  await tx.run(endHistory, [parts.clock.nowUs(), eventId, projectId, tag]);
}

/** `expiresAtUs` null = never. Setting what is set already is no event. Throws tag_unknown, tag_immutable. */
export async function setTagExpiry(
  parts: TagParts,
  at: OnProject & { tag: string; expiresAtUs: number | null },
): Promise<void> {
  const { by, scope, projectId, tag, expiresAtUs, status } = at;
  await parts.db.transact(async (tx) => {
    await lockLive(tx, projectId);
    const present = await tx.get(tagRow, [projectId, tag]);
    if (present === undefined) throw tagUnknown(tag);
    if (present.expiresAt === expiresAtUs) return;
    const policies = await holdPolicies(tx, projectId);
    await requireUnlocked(tx, { tag, lock: present, policies, doing: 'given an end' });
    await tx.run(setExpiry, [expiresAtUs, projectId, tag]);
    parts.trail.record(tx, {
      type: 'container.tag.expire',
      by,
      scope,
      target: { kind: 'tag', name: tag },
      ...(status !== undefined && { status }),
      details: {
        digest: present.digest,
        ...(present.expiresAt !== null && { from: formatUs(present.expiresAt) }),
        tag,
        ...(expiresAtUs !== null && { to: formatUs(expiresAtUs) }),
      },
    });
  });
}

/** Throws project_unknown when the project was deleted meanwhile. */
export async function lockLive(tx: Tx, projectId: string): Promise<void> {
  await lockProject(tx, projectId);
  if (await isLiveProject(tx, projectId)) return;
  throw new AppError('not_found', 'The project was deleted a moment ago.', { reason: 'project_unknown' });
}

export function tagUnknown(tag: string, message = `There is no tag ${tag}.`): AppError {
  return new AppError('not_found', message, { reason: 'tag_unknown', details: { field: 'tag' } });
}

export type ListedTag = TagRow & {
  name: string;
  mediaType: string;
  sizeBytes: number;
  lockTrigger: 'manual' | 'policy' | null;
  exemptVersion: number;
};

/** One page by name. `after` is the last name of the page before; `text` is part of the name. */
export async function listTags(
  db: Pick<Db, 'read'>,
  of: { projectId: string; after?: string; limit: number; text?: string },
): Promise<ListedTag[]> {
  let query = tagsWithManifests(db, of.projectId).orderBy('tag.name').limit(of.limit);
  if (of.after !== undefined) query = query.where('tag.name', '>', of.after);
  if (of.text !== undefined) {
    // Tags hold `_`, which LIKE would read as any one character.
    const pattern = `%${of.text.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`;
    query = query.where(sql<boolean>`lower(tag.name) like ${pattern} escape '\\'`);
  }
  return query.execute();
}

export async function findTag(
  db: Pick<Db, 'read'>,
  at: { projectId: string; tag: string },
): Promise<ListedTag | undefined> {
  return tagsWithManifests(db, at.projectId).where('tag.name', '=', at.tag).executeTakeFirst();
}

function tagsWithManifests(db: Pick<Db, 'read'>, projectId: string) {
  return db.read.q
    .selectFrom('tag')
    .innerJoin('manifest', (join) =>
      join.onRef('manifest.project_id', '=', 'tag.project_id').onRef('manifest.digest', '=', 'tag.digest'),
    )
    .select([
      'tag.name',
      'tag.digest',
      'tag.created_at as createdAt',
      'tag.moved_at as movedAt',
      'tag.expires_at as expiresAt',
      'tag.event_id as eventId',
      'tag.lock_trigger as lockTrigger',
      'tag.exempt_version as exemptVersion',
      'manifest.media_type as mediaType',
      'manifest.size_bytes as sizeBytes',
    ])
    .where('tag.project_id', '=', projectId);
}

export type TagState = {
  digest: string;
  fromUs: number;
  toUs: number | null;
  fromEventId: string;
  toEventId: string | null;
  /** Whether the manifest is still kept. */
  restorable: boolean;
};

/**
 * Newest first. `beforeUs` is `fromUs` of the last of the page before; `atUs` asks for the one state that held then. Kept
 * for as long as the project is there, whatever retention does to events.
 */
export async function listTagHistory(
  db: Pick<Db, 'read'>,
  of: { projectId: string; tag: string; beforeUs?: number; atUs?: number; limit: number },
): Promise<TagState[]> {
  const { atUs, beforeUs = atUs === undefined ? Number.MAX_SAFE_INTEGER : atUs + 1 } = of;
  const rows = await db.read.q
    .selectFrom('tag_history as h')
    .leftJoin('manifest as m', (join) =>
      join.onRef('m.project_id', '=', 'h.project_id').onRef('m.digest', '=', 'h.digest'),
    )
    .select(['h.digest', 'h.from_at', 'h.to_at', 'h.from_event_id', 'h.to_event_id', 'm.digest as kept'])
    .where('h.project_id', '=', of.projectId)
    .where('h.name', '=', of.tag)
    .where('h.from_at', '<', beforeUs)
    .orderBy('h.from_at', 'desc')
    .limit(atUs === undefined ? of.limit : 1)
    .execute();
  const held = rows.filter(({ to_at: toUs }) => atUs === undefined || toUs === null || toUs > atUs);
  return held.map((row) => ({
    digest: row.digest,
    fromUs: row.from_at,
    toUs: row.to_at,
    fromEventId: row.from_event_id,
    toEventId: row.to_event_id,
    restorable: row.kept !== null,
  }));
}
