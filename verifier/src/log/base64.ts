/**
 * Standard base64 (RFC 4648 §4, padded), which signed notes, checkpoints and proof texts use, and decimal numbers. As
 * with base64url (encoding.ts) one accepted spelling per value.
 */
import { decodeBase64url, encodeBase64url } from '../encoding.ts';
import { LogError } from './log-error.ts';
import { hashBytes } from './tree.ts';

export function encodeBase64(bytes: Uint8Array): string {
  const text = encodeBase64url(bytes).replaceAll('-', '+').replaceAll('_', '/');
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=');
}

/** Throws `malformed_base64`. */
export function decodeBase64(text: string): Uint8Array {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw new LogError('malformed_base64');
  try {
    return decodeBase64url(text.replace(/=+$/, '').replaceAll('+', '-').replaceAll('/', '_'));
  } catch {
    // biome-ignore lint/style/useErrorCause: the reason of the other spelling would only confuse.
    throw new LogError('malformed_base64');
  }
}

/** 32 bytes. Throws `malformed_base64`, `malformed_hash`. */
export function decodeHash(text: string): Uint8Array {
  const hash = decodeBase64(text);
  if (hash.length !== hashBytes) throw new LogError('malformed_hash');
  return hash;
}

/** A decimal number without sign or leading zeros. Throws `malformed_number`, also above 2^53 - 1. */
export function parseDecimal(text: string): number {
  const value = /^(?:0|[1-9][0-9]{0,15})$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw new LogError('malformed_number');
  return value;
}
