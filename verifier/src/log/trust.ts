/**
 * Which key of a log may have signed which checkpoint (docs/spec/log.md §5). It begins with the one key that the user
 * supplied, and is extended by rotations alone: the old key signed that the new one follows it.
 */
import { canonicalize } from '../canonical.ts';
import { encodeUtf8 } from '../encoding.ts';
import { EventError } from '../errors.ts';
import type { Json, JsonObject } from '../json.ts';
import { maxBodyBytes } from '../json.ts';
import { leafHash } from '../leaf.ts';
import { parseBody } from '../parse.ts';
import type { Sha256 } from '../sha256.ts';
import { type OpenedCheckpoint, openCheckpoint } from './checkpoint.ts';
import { LogError } from './log-error.ts';
import { maxNoteBytes, parseNote, type VerifyEd25519 } from './note.ts';
import { parseProofText } from './proof-text.ts';
import { verifyInclusion } from './proofs.ts';
import { formatVerifierKey, parseVerifierKey, signatureTypes, type VerifierKey } from './verifier-key.ts';

/** How far ahead of the verifier's clock a log may be. */
export const clockToleranceSec = 300;

export type TrustedKey = {
  key: VerifierKey;
  /** Size of the handover that made it the log's key; 0 for the key that the user supplied. */
  fromSize: number;
  /** Size of the handover after which it signs no more. */
  untilSize?: number;
};

/** A log and its keys, oldest first, of which the last is the present one. */
export type Trust = { origin: string; keys: readonly [TrustedKey, ...TrustedKey[]] };

/** How a log announced a new key. */
export type Rotation = {
  /** Public body of the `log.key.rotate` event. */
  body: string;
  /** tlog-proof text of its inclusion in the handover. */
  proof: string;
};

export type Cryptography = { sha256: Pick<Sha256, 'bytes'>; verify: VerifyEd25519 };

/** Trust in a log that comes from a verifier key the user has from elsewhere. Throws as `parseVerifierKey`. */
export function trustKey(vkey: string, sha256: Pick<Sha256, 'bytes'>): Trust {
  const key = parseVerifierKey(vkey, sha256);
  if (key.type !== signatureTypes.ed25519) throw new LogError('unsupported_key_type');
  return { origin: key.name, keys: [{ key, fromSize: 0 }] };
}

/** A checkpoint that this log signed with the key of its time. */
export type TrustedCheckpoint = OpenedCheckpoint & { timeSec: number };

/**
 * Throws as `openCheckpoint`, `wrong_origin`, `retired_key`, `unannounced_key`, `missing_timestamp` and, when
 * `nowSec` (seconds since 1970) is given, `future_dated`.
 */
export function openTrustedCheckpoint(
  note: string,
  { trust, nowSec, ...cryptography }: { trust: Trust; nowSec?: number } & Cryptography,
): TrustedCheckpoint {
  requireOrigin(note, trust.origin);
  const opened = openCheckpoint(note, { ...cryptography, keys: trust.keys.map(({ key }) => key) });
  const signers = trust.keys.filter(({ key }) => opened.signedBy.includes(key));
  const inTime = signers.filter(({ untilSize = opened.size }) => opened.size <= untilSize);
  if (inTime.length === 0) throw new LogError('retired_key');
  if (inTime.every(({ fromSize }) => opened.size < fromSize)) throw new LogError('unannounced_key');
  const { timeSec } = opened;
  if (timeSec === undefined) throw new LogError('missing_timestamp');
  if (nowSec !== undefined && timeSec > nowSec + clockToleranceSec) throw new LogError('future_dated');
  return { ...opened, timeSec };
}

// Before any signature is looked at: the keys of another log are unknown, and "no trusted signature" would mislead.
function requireOrigin(note: string, origin: string): void {
  const { text } = parseNote(note);
  if (text.slice(0, text.indexOf('\n')) !== origin) throw new LogError('wrong_origin');
}

export function formatRotation({ body, proof }: Rotation): string {
  return canonicalize({ body, proof });
}

const maxRotationBytes = 4 * (maxBodyBytes + maxNoteBytes);

/** Reads one line of `rotations`, without its line feed. Throws `malformed_rotation`. */
export function parseRotation(line: string): Rotation {
  if (line.length > maxRotationBytes) throw new LogError('malformed_rotation');
  try {
    const value: unknown = JSON.parse(line);
    if (canonicalize(value as Json) === line) return requireRotation(value);
  } catch {
    // Whatever was wrong, it is not the form of a rotation.
  }
  throw new LogError('malformed_rotation');
}

/** Throws `malformed_rotation` unless it is an object of exactly two texts. */
export function requireRotation(value: unknown): Rotation {
  const { body, proof, ...others } = Object(value) as Record<string, unknown>;
  if (typeof body !== 'string' || typeof proof !== 'string' || Object.keys(others).length > 0) {
    throw new LogError('malformed_rotation');
  }
  return { body, proof };
}

/**
 * The trust after following these rotations, oldest first. Each has to hold in itself; those that the present key did not
 * announce are then left aside: they were followed before, or nobody asked for them. Throws `rotation_refused`, the fault as its cause.
 */
export function followRotations(
  trust: Trust,
  { rotations, sha256, verify }: { rotations: readonly Rotation[] } & Cryptography,
): Trust {
  let followed = trust;
  for (const [index, rotation] of rotations.entries()) {
    try {
      followed = followRotation(followed, rotation, { sha256, verify });
    } catch (cause) {
      if (!(cause instanceof LogError || cause instanceof EventError)) throw cause;
      throw new LogError('rotation_refused', { place: `rotation ${index + 1}`, cause });
    }
  }
  return followed;
}

function followRotation(trust: Trust, rotation: Rotation, cryptography: Cryptography): Trust {
  const { from, to, size } = openRotation(trust.origin, rotation, cryptography);
  const former = trust.keys.slice(0, -1);
  const current = trust.keys.at(-1) ?? trust.keys[0];
  if (formatVerifierKey(from) !== formatVerifierKey(current.key)) return trust;
  if (size <= current.fromSize) throw new LogError('sizes_reversed');
  const [first = current, ...others] = [
    ...former,
    { ...current, untilSize: size },
    { key: to, fromSize: size },
  ];
  return { origin: trust.origin, keys: [first, ...others] };
}

/** A rotation that holds in itself, whoever is trusted: both keys signed for it. `size`: of the handover. */
function openRotation(
  origin: string,
  { body, proof }: Rotation,
  cryptography: Cryptography,
): { from: VerifierKey; to: VerifierKey; size: number } {
  const announcement = parseAnnouncement(body);
  if (announcement.origin !== origin) throw new LogError('wrong_origin');
  const { index, proof: hashes, note } = parseProofText(proof);
  // Under each key alone: the old one says who follows, the new one that it is no stranger's.
  const signed = [announcement.from, announcement.to].map((vkey) => {
    const trust = trustKey(vkey, cryptography.sha256);
    return { key: trust.keys[0].key, handover: openTrustedCheckpoint(note, { ...cryptography, trust }) };
  });
  const [from, to] = signed as [(typeof signed)[0], (typeof signed)[0]];
  const { size, root } = from.handover;
  const leaf = leafHash(encodeUtf8(body), cryptography.sha256);
  verifyInclusion({ index, size, leafHash: leaf, proof: hashes, root }, cryptography.sha256);
  return { from: from.key, to: to.key, size };
}

function parseAnnouncement(body: string): { origin: string; from: string; to: string } {
  const event = parseBody(body);
  const { origin, from, to } = event.details as JsonObject;
  const right = event.type === 'log.key.rotate' && event.outcome === 'success';
  if (!right || typeof origin !== 'string' || typeof from !== 'string' || typeof to !== 'string') {
    throw new LogError('malformed_rotation');
  }
  return { origin, from, to };
}
