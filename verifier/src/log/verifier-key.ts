/**
 * Keys that sign notes (C2SP signed-note, "Verifier keys"), written as `<name>+<key id>+<type and key>`. Two types of
 * signature are known, both Ed25519: of the note itself, and with the time of signing (C2SP tlog-cosignature).
 */
import { encodeUtf8 } from '../encoding.ts';
import type { Sha256 } from '../sha256.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';
import { LogError } from './log-error.ts';

/** The byte that says how a key signs. */
export const signatureTypes = { ed25519: 0x01, timestampedEd25519: 0x04 } as const;
export type SignatureType = (typeof signatureTypes)[keyof typeof signatureTypes];

export type VerifierKey = {
  /** Of a log's key: the log's origin. */
  name: string;
  /** 32 bits that, with the name, say which key a signature line is of; no proof of anything. */
  keyId: number;
  type: SignatureType;
  /** 32 bytes (RFC 8032 §5.1.5). */
  publicKey: Uint8Array;
};

const publicKeyBytes = 32;
/** A name is a line's part; what is longer than this is nobody's. */
const maxNameLength = 1024;

/** Throws `malformed_key`, `unsupported_key_type`, `key_id_mismatch`. */
export function parseVerifierKey(vkey: string, sha256: Pick<Sha256, 'bytes'>): VerifierKey {
  const [, name, id, encoded] = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(vkey) ?? [];
  if (name === undefined || id === undefined || encoded === undefined || !isKeyName(name)) {
    throw new LogError('malformed_key');
  }
  const bytes = tryDecode(encoded);
  const type = bytes[0];
  if (type !== signatureTypes.ed25519 && type !== signatureTypes.timestampedEd25519) {
    throw new LogError('unsupported_key_type');
  }
  const publicKey = bytes.subarray(1);
  if (publicKey.length !== publicKeyBytes) throw new LogError('malformed_key');
  const key = verifierKey({ name, type, publicKey }, sha256);
  if (formatKeyId(key.keyId) !== id) throw new LogError('key_id_mismatch');
  return key;
}

export function formatVerifierKey({ name, keyId, type, publicKey }: VerifierKey): string {
  return `${name}+${formatKeyId(keyId)}+${encodeBase64(Uint8Array.of(type, ...publicKey))}`;
}

/** The key with its id. Throws `malformed_key` for a name with white space or `+`, or a key that is not 32 bytes. */
export function verifierKey(
  { name, type, publicKey }: Omit<VerifierKey, 'keyId'>,
  sha256: Pick<Sha256, 'bytes'>,
): VerifierKey {
  if (!isKeyName(name) || publicKey.length !== publicKeyBytes) throw new LogError('malformed_key');
  const digest = sha256.bytes(Uint8Array.of(...encodeUtf8(name), 0x0a, type, ...publicKey));
  const keyId = new DataView(digest.buffer, digest.byteOffset).getUint32(0);
  return { name, keyId, type, publicKey };
}

/** The same name and public key, signing with the time: a log's checkpoints are dated by it. */
export function timestampKey(key: VerifierKey, sha256: Pick<Sha256, 'bytes'>): VerifierKey {
  return verifierKey({ ...key, type: signatureTypes.timestampedEd25519 }, sha256);
}

export function isKeyName(name: string): boolean {
  return /^[^+\p{White_Space}\p{Cc}]+$/u.test(name) && name.length <= maxNameLength && name.isWellFormed();
}

export function formatKeyId(keyId: number): string {
  return keyId.toString(16).padStart(8, '0');
}

function tryDecode(encoded: string): Uint8Array {
  try {
    return decodeBase64(encoded);
  } catch (cause) {
    throw new LogError('malformed_key', { cause });
  }
}
