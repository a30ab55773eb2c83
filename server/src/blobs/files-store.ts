/**
 * Blobs as files on the local disk.
 *
 *   <data>/uploads/<uuid>                      unfinished (staging.ts)
 *   <data>/blobs/sha256/ab/abcdef…             finished: the hex digest, in a folder named by its first two digits
 *   <data>/blobs/sha512/01/0123…
 *
 * A file under blobs/ is always whole: it got there by rename after its digest was checked and its bytes were flushed.
 * Both folders must be on one file system. Nothing else writes here.
 */
import { close, fstat, open, read } from 'node:fs';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Digest, DigestAlgorithm } from '../domain/digest.ts';
import { algorithmOf, hexOf, parseDigest } from '../domain/digest.ts';
import type { Clock } from '../stdx/clock.ts';
import { BlobError, errnoOf, toBlobError } from './blob-error.ts';
import { resolveRange } from './byte-range.ts';
import { DurableFolder, flushFolder } from './durable-folder.ts';
import { FileContent } from './file-content.ts';
import { Staging } from './staging.ts';
import type { AtStep } from './steps.ts';
import { noSteps } from './steps.ts';
import type {
  AppendWhere,
  BlobStat,
  BlobStore,
  BlobUpkeep,
  ByteRange,
  ChunkSource,
  OpenBlob,
  StoredBlob,
  StoredUpload,
} from './store.ts';
import { smallBytes } from './store.ts';
import type { UploadId } from './upload-id.ts';

export interface FilesStoreOptions {
  /** The data folder; `blobs` and `uploads` are made in it. */
  readonly dataDir: string;
  readonly clock: Pick<Clock, 'nowMs'>;
  /** Called at each durable step of `finish`; for fault tests. */
  readonly atStep?: AtStep;
}

const algorithms: readonly DigestAlgorithm[] = ['sha256', 'sha512'];

// Plain descriptors: see file-content.ts.
const openFile = promisify(open);
const statOf = promisify(fstat);
const readFrom = promisify(read);
const closeFile = promisify(close);

export async function openFilesStore(options: FilesStoreOptions): Promise<FilesStore> {
  const blobs = join(options.dataDir, 'blobs');
  for (const algorithm of algorithms) await mkdir(join(blobs, algorithm), { recursive: true, mode: 0o700 });
  const staging = await Staging.open(join(options.dataDir, 'uploads'), options.atStep ?? noSteps);
  await flushFolder(blobs);
  await flushFolder(options.dataDir);
  return new FilesStore(options, staging);
}

export class FilesStore implements BlobStore, BlobUpkeep {
  readonly #blobs: string;
  readonly #staging: Staging;
  readonly #clock: Pick<Clock, 'nowMs'>;
  readonly #atStep: AtStep;
  /** At most 512, each with one descriptor: opening and closing a folder for each blob would cost as much as its flush. */
  readonly #folders = new Map<string, DurableFolder>();

  constructor(options: FilesStoreOptions, staging: Staging) {
    this.#blobs = join(options.dataDir, 'blobs');
    this.#staging = staging;
    this.#clock = options.clock;
    this.#atStep = options.atStep ?? noSteps;
  }

  createUpload(id: UploadId, algorithm?: DigestAlgorithm): Promise<void> {
    return this.#staging.create(id, algorithm);
  }

  append(id: UploadId, source: ChunkSource, where: AppendWhere): Promise<number> {
    return this.#staging.append(id, source, where);
  }

  sizeOfUpload(id: UploadId): Promise<number> {
    return this.#staging.sizeOf(id);
  }

  async finish(id: UploadId, digest: Digest): Promise<BlobStat> {
    const sizeBytes = await this.#staging.finish(id, digest, ({ path }) =>
      this.#folderOf(digest).place(path, hexOf(digest)),
    );
    await this.#atStep('durable');
    return { sizeBytes, storedAt: this.#clock.nowMs() };
  }

  abort(id: UploadId): Promise<void> {
    return this.#staging.abort(id);
  }

  async find(digest: Digest): Promise<BlobStat | undefined> {
    const found = await stat(this.#pathOf(digest)).catch(missing);
    if (!found) return undefined;
    await this.#folderOf(digest).settle();
    // A rename sets ctime; mtime would be that of the upload's last byte, perhaps days earlier.
    return { sizeBytes: found.size, storedAt: found.ctimeMs };
  }

  async open(digest: Digest, range?: ByteRange): Promise<OpenBlob> {
    const fd = await openFile(this.#pathOf(digest), 'r').catch(missing);
    if (fd === undefined) throw new BlobError('blob_unknown');
    let streamed = false;
    try {
      const { size } = await statOf(fd);
      await this.#folderOf(digest).settle();
      const part = resolveRange(size, range);
      streamed = part.lengthBytes > smallBytes;
      const content = streamed ? new FileContent(fd, part) : await readWhole(fd, part);
      return { sizeBytes: size, ...part, content };
    } catch (cause) {
      throw toBlobError(cause);
    } finally {
      if (!streamed) await closeFile(fd);
    }
  }

  async delete(digest: Digest): Promise<boolean> {
    return this.#folderOf(digest).remove(hexOf(digest));
  }

  async *listBlobs(): AsyncGenerator<StoredBlob> {
    for (const algorithm of algorithms) {
      const shards = await readdir(join(this.#blobs, algorithm));
      for (const shard of shards) {
        for (const hex of await readdir(join(this.#blobs, algorithm, shard))) {
          const digest = parseDigest(`${algorithm}:${hex}`);
          const found = digest && (await this.find(digest));
          if (digest && found) yield { digest, ...found };
        }
      }
    }
  }

  listUploads(): AsyncIterable<StoredUpload> {
    return this.#staging.list();
  }

  sweep(olderThanMs: number): Promise<number> {
    return this.#staging.sweep(this.#clock.nowMs() - olderThanMs);
  }

  async close(): Promise<void> {
    await this.#staging.close();
    await Promise.all([...this.#folders.values()].map((folder) => folder.close()));
    this.#folders.clear();
  }

  #folderOf(digest: Digest): DurableFolder {
    const name = join(algorithmOf(digest), hexOf(digest).slice(0, 2));
    let folder = this.#folders.get(name);
    if (!folder) {
      folder = new DurableFolder(join(this.#blobs, name), () => this.#atStep('placed'));
      this.#folders.set(name, folder);
    }
    return folder;
  }

  #pathOf(digest: Digest): string {
    const hex = hexOf(digest);
    return join(this.#blobs, algorithmOf(digest), hex.slice(0, 2), hex);
  }
}

interface Part {
  readonly start: number;
  readonly lengthBytes: number;
}

async function readWhole(fd: number, { start, lengthBytes }: Part): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(lengthBytes);
  for (let done = 0; done < lengthBytes; ) {
    const { bytesRead } = await readFrom(fd, buffer, done, lengthBytes - done, start + done);
    if (bytesRead === 0) throw new Error('the blob is shorter than its size');
    done += bytesRead;
  }
  return buffer;
}

function missing(cause: unknown): undefined {
  if (errnoOf(cause) !== 'ENOENT') throw toBlobError(cause);
}
