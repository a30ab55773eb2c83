/** Opens the store that the configuration names: files in the data folder, or an object storage. */
import type { Clock } from '../stdx/clock.ts';
import { openFilesStore } from './files-store.ts';
import { parseS3Url } from './s3-url.ts';
import type { AtStep } from './steps.ts';
import type { BlobStore, BlobUpkeep } from './store.ts';

export interface BlobsOptions {
  readonly dataDir: string;
  readonly clock: Pick<Clock, 'nowMs'>;
  /** `s3://…` (s3-url.ts); absent for files. */
  readonly url?: string | undefined;
  /** For fault tests. */
  readonly atStep?: AtStep;
}

export async function openBlobs({ url, ...options }: BlobsOptions): Promise<BlobStore & BlobUpkeep> {
  if (url === undefined) return openFilesStore(options);
  const location = parseS3Url(url);
  // The SDK takes longer to load than the rest of the server; who keeps files does not pay for it.
  const { openS3Store } = await import('./s3-store.ts');
  return openS3Store({ ...options, location });
}
