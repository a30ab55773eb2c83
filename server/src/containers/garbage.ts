/**
 * Garbage: content that nothing shows any more, removed after a grace time. Runs beside pushes, in short units; each unit
 * that removes something records how much, so no removal is without its event.
 *
 *   1 rows of deleted projects     nobody can reach them
 *   2 untagged manifests           only if a setting says so
 *   3 links no manifest names      HEAD, mount and push renew their time
 *   4 blobs no project shows       the row in a unit, then the bytes: a crash between leaves bytes without a row
 *   5 bytes without a row          of such crashes, and of uploads that broke off after their last byte
 *   6 uploads nobody returned to
 *
 * Safe against concurrent pushes: a push touches every row it relies on in its own unit, and each deletion here repeats
 * its condition on the locked row. The digests whose bytes go are kept from uploads meanwhile (DigestGuard).
 */

import { BlobError } from '../blobs/blob-error.ts';
import type { BlobStore, BlobUpkeep } from '../blobs/store.ts';
import { parseUploadId, type UploadId } from '../blobs/upload-id.ts';
import { statement } from '../db/statement.ts';
import type { Db, Tx } from '../db/store.ts';
import type { Digest } from '../domain/digest.ts';
import type { Clock } from '../stdx/clock.ts';
import type { Performer } from '../trail/draft.ts';
import { systemPerformer } from '../trail/system-performer.ts';
import type { Trail } from '../trail/trail.ts';
import { removeManifest } from './deletion.ts';
import type { DigestGuard } from './digest-guard.ts';
import { lockProject } from './rows.ts';

export type GarbageParts = {
  db: Db;
  trail: Trail;
  clock: Clock;
  blobs: BlobStore & BlobUpkeep;
  guard: DigestGuard;
};

export type GarbageSettings = {
  /** Nothing younger, or touched more recently, is removed. Longer than any push takes. */
  graceMs: number;
  /** An upload to which nothing was added for so long is given up. */
  uploadIdleMs: number;
  /** Manifests without a tag, older than this, are removed; undefined keeps them. */
  untaggedAfterMs?: number;
};

export const garbageSettings: GarbageSettings = { graceMs: 24 * 3_600_000, uploadIdleMs: 24 * 3_600_000 };

export type Removed = { blobs: number; bytes: number; links: number; manifests: number; uploads: number };

/** Rows looked at in one read, and removed in one unit. */
const batchRows = 200;

/** One whole pass. Safe to break off at any point and to begin again; one pass at a time is the caller's to see to. */
export async function collectGarbage(
  parts: GarbageParts,
  settings: GarbageSettings = garbageSettings,
): Promise<Removed> {
  const run = new Run(parts, settings);
  await removeDeletedProjects(run);
  await removeUntagged(run);
  await removeLinks(run);
  await removeBlobs(run);
  await removeStrayBytes(run);
  await removeUploads(run);
  return run.removed;
}

class Run {
  readonly parts: GarbageParts;
  readonly settings: GarbageSettings;
  /** Microseconds: what was touched before it may go. */
  readonly cutoffUs: number;
  readonly removed: Removed = { blobs: 0, bytes: 0, links: 0, manifests: 0, uploads: 0 };
  readonly #by: Performer;

  constructor(parts: GarbageParts, settings: GarbageSettings) {
    this.parts = parts;
    this.settings = settings;
    this.cutoffUs = parts.clock.nowUs() - settings.graceMs * 1000;
    this.#by = systemPerformer(parts.clock, 'garbage collection');
  }

  /** One unit, with its event when it removed anything. */
  async unit(work: (tx: Tx) => Promise<Partial<Removed>>): Promise<void> {
    const removed = await this.parts.db.transact(async (tx) => {
      const part = { blobs: 0, bytes: 0, links: 0, manifests: 0, uploads: 0, ...(await work(tx)) };
      if (Object.values(part).some((count) => count > 0)) {
        this.parts.trail.record(tx, {
          type: 'container.garbage.collect',
          by: this.#by,
          scope: {},
          details: part,
        });
      }
      return part;
    });
    for (const key of Object.keys(removed) as (keyof Removed)[]) this.removed[key] += removed[key];
  }
}

const deadProjects = statement<{ id: string }>(
  `SELECT p.id FROM project p WHERE p.deleted_at IS NOT NULL AND p.format = 'container' AND p.id > ?
   AND (EXISTS (SELECT 1 FROM manifest m WHERE m.project_id = p.id) OR EXISTS (SELECT 1 FROM container_blob l WHERE l.project_id = p.id)
     OR EXISTS (SELECT 1 FROM tag t WHERE t.project_id = p.id)) ORDER BY p.id LIMIT ${batchRows}`,
);
const manifestsOfProject = statement<{ digest: string }>(
  `SELECT digest FROM manifest WHERE project_id = ? LIMIT ${batchRows}`,
);
const tagsOfProject = statement<{ name: string }>(
  `SELECT name FROM tag WHERE project_id = ? LIMIT ${batchRows}`,
);
const linksOfProject = statement<{ digest: string }>(
  `SELECT digest FROM container_blob WHERE project_id = ? LIMIT ${batchRows}`,
);
const dropTag = statement('DELETE FROM tag WHERE project_id = ? AND name = ?');
const dropLink = statement('DELETE FROM container_blob WHERE project_id = ? AND digest = ?');

async function removeDeletedProjects(run: Run): Promise<void> {
  const { db } = run.parts;
  for (let after = ''; ; ) {
    const projects = await db.read.all(deadProjects, [after]);
    for (const { id } of projects) await emptyProject(run, id);
    const last = projects.at(-1);
    if (last === undefined) return;
    after = last.id;
  }
}

async function emptyProject(run: Run, projectId: string): Promise<void> {
  for (let left = true; left; ) {
    await run.unit(async (tx) => {
      const tags = await tx.all(tagsOfProject, [projectId]);
      for (const { name } of tags) await tx.run(dropTag, [projectId, name]);
      const manifests = await tx.all(manifestsOfProject, [projectId]);
      for (const { digest } of manifests) await removeManifest(tx, projectId, digest);
      const links = await tx.all(linksOfProject, [projectId]);
      for (const { digest } of links) await tx.run(dropLink, [projectId, digest]);
      left = tags.length + manifests.length + links.length > 0;
      return { manifests: manifests.length, links: links.length };
    });
  }
}

/** Not named by a tag, nor by an index, nor tied by its subject to a manifest that is there. */
const untagged = `m.created_at < ?
   AND NOT EXISTS (SELECT 1 FROM tag t WHERE t.project_id = m.project_id AND t.digest = m.digest)
   AND NOT EXISTS (SELECT 1 FROM manifest_reference r WHERE r.project_id = m.project_id AND r.child_digest = m.digest)
   AND NOT EXISTS (SELECT 1 FROM manifest s WHERE s.project_id = m.project_id AND s.digest = m.subject_digest)`;
const untaggedManifests = statement<{ projectId: string; digest: string }>(
  `SELECT m.project_id AS "projectId", m.digest FROM manifest m
   WHERE (m.project_id, m.digest) > (?, ?) AND ${untagged} ORDER BY m.project_id, m.digest LIMIT ${batchRows}`,
);
const stillUntagged = statement<{ digest: string }>(
  `SELECT m.digest FROM manifest m WHERE m.project_id = ? AND m.digest = ? AND ${untagged}`,
);

async function removeUntagged(run: Run): Promise<void> {
  const { untaggedAfterMs } = run.settings;
  if (untaggedAfterMs === undefined) return;
  const beforeUs = run.parts.clock.nowUs() - untaggedAfterMs * 1000;
  for (let at = { projectId: '', digest: '' }; ; ) {
    const found = await run.parts.db.read.all(untaggedManifests, [at.projectId, at.digest, beforeUs]);
    for (const { projectId, digest } of found) {
      await run.unit(async (tx) => {
        await lockProject(tx, projectId);
        if ((await tx.get(stillUntagged, [projectId, digest, beforeUs])) === undefined) return {};
        await removeManifest(tx, projectId, digest);
        return { manifests: 1 };
      });
    }
    const last = found.at(-1);
    if (last === undefined) return;
    at = last;
  }
}

const unnamed = `l.touched_at < ? AND NOT EXISTS (
   SELECT 1 FROM manifest_reference r WHERE r.project_id = l.project_id AND r.child_digest = l.digest)`;
/** Read in the order of the key, a bounded stretch at a time; `idle` says which of them may go. */
const linkStretch = statement<{ projectId: string; digest: string; idle: number }>(
  `SELECT l.project_id AS "projectId", l.digest, CASE WHEN ${unnamed} THEN 1 ELSE 0 END AS idle FROM container_blob l
   WHERE (l.project_id, l.digest) > (?, ?) ORDER BY l.project_id, l.digest LIMIT ${batchRows}`,
);
const deleteIdleLink = statement(
  `DELETE FROM container_blob WHERE project_id = ? AND digest = ? AND touched_at < ? AND NOT EXISTS (
     SELECT 1 FROM manifest_reference r WHERE r.project_id = container_blob.project_id AND r.child_digest = container_blob.digest)`,
);

async function removeLinks(run: Run): Promise<void> {
  for (let at = { projectId: '', digest: '' }; ; ) {
    const stretch = await run.parts.db.read.all(linkStretch, [run.cutoffUs, at.projectId, at.digest]);
    const idle = stretch.filter((link) => link.idle === 1);
    if (idle.length > 0) {
      await run.unit(async (tx) => {
        let links = 0;
        for (const { projectId, digest } of idle)
          links += await tx.run(deleteIdleLink, [projectId, digest, run.cutoffUs]);
        return { links };
      });
    }
    const last = stretch.at(-1);
    if (last === undefined) return;
    at = last;
  }
}

const unlinked =
  'touched_at < ? AND NOT EXISTS (SELECT 1 FROM container_blob l WHERE l.digest = blob.digest)';
const blobStretch = statement<{ digest: string; sizeBytes: number; idle: number }>(
  `SELECT digest, size_bytes AS "sizeBytes", CASE WHEN ${unlinked} THEN 1 ELSE 0 END AS idle FROM blob
   WHERE digest > ? ORDER BY digest LIMIT ${batchRows}`,
);
const deleteIdleBlob = statement(`DELETE FROM blob WHERE digest = ? AND ${unlinked}`);
const blobExists = statement<{ digest: string }>('SELECT digest FROM blob WHERE digest = ?');

async function removeBlobs(run: Run): Promise<void> {
  const { db } = run.parts;
  for (let after = ''; ; ) {
    const stretch = await db.read.all(blobStretch, [run.cutoffUs, after]);
    const idle = new Map(
      stretch.filter((row) => row.idle === 1).map((row) => [row.digest as Digest, row.sizeBytes]),
    );
    if (idle.size > 0) await removeIdleBlobs(run, idle);
    const last = stretch.at(-1);
    if (last === undefined) return;
    after = last.digest;
  }
}

async function removeIdleBlobs(run: Run, idle: ReadonlyMap<Digest, number>): Promise<void> {
  await run.parts.guard.collect([...idle.keys()], async (free) => {
    const gone: Digest[] = [];
    await run.unit(async (tx) => {
      // The unit may be run again.
      gone.length = 0;
      let bytes = 0;
      for (const digest of free) {
        if ((await tx.run(deleteIdleBlob, [digest, run.cutoffUs])) === 0) continue;
        gone.push(digest);
        bytes += idle.get(digest) ?? 0;
      }
      return { blobs: gone.length, bytes };
    });
    // A crash here leaves bytes without a row: removeStrayBytes of a later pass.
    for (const digest of gone) await run.parts.blobs.delete(digest);
  });
}

/** They were never visible, or their removal has its event already: none is recorded. */
async function removeStrayBytes(run: Run): Promise<void> {
  const { db, blobs, guard, clock } = run.parts;
  const beforeMs = clock.nowMs() - run.settings.graceMs;
  for await (const { digest, storedAt } of blobs.listBlobs()) {
    if (storedAt >= beforeMs || (await db.read.get(blobExists, [digest])) !== undefined) continue;
    await guard.collect([digest], async (free) => {
      if (free.length === 0 || (await db.read.get(blobExists, [digest])) !== undefined) return;
      await blobs.delete(digest);
    });
  }
}

const oldUploads = statement<{ id: string }>(
  `SELECT id FROM upload WHERE id > ? AND created_at < ? ORDER BY id LIMIT ${batchRows}`,
);
const dropUpload = statement('DELETE FROM upload WHERE id = ?');

async function removeUploads(run: Run): Promise<void> {
  const { db, blobs, clock } = run.parts;
  await blobs.sweep(run.settings.uploadIdleMs);
  const beforeUs = clock.nowUs() - run.settings.uploadIdleMs * 1000;
  for (let after = ''; ; ) {
    const rows = await db.read.all(oldUploads, [after, beforeUs]);
    const lost: string[] = [];
    for (const { id } of rows) if (await isLost(blobs, parseUploadId(id))) lost.push(id);
    if (lost.length > 0) {
      await run.unit(async (tx) => {
        let uploads = 0;
        for (const id of lost) uploads += await tx.run(dropUpload, [id]);
        return { uploads };
      });
    }
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.id;
  }
}

async function isLost(blobs: BlobStore, id: UploadId | undefined): Promise<boolean> {
  if (id === undefined) return true;
  try {
    await blobs.sizeOfUpload(id);
    return false;
  } catch (error) {
    if (error instanceof BlobError && error.kind === 'upload_unknown') return true;
    throw error;
  }
}
