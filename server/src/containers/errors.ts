/**
 * Errors as OCI answers (distribution-spec 1.1 §Error Codes). The status follows the code of the AppError, in the table
 * every surface shares; the OCI code follows the reason where one says more.
 */
import type { Reason } from '@tallyman/contract';
import { BlobError, type BlobErrorKind } from '../blobs/blob-error.ts';
import { AppError, type ErrorCode } from '../domain/error.ts';
import { statusOf, toAppError } from '../http/problem.ts';

export type OciCode =
  | 'BLOB_UNKNOWN'
  | 'BLOB_UPLOAD_INVALID'
  | 'BLOB_UPLOAD_UNKNOWN'
  | 'DIGEST_INVALID'
  | 'MANIFEST_BLOB_UNKNOWN'
  | 'MANIFEST_INVALID'
  | 'MANIFEST_UNKNOWN'
  | 'NAME_INVALID'
  | 'NAME_UNKNOWN'
  | 'SIZE_INVALID'
  | 'UNAUTHORIZED'
  | 'DENIED'
  | 'UNSUPPORTED'
  | 'TOOMANYREQUESTS'
  | 'UNAVAILABLE'
  | 'UNKNOWN';

/** Where the reason says nothing finer. */
const byCode: Readonly<Record<ErrorCode, OciCode>> = {
  invalid: 'UNSUPPORTED',
  unauthenticated: 'UNAUTHORIZED',
  forbidden: 'DENIED',
  not_found: 'NAME_UNKNOWN',
  conflict: 'DENIED',
  range_not_satisfiable: 'UNSUPPORTED',
  too_large: 'SIZE_INVALID',
  unsupported: 'UNSUPPORTED',
  unprocessable: 'UNSUPPORTED',
  method_not_allowed: 'UNSUPPORTED',
  rate_limited: 'TOOMANYREQUESTS',
  unavailable: 'UNAVAILABLE',
  internal: 'UNKNOWN',
};

const byReason: Readonly<Partial<Record<Reason, OciCode>>> = {
  blob_unknown: 'BLOB_UNKNOWN',
  upload_unknown: 'BLOB_UPLOAD_UNKNOWN',
  upload_invalid: 'BLOB_UPLOAD_INVALID',
  size_mismatch: 'SIZE_INVALID',
  digest_invalid: 'DIGEST_INVALID',
  digest_mismatch: 'DIGEST_INVALID',
  manifest_blob_unknown: 'MANIFEST_BLOB_UNKNOWN',
  manifest_invalid: 'MANIFEST_INVALID',
  manifest_too_large: 'MANIFEST_INVALID',
  media_type_unsupported: 'MANIFEST_INVALID',
  tag_invalid: 'MANIFEST_INVALID',
  manifest_unknown: 'MANIFEST_UNKNOWN',
  tag_unknown: 'MANIFEST_UNKNOWN',
  name_invalid: 'NAME_INVALID',
};

export type OciErrorBody = {
  errors: [{ code: OciCode; message: string; detail: Record<string, string | number | boolean> }];
};

export function statusOfError(error: AppError): number {
  return statusOf[error.code];
}

export function bodyOfError(error: AppError): OciErrorBody {
  const code = (error.reason && byReason[error.reason]) ?? byCode[error.code];
  const detail = Object.fromEntries(Object.entries(error.details).filter(([, value]) => value !== undefined));
  return {
    errors: [{ code, message: error.message, detail: detail as Record<string, string | number | boolean> }],
  };
}

/** Whatever was thrown, as something a client can be told. */
export function toContainerError(error: unknown, requestId: string): AppError {
  return toAppError(error instanceof BlobError ? fromBlobStore(error) : error, requestId);
}

/** The client went away in the middle of its body: there is nobody to answer and nothing was refused. */
export class ClientGone extends Error {
  constructor(cause: unknown) {
    super('the client broke off its request', { cause });
    this.name = 'ClientGone';
  }
}

const blobErrors: Readonly<Record<BlobErrorKind, (error: BlobError) => Error>> = {
  upload_exists: (cause) => new Error('an upload id was given out twice', { cause }),
  upload_unknown: () => uploadUnknown(),
  busy: () =>
    new AppError(
      'conflict',
      'Another request is sending to this upload right now. Wait for it, then ask for the upload’s range.',
      {
        reason: 'conflict',
      },
    ),
  offset_mismatch: (error) => outOfOrder(error.details.sizeBytes ?? 0),
  too_large: (error) =>
    new AppError('too_large', `A blob may have at most ${error.details.limitBytes} bytes here.`, {
      reason: 'too_large',
      details: { limitBytes: error.details.limitBytes ?? 0 },
    }),
  interrupted: (cause) => new ClientGone(cause),
  digest_mismatch: (error) =>
    new AppError(
      'invalid',
      `The content does not match the digest given: what arrived is ${error.details.digest}.`,
      {
        reason: 'digest_mismatch',
        details: { field: 'digest' },
      },
    ),
  blob_unknown: (cause) => new Error('a linked blob is missing from the store', { cause }),
  range_unsatisfiable: (error) => rangeUnsatisfiable(error.details.sizeBytes ?? 0),
  no_space: (cause) =>
    new AppError('unavailable', 'The server has no room left for content. Tell its administrator.', {
      reason: 'unavailable',
      retryAfterSeconds: 60,
      cause,
    }),
  unavailable: (cause) =>
    new AppError('unavailable', 'The server cannot reach its content store now. Try again in a moment.', {
      reason: 'unavailable',
      retryAfterSeconds: 10,
      cause,
    }),
};

function fromBlobStore(error: BlobError): Error {
  return blobErrors[error.kind](error);
}

export function uploadUnknown(): AppError {
  return new AppError(
    'not_found',
    'There is no such upload: it was finished, cancelled, given up after a long silence, or is another’s. Begin again.',
    {
      reason: 'upload_unknown',
    },
  );
}

export function blobUnknown(digest: string): AppError {
  return new AppError('not_found', `There is no blob ${digest} in this project.`, {
    reason: 'blob_unknown',
    details: { digest },
  });
}

export function manifestUnknown(reference: string): AppError {
  const shown = reference.slice(0, 200);
  return new AppError('not_found', `There is no manifest ${shown} in this project.`, {
    reason: 'manifest_unknown',
    details: { reference: shown },
  });
}

export function outOfOrder(sizeBytes: number): AppError {
  return new AppError(
    'range_not_satisfiable',
    `The chunk does not continue the upload, which has ${sizeBytes} bytes so far.`,
    {
      reason: 'upload_invalid',
      details: { field: 'content-range', sizeBytes },
    },
  );
}

export function rangeUnsatisfiable(sizeBytes: number): AppError {
  return new AppError(
    'range_not_satisfiable',
    `The range asked for is not in the blob, which has ${sizeBytes} bytes.`,
    {
      reason: 'request_invalid',
      details: { field: 'range', sizeBytes },
    },
  );
}

/** Errors that the written rules say are no refusals (design, section 6.2). */
const unrecorded = new WeakSet<AppError>();

export function withoutEvent(error: AppError): AppError {
  unrecorded.add(error);
  return error;
}

export function needsEvent(error: AppError): boolean {
  return !unrecorded.has(error);
}
