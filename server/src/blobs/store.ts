/**
 * The contract of a content store: resumable uploads that become immutable blobs named by their digest.
 * It knows no project and no permission: a blob here is visible to nobody until a host links it.
 * `blobs.suite.ts` is this page as tests and runs on both drivers (files, S3).
 */
import type { Readable } from 'node:stream';
import type { Digest, DigestAlgorithm } from '../domain/digest.ts';
import type { UploadId } from './upload-id.ts';

/**
 * Durability: when `finish` resolves, the blob survives loss of power. Bytes of an unfinished upload survive a killed
 * process; after loss of power fewer may be left, `sizeOfUpload` says how many, and `finish` reads them all again.
 * Visibility: `find` and `open` see a blob only after its digest was checked and it is durable, and then see all of it.
 * Concurrency: one call at a time changes an upload, others get `busy` at once. Different uploads never wait for each
 * other, nor do two that finish with the same digest. One process owns the uploads of a data folder.
 * Errors: every rejection is a BlobError; each method names the kinds that are its own. `no_space` and `unavailable` are everybody's.
 */
export interface BlobStore {
  /** Begins an empty upload. `algorithm` is the one the client announced: another at `finish` costs reading it all again. `upload_exists`. */
  createUpload(id: UploadId, algorithm?: DigestAlgorithm): Promise<void>;

  /**
   * Adds the source's bytes at the end and resolves to the upload's new size in bytes.
   * What arrived before a failure is kept: `interrupted` (the source broke) and `too_large` leave an upload that can go on
   * at `sizeOfUpload`. `offset_mismatch`, `busy` and `upload_unknown` read nothing.
   * The source stays the caller's: it is not destroyed here, so an HTTP server can still answer on the same connection.
   * Its chunks must not be changed after they were handed over. At most some 2 MiB of an upload are in memory.
   */
  append(id: UploadId, source: ChunkSource, where: AppendWhere): Promise<number>;

  /** In bytes; during an `append` what has reached the disk so far. `upload_unknown`. */
  sizeOfUpload(id: UploadId): Promise<number>;

  /**
   * Checks the digest over everything, flushes, makes the blob present and ends the upload.
   * A blob that is present already is replaced by the bytes just checked (the same, so nobody notices, and rot is healed);
   * its `storedAt` becomes now. `digest_mismatch` removes the upload: its bytes are worth nothing to anybody. After
   * `unavailable` the upload either can be finished again or is gone (`upload_unknown`).
   */
  finish(id: UploadId, digest: Digest): Promise<BlobStat>;

  /** Ends the upload and drops its bytes. `upload_unknown`, `busy`. */
  abort(id: UploadId): Promise<void>;

  /** Undefined when there is no such blob. */
  find(digest: Digest): Promise<BlobStat | undefined>;

  /**
   * The blob's bytes, or a range of them (RFC 9110 §14.1.2: a last byte after the end is cut, a first one is
   * `range_unsatisfiable`). `blob_unknown`. A stream holds a descriptor or a connection until it ends or is destroyed: the
   * caller must do one of them. A blob deleted meanwhile is still read to its end.
   */
  open(digest: Digest, range?: ByteRange): Promise<OpenBlob>;

  /** Durable when it resolves; false when there was none. The caller knows that nothing links to the blob. */
  delete(digest: Digest): Promise<boolean>;
}

/** For garbage collection, fsck and the clock: what no request needs. Lists are unordered and see changes made meanwhile or not. */
export interface BlobUpkeep {
  listBlobs(): AsyncIterable<StoredBlob>;
  listUploads(): AsyncIterable<StoredUpload>;
  /** Drops what crashes and vanished clients left: uploads nobody has added to for so long, unfinished multipart puts. Resolves to how many. */
  sweep(olderThanMs: number): Promise<number>;
  /** Closes descriptors and connections. Uploads stay resumable. Only after the last call has settled. */
  close(): Promise<void>;
}

export type ChunkSource = Readable | AsyncIterable<Uint8Array>;

export interface AppendWhere {
  /** Where the chunk begins; must be the upload's present size. */
  readonly offset: number;
  /** The largest size the whole upload may reach, in bytes. */
  readonly limitBytes: number;
}

/** As in an HTTP range: both ends inside, `end` absent for "to the last byte". */
export interface ByteRange {
  readonly start: number;
  readonly end?: number;
}

export interface BlobStat {
  readonly sizeBytes: number;
  /** When these bytes were last stored, milliseconds since 1970; the basis of a garbage collector's grace time. */
  readonly storedAt: number;
}

export interface OpenBlob {
  /** Of the whole blob. */
  readonly sizeBytes: number;
  /** The first byte of `content` and how many there are. */
  readonly start: number;
  readonly lengthBytes: number;
  /** A Buffer when it is short (at most smallBytes), so that it costs no stream. */
  readonly content: Buffer | Readable;
}

export interface StoredBlob extends BlobStat {
  readonly digest: Digest;
}

export interface StoredUpload {
  readonly id: UploadId;
  readonly sizeBytes: number;
  /** Last addition, milliseconds since 1970. */
  readonly changedAt: number;
}

/** Up to this length `open` answers with a Buffer. */
export const smallBytes = 64 * 1024;
