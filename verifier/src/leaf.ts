/** The hash under which an event's public body stands in the log (RFC 6962 §2.1). */
import { encodeUtf8 } from './encoding.ts';
import type { Sha256 } from './sha256.ts';

/** SHA-256 over a zero byte and the body: 32 bytes. A body given as text is encoded once, with its prefix. */
export function leafHash(body: Uint8Array | string, sha256: Pick<Sha256, 'bytes'>): Uint8Array {
  if (typeof body === 'string') return sha256.bytes(encodeUtf8(`\0${body}`));
  const prefixed = new Uint8Array(body.length + 1);
  prefixed.set(body, 1);
  return sha256.bytes(prefixed);
}
