/**
 * Reads the two rows back, accepting exactly the bytes that sealing may write. Input is hostile: whatever the text,
 * the outcome is a value or an EventError.
 */
import type { ReservedKey } from './canonical.ts';
import { writeValue } from './canonical.ts';
import { exceedsUtf8 } from './encoding.ts';
import { EventError } from './errors.ts';
import { requireEventFields } from './fields.ts';
import type { Json, JsonObject } from './json.ts';
import { maxBodyBytes, maxPrivateBytes } from './json.ts';

/** The event with a commitment in the place of each erasable field. */
export function parseBody(text: string): JsonObject {
  const event = parseCanonical(text, { maxBytes: maxBodyBytes, depth: 1, reserved: 'commitment' });
  requireEventFields(event);
  return event as JsonObject;
}

/** The private row's members; what they hold is checked against the body, by `openEvent`. */
export function parsePrivate(text: string): JsonObject {
  // A value lies in the row one level deeper than the shallowest place it can have in the event.
  const row = parseCanonical(text, { maxBytes: maxPrivateBytes, depth: 0, reserved: 'refused' });
  if (typeof row !== 'object' || Array.isArray(row)) throw new EventError('not_an_object');
  return row;
}

type Bounds = { maxBytes: number; depth: number; reserved: ReservedKey };

// Writing the parsed value again and comparing leaves no spelling but the canonical one: no other order, space, escape
// or form of a number, and no second key of the same name, which parsing would have dropped.
function parseCanonical(text: string, { maxBytes, depth, reserved }: Bounds): Json {
  if (exceedsUtf8(text, maxBytes)) throw new EventError('too_large');
  let value: Json;
  try {
    value = JSON.parse(text);
  } catch {
    // biome-ignore lint/style/useErrorCause: the parser's message quotes the input, which may hold personal data.
    throw new EventError('not_json');
  }
  if (writeValue(value, depth, reserved) !== text) {
    throw new EventError(hasDuplicateKey(text) ? 'duplicate_key' : 'not_canonical');
  }
  return value;
}

// Only to name the reason; `text` is valid JSON.
function hasDuplicateKey(text: string): boolean {
  const objects: Set<string>[] = [];
  for (const [token] of text.matchAll(/"(?:[^"\\]+|\\.)*"(?:\s*:)?|[{}]/g)) {
    if (token === '{') objects.push(new Set());
    else if (token === '}') objects.pop();
    else if (token.endsWith(':')) {
      const key: string = JSON.parse(token.slice(0, token.lastIndexOf('"') + 1));
      const keys = objects.at(-1);
      if (keys?.has(key)) return true;
      keys?.add(key);
    }
  }
  return false;
}
