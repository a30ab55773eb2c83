/**
 * UTF-8 and base64url (RFC 4648 §5, no padding), each with exactly one accepted spelling per value: two texts that
 * decode to the same bytes would be two names for one digest.
 */
import { EventError } from './errors.ts';

const encoder = new TextEncoder();
// ignoreBOM keeps a leading U+FEFF in the text, so that it is refused as JSON instead of being dropped unseen.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** `text` must be well-formed Unicode; a lone surrogate would silently become U+FFFD. */
export function encodeUtf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Throws `not_utf8`. */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    // biome-ignore lint/style/useErrorCause: the decoder's error says nothing more.
    throw new EventError('not_utf8');
  }
}

/** Whether `text` takes more than `maxBytes` in UTF-8; looks at the bytes only when the length leaves it open. */
export function exceedsUtf8(text: string, maxBytes: number): boolean {
  // A UTF-16 code unit takes one to three bytes.
  if (text.length > maxBytes) return true;
  if (text.length * 3 <= maxBytes) return false;
  return encoder.encode(text).length > maxBytes;
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const sextets = new Map(Array.from(alphabet, (letter, sextet) => [letter, sextet]));

export function encodeBase64url(bytes: Uint8Array): string {
  let text = '';
  let pending = 0;
  let pendingBits = 0;
  for (const byte of bytes) {
    pending = ((pending << 8) | byte) & 0xffff;
    pendingBits += 8;
    while (pendingBits >= 6) {
      pendingBits -= 6;
      text += alphabet.charAt((pending >> pendingBits) & 63);
    }
  }
  return pendingBits === 0 ? text : text + alphabet.charAt((pending << (6 - pendingBits)) & 63);
}

/** Throws `malformed_base64url` for any other letter, for padding, and for left-over bits that are not zero. */
export function decodeBase64url(text: string): Uint8Array {
  const bytes = new Uint8Array(Math.floor((text.length * 6) / 8));
  let pending = 0;
  let pendingBits = 0;
  let length = 0;
  for (const letter of text) {
    const sextet = sextets.get(letter);
    if (sextet === undefined) throw new EventError('malformed_base64url');
    pending = ((pending << 6) | sextet) & 0xffff;
    pendingBits += 6;
    if (pendingBits >= 8) {
      pendingBits -= 8;
      bytes[length++] = (pending >> pendingBits) & 255;
    }
  }
  if (pendingBits >= 6 || (pending & ((1 << pendingBits) - 1)) !== 0)
    throw new EventError('malformed_base64url');
  return bytes;
}
