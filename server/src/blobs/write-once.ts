/**
 * Small texts that are written once and never changed or deleted by us, in a folder or an object storage that may have
 * rights of its own (append-only mounts, object lock). Names are paths; `list` walks them level by level.
 */
import { WriteOnceFolder } from './write-once-folder.ts';

export interface WriteOnce {
  /**
   * Durable when it resolves. The same text under the same name is no error (a repeated write). Throws
   * `conflict` when another text has the name, `unavailable` when the place cannot be reached.
   */
  put(name: string, text: string): Promise<void>;
  /** Undefined when there is none. Throws `unavailable`, also for a text larger than `maxTextBytes`. */
  find(name: string): Promise<string | undefined>;
  /** The names one level below `folder` ('' or a path with a slash at its end), unordered; folders end in a slash. */
  list(folder: string): Promise<string[]>;
  close(): void;
}

/** Larger ones are not ours. */
export const maxTextBytes = 64 * 1024;
/** More entries in one folder are not ours. */
export const maxListed = 10_000;

/** A folder's path, or `s3://…` (s3-url.ts). The folder is made when it is missing; the bucket must exist. */
export async function openWriteOnce(place: string): Promise<WriteOnce> {
  if (!place.startsWith('s3://')) return new WriteOnceFolder(place);
  const { openWriteOnceBucket } = await import('./write-once-bucket.ts');
  return openWriteOnceBucket(place);
}
