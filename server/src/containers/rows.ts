/**
 * The SQL of the container host. `…List` parameters are JSON arrays of texts, so that one prepared statement serves any
 * length. Who changes tags or manifests of a project holds its lock (`lockProject`); links and blobs are guarded by their
 * rows: every statement that relies on one being there also touches it.
 */

import { type Row, type Statement, statement } from '../db/statement.ts';
import type { ReadDb, Tx } from '../db/store.ts';
import type { Digest } from '../domain/digest.ts';
import type { LockColumns } from '../policies/locked.ts';

/** `column IN (list)`, from a JSON array in one parameter. */
function inList(sql: string): { sqlite: string; postgres: string } {
  let parameter = 0;
  const numbered = sql.replace(/LIST\(\?\)|\?/g, (found) =>
    found === '?' ? `$${++parameter}` : `(SELECT jsonb_array_elements_text($${++parameter}::jsonb))`,
  );
  return { sqlite: sql.replace(/LIST\(\?\)/g, '(SELECT value FROM json_each(?))'), postgres: numbered };
}

function listStatement<R extends Row = Row>(sql: string): Statement<R> {
  const { sqlite, postgres } = inList(sql);
  return statement<R>(sqlite, { postgres });
}

// Manifests and tags

export type StoredManifest = { digest: string; mediaType: string; content: Uint8Array };
export type ManifestHead = { digest: string; mediaType: string; sizeBytes: number };

const byTag =
  'FROM tag t JOIN manifest m ON m.project_id = t.project_id AND m.digest = t.digest WHERE t.project_id = ? AND t.name = ?';
const byDigest = 'FROM manifest m WHERE m.project_id = ? AND m.digest = ?';
const whole = 'SELECT m.digest, m.media_type AS "mediaType", m.content';
const head = 'SELECT m.digest, m.media_type AS "mediaType", m.size_bytes AS "sizeBytes"';
export const manifestByTag = statement<StoredManifest>(`${whole} ${byTag}`);
export const manifestByDigest = statement<StoredManifest>(`${whole} ${byDigest}`);
export const headByTag = statement<ManifestHead>(`${head} ${byTag}`);
export const headByDigest = statement<ManifestHead>(`${head} ${byDigest}`);

export const insertManifest = statement(
  `INSERT INTO manifest (project_id, digest, media_type, artifact_type, subject_digest, size_bytes, content, annotations, created_at, event_id)
   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
);
export const deleteManifestRow = statement('DELETE FROM manifest WHERE project_id = ? AND digest = ?');
export const deleteReferences = statement(
  'DELETE FROM manifest_reference WHERE project_id = ? AND digest = ?',
);
const insertReferencesOf = (kind: 'blob' | 'manifest') =>
  statement(
    `INSERT INTO manifest_reference (project_id, digest, kind, child_digest) SELECT ?, ?, '${kind}', value FROM json_each(?)`,
    {
      postgres: `INSERT INTO manifest_reference (project_id, digest, kind, child_digest)
                 SELECT $1, $2, '${kind}', jsonb_array_elements_text($3::jsonb)`,
    },
  );
export const insertBlobReferences = insertReferencesOf('blob');
export const insertChildReferences = insertReferencesOf('manifest');
/** One that names it, if any. */
export const referrerOfContent = statement<{ digest: string }>(
  'SELECT digest FROM manifest_reference WHERE project_id = ? AND child_digest = ? LIMIT 1',
);
export const presentManifests = listStatement<{ digest: string }>(
  'SELECT digest FROM manifest WHERE project_id = ? AND digest IN LIST(?)',
);

export type TagRow = {
  digest: string;
  createdAt: number;
  movedAt: number;
  expiresAt: number | null;
  eventId: string;
};
/** With what locks it. */
export type LockableTag = TagRow & LockColumns & { unlockEventId: string | null };
const lockable = (of = ''): string =>
  `${of}digest, ${of}created_at AS "createdAt", ${of}moved_at AS "movedAt", ${of}expires_at AS "expiresAt", ${of}event_id AS "eventId",
   ${of}lock_trigger AS "lockTrigger", ${of}locked_at AS "lockedAt", ${of}lock_event_id AS "lockEventId", ${of}lock_policy_id AS "lockPolicyId",
   ${of}lock_policy_version AS "lockPolicyVersion", ${of}lock_actor_id AS "lockActorId", ${of}exempt_version AS "exemptVersion",
   ${of}unlock_event_id AS "unlockEventId"`;
const lockableTag = lockable();
export const tagRow = statement<LockableTag>(
  `SELECT ${lockableTag} FROM tag WHERE project_id = ? AND name = ?`,
);
/** What a run has to know of a tag: it reads very many. */
export type TagToLock = { name: string } & Pick<
  LockableTag,
  'digest' | 'expiresAt' | 'lockTrigger' | 'lockedAt' | 'lockEventId' | 'lockPolicyId' | 'exemptVersion'
>;
export const tagsToLockAfter = statement<TagToLock>(
  `SELECT name, digest, expires_at AS "expiresAt", lock_trigger AS "lockTrigger", locked_at AS "lockedAt", lock_event_id AS "lockEventId",
     lock_policy_id AS "lockPolicyId", exempt_version AS "exemptVersion" FROM tag WHERE project_id = ? AND name > ? ORDER BY name LIMIT ?`,
);
export const tagNamesAfter = statement<{ name: string }>(
  'SELECT name FROM tag WHERE project_id = ? AND name > ? ORDER BY name LIMIT ?',
);
export const tagsOfManifest = statement<LockableTag & { name: string }>(
  `SELECT name, ${lockableTag} FROM tag WHERE project_id = ? AND digest = ? ORDER BY name`,
);
export const insertTag = statement(
  'INSERT INTO tag (project_id, name, digest, created_at, moved_at, event_id) VALUES (?, ?, ?, ?, ?, ?)',
);
/** One that a policy calls for. */
export const insertLockedTag = statement(
  `INSERT INTO tag (project_id, name, digest, created_at, moved_at, event_id, lock_trigger, locked_at, lock_event_id, lock_policy_id, lock_policy_version)
   VALUES (?, ?, ?, ?, ?, ?, 'policy', ?, ?, ?, ?)`,
);
/** Only of one that is not locked; what it was exempt from counts again. */
export const moveTag = statement(
  `UPDATE tag SET digest = ?, moved_at = ?, event_id = ?, exempt_version = 0, unlock_event_id = NULL
   WHERE project_id = ? AND name = ?`,
);
/** A tag that is locked has no end. */
export const lockTagRow = statement(
  `UPDATE tag SET lock_trigger = ?, locked_at = ?, lock_event_id = ?, lock_policy_id = ?, lock_policy_version = ?, lock_actor_id = ?,
     expires_at = NULL, exempt_version = 0, unlock_event_id = NULL WHERE project_id = ? AND name = ?`,
);
/** `lockTagRow` for many at once: PostgreSQL answers each statement by a message of its own, which costs more than the row. */
const lockTagRows = statement(
  `UPDATE tag SET lock_trigger = 'policy', locked_at = l.at, lock_event_id = l.event, lock_policy_id = l.policy, lock_policy_version = l.version,
     lock_actor_id = NULL, expires_at = NULL, exempt_version = 0, unlock_event_id = NULL
   FROM jsonb_to_recordset(?::jsonb) AS l (tag text, at bigint, event text, policy text, version bigint) WHERE project_id = ? AND name = l.tag`,
);
/** What a policy locked, and when, by which event. */
export type PolicyLock = { tag: string; at: number; event: string; policy: string; version: number };
export async function lockByPolicies(tx: Tx, projectId: string, locks: readonly PolicyLock[]): Promise<void> {
  if (tx.engine === 'postgres') await tx.run(lockTagRows, [JSON.stringify(locks), projectId]);
  else
    for (const { tag, at, event, policy, version } of locks)
      await tx.run(lockTagRow, ['policy', at, event, policy, version, null, projectId, tag]);
}
export const unlockTagRow = statement(
  `UPDATE tag SET lock_trigger = NULL, locked_at = NULL, lock_event_id = NULL, lock_policy_id = NULL, lock_policy_version = NULL,
     lock_actor_id = NULL, exempt_version = ?, unlock_event_id = ? WHERE project_id = ? AND name = ?`,
);
export const lockedTagOf = statement<LockableTag & { name: string }>(
  `SELECT name, ${lockableTag} FROM tag WHERE project_id = ? AND lock_trigger IS NOT NULL LIMIT 1`,
);
export const deleteTagRow = statement('DELETE FROM tag WHERE project_id = ? AND name = ?');
export const setExpiry = statement('UPDATE tag SET expires_at = ? WHERE project_id = ? AND name = ?');
/** In any living project of its namespace. */
export const lockedTagBeside = statement<LockableTag & { name: string; path: string }>(
  `SELECT t.name, n.name || '/' || p.name AS path, ${lockable('t.')} FROM project p JOIN namespace n ON n.id = p.namespace_id JOIN tag t ON t.project_id = p.id AND t.lock_trigger IS NOT NULL
   WHERE p.namespace_id = (SELECT namespace_id FROM project WHERE id = ?) AND p.deleted_at IS NULL LIMIT 1`,
);
export const beginHistory = statement(
  'INSERT INTO tag_history (project_id, name, digest, from_at, from_event_id) VALUES (?, ?, ?, ?, ?)',
);
export const endHistory = statement(
  'UPDATE tag_history SET to_at = ?, to_event_id = ? WHERE project_id = ? AND name = ? AND to_at IS NULL',
);

// Blobs and links

export type LinkRow = { sizeBytes: number; touchedAt: number };
export const linkRow = statement<LinkRow>(
  `SELECT b.size_bytes AS "sizeBytes", l.touched_at AS "touchedAt"
   FROM container_blob l JOIN blob b ON b.digest = l.digest WHERE l.project_id = ? AND l.digest = ?`,
);
export const putBlobRow = statement(
  `INSERT INTO blob (digest, size_bytes, created_at, touched_at) VALUES (?, ?, ?, ?)
   ON CONFLICT (digest) DO UPDATE SET touched_at = excluded.touched_at`,
);
export const touchBlobRow = statement('UPDATE blob SET touched_at = ? WHERE digest = ?');
/** Touches 1 row when the link is new, 0 when it was there. */
export const insertLink = statement(
  `INSERT INTO container_blob (project_id, digest, created_at, touched_at) VALUES (?, ?, ?, ?)
   ON CONFLICT (project_id, digest) DO NOTHING`,
);
export const touchLink = statement(
  'UPDATE container_blob SET touched_at = ? WHERE project_id = ? AND digest = ?',
);
/** Touches as many rows as are there, and keeps them from collection until the unit ends. */
export const touchLinks = listStatement(
  'UPDATE container_blob SET touched_at = ? WHERE project_id = ? AND digest IN LIST(?)',
);
export const presentLinks = listStatement<{ digest: string }>(
  'SELECT digest FROM container_blob WHERE project_id = ? AND digest IN LIST(?)',
);
export const deleteLink = statement('DELETE FROM container_blob WHERE project_id = ? AND digest = ?');

/**
 * Some of the projects that show a blob, the caller's and the target's namespaces first, then public ones. A blob that
 * many thousands show is looked for in the first of them only.
 */
export const projectsShowing = statement<{ namespace: string; name: string }>(
  `SELECT n.name AS namespace, p.name FROM (SELECT project_id FROM container_blob WHERE digest = ? LIMIT 1000) l
   JOIN project p ON p.id = l.project_id JOIN namespace n ON n.id = p.namespace_id
   WHERE p.deleted_at IS NULL AND n.deleted_at IS NULL
   ORDER BY CASE WHEN p.namespace_id IN (?, ?) THEN 0 WHEN p.visibility = 'public' THEN 1 ELSE 2 END, p.id LIMIT ?`,
);

// Uploads

export const insertUpload = statement(
  'INSERT INTO upload (id, project_id, path, principal_id, created_at) VALUES (?, ?, ?, ?, ?)',
);
export const uploadRow = statement<{ path: string; principalId: string }>(
  'SELECT path, principal_id AS "principalId" FROM upload WHERE id = ?',
);
export const deleteUploadRow = statement('DELETE FROM upload WHERE id = ?');
export const countUploads = statement<{ count: number }>(
  'SELECT count(*) AS count FROM upload WHERE principal_id = ?',
);

// Projects

/** FOR SHARE: deleting or renaming the project waits for the unit, or the unit sees it done. */
const liveProject = statement<{ id: string }>('SELECT id FROM project WHERE id = ? AND deleted_at IS NULL', {
  postgres: 'SELECT id FROM project WHERE id = $1 AND deleted_at IS NULL FOR SHARE',
});
export type ProjectRow = { id: string; num: number; visibility: 'private' | 'public' };
export const projectByName = statement<ProjectRow>(
  `SELECT id, num, visibility FROM project WHERE namespace_id = ? AND format = 'container' AND name = ? AND deleted_at IS NULL`,
);

export async function isLiveProject(tx: Tx, projectId: string): Promise<boolean> {
  return (await tx.get(liveProject, [projectId])) !== undefined;
}

/** One order for everything that changes a project's manifests and tags. */
export async function lockProject(tx: Tx, projectId: string): Promise<void> {
  await tx.lock(`container project ${projectId}`);
}

/** Renews a blob's grace time in a project. */
export async function touch(tx: Tx, at: { projectId: string; digest: Digest; nowUs: number }): Promise<void> {
  await tx.run(touchBlobRow, [at.nowUs, at.digest]);
  await tx.run(touchLink, [at.nowUs, at.projectId, at.digest]);
}

/** Those of the digests that a project has neither as a blob nor, when asked for, as a manifest. */
export async function missingContent(
  tx: ReadDb,
  projectId: string,
  wanted: { blobs: readonly string[]; children: readonly string[] },
): Promise<string[]> {
  const present = new Set<string>();
  const all = JSON.stringify([...wanted.blobs, ...wanted.children]);
  for (const { digest } of await tx.all(presentLinks, [projectId, all])) present.add(digest);
  const manifests = await tx.all(presentManifests, [projectId, JSON.stringify(wanted.children)]);
  for (const { digest } of manifests) present.add(digest);
  return [...wanted.blobs, ...wanted.children].filter((digest) => !present.has(digest));
}
