/**
 * Blobs as objects in an S3 storage; unfinished uploads on the local disk, so each belongs to the node that began it.
 *
 *   <data>/uploads/<uuid>                   unfinished (staging.ts)
 *   s3://<bucket>/<prefix>sha256/ab/<hex>   finished, in one object; the key never changes its content
 *
 * An object is put only after its digest was checked; the storage shows it when its last request succeeded.
 */
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { GetObjectCommandOutput, ListMultipartUploadsCommandOutput, S3Client } from '@aws-sdk/client-s3';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  paginateListObjectsV2,
} from '@aws-sdk/client-s3';
import type { Digest, DigestAlgorithm } from '../domain/digest.ts';
import { algorithmOf, hexOf, parseDigest } from '../domain/digest.ts';
import type { Clock } from '../stdx/clock.ts';
import { BlobError, toBlobError } from './blob-error.ts';
import { createS3Client } from './s3-client.ts';
import type { ObjectPlace } from './s3-put.ts';
import { putFile, statusOf, tryAbort } from './s3-put.ts';
import type { S3Location } from './s3-url.ts';
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

export interface S3StoreOptions {
  readonly location: S3Location;
  /** The data folder; `uploads` is made in it. */
  readonly dataDir: string;
  readonly clock: Pick<Clock, 'nowMs'>;
  /** Called at each durable step of `finish`; for fault tests. */
  readonly atStep?: AtStep;
}

const algorithms: readonly DigestAlgorithm[] = ['sha256', 'sha512'];

/** Rejects with `unavailable` when the bucket cannot be reached: without it a missing bucket would look like missing blobs. */
export async function openS3Store(options: S3StoreOptions): Promise<S3Store> {
  const { location } = options;
  const client = createS3Client(location);
  try {
    await client.send(new HeadBucketCommand({ Bucket: location.bucket }));
    return new S3Store(
      options,
      client,
      await Staging.open(join(options.dataDir, 'uploads'), options.atStep ?? noSteps),
    );
  } catch (cause) {
    client.destroy();
    throw toS3Error(cause);
  }
}

export class S3Store implements BlobStore, BlobUpkeep {
  readonly #client: S3Client;
  readonly #location: S3Location;
  readonly #staging: Staging;
  readonly #clock: Pick<Clock, 'nowMs'>;
  readonly #atStep: AtStep;

  constructor(options: S3StoreOptions, client: S3Client, staging: Staging) {
    this.#client = client;
    this.#location = options.location;
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
    const sizeBytes = await this.#staging.finish(id, digest, async (upload) => {
      await putFile(this.#place(digest), { ...upload, digest }).catch(rethrow);
      // Crash here: the object is stored and the upload still there; finishing it again stores the same object, or it is swept.
      await this.#atStep('placed');
      await unlink(upload.path).catch(rethrow);
    });
    await this.#atStep('durable');
    return { sizeBytes, storedAt: this.#clock.nowMs() };
  }

  abort(id: UploadId): Promise<void> {
    return this.#staging.abort(id);
  }

  async find(digest: Digest): Promise<BlobStat | undefined> {
    try {
      const head = await this.#client.send(new HeadObjectCommand(this.#object(digest)));
      return { sizeBytes: head.ContentLength ?? 0, storedAt: head.LastModified?.getTime() ?? 0 };
    } catch (cause) {
      if (statusOf(cause) === 404) return undefined;
      throw toS3Error(cause);
    }
  }

  async open(digest: Digest, range?: ByteRange): Promise<OpenBlob> {
    // The protocol ignores a range whose ends are swapped; we do not.
    if (range?.end !== undefined && range.end < range.start) throw await this.#unsatisfiable(digest);
    const Range = range && `bytes=${range.start}-${range.end ?? ''}`;
    try {
      const answer = await this.#client.send(
        new GetObjectCommand({ ...this.#object(digest), ...(Range && { Range }) }),
      );
      return await toOpenBlob(answer, range);
    } catch (cause) {
      throw statusOf(cause) === 416 ? await this.#unsatisfiable(digest) : toReadError(cause);
    }
  }

  async delete(digest: Digest): Promise<boolean> {
    // The protocol answers alike whether there was an object or not.
    if (!(await this.find(digest))) return false;
    await this.#client.send(new DeleteObjectCommand(this.#object(digest))).catch(rethrow);
    return true;
  }

  async *listBlobs(): AsyncGenerator<StoredBlob> {
    const Bucket = this.#location.bucket;
    for (const algorithm of algorithms) {
      const Prefix = `${this.#location.prefix}${algorithm}/`;
      for await (const page of named(paginateListObjectsV2({ client: this.#client }, { Bucket, Prefix }))) {
        for (const { Key = '', Size = 0, LastModified } of page.Contents ?? []) {
          const digest = parseDigest(`${algorithm}:${Key.slice(Key.lastIndexOf('/') + 1)}`);
          if (digest && Key === this.#object(digest).Key) {
            yield { digest, sizeBytes: Size, storedAt: LastModified?.getTime() ?? 0 };
          }
        }
      }
    }
  }

  listUploads(): AsyncIterable<StoredUpload> {
    return this.#staging.list();
  }

  async sweep(olderThanMs: number): Promise<number> {
    const beforeMs = this.#clock.nowMs() - olderThanMs;
    return (await this.#staging.sweep(beforeMs)) + (await this.#sweepParts(beforeMs));
  }

  async close(): Promise<void> {
    await this.#staging.close();
    this.#client.destroy();
  }

  #object(digest: Digest): { Bucket: string; Key: string } {
    const hex = hexOf(digest);
    const Key = `${this.#location.prefix}${algorithmOf(digest)}/${hex.slice(0, 2)}/${hex}`;
    return { Bucket: this.#location.bucket, Key };
  }

  #place(digest: Digest): ObjectPlace {
    return { client: this.#client, ...this.#object(digest) };
  }

  async #unsatisfiable(digest: Digest): Promise<BlobError> {
    const found = await this.find(digest);
    return found
      ? new BlobError('range_unsatisfiable', { sizeBytes: found.sizeBytes })
      : new BlobError('blob_unknown');
  }

  /** Parts that a crash left: they cost money and no object names them. */
  async #sweepParts(beforeMs: number): Promise<number> {
    const Bucket = this.#location.bucket;
    let swept = 0;
    let markers: { KeyMarker?: string; UploadIdMarker?: string } = {};
    for (;;) {
      const command = new ListMultipartUploadsCommand({ Bucket, Prefix: this.#location.prefix, ...markers });
      const page = await this.#client.send(command).catch(noneWhereUnknown);
      for (const { Key = '', UploadId, Initiated } of page.Uploads ?? []) {
        const old = (Initiated?.getTime() ?? beforeMs) < beforeMs;
        if (old && (await tryAbort({ client: this.#client, Bucket, Key }, UploadId))) swept++;
      }
      if (!page.IsTruncated || page.NextKeyMarker === undefined) return swept;
      markers = {
        KeyMarker: page.NextKeyMarker,
        ...(page.NextUploadIdMarker === undefined ? {} : { UploadIdMarker: page.NextUploadIdMarker }),
      };
    }
  }
}

async function toOpenBlob(answer: GetObjectCommandOutput, range: ByteRange | undefined): Promise<OpenBlob> {
  const { Body, ContentLength: lengthBytes = 0, ContentRange = '' } = answer;
  if (!(Body instanceof Readable)) throw new Error('the answer has no body');
  const [, from, to, of] = (/^bytes (\d+)-(\d+)\/(\d+)$/.exec(ContentRange) ?? []).map(Number);
  const start = range?.start ?? 0;
  const end = Math.min(range?.end ?? Number.POSITIVE_INFINITY, (of ?? 0) - 1);
  if (range && (from !== start || to !== end || lengthBytes !== end - start + 1)) {
    Body.destroy();
    throw new Error('the storage answered another range than was asked for');
  }
  const sizeBytes = range ? (of ?? 0) : lengthBytes;
  if (lengthBytes > smallBytes) return { sizeBytes, start, lengthBytes, content: Body };
  const content = Buffer.concat(await Body.toArray());
  if (content.length !== lengthBytes) throw new Error('the answer was cut short');
  return { sizeBytes, start, lengthBytes, content };
}

async function* named<T>(pages: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* pages;
  } catch (cause) {
    throw toS3Error(cause);
  }
}

/** Some storages keep no list of unfinished puts; theirs are their own to remove. */
function noneWhereUnknown(cause: unknown): Partial<ListMultipartUploadsCommandOutput> {
  if (statusOf(cause) === 501) return {};
  throw toS3Error(cause);
}

function toReadError(cause: unknown): BlobError {
  return statusOf(cause) === 404 ? new BlobError('blob_unknown', {}, cause) : toS3Error(cause);
}

function toS3Error(cause: unknown): BlobError {
  return statusOf(cause) === 507 ? new BlobError('no_space', {}, cause) : toBlobError(cause);
}

function rethrow(cause: unknown): never {
  throw toS3Error(cause);
}
