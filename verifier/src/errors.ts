/**
 * The one error of this package. Its reason is a closed word that programs may compare; docs/spec/event.md lists
 * what each means. Messages quote no value: an event holds personal data and errors end up in logs.
 */

export const eventErrorReasons = [
  // The bytes.
  'too_large',
  'not_utf8',
  'not_json',
  'not_canonical',
  'duplicate_key',
  // The values.
  'null_value',
  'unsupported_type',
  'not_an_integer',
  'unsafe_integer',
  'lone_surrogate',
  'too_deep',
  'reserved_key',
  'malformed_commitment',
  // The event.
  'not_an_object',
  'unknown_version',
  'missing_field',
  'wrong_field',
  // Erasable fields.
  'malformed_pointer',
  'overlapping_pointers',
  'fixed_field',
  'malformed_salt',
  'malformed_digest',
  // The private row.
  'malformed_entry',
  'points_to_nothing',
  'not_a_commitment',
  'commitment_mismatch',
  // Text of digests and salts.
  'malformed_base64url',
] as const;

export type EventErrorReason = (typeof eventErrorReasons)[number];

export class EventError extends Error {
  override readonly name = 'EventError';
  readonly reason: EventErrorReason;
  /** JSON Pointer (RFC 6901) of the place at fault; empty when it is the whole. */
  readonly pointer: string;

  constructor(reason: EventErrorReason, pointer = '') {
    super(pointer === '' ? reason : `${reason} at ${pointer}`);
    this.reason = reason;
    this.pointer = pointer;
  }
}
