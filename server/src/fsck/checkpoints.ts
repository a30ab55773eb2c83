/**
 * Signed heads: by whom, of which root, and when. The keys stand in the log itself, in the events that announced them, so
 * a head counts as signed only by a key that was announced below it.
 */
import { createPublicKey, verify } from 'node:crypto';
import {
  LogError,
  type OpenedCheckpoint,
  openCheckpoint,
  parseCheckpoint,
  parseNote,
  parseVerifierKey,
  type VerifierKey,
  type VerifyEd25519,
} from '@tallyman/verifier';
import { nodeSha256 } from '../trail/seal.ts';
import { announcesKey } from './key-announcement.ts';

/** DER of a SubjectPublicKeyInfo with an Ed25519 key (RFC 8410 §4), up to the key itself. */
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex');

export const verifyEd25519: VerifyEd25519 = ({ publicKey, message, signature }) => {
  try {
    const der = Buffer.concat([spkiPrefix, publicKey]);
    return verify(null, message, createPublicKey({ key: der, format: 'der', type: 'spki' }), signature);
  } catch {
    return false;
  }
};

/** The keys that the events up to somewhere announced. */
export class AnnouncedKeys {
  readonly keys: VerifierKey[] = [];

  /** Bodies of other events, and those that cannot be read, announce nothing. */
  learn(body: string): void {
    if (!announcesKey(body)) return;
    try {
      const { type, details } = JSON.parse(body) as { type: string; details: Record<string, unknown> };
      const key =
        type === 'log.key.create' ? details.key : type === 'log.key.rotate' ? details.to : undefined;
      if (typeof key === 'string') this.keys.push(parseVerifierKey(key, nodeSha256));
    } catch {
      // The event's own check names it.
    }
  }
}

/** Or the word that says why it is not believed. */
export function openHead(note: string, keys: readonly VerifierKey[]): OpenedCheckpoint | string {
  try {
    return openCheckpoint(note, { keys, verify: verifyEd25519, sha256: nodeSha256 });
  } catch (error) {
    if (error instanceof LogError) return error.message;
    throw error;
  }
}

/** As the note says, whether it is to be believed or not; 0 when it says nothing. */
export function sizeIn(note: string): number {
  try {
    return parseCheckpoint(parseNote(note).text).size;
  } catch {
    return 0;
  }
}
