/** The two range headers: what part of a blob is wanted, and which part of an upload a chunk is. */
import type { ByteRange } from '../blobs/store.ts';
import { AppError } from '../domain/error.ts';
import { rangeUnsatisfiable } from './errors.ts';

/**
 * RFC 9110 §14.1.2, one range. Undefined when the whole blob is to be sent: no header, another unit, several ranges.
 * Throws range_not_satisfiable for a range outside the blob or one that ends before it begins.
 */
export function parseRange(header: string | undefined, sizeBytes: number): ByteRange | undefined {
  if (header === undefined) return undefined;
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header.trim());
  if (!match) return undefined;
  const [, first = '', last = ''] = match;
  if (first === '') return suffix(last, sizeBytes);
  const start = Number(first);
  const end = last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1);
  if (start >= sizeBytes || end < start) throw rangeUnsatisfiable(sizeBytes);
  return { start, end };
}

function suffix(length: string, sizeBytes: number): ByteRange | undefined {
  if (length === '') return undefined;
  const bytes = Number(length);
  if (bytes === 0 || sizeBytes === 0) throw rangeUnsatisfiable(sizeBytes);
  return { start: Math.max(0, sizeBytes - bytes), end: sizeBytes - 1 };
}

/** OCI distribution-spec 1.1 §Pushing a blob in chunks: `<first>-<last>`. Some clients write the form of RFC 9110. */
export function parseChunkRange(header: string): { start: number; lengthBytes: number } {
  const match = /^(?:bytes[ =])?(\d{1,15})-(\d{1,15})(?:\/(?:\d{1,15}|\*))?$/.exec(header.trim());
  const start = Number(match?.[1]);
  const end = Number(match?.[2]);
  if (!match || end < start) {
    throw new AppError(
      'invalid',
      'Content-Range must be the first and the last byte of the chunk, such as 0-1023.',
      {
        reason: 'upload_invalid',
        details: { field: 'content-range' },
      },
    );
  }
  return { start, lengthBytes: end - start + 1 };
}
