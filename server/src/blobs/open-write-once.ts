/** Opens a place for texts that are written once: a folder, or a bucket. */
import type { WriteOnce } from './write-once.ts';
import { WriteOnceFolder } from './write-once-folder.ts';

/** A folder's path, or `s3://…` (s3-url.ts). The folder is made when it is missing; the bucket must exist. */
export async function openWriteOnce(place: string): Promise<WriteOnce> {
  if (!place.startsWith('s3://')) return new WriteOnceFolder(place);
  const { openWriteOnceBucket } = await import('./write-once-bucket.ts');
  return openWriteOnceBucket(place);
}
