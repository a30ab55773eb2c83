/**
 * From an event to its two rows: the public body, which the log hashes, and the private row, which can be deleted.
 * One walk writes both. The hot path of recording: no clone, no intermediate tree.
 */
import {
  formatCommitment,
  requireDepth,
  requirePlainObject,
  sortedKeys,
  within,
  writeKey,
  writeValue,
} from './canonical.ts';
import { encodeUtf8, exceedsUtf8 } from './encoding.ts';
import type { ErasableFields, ErasableNode, MemberLayout, ObjectLayout } from './erasable.ts';
import { EventError } from './errors.ts';
import { requireEventFields } from './fields.ts';
import { maxBodyBytes, maxPrivateBytes } from './json.ts';
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
  const walk: Walk = { nextSalt, sha256, entries: new Array<string>(erasable.count).fill('') };
  const body = sealObject(event, 1, erasable.root, walk);
  const privateRow = joinEntries(walk.entries);
  if (exceedsUtf8(body, maxBodyBytes) || exceedsUtf8(privateRow, maxPrivateBytes)) {
    throw new EventError('too_large');
  }
  return { body, private: privateRow };
}

/** `entries`: the private row's, each in its slot; empty where the event lacks the field. */
type Walk = Omit<Sealing, 'erasable'> & { entries: string[] };

function sealMember(value: unknown, depth: number, node: ErasableNode | undefined, walk: Walk): string {
  if (node === undefined) return writeValue(value, depth, 'refused');
  if (node.entryHead !== undefined) return sealField(value, depth, node, walk);
  if (typeof value !== 'object') return writeValue(value, depth, 'refused');
  return Array.isArray(value) ? sealArray(value, depth, node, walk) : sealObject(value, depth, node, walk);
}

function sealField(value: unknown, depth: number, node: ErasableNode, walk: Walk): string {
  // The commitment is an object, so it needs a level even where the value does not.
  requireDepth(depth);
  const salt = walk.nextSalt();
  if (!isSalt(salt)) throw new EventError('malformed_salt');
  const text = writeValue(value, depth, 'refused');
  walk.entries[node.slot] = node.entryHead + salt + '",' + text + ']';
  const digest = walk.sha256.text(salt + text);
  if (digest.length !== 43) throw new EventError('malformed_digest');
  return formatCommitment(digest);
}

function sealObject(value: object | null, depth: number, node: ErasableNode, walk: Walk): string {
  requirePlainObject(value, depth);
  const { members } = layoutOf(value, node);
  if (members.length === 0) return '{}';
  let text = '';
  let key = '';
  try {
    for (let index = 0; index < members.length; index++) {
      const member = members[index] as MemberLayout;
      key = member.key;
      text += member.head + sealMember(value[key], depth + 1, member.node, walk);
    }
  } catch (error) {
    throw within(key, error);
  }
  return text + '}';
}

function sealArray(value: readonly unknown[], depth: number, node: ErasableNode, walk: Walk): string {
  requireDepth(depth);
  let text = '[';
  let index = 0;
  try {
    for (; index < value.length; index++) {
      if (index > 0) text += ',';
      text += sealMember(value[index], depth + 1, node.children.get(String(index)), walk);
    }
  } catch (error) {
    throw within(index, error);
  }
  return text + ']';
}

function layoutOf(value: object, node: ErasableNode): ObjectLayout {
  const keys = Object.keys(value);
  const last = node.layout;
  if (last !== undefined && isSame(last.keys, keys)) return last;
  const members = sortedKeys(value).map((key, index) => ({
    key,
    head: (index === 0 ? '{' : ',') + writeKey(key),
    node: node.children.get(key),
  }));
  node.layout = { keys, members };
  return node.layout;
}

function isSame(left: readonly string[], right: readonly string[]): boolean {
  if (left.length !== right.length) return false;
  for (let index = 0; index < left.length; index++) {
    if (left[index] !== right[index]) return false;
  }
  return true;
}

// A table, because the expression for it costs as much as the rest of a field.
const base64urlLetters = new Uint8Array(128);
for (const letter of encodeUtf8('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_')) {
  base64urlLetters[letter] = 1;
}

/** 22 characters of base64url. That they are random is the caller's word: nobody can see it in them. */
export function isSalt(text: unknown): text is string {
  if (typeof text !== 'string' || text.length !== 22) return false;
  for (let index = 0; index < 22; index++) {
    if (base64urlLetters[text.charCodeAt(index)] !== 1) return false;
  }
  return true;
}

function joinEntries(entries: readonly string[]): string {
  let text = '';
  for (let slot = 0; slot < entries.length; slot++) {
    const entry = entries[slot] as string;
    if (entry !== '') text += (text === '' ? '{' : ',') + entry;
  }
  return text === '' ? '{}' : text + '}';
}
