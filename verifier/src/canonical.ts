/**
 * Canonical JSON (RFC 8785) of the values an event may hold, in one walk that builds the text directly: this runs for
 * every event recorded. Safe integers only, so no rule about printing fractions is needed.
 */
import { EventError } from './errors.ts';
import type { Json } from './json.ts';
import { commitmentKey, maxDepth } from './json.ts';
import { formatToken } from './pointer.ts';

/** The key `#`: in a body it marks a commitment and must hold one; in any other value it is refused. */
export type ReservedKey = 'commitment' | 'refused';

/** Throws an EventError when the value is not what an event may hold; the value is checked whole, whatever its type. */
export function canonicalize(value: Json): string {
  return writeValue(value, 1, 'refused');
}

/** `depth`: the level this value has in the event, or would have if it were an object or an array. */
export function writeValue(value: unknown, depth: number, reserved: ReservedKey): string {
  switch (typeof value) {
    case 'string':
      return writeString(value);
    case 'number':
      return writeInteger(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (Array.isArray(value)) return writeArray(value, depth, reserved);
      return writeObject(value, depth, reserved);
    default:
      throw new EventError('unsupported_type');
  }
}

function writeObject(value: object | null, depth: number, reserved: ReservedKey): string {
  requirePlainObject(value, depth);
  if (reserved === 'commitment' && Object.hasOwn(value, commitmentKey)) return writeCommitment(value);
  const keys = sortedKeys(value);
  let text = '{';
  let key = '';
  try {
    for (let index = 0; index < keys.length; index++) {
      key = keys[index] as string;
      if (index > 0) text += ',';
      text += writeKey(key) + writeValue(value[key], depth + 1, reserved);
    }
  } catch (error) {
    throw within(key, error);
  }
  return text + '}';
}

function writeArray(value: readonly unknown[], depth: number, reserved: ReservedKey): string {
  requireDepth(depth);
  let text = '[';
  let index = 0;
  try {
    for (; index < value.length; index++) {
      if (index > 0) text += ',';
      text += writeValue(value[index], depth + 1, reserved);
    }
  } catch (error) {
    throw within(index, error);
  }
  return text + ']';
}

/** Throws unless the value is an object as `JSON.parse` or a literal makes it, and not too deep. */
export function requirePlainObject(
  value: object | null,
  depth: number,
): asserts value is Record<string, unknown> {
  if (value === null) throw new EventError('null_value');
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw new EventError('unsupported_type');
  requireDepth(depth);
}

/** The limit also ends a walk over a value that contains itself. */
export function requireDepth(depth: number): void {
  if (depth > maxDepth) throw new EventError('too_deep');
}

/** RFC 8785 §3.2.3: by UTF-16 code units, which is how JavaScript compares strings. */
export function sortedKeys(value: object): string[] {
  const keys = Object.keys(value);
  for (let index = 1; index < keys.length; index++) {
    if ((keys[index - 1] as string) > (keys[index] as string)) return keys.sort();
  }
  return keys;
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
  // Most strings are this plain, and then their text is themselves.
  if (value.length < 64 && /^[ !#-[\]-~]*$/.test(value)) return '"' + value + '"';
  if (!value.isWellFormed()) throw new EventError('lone_surrogate');
  // RFC 8785 §3.2.2.2 defines the escapes of a well-formed string as those of ECMAScript's JSON.stringify.
  return JSON.stringify(value);
}

// Keys come from a few declared shapes, so their text is kept. The bounds hold when somebody sends other ones.
const maxKnownKeys = 1024;
const maxKnownKeyLength = 64;
const knownKeys = new Map<string, string>();

/** The key and its colon. */
export function writeKey(key: string): string {
  return knownKeys.get(key) ?? writeNewKey(key);
}

function writeNewKey(key: string): string {
  if (key === commitmentKey) throw new EventError('reserved_key');
  const text = writeString(key) + ':';
  if (knownKeys.size < maxKnownKeys && key.length <= maxKnownKeyLength) knownKeys.set(key, text);
  return text;
}

/** The same error, its pointer led by one more token: the path is built only when something is wrong. */
export function within(token: string | number, error: unknown): unknown {
  if (!(error instanceof EventError)) return error;
  return new EventError(error.reason, formatToken(token) + error.pointer);
}
