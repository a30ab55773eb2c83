/**
 * What can go wrong in a blob store, as a closed set, so that each protocol's error table is exhaustive.
 * Details are safe to show to whoever made the request; paths and system messages stay in `cause`.
 */

export const blobErrorKinds = [
  /** An upload of this id exists already. */
  'upload_exists',
  /** No such upload: never begun, finished, aborted or swept. */
  'upload_unknown',
  /** Another call is changing this upload right now; nothing was read from the source. */
  'busy',
  /** The chunk does not begin where the upload ends; `sizeBytes` is where it ends. Nothing was read from the source. */
  'offset_mismatch',
  /** The upload would grow beyond `limitBytes`. */
  'too_large',
  /** The source broke off; `sizeBytes` of the upload are kept and can be continued. */
  'interrupted',
  /** The bytes are not those of the digest; the upload is gone. `digest` is what they are. */
  'digest_mismatch',
  'blob_unknown',
  /** The range begins at or after the end of the blob, which is `sizeBytes` long. */
  'range_unsatisfiable',
  /** Disk or quota full. */
  'no_space',
  /** The disk or the object storage failed or did not answer; `cause` says how. */
  'unavailable',
] as const;

export type BlobErrorKind = (typeof blobErrorKinds)[number];

export interface BlobErrorDetails {
  readonly sizeBytes?: number;
  readonly limitBytes?: number;
  readonly digest?: string;
}

export class BlobError extends Error {
  override readonly name = 'BlobError';
  readonly kind: BlobErrorKind;
  readonly details: BlobErrorDetails;

  constructor(kind: BlobErrorKind, details: BlobErrorDetails = {}, cause?: unknown) {
    super(`blob store: ${kind}`, cause === undefined ? undefined : { cause });
    this.kind = kind;
    this.details = details;
  }
}

const fullErrnos = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** Turns a failed system call into a BlobError; one that is a BlobError already passes through. */
export function toBlobError(cause: unknown): BlobError {
  if (cause instanceof BlobError) return cause;
  return new BlobError(fullErrnos.has(errnoOf(cause) ?? '') ? 'no_space' : 'unavailable', {}, cause);
}

export function errnoOf(cause: unknown): string | undefined {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
}
