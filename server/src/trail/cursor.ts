/**
 * The opaque place in a list: an index and a direction, bound to the view and filter it was made for. It carries no
 * right and no secret (what a reader may see is decided anew for each page), so it is checked, not signed.
 *
 *   version(1) direction(1) index(8, big endian) question(8) check(4, CRC-32 of the rest)      base64url
 */
import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { invalid } from '../domain/error.ts';

export type Place = { direction: 'older' | 'newer'; index: number };

const version = 1;
const sizeBytes = 22;
const checkAt = 18;

let lastQuestion = '';
let lastMark = Buffer.alloc(0);

/** A page makes two cursors of one question. */
function markOf(question: string): Buffer {
  if (question !== lastQuestion) lastMark = hash('sha256', question, 'buffer').subarray(0, 8);
  lastQuestion = question;
  return lastMark;
}

/** `question`: canonical text of the view and the filter. */
export function formatCursor({ direction, index }: Place, question: string): string {
  const bytes = Buffer.alloc(sizeBytes);
  bytes[0] = version;
  bytes[1] = direction === 'older' ? 0 : 1;
  // `newer` than nothing is asked with -1; kept as index + 1.
  bytes.writeBigUInt64BE(BigInt(index + 1), 2);
  markOf(question).copy(bytes, 10);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, checkAt)), checkAt);
  return bytes.toString('base64url');
}

/** Throws `invalid` naming `cursor`. */
export function parseCursor(text: string, question: string): Place {
  const bytes = Buffer.from(text, 'base64url');
  const whole =
    bytes.length === sizeBytes &&
    bytes.toString('base64url') === text &&
    bytes[0] === version &&
    (bytes[1] as number) <= 1;
  if (!whole || crc32(bytes.subarray(0, checkAt)) !== bytes.readUInt32BE(checkAt)) {
    throw invalid(
      'cursor',
      'The cursor is malformed. Take it unchanged from "next" or "previous" of a page, or leave it out to begin anew.',
    );
  }
  if (!markOf(question).equals(bytes.subarray(10, checkAt))) {
    throw invalid(
      'cursor',
      'The cursor belongs to another search. Repeat the filters it was made with, or leave it out to begin anew.',
    );
  }
  const index = bytes.readBigUInt64BE(2) - 1n;
  if (index > BigInt(Number.MAX_SAFE_INTEGER))
    throw invalid('cursor', 'The cursor is malformed: no event has such an index.');
  return { direction: bytes[1] === 0 ? 'older' : 'newer', index: Number(index) };
}
