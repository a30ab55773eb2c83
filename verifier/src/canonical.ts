/**
 * Canonical JSON (RFC 8785) of the values an event may hold, in one walk that builds the text directly: this runs for
 * every event recorded. Safe integers only, so no rule about printing fractions is needed. The walk also knows the
 * two places where a body differs from plain JSON: fields to seal, and commitments that already stand in it.
 */
import type { ErasableNode } from './erasable.ts';
import { EventError } from './errors.ts';
import type { Json } from './json.ts';
import { commitmentKey, maxDepth } from './json.ts';
import { formatToken } from './pointer.ts';

/** How a walk treats what is not plain JSON. */
export type Writing = {
  /** Accept well-formed commitments as values; otherwise the key `#` is refused wherever it stands. */
  commitments: boolean;
  /** Writes an erasable field; only called when the walk was given a node. */
  seal?: (node: ErasableNode, value: unknown, depth: number) => string;
};

export const plainWriting: Writing = { commitments: false };
export const bodyWriting: Writing = { commitments: true };

/** Throws an EventError when the value is not what an event may hold; the value is checked whole, whatever its type. */
export function canonicalize(value: Json): string {
  return writeValue(value, 1, plainWriting, undefined);
}

/** `depth`: the level this value would have in the event if it were an object or array. */
export function writeValue(
  value: unknown,
  depth: number,
  writing: Writing,
  node: ErasableNode | undefined,
): string {
  switch (typeof value) {
    case 'string':
      return writeString(value);
    case 'number':
      return writeInteger(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) throw new EventError('null_value');
      // The limit also ends a walk over a value that contains itself.
      if (depth > maxDepth) throw new EventError('too_deep');
      if (Array.isArray(value)) return writeArray(value, depth, writing, node);
      return writeObject(value, depth, writing, node);
    default:
      throw new EventError('unsupported_type');
  }
}

function writeObject(value: object, depth: number, writing: Writing, node: ErasableNode | undefined): string {
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw new EventError('unsupported_type');
  if (writing.commitments && Object.hasOwn(value, commitmentKey)) return writeCommitment(value);
  const members = value as Record<string, unknown>;
  const keys = Object.keys(members);
  // RFC 8785 §3.2.3: by UTF-16 code units, which is how JavaScript compares strings.
  if (!isSorted(keys)) keys.sort();
  let text = '{';
  let key = '';
  try {
    for (let index = 0; index < keys.length; index++) {
      key = keys[index] as string;
      if (index > 0) text += ',';
      text += writeKey(key) + writeMember(members[key], depth + 1, writing, node?.children.get(key));
    }
  } catch (error) {
    throw within(key, error);
  }
  return text + '}';
}

function writeArray(
  value: readonly unknown[],
  depth: number,
  writing: Writing,
  node: ErasableNode | undefined,
): string {
  let text = '[';
  let index = 0;
  try {
    for (; index < value.length; index++) {
      if (index > 0) text += ',';
      text += writeMember(value[index], depth + 1, writing, node?.children.get(String(index)));
    }
  } catch (error) {
    throw within(index, error);
  }
  return text + ']';
}

function writeMember(
  value: unknown,
  depth: number,
  writing: Writing,
  node: ErasableNode | undefined,
): string {
  if (node?.entryHead !== undefined && writing.seal !== undefined) return writing.seal(node, value, depth);
  return writeValue(value, depth, writing, node);
}

function writeCommitment(value: object): string {
  const digest = (value as Record<string, unknown>)[commitmentKey];
  if (Object.keys(value).length !== 1 || typeof digest !== 'string' || !isDigest(digest)) {
    throw new EventError('malformed_commitment');
  }
  return formatCommitment(digest);
}

/** The value that stands in the body for an erasable field. */
export function formatCommitment(digest: string): string {
  return '{"#":"' + digest + '"}';
}

/** 32 bytes in base64url: the last of 43 characters carries four bits and two zeros. */
export function isDigest(text: string): boolean {
  return /^[\w-]{42}[AEIMQUYcgkosw048]$/.test(text);
}

function writeInteger(value: number): string {
  if (!Number.isSafeInteger(value)) {
    throw new EventError(Number.isInteger(value) ? 'unsafe_integer' : 'not_an_integer');
  }
  return String(value);
}

function writeString(value: string): string {
  if (!value.isWellFormed()) throw new EventError('lone_surrogate');
  // RFC 8785 §3.2.2.2 defines the escapes of a well-formed string as those of ECMAScript's JSON.stringify.
  return JSON.stringify(value);
}

// Keys come from a few declared shapes, so their text is kept. The bounds hold when somebody sends other ones.
const maxKnownKeys = 1024;
const maxKnownKeyLength = 64;
const knownKeys = new Map<string, string>();

function writeKey(key: string): string {
  return knownKeys.get(key) ?? writeNewKey(key);
}

function writeNewKey(key: string): string {
  if (key === commitmentKey) throw new EventError('reserved_key');
  const text = writeString(key) + ':';
  if (knownKeys.size < maxKnownKeys && key.length <= maxKnownKeyLength) knownKeys.set(key, text);
  return text;
}

function isSorted(keys: readonly string[]): boolean {
  for (let index = 1; index < keys.length; index++) {
    if ((keys[index - 1] as string) > (keys[index] as string)) return false;
  }
  return true;
}

/** The same error, its pointer led by one more token: the path is built only when something is wrong. */
function within(token: string | number, error: unknown): unknown {
  if (!(error instanceof EventError)) return error;
  return new EventError(error.reason, formatToken(token) + error.pointer);
}
