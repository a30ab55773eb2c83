/**
 * The fields that every event has, whatever its type: what must be readable in a body for ever, in which form.
 * Which further fields a type has is the catalogue's business, and nothing that a proof depends on.
 */
import { EventError } from './errors.ts';
import { commitmentKey } from './json.ts';

const uuid7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const timestamp =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{6}Z$/;
const eventType = /^[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+$/;
const word = /^[a-z][a-z0-9_]*$/;

type Field = { optional?: true; accepts: (value: unknown) => boolean };

const fixedFields = new Map<string, Field>([
  ['v', { accepts: (value) => value === 1 }],
  ['id', { accepts: (value) => typeof value === 'string' && uuid7.test(value) }],
  ['type', { accepts: (value) => typeof value === 'string' && eventType.test(value) }],
  ['version', { accepts: (value) => Number.isSafeInteger(value) && (value as number) >= 1 }],
  ['occurredAt', { accepts: (value) => typeof value === 'string' && timestamp.test(value) }],
  ['recordedAt', { accepts: (value) => typeof value === 'string' && timestamp.test(value) }],
  ['outcome', { accepts: (value) => value === 'success' || value === 'denied' || value === 'failed' }],
  ['reason', { optional: true, accepts: (value) => typeof value === 'string' && word.test(value) }],
  ['cause', { optional: true, accepts: (value) => typeof value === 'string' && uuid7.test(value) }],
  ['actor', { accepts: isOpenObject }],
  ['credential', { accepts: isOpenObject }],
  ['scope', { accepts: isOpenObject }],
  ['request', { accepts: isOpenObject }],
  ['details', { accepts: isOpenObject }],
]);
const fixedFieldEntries = [...fixedFields];

// Its members may be erasable, it as a whole may not.
function isOpenObject(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !Object.hasOwn(value, commitmentKey)
  );
}

/** Whether the tokens of a pointer name a field that may not become a commitment. */
export function isFixedField(tokens: readonly string[]): boolean {
  return tokens.length === 1 && fixedFields.has(tokens[0] as string);
}

/** Throws `not_an_object`, `unknown_version`, `missing_field` or `wrong_field`. Looks at the fixed fields only. */
export function requireEventFields(event: unknown): void {
  if (typeof event !== 'object' || event === null || Array.isArray(event))
    throw new EventError('not_an_object');
  const members = event as Record<string, unknown>;
  if (members.v === undefined) throw new EventError('missing_field', '/v');
  // First, because what the other fields mean depends on it.
  if (members.v !== 1) throw new EventError('unknown_version', '/v');
  for (const [name, field] of fixedFieldEntries) {
    const value = members[name];
    if (value === undefined) {
      if (field.optional !== true) throw new EventError('missing_field', `/${name}`);
    } else if (!field.accepts(value)) {
      throw new EventError('wrong_field', `/${name}`);
    }
  }
  // A reason says why something was refused or failed.
  if (members.outcome === 'success' && members.reason !== undefined)
    throw new EventError('wrong_field', '/reason');
}
