/** Cuts a requested range to a blob's size (RFC 9110 §14.1.2). Parsing the header is the HTTP layer's. */
import { BlobError } from './blob-error.ts';
import type { ByteRange } from './store.ts';

export function resolveRange(
  sizeBytes: number,
  range: ByteRange | undefined,
): { start: number; lengthBytes: number } {
  if (!range) return { start: 0, lengthBytes: sizeBytes };
  const end = Math.min(range.end ?? sizeBytes - 1, sizeBytes - 1);
  if (range.start < 0 || range.start >= sizeBytes || end < range.start) {
    throw new BlobError('range_unsatisfiable', { sizeBytes });
  }
  return { start: range.start, lengthBytes: end - range.start + 1 };
}
