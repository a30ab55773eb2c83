/** Reads a bundle or an export from a file, in pieces, however large it is. */
import { closeSync, openSync, readSync } from 'node:fs';
import {
  type BundleVerification,
  LogError,
  splitLines,
  type VerifiedBundle,
  verifyBundle,
} from '@tallyman/verifier';
import { AppError } from '../../domain/error.ts';

const pieceBytes = 1_048_576;

/** Whether it begins with a line that an export writes. Whatever does not is to be verified as a bundle. */
export function looksLikeExport(file: string): boolean {
  const [piece = Buffer.alloc(0)] = pieces(file);
  return /^\{"(?:index|id)":/.test(piece.toString('latin1', 0, 20));
}

/** Throws LogError. */
export function verifyBundleFile(file: string, verification: BundleVerification): VerifiedBundle {
  return verifyBundle(splitLines(pieces(file)), verification);
}

/** Of a bundle its head. Throws LogError. */
export function firstLineOf(file: string): string {
  for (const line of splitLines(pieces(file))) return line;
  throw new LogError('not_a_bundle');
}

/** The first line of its checkpoint: to look up the key kept for that log, and for nothing else. */
export function claimedOrigin(file: string): string {
  const [piece = Buffer.alloc(0)] = pieces(file);
  return /^\{"checkpoint":"([^"\\]{1,1024})\\n/.exec(piece.toString('utf8', 0, 4096))?.[1] ?? '';
}

export type ExportCheck = { events: number; first?: number; last?: number };

/**
 * What can be checked of an export without proofs: whole lines of events, in the order of the log, none twice, none from
 * the future. Throws LogError.
 */
export function checkExport(file: string, nowSec: number): ExportCheck {
  const latest = new Date((nowSec + 300) * 1000).toISOString();
  const check: ExportCheck = { events: 0 };
  for (const line of splitLines(pieces(file), 1_048_576)) {
    const place = `line ${check.events + 1}`;
    const { index, recordedAt } = parseEvent(line, place);
    if (index === check.last) throw new LogError('duplicate_event', { place });
    if (check.last !== undefined && index < check.last) throw new LogError('events_out_of_order', { place });
    if (recordedAt > latest) throw new LogError('future_dated', { place });
    check.first ??= index;
    check.last = index;
    check.events++;
  }
  return check;
}

function parseEvent(line: string, place: string): { index: number; recordedAt: string } {
  let event: unknown;
  try {
    event = JSON.parse(line);
  } catch {
    // Told below, without quoting it.
  }
  const { index, recordedAt } = Object(event) as { index?: unknown; recordedAt?: unknown };
  if (!Number.isSafeInteger(index) || typeof recordedAt !== 'string') {
    throw new AppError('invalid', `This is no export: ${place} is not an event with its index.`);
  }
  return { index: index as number, recordedAt };
}

function* pieces(file: string): Generator<Buffer> {
  const descriptor = openSync(file, 'r');
  try {
    for (;;) {
      const piece = Buffer.alloc(pieceBytes);
      const length = readSync(descriptor, piece);
      if (length === 0) return;
      yield piece.subarray(0, length);
    }
  } finally {
    closeSync(descriptor);
  }
}
