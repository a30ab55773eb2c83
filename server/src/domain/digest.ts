/**
 * A content digest as OCI image-spec 1.1 "Digests" writes it: `<algorithm>:<lower-case hex>`.
 * `parseDigest` and `digestOf` are the only makers of a Digest, so whoever holds one may build a path or a key from it.
 */
import { hash } from 'node:crypto';

export type DigestAlgorithm = 'sha256' | 'sha512';
export type Digest = string & { readonly __brand: 'Digest' };

const forms: Readonly<Record<DigestAlgorithm, RegExp>> = {
  sha256: /^sha256:[0-9a-f]{64}$/,
  sha512: /^sha512:[0-9a-f]{128}$/,
};

/** Undefined for everything but a registered algorithm with its exact length in lower-case hex. */
export function parseDigest(text: string): Digest | undefined {
  return forms.sha256.test(text) || forms.sha512.test(text) ? (text as Digest) : undefined;
}

export function algorithmOf(digest: Digest): DigestAlgorithm {
  return digest.startsWith('sha256:') ? 'sha256' : 'sha512';
}

/** The part after the colon: 64 or 128 lower-case hex digits. */
export function hexOf(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1);
}

/** The digest of bytes held in memory; a stream is hashed by the blob store. */
export function digestOf(algorithm: DigestAlgorithm, bytes: string | Uint8Array): Digest {
  return `${algorithm}:${hash(algorithm, bytes, 'hex')}` as Digest;
}
