/**
 * Signed notes (C2SP signed-note): a text, an empty line, and signature lines. Nothing of a note may be believed before
 * `openNote` found a signature by a key that the caller trusts; signatures by others are left aside.
 */
import { encodeUtf8, exceedsUtf8 } from '../encoding.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';
import { LogError } from './log-error.ts';
import { isKeyName, signatureTypes, type VerifierKey } from './verifier-key.ts';

/** Bytes of a note with its signatures: room for sixteen post-quantum ones. */
export const maxNoteBytes = 262_144;
export const maxSignatures = 64;

/** Whether this is an Ed25519 signature (RFC 8032) of the message by the 32-byte key. Must not throw. */
export type VerifyEd25519 = (check: {
  publicKey: Uint8Array;
  message: Uint8Array;
  signature: Uint8Array;
}) => boolean;

/** The 64-byte Ed25519 signature of the message. */
export type SignEd25519 = (message: Uint8Array) => Uint8Array;

export type NoteSignature = {
  name: string;
  keyId: number;
  /** What follows the key id; its form depends on the key's type. */
  bytes: Uint8Array;
};

export type SignedNote = {
  /** With its final newline; this is what is signed. */
  text: string;
  signatures: NoteSignature[];
};

export type TrustedSignature = {
  key: VerifierKey;
  /** Seconds since 1970, when the key's type signs the time. */
  timeSec?: number;
};

const dash = '\u2014';
const signatureLine = new RegExp(`^${dash} ([^ ]+) ([A-Za-z0-9+/=]+)$`, 'u');

/** Splits a note, checking its form only. Throws `too_large`, `malformed_note`, `malformed_signature`, `too_many_signatures`. */
export function parseNote(note: string): SignedNote {
  if (exceedsUtf8(note, maxNoteBytes)) throw new LogError('too_large');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is refused.
  if (!note.isWellFormed() || /[\u0000-\u0009\u000b-\u001f]/.test(note)) throw new LogError('malformed_note');
  // The text ends at the last empty line: it may hold empty ones itself.
  const end = note.lastIndexOf('\n\n');
  if (end < 0 || !note.endsWith('\n')) throw new LogError('malformed_note');
  const lines = note.slice(end + 2, -1).split('\n');
  if (lines.length > maxSignatures) throw new LogError('too_many_signatures');
  return { text: note.slice(0, end + 1), signatures: lines.map(parseSignature) };
}

function parseSignature(line: string, index: number): NoteSignature {
  const place = `signature ${index + 1}`;
  const [, name, encoded] = signatureLine.exec(line) ?? [];
  if (name === undefined || encoded === undefined || !isKeyName(name)) {
    throw new LogError('malformed_signature', { place });
  }
  let bytes: Uint8Array;
  try {
    bytes = decodeBase64(encoded);
  } catch (cause) {
    throw new LogError('malformed_signature', { place, cause });
  }
  if (bytes.length < 5) throw new LogError('malformed_signature', { place });
  return { name, keyId: new DataView(bytes.buffer, bytes.byteOffset).getUint32(0), bytes: bytes.subarray(4) };
}

/**
 * The note's text with the signatures by these keys, of which there is at least one and all are good. Throws as
 * `parseNote`, `no_trusted_signature`, and `wrong_signature` when a line names one of these keys and is not by it.
 */
export function openNote(
  note: string,
  { keys, verify }: { keys: readonly VerifierKey[]; verify: VerifyEd25519 },
): { text: string; signatures: TrustedSignature[] } {
  const { text, signatures } = parseNote(note);
  const trusted: TrustedSignature[] = [];
  for (const [index, signature] of signatures.entries()) {
    const key = keys.find(({ name, keyId }) => name === signature.name && keyId === signature.keyId);
    if (key === undefined) continue;
    if (trusted.some((earlier) => earlier.key === key)) {
      throw new LogError('malformed_signature', { place: `signature ${index + 1}` });
    }
    const opened = openSignature(text, { key, bytes: signature.bytes, verify });
    if (opened === undefined) throw new LogError('wrong_signature', { place: `signature ${index + 1}` });
    trusted.push(opened);
  }
  if (trusted.length === 0) throw new LogError('no_trusted_signature');
  return { text, signatures: trusted };
}

function openSignature(
  text: string,
  { key, bytes, verify }: { key: VerifierKey; bytes: Uint8Array; verify: VerifyEd25519 },
): TrustedSignature | undefined {
  const { publicKey } = key;
  if (key.type === signatureTypes.ed25519) {
    if (bytes.length !== 64 || !verify({ publicKey, message: encodeUtf8(text), signature: bytes }))
      return undefined;
    return { key };
  }
  if (bytes.length !== 72) return undefined;
  const timeSec = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0));
  if (!Number.isSafeInteger(timeSec)) return undefined;
  const message = timestampedMessage(text, timeSec);
  return verify({ publicKey, message, signature: bytes.subarray(8) }) ? { key, timeSec } : undefined;
}

/** C2SP tlog-cosignature, "Ed25519 signed message". */
function timestampedMessage(text: string, timeSec: number): Uint8Array {
  return encodeUtf8(`cosignature/v1\ntime ${timeSec}\n${text}`);
}

/** A key with its private half, which stays with whoever made `sign`. */
export type NoteSigner = { key: VerifierKey; sign: SignEd25519 };

/**
 * `text` with one signature line per signer. `timeSec` (seconds since 1970) is what signers of the timestamped type
 * state. Throws `malformed_note` when the text could not be read back.
 */
export function signNote(
  text: string,
  { signers, timeSec }: { signers: readonly NoteSigner[]; timeSec: number },
): string {
  const lines = signers.map(({ key, sign }) => {
    const bytes =
      key.type === signatureTypes.ed25519
        ? sign(encodeUtf8(text))
        : Uint8Array.of(...bigEndian64(timeSec), ...sign(timestampedMessage(text, timeSec)));
    return formatSignature({ name: key.name, keyId: key.keyId, bytes });
  });
  const note = `${text}\n${lines.join('')}`;
  if (parseNote(note).text !== text) throw new LogError('malformed_note');
  return note;
}

function formatSignature({ name, keyId, bytes }: NoteSignature): string {
  const line = new Uint8Array(4 + bytes.length);
  new DataView(line.buffer).setUint32(0, keyId);
  line.set(bytes, 4);
  return `${dash} ${name} ${encodeBase64(line)}\n`;
}

function bigEndian64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}
