/** Blobs for whoever only looks at them, beside the server or without one: fsck and backup. Makes and changes nothing. */
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { algorithmOf, type Digest, type DigestAlgorithm, hexOf, parseDigest } from '../domain/digest.ts';
import { errnoOf } from './blob-error.ts';
import type { BlobsOptions } from './open-blobs.ts';

export interface BlobReader {
  /** Undefined when there is no such blob. */
  find(digest: Digest): Promise<{ sizeBytes: number } | undefined>;
  /** The whole content. Rejects, or breaks off, when it cannot be read. */
  read(digest: Digest): Promise<Readable | Buffer>;
  list(): AsyncIterable<{ digest: Digest; sizeBytes: number }>;
  /** Where a blob's file is, when blobs are files. */
  pathOf?(digest: Digest): string;
  close(): Promise<void>;
}

export async function openBlobReader({ dataDir, clock, url }: BlobsOptions): Promise<BlobReader> {
  if (url === undefined) return readFiles(join(dataDir, 'blobs'));
  const { parseS3Url } = await import('./s3-url.ts');
  const { openS3Store } = await import('./s3-store.ts');
  const store = await openS3Store({ dataDir, clock, location: parseS3Url(url) });
  return {
    find: (digest) => store.find(digest),
    read: async (digest) => (await store.open(digest)).content,
    list: () => store.listBlobs(),
    close: () => store.close(),
  };
}

const algorithms: readonly DigestAlgorithm[] = ['sha256', 'sha512'];

function readFiles(folder: string): BlobReader {
  const pathOf = (digest: Digest): string => {
    const hex = hexOf(digest);
    return join(folder, algorithmOf(digest), hex.slice(0, 2), hex);
  };
  const find = async (digest: Digest): Promise<{ sizeBytes: number } | undefined> => {
    const found = await stat(pathOf(digest)).catch(undefinedWhenMissing);
    return found && { sizeBytes: found.size };
  };
  return {
    find,
    pathOf,
    read: async (digest) => createReadStream(pathOf(digest)),
    async *list() {
      for (const algorithm of algorithms) {
        for (const shard of await entriesOf(join(folder, algorithm))) {
          for (const hex of await entriesOf(join(folder, algorithm, shard))) {
            const digest = parseDigest(`${algorithm}:${hex}`);
            const found = digest && (await find(digest));
            if (digest && found) yield { digest, ...found };
          }
        }
      }
    },
    close: async () => {},
  };
}

async function entriesOf(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(undefinedWhenMissing)) ?? [];
}

function undefinedWhenMissing(cause: unknown): undefined {
  if (errnoOf(cause) !== 'ENOENT' && errnoOf(cause) !== 'ENOTDIR') throw cause;
}
