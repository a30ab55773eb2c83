/**
 * From an event to its two rows: the public body, which the log hashes, and the private row, which can be deleted.
 * One walk writes both. The hot path of recording: no clone, no intermediate tree.
 */
import type { Writing } from './canonical.ts';
import { formatCommitment, isDigest, plainWriting, writeValue } from './canonical.ts';
import { exceedsUtf8 } from './encoding.ts';
import type { ErasableFields, ErasableNode } from './erasable.ts';
import { EventError } from './errors.ts';
import { requireEventFields } from './fields.ts';
import { maxBodyBytes, maxDepth, maxPrivateBytes } from './json.ts';
import type { Sha256 } from './sha256.ts';

export type SealedEvent = {
  /** Canonical JSON: the text whose UTF-8 bytes the log hashes. */
  body: string;
  /** Canonical JSON: pointer -> [salt, value]; `{}` when the event holds no erasable field. */
  private: string;
};

export type Sealing = {
  /** Fields of the event's type; those absent from the event are skipped. */
  erasable: ErasableFields;
  /**
   * A fresh 22 characters of base64url per call, from at least 128 bits of a cryptographic random source. Called once
   * per field, in the order of the body.
   */
  nextSalt: () => string;
  sha256: Pick<Sha256, 'text'>;
};

/** Throws an EventError, and then nothing of the event may be recorded. `parseBody` accepts every body made here. */
export function sealEvent(event: object, { erasable, nextSalt, sha256 }: Sealing): SealedEvent {
  requireEventFields(event);
  const entries = new Array<string | undefined>(erasable.count);
  const writing: Writing = {
    commitments: false,
    seal(node: ErasableNode, value: unknown, depth: number): string {
      // The commitment is an object, so it needs a level even where the value does not.
      if (depth > maxDepth) throw new EventError('too_deep');
      const salt = nextSalt();
      if (!isSalt(salt)) throw new EventError('malformed_salt');
      const text = writeValue(value, depth, plainWriting, undefined);
      entries[node.slot] = node.entryHead + salt + '",' + text + ']';
      const digest = sha256.text(salt + text);
      if (!isDigest(digest)) throw new EventError('malformed_digest');
      return formatCommitment(digest);
    },
  };
  const body = writeValue(event, 1, writing, erasable.root);
  const privateRow = joinEntries(entries);
  if (exceedsUtf8(body, maxBodyBytes) || exceedsUtf8(privateRow, maxPrivateBytes))
    throw new EventError('too_large');
  return { body, private: privateRow };
}

/** 22 characters of base64url. That they are random is the caller's word: nobody can see it in them. */
export function isSalt(text: unknown): text is string {
  return typeof text === 'string' && /^[\w-]{22}$/.test(text);
}

function joinEntries(entries: readonly (string | undefined)[]): string {
  let text = '{';
  let separator = '';
  for (let slot = 0; slot < entries.length; slot++) {
    const entry = entries[slot];
    if (entry === undefined) continue;
    text += separator + entry;
    separator = ',';
  }
  return text + '}';
}
