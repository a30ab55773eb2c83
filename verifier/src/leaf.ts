/** The hash under which an event's public body stands in the log (RFC 6962 §2.1). */
import type { Sha256 } from './sha256.ts';

/** SHA-256 over a zero byte and the body: 32 bytes. */
export function leafHash(body: Uint8Array, sha256: Pick<Sha256, 'bytes'>): Uint8Array {
  const prefixed = new Uint8Array(body.length + 1);
  prefixed.set(body, 1);
  return sha256.bytes(prefixed);
}

/**
 * The same hash in base64url, from the body's text: U+0000 is one zero byte in UTF-8, so nothing is copied. Costs a
 * third, which counts where every event recorded pays it.
 */
export function leafHashText(body: string, sha256: Pick<Sha256, 'text'>): string {
  return sha256.text(`\0${body}`);
}
