/**
 * How a blob becomes visible in a project: a link, made by an upload or by mounting another project's. In one unit with
 * its event, and with the project's own creation when it is the first.
 */
import type { Scope } from '@tallyman/contract';
import type { Project } from '../access/model.ts';
import type { Tx } from '../db/store.ts';
import type { Digest } from '../domain/digest.ts';
import type { Host } from './parts.ts';
import { type PushTarget, pushedProject } from './projects.ts';
import { deleteUploadRow, insertLink, linkRow, putBlobRow, touch, touchBlobRow } from './rows.ts';

type LinkParts = Pick<Host, 'db' | 'trail' | 'clock' | 'access'>;

/**
 * Call it with the digest in use (DigestGuard) since before the store's `finish`. A blob that the project shows already
 * changes nothing and is no event. A crash before the commit leaves bytes that nothing speaks for, and, unless the upload
 * was a single request, its row: garbage collection finds both.
 */
export async function linkUpload(
  parts: LinkParts,
  upload: PushTarget & { digest: Digest; sizeBytes: number; uploadId?: string },
): Promise<void> {
  const { digest, sizeBytes, uploadId } = upload;
  await parts.db.transact(async (tx) => {
    const project = await pushedProject(parts, tx, upload);
    const nowUs = parts.clock.nowUs();
    await tx.run(putBlobRow, [digest, sizeBytes, nowUs, nowUs]);
    if (uploadId !== undefined) await tx.run(deleteUploadRow, [uploadId]);
    if (!(await isNewLink(tx, { projectId: project.id, digest, nowUs }))) return;
    parts.trail.record(tx, {
      type: 'container.blob.upload',
      by: upload.by,
      scope: parts.access.scopeOf(upload.namespace, project),
      target: { id: digest, kind: 'blob' },
      status: 201,
      details: { digest, sizeBytes },
    });
  });
}

/** Resolves to false when the source no longer shows the blob: the caller falls back to an upload. */
export async function mountBlob(
  parts: LinkParts,
  mount: PushTarget & { digest: Digest; from: Pick<Project, 'id' | 'path'> },
): Promise<boolean> {
  const { digest, from } = mount;
  return parts.db.transact(async (tx) => {
    const nowUs = parts.clock.nowUs();
    // Touching both rows keeps them from collection until the commit; what is not there is not touched.
    await touch(tx, { projectId: from.id, digest, nowUs });
    const source = await tx.get(linkRow, [from.id, digest]);
    if (source === undefined || (await tx.run(touchBlobRow, [nowUs, digest])) === 0) return false;
    const project = await pushedProject(parts, tx, mount);
    if (!(await isNewLink(tx, { projectId: project.id, digest, nowUs }))) return true;
    parts.trail.record(tx, {
      type: 'container.blob.mount',
      by: mount.by,
      scope: parts.access.scopeOf(mount.namespace, project) satisfies Scope,
      target: { id: digest, kind: 'blob' },
      status: 201,
      details: { digest, from: from.path, fromId: from.id, sizeBytes: source.sizeBytes },
    });
    return true;
  });
}

async function isNewLink(
  tx: Tx,
  link: { projectId: string; digest: Digest; nowUs: number },
): Promise<boolean> {
  const { projectId, digest, nowUs } = link;
  if ((await tx.run(insertLink, [projectId, digest, nowUs, nowUs])) > 0) return true;
  await touch(tx, link);
  return false;
}
