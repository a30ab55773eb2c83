/** Manifests of a project as the management API shows them. */
import type { Db } from '../db/store.ts';

export type ListedManifest = {
  digest: string;
  mediaType: string;
  artifactType: string | null;
  subject: string | null;
  sizeBytes: number;
  pushedAtUs: number;
  /** The event that pushed it. */
  eventId: string;
  /** The first hundred. */
  tags: string[];
};

/** One page by digest. `after` is the last digest of the page before. */
export async function listManifests(
  db: Pick<Db, 'read'>,
  of: { projectId: string; after?: string; limit: number },
): Promise<ListedManifest[]> {
  const rows = await manifestsOf(db, of.projectId)
    .where('digest', '>', of.after ?? '')
    .orderBy('digest')
    .limit(of.limit)
    .execute();
  return Promise.all(rows.map(async (row) => ({ ...row, tags: await tagsOf(db, of.projectId, row.digest) })));
}

export async function findManifest(
  db: Pick<Db, 'read'>,
  at: { projectId: string; digest: string },
): Promise<ListedManifest | undefined> {
  const row = await manifestsOf(db, at.projectId).where('digest', '=', at.digest).executeTakeFirst();
  return row && { ...row, tags: await tagsOf(db, at.projectId, at.digest) };
}

function manifestsOf(db: Pick<Db, 'read'>, projectId: string) {
  return db.read.q
    .selectFrom('manifest')
    .select([
      'digest',
      'media_type as mediaType',
      'artifact_type as artifactType',
      'subject_digest as subject',
      'size_bytes as sizeBytes',
      'created_at as pushedAtUs',
      'event_id as eventId',
    ])
    .where('project_id', '=', projectId);
}

async function tagsOf(db: Pick<Db, 'read'>, projectId: string, digest: string): Promise<string[]> {
  const rows = await db.read.q
    .selectFrom('tag')
    .select('name')
    .where('project_id', '=', projectId)
    .where('digest', '=', digest)
    .orderBy('name')
    .limit(100)
    .execute();
  return rows.map((row) => row.name);
}
