/**
 * One upload's open file: appends large writes, keeps a running digest and pushes dirty pages to the disk early, so that
 * the flush at the end is short. Not safe for two calls at once; staging.ts sees to that.
 */

import type { Hash } from 'node:crypto';
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { Digest, DigestAlgorithm } from '../domain/digest.ts';
import { parseDigest } from '../domain/digest.ts';
import { BlobError, toBlobError } from './blob-error.ts';
import type { ChunkSource } from './store.ts';

/** One write is about this long: chunks of a socket (64 KiB) are gathered, not copied. */
const writeBytes = 1024 * 1024;
/** So many small chunks also make a write, so that a source of single bytes does not pile up objects. */
const writeChunks = 512;
/** Write-back begins when so much is dirty. */
const flushEveryBytes = 16 * 1024 * 1024;
const readBytes = 1024 * 1024;

export class UploadFile {
  readonly #handle: FileHandle;
  readonly #hash: Hash | undefined;
  readonly #algorithm: DigestAlgorithm;
  #sizeBytes: number;
  #dirtyBytes: number;
  #flushing: Promise<void> | undefined;
  #flushFailure: unknown;
  #broken = false;

  /** The running digest is possible only from the first byte on; without it `digest` reads the file again. */
  constructor(handle: FileHandle, sizeBytes: number, algorithm: DigestAlgorithm = 'sha256') {
    this.#handle = handle;
    this.#sizeBytes = sizeBytes;
    // What was written before this handle was opened may not be on the disk yet.
    this.#dirtyBytes = 1;
    this.#algorithm = algorithm;
    this.#hash = sizeBytes === 0 ? createHash(algorithm) : undefined;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** A write failed half-way: size and running digest no longer say what is in the file. Only a new UploadFile does. */
  get broken(): boolean {
    return this.#broken;
  }

  /** A write-back failed: the kernel reports that once and may show pages that the disk never got. The bytes must never become a blob. */
  get lost(): boolean {
    return this.#flushFailure !== undefined;
  }

  /** Everything that arrived before a failure is in the file when this rejects, unless the write itself failed. */
  async append(source: ChunkSource, limitBytes: number): Promise<void> {
    let batch: Uint8Array[] = [];
    let acceptedBytes = this.#sizeBytes;
    let batchedBytes = 0;
    let writing: Promise<void> = Promise.resolve();
    let failure: BlobError | undefined;
    try {
      for await (const chunk of chunksOf(source)) {
        if (acceptedBytes + chunk.length > limitBytes) throw new BlobError('too_large', { limitBytes });
        acceptedBytes += chunk.length;
        batchedBytes += chunk.length;
        this.#hash?.update(chunk);
        batch.push(chunk);
        if (batchedBytes < writeBytes && batch.length < writeChunks) continue;
        // One write is under way while the next batch is gathered and hashed; the wait for it is the back-pressure.
        await writing;
        writing = this.#write(batch, batchedBytes);
        writing.catch(ignore);
        batch = [];
        batchedBytes = 0;
      }
    } catch (cause) {
      failure =
        cause instanceof BlobError
          ? cause
          : new BlobError('interrupted', { sizeBytes: acceptedBytes }, cause);
    }
    await writing;
    if (batchedBytes > 0) await this.#write(batch, batchedBytes);
    if (failure) throw failure;
  }

  /** The digest of the whole file. */
  async digest(algorithm: DigestAlgorithm): Promise<Digest> {
    const hash =
      this.#hash && algorithm === this.#algorithm ? this.#hash.copy() : await this.#readAgain(algorithm);
    const digest = parseDigest(`${algorithm}:${hash.digest('hex')}`);
    if (!digest) throw new Error('unreachable: a hash in hex is a digest');
    return digest;
  }

  /** Contents and size are durable when this resolves; after a rejection the file is `lost`. */
  async flush(): Promise<void> {
    await this.#flushing;
    if (this.#dirtyBytes > 0) await this.#startFlush();
    if (this.#flushFailure !== undefined) throw toBlobError(this.#flushFailure);
  }

  async close(): Promise<void> {
    await this.#flushing;
    await this.#handle.close();
  }

  async #write(batch: readonly Uint8Array[], bytes: number): Promise<void> {
    try {
      let { bytesWritten } = await this.#handle.writev(batch, this.#sizeBytes);
      if (bytesWritten < bytes) {
        // A disk about to be full, or a signal: the rest goes out plainly, and fails there if it must.
        const rest = Buffer.concat(batch).subarray(bytesWritten);
        while (bytesWritten < bytes) {
          const done = await this.#handle.write(
            rest,
            bytesWritten - (bytes - rest.length),
            null,
            this.#sizeBytes + bytesWritten,
          );
          bytesWritten += done.bytesWritten;
        }
      }
    } catch (cause) {
      this.#broken = true;
      throw toBlobError(cause);
    }
    this.#sizeBytes += bytes;
    this.#dirtyBytes += bytes;
    if (this.#dirtyBytes >= flushEveryBytes && !this.#flushing) void this.#startFlush();
  }

  /** Never rejects. */
  #startFlush(): Promise<void> {
    this.#dirtyBytes = 0;
    this.#flushing = this.#handle
      .datasync()
      .catch((cause: unknown) => {
        this.#flushFailure = cause;
      })
      .finally(() => {
        this.#flushing = undefined;
      });
    return this.#flushing;
  }

  async #readAgain(algorithm: DigestAlgorithm): Promise<Hash> {
    const hash = createHash(algorithm);
    const buffer = Buffer.allocUnsafeSlow(readBytes);
    for (let position = 0; position < this.#sizeBytes; ) {
      const { bytesRead } = await this.#handle.read(buffer, 0, readBytes, position).catch(rethrow);
      if (bytesRead === 0)
        throw new BlobError('unavailable', {}, new Error('the upload is shorter than it was'));
      hash.update(buffer.subarray(0, bytesRead));
      position += bytesRead;
    }
    return hash;
  }
}

/** Leaving the loop early must not destroy a socket that an answer still has to go out on. */
function chunksOf(source: ChunkSource): AsyncIterable<Uint8Array> {
  return source instanceof Readable ? source.iterator({ destroyOnReturn: false }) : source;
}

function rethrow(cause: unknown): never {
  throw toBlobError(cause);
}

function ignore(): void {}
