/** Bytes into lines, with a bound, so that a file is read in pieces and a line without an end cannot fill the memory. */
import { decodeUtf8 } from '../encoding.ts';
import { LogError } from '../log/log-error.ts';
import { maxHeadBytes } from './bundle-lines.ts';

const lineFeed = 0x0a;

/**
 * The lines, without their line feeds. Throws `too_large`, `malformed_bundle` for what is not UTF-8, and `truncated` when
 * the last line has no end.
 */
export function* splitLines(
  chunks: Iterable<Uint8Array>,
  maxLineBytes: number = maxHeadBytes,
): Generator<string, void, undefined> {
  // Pieces of a line that goes over several chunks are joined once, when it ends.
  let pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  for (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, start)) {
      pieces.push(chunk.subarray(start, end));
      sizeBytes += end - start;
      if (sizeBytes > maxLineBytes) throw new LogError('too_large');
      yield decodeLine(pieces, sizeBytes);
      pieces = [];
      sizeBytes = 0;
      start = end + 1;
    }
    if (start === chunk.length) continue;
    pieces.push(chunk.slice(start));
    sizeBytes += chunk.length - start;
    if (sizeBytes > maxLineBytes) throw new LogError('too_large');
  }
  if (sizeBytes > 0) throw new LogError('truncated');
}

function decodeLine(pieces: readonly Uint8Array[], sizeBytes: number): string {
  const [only] = pieces;
  let line = only ?? new Uint8Array(0);
  if (pieces.length > 1) {
    line = new Uint8Array(sizeBytes);
    let at = 0;
    for (const piece of pieces) {
      line.set(piece, at);
      at += piece.length;
    }
  }
  try {
    return decodeUtf8(line);
  } catch (cause) {
    throw new LogError('malformed_bundle', { cause });
  }
}
