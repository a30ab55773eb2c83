/**
 * The lines of an evidence bundle (docs/spec/bundle.md §1), each read and written alone, so that neither side has to
 * hold a bundle whole. One line, one spelling: what was read is written again and compared.
 */
import { canonicalize, isDigest } from '../canonical.ts';
import { decodeBase64url, encodeBase64url, exceedsUtf8 } from '../encoding.ts';
import type { Json, JsonObject } from '../json.ts';
import { LogError, type LogErrorReason } from '../log/log-error.ts';
import { type Rotation, requireRotation } from '../log/trust.ts';

export const bundleFormat = 'tallyman-bundle';
export const maxBundleEvents = 10_000_000;
export const maxHeadBytes = 8_388_608;
export const maxLineBytes = 262_144;

export type BundleHead = {
  /** The signed note that everything leads to. */
  checkpoint: string;
  /** How many event lines follow. */
  events: number;
  /** Verifier keys, for information: no verifier trusts them. */
  keys: readonly string[];
  rotations: readonly Rotation[];
  /** An earlier signed note with the consistency proof from it. */
  consistency?: { checkpoint: string; proof: readonly Uint8Array[] };
};

export type BundleEvent = {
  index: number;
  body: string;
  /** The disclosed part of the private row; `{}` for nothing. */
  private: string;
  /** Hashes of `rangeNodes(index before + 1, index)`. */
  range: readonly Uint8Array[];
};

/** Each with its line feed, as the other two. Throws `too_large`. */
export function formatBundleHead({ consistency, ...head }: BundleHead): string {
  if (head.events > maxBundleEvents) throw new LogError('too_large');
  const line = canonicalize({
    format: bundleFormat,
    v: 1,
    checkpoint: head.checkpoint,
    events: head.events,
    keys: [...head.keys],
    rotations: head.rotations.map(({ body, proof }) => ({ body, proof })),
    ...(consistency === undefined
      ? {}
      : {
          consistency: { checkpoint: consistency.checkpoint, proof: consistency.proof.map(encodeBase64url) },
        }),
  });
  return withEnd(line, maxHeadBytes);
}

export function formatBundleEvent({ index, body, private: row, range }: BundleEvent): string {
  return withEnd(
    canonicalize({ index, body, private: row, range: range.map(encodeBase64url) }),
    maxLineBytes,
  );
}

/** `range`: hashes of `rangeNodes(last index + 1, size)`. */
export function formatBundleEnd(range: readonly Uint8Array[]): string {
  return withEnd(canonicalize({ range: range.map(encodeBase64url) }), maxLineBytes);
}

function withEnd(line: string, maxBytes: number): string {
  if (exceedsUtf8(line, maxBytes)) throw new LogError('too_large');
  return `${line}\n`;
}

/** Reads the first line, without its line feed. Throws `not_a_bundle`, `unknown_version`, `too_large`, `malformed_bundle`, `malformed_rotation`. */
export function parseBundleHead(line: string): BundleHead {
  if (exceedsUtf8(line, maxHeadBytes)) throw new LogError('too_large');
  const value = parseObject(line, 'not_a_bundle');
  if (value.format !== bundleFormat) throw new LogError('not_a_bundle');
  if (value.v !== 1) throw new LogError('unknown_version');
  const { checkpoint, events, keys, rotations, consistency } = value;
  if (typeof checkpoint !== 'string' || !isTextList(keys) || !Array.isArray(rotations) || !isCount(events)) {
    throw new LogError('malformed_bundle');
  }
  if (events > maxBundleEvents) throw new LogError('too_large');
  const head: BundleHead = { checkpoint, events, keys, rotations: rotations.map(requireRotation) };
  if (consistency !== undefined) head.consistency = parseConsistency(consistency);
  requireSame(line, () => formatBundleHead(head));
  return head;
}

function parseConsistency(value: Json): { checkpoint: string; proof: Uint8Array[] } {
  const { checkpoint, proof } = Object(value) as JsonObject;
  if (typeof checkpoint !== 'string') throw new LogError('malformed_bundle');
  return { checkpoint, proof: parseHashes(proof) };
}

/** Reads a later line, without its line feed: of an event, or the end. Throws `too_large`, `malformed_bundle`. */
export function parseBundleLine(line: string): BundleEvent | { range: Uint8Array[] } {
  if (exceedsUtf8(line, maxLineBytes)) throw new LogError('too_large');
  const { index, body, private: row, ...value } = parseObject(line, 'malformed_bundle');
  const range = parseHashes(value.range);
  if (index === undefined && body === undefined && row === undefined) {
    requireSame(line, () => formatBundleEnd(range));
    return { range };
  }
  if (!isCount(index) || typeof body !== 'string' || typeof row !== 'string') {
    throw new LogError('malformed_bundle');
  }
  const event = { index, body, private: row, range };
  requireSame(line, () => formatBundleEvent(event));
  return event;
}

function parseObject(line: string, otherwise: LogErrorReason): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    // biome-ignore lint/style/useErrorCause: the parser's message quotes the input, which may hold personal data.
    throw new LogError(otherwise);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new LogError(otherwise);
  return value as JsonObject;
}

// Leaves no other order, space or escape, no second member of a name, and none that is not in the form.
function requireSame(line: string, format: () => string): void {
  try {
    if (format() === `${line}\n`) return;
  } catch {
    // What cannot be written was not of the form either.
  }
  throw new LogError('malformed_bundle');
}

function parseHashes(value: Json | undefined): Uint8Array[] {
  if (!isTextList(value) || !value.every(isDigest)) throw new LogError('malformed_bundle');
  return value.map(decodeBase64url);
}

function isTextList(value: Json | undefined): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

function isCount(value: Json | undefined): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
