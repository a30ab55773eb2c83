/** Referrers (end-12a, end-12b): the manifests of a project whose `subject` is a digest, in pages bounded by bytes. */
import type { ReadDb } from '../db/store.ts';
import type { Digest } from '../domain/digest.ts';
import { type Exchange, linkNext, requireDigest, textParameter } from './exchange.ts';
import { admit } from './gate.ts';
import { indexType } from './manifest-schema.ts';
import type { Host } from './parts.ts';

export type ReferrerDescriptor = {
  mediaType: string;
  digest: string;
  size: number;
  artifactType?: string;
  annotations?: Readonly<Record<string, string>>;
};

/**
 * For whoever may pull it is never a 404, for clients take that for a registry without this API: a subject, or a project,
 * that is not there has no referrers.
 */
export async function listReferrers(host: Host, exchange: Exchange): Promise<void> {
  const { project } = await admit(host, exchange);
  const { query, path, reply } = exchange;
  const subject = requireDigest(exchange.reference);
  const artifactType = textParameter(query, 'artifactType');
  const after = textParameter(query, 'last') ?? '';
  const page = project
    ? await readReferrers(host.db.read, {
        projectId: project.id,
        subject,
        artifactType,
        after,
        limit: host.limits.pageEntries,
        annotationBytes: host.limits.referrersPageBytes,
      })
    : { manifests: [], last: undefined };
  if (page.last !== undefined) {
    reply.header('link', linkNext(`/v2/${path}/referrers/${subject}`, { artifactType, last: page.last }));
  }
  if (artifactType !== undefined) reply.header('oci-filters-applied', 'artifactType');
  reply
    .header('content-type', indexType)
    .send(Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: page.manifests })));
}

type Wanted = {
  projectId: string;
  subject: Digest;
  artifactType: string | undefined;
  after: string;
  limit: number;
  annotationBytes: number;
};

/** `last` is where the next page begins, undefined on the last one. Annotations may be megabytes each: sizes first. */
async function readReferrers(
  db: ReadDb,
  wanted: Wanted,
): Promise<{ manifests: ReferrerDescriptor[]; last: string | undefined }> {
  let query = db.q
    .selectFrom('manifest')
    .select((eb) => ['digest', eb.fn<number | null>('length', ['annotations']).as('annotationBytes')])
    .where('project_id', '=', wanted.projectId)
    .where('subject_digest', '=', wanted.subject)
    .where('digest', '>', wanted.after)
    .orderBy('digest')
    .limit(wanted.limit + 1);
  if (wanted.artifactType !== undefined) query = query.where('artifact_type', '=', wanted.artifactType);
  const rows = await query.execute();
  let left = wanted.annotationBytes;
  let fits = 0;
  for (const row of rows.slice(0, wanted.limit)) {
    left -= row.annotationBytes ?? 0;
    if (left < 0 && fits > 0) break;
    fits++;
  }
  const digests = rows.slice(0, fits).map((row) => row.digest);
  return {
    manifests: digests.length === 0 ? [] : await describe(db, wanted.projectId, digests),
    last: rows.length > fits ? digests.at(-1) : undefined,
  };
}

async function describe(
  db: ReadDb,
  projectId: string,
  digests: readonly string[],
): Promise<ReferrerDescriptor[]> {
  const rows = await db.q
    .selectFrom('manifest')
    .select(['digest', 'media_type', 'size_bytes', 'artifact_type', 'annotations'])
    .where('project_id', '=', projectId)
    .where('digest', 'in', digests)
    .orderBy('digest')
    .execute();
  return rows.map((row) => ({
    mediaType: row.media_type,
    digest: row.digest,
    size: row.size_bytes,
    ...(row.artifact_type !== null && { artifactType: row.artifact_type }),
    ...(row.annotations !== null && { annotations: JSON.parse(row.annotations) as Record<string, string> }),
  }));
}
