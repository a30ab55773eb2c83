/**
 * Puts the private row's values back into the body, each checked against the commitment that stands for it. The row
 * may hold fewer fields than were sealed: some erased, some not for this reader.
 */
import { writeValue } from './canonical.ts';
import type { EventErrorReason } from './errors.ts';
import { EventError } from './errors.ts';
import type { Json, JsonObject } from './json.ts';
import { commitmentKey } from './json.ts';
import { parseBody, parsePrivate } from './parse.ts';
import { formatToken, parsePointer } from './pointer.ts';
import { isSalt } from './seal.ts';
import type { Sha256 } from './sha256.ts';

export type OpenedEvent = {
  /**
   * The event. A withheld field still holds its commitment, `{"#": digest}`: to leave it out would make it look like
   * a field that the event never had.
   */
  event: JsonObject;
  /** Pointers of the commitments that the private row does not open, in the order of the body. */
  withheld: string[];
};

export type Opening = {
  /** Text of the public body. */
  body: string;
  /** Text of the private row, whole or in part; left out when it was deleted. */
  private?: string;
  sha256: Pick<Sha256, 'text'>;
};

/** Throws an EventError; its pointer is the field's when the fault is in a field. */
export function openEvent({ body, private: privateRow = '{}', sha256 }: Opening): OpenedEvent {
  const event = parseBody(body);
  const commitments = new Map<string, Commitment>();
  findCommitments(event, { pointer: '', depth: 1 }, commitments);
  for (const [pointer, entry] of Object.entries(parsePrivate(privateRow))) {
    const commitment = commitments.get(pointer);
    if (commitment === undefined) throw new EventError(whyNoCommitment(event, pointer), pointer);
    openField(commitment, { pointer, entry, sha256 });
    commitments.delete(pointer);
  }
  return { event, withheld: [...commitments.keys()] };
}

type Commitment = { digest: string; depth: number; replace: (value: Json) => void };
type Place = { pointer: string; depth: number };

function findCommitments(value: Json, { pointer, depth }: Place, found: Map<string, Commitment>): void {
  if (typeof value !== 'object') return;
  // An array is walked as the object it is: its keys are its indexes.
  const members = value as JsonObject;
  for (const [key, member] of Object.entries(members)) {
    const place = { pointer: pointer + formatToken(key), depth: depth + 1 };
    const digest = findDigest(member);
    if (digest === undefined) {
      findCommitments(member, place, found);
      continue;
    }
    const replace = (opened: Json): void => {
      members[key] = opened;
    };
    found.set(place.pointer, { digest, depth: place.depth, replace });
  }
}

/** The digest, when the value of a parsed body is a commitment. */
export function findDigest(value: Json): string | undefined {
  if (typeof value !== 'object' || Array.isArray(value) || !Object.hasOwn(value, commitmentKey))
    return undefined;
  return value[commitmentKey] as string;
}

function openField(
  commitment: Commitment,
  { pointer, entry, sha256 }: { pointer: string; entry: Json; sha256: Pick<Sha256, 'text'> },
): void {
  if (!Array.isArray(entry) || entry.length !== 2) throw new EventError('malformed_entry', pointer);
  const [salt, value] = entry as [Json, Json];
  if (!isSalt(salt)) throw new EventError('malformed_salt', pointer);
  // At its own depth, so that an opened event is never deeper than one may be.
  const text = writeValue(value, commitment.depth, 'refused');
  if (sha256.text(salt + text) !== commitment.digest) throw new EventError('commitment_mismatch', pointer);
  commitment.replace(value);
}

function whyNoCommitment(event: JsonObject, pointer: string): EventErrorReason {
  let value: Json = event;
  let tokens: string[];
  try {
    tokens = parsePointer(pointer);
  } catch {
    return 'malformed_pointer';
  }
  for (const token of tokens) {
    // A pointer that leads into a commitment, or into a field opened before it, names nothing in the body.
    if (typeof value !== 'object' || !Object.hasOwn(value, token) || findDigest(value) !== undefined) {
      return 'points_to_nothing';
    }
    value = (value as JsonObject)[token] as Json;
  }
  return 'not_a_commitment';
}
