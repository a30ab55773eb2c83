/**
 * Taking things out of a project. What something else still names is not deleted: an index would lose an image, an image
 * a layer, and nobody would notice before the next pull. The refusal says what names it. Bytes go later, with garbage.
 */
import type { DeletionOf } from '../access/projects.ts';
import type { Tx } from '../db/store.ts';
import type { Digest } from '../domain/digest.ts';
import { AppError } from '../domain/error.ts';
import { holdPolicies } from '../policies/decide.ts';
import { blobUnknown, manifestUnknown } from './errors.ts';
import { requireDeletable, requireUnlocked } from './immutable.ts';
import {
  deleteLink,
  deleteManifestRow,
  deleteReferences,
  headByDigest,
  linkRow,
  lockProject,
  referrerOfContent,
  tagsOfManifest,
} from './rows.ts';
import { lockLive, type OnProject, removeTag, type TagParts } from './tags.ts';

/** Tag names that stand in the event of the manifest; each has an event of its own besides. */
const namedTags = 100;

/** With every tag that points to it. Throws manifest_unknown, manifest_referenced, tag_immutable. */
export async function deleteManifest(parts: TagParts, at: OnProject & { digest: Digest }): Promise<void> {
  const { by, scope, projectId, digest, status } = at;
  await parts.db.transact(async (tx) => {
    await lockLive(tx, projectId);
    const manifest = await tx.get(headByDigest, [projectId, digest]);
    if (manifest === undefined) throw manifestUnknown(digest);
    await requireUnnamed(tx, projectId, digest);
    const pointing = await tx.all(tagsOfManifest, [projectId, digest]);
    const policies = await holdPolicies(tx, projectId);
    for (const lock of pointing)
      await requireUnlocked(tx, { tag: lock.name, lock, policies, doing: 'deleted with its manifest' });
    const tags = pointing.map((row) => row.name);
    const cause = parts.trail.record(tx, {
      type: 'container.manifest.delete',
      by,
      scope,
      target: { id: digest, kind: 'manifest' },
      ...(status !== undefined && { status }),
      details: {
        digest,
        mediaType: manifest.mediaType,
        tagCount: tags.length,
        tags: tags.slice(0, namedTags),
      },
    });
    for (const tag of tags) await removeTag(parts, tx, { ...at, tag, how: 'manifest', cause });
    await removeManifest(tx, projectId, digest);
  });
}

export async function removeManifest(tx: Tx, projectId: string, digest: string): Promise<void> {
  await tx.run(deleteReferences, [projectId, digest]);
  await tx.run(deleteManifestRow, [projectId, digest]);
}

/** The blob is no longer visible in the project. Throws blob_unknown, manifest_referenced. */
export async function deleteBlobLink(parts: TagParts, at: OnProject & { digest: Digest }): Promise<void> {
  const { by, scope, projectId, digest, status } = at;
  await parts.db.transact(async (tx) => {
    // The lock keeps out a manifest that would name the blob.
    await lockLive(tx, projectId);
    const link = await tx.get(linkRow, [projectId, digest]);
    if (link === undefined) throw blobUnknown(digest);
    await requireUnnamed(tx, projectId, digest);
    await tx.run(deleteLink, [projectId, digest]);
    parts.trail.record(tx, {
      type: 'container.blob.delete',
      by,
      scope,
      target: { id: digest, kind: 'blob' },
      ...(status !== undefined && { status }),
      details: { digest, sizeBytes: link.sizeBytes },
    });
  });
}

async function requireUnnamed(tx: Tx, projectId: string, digest: Digest): Promise<void> {
  const found = await tx.get(referrerOfContent, [projectId, digest]);
  if (found === undefined) return;
  throw new AppError(
    'conflict',
    `The manifest ${found.digest} still refers to ${digest}. Delete that one first.`,
    {
      reason: 'manifest_referenced',
      details: { digest: found.digest },
    },
  );
}

/**
 * For the unit that deletes a project: call it before the project's row changes. Nobody can reach the content of a
 * deleted project, so here it is only counted, and the unit stays short; garbage collection removes it in pieces.
 * Throws tag_immutable, or conflict while a policy's run is under way, unless the setting lets locked tags go.
 */
export async function deleteProjectContent(
  tx: Tx,
  { id: projectId }: { id: string },
  of: DeletionOf,
): Promise<{ tags: number; manifests: number }> {
  await lockProject(tx, projectId);
  if (of !== 'leftover') await requireDeletable(tx, projectId, of);
  const count = async (table: 'tag' | 'manifest') => {
    const row = await tx.q
      .selectFrom(table)
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('project_id', '=', projectId)
      .executeTakeFirstOrThrow();
    return row.count;
  };
  return { tags: await count('tag'), manifests: await count('manifest') };
}
