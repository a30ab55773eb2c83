/**
 * Verifies an evidence bundle line by line (docs/spec/bundle.md §3). Input is hostile: whatever the bytes, the outcome is
 * a result or a LogError with the number of the line.
 */
import { encodeUtf8 } from '../encoding.ts';
import { EventError } from '../errors.ts';
import { leafHash } from '../leaf.ts';
import { LogError } from '../log/log-error.ts';
import type { VerifyEd25519 } from '../log/note.ts';
import { verifyConsistency } from '../log/proofs.ts';
import { equalHashes, rangeNodes } from '../log/tree.ts';
import {
  clockToleranceSec,
  followRotations,
  openTrustedCheckpoint,
  type Trust,
  type TrustedCheckpoint,
} from '../log/trust.ts';
import { parseVerifierKey } from '../log/verifier-key.ts';
import { type OpenedEvent, openEvent } from '../open.ts';
import type { Sha256 } from '../sha256.ts';
import { type BundleEvent, type BundleHead, parseBundleHead, parseBundleLine } from './bundle-lines.ts';
import { CompactRange } from './compact-range.ts';

export type BundleVerification = {
  /** The key that the user has from elsewhere (`trustKey`), or what was made of it before. */
  trust: Trust;
  sha256: Sha256;
  verify: VerifyEd25519;
  /** The time, in seconds since 1970. */
  nowSec: number;
  /** A checkpoint of the log that the user kept. */
  kept?: Pick<TrustedCheckpoint, 'size' | 'root'>;
  /** Told of each event in turn. None may be believed before `verifyBundle` returned. */
  onEvent?: (event: OpenedEvent & { index: number; body: string }) => void;
};

export type VerifiedBundle = {
  checkpoint: TrustedCheckpoint;
  earlier?: TrustedCheckpoint;
  events: number;
  /** With the rotations of the bundle followed. */
  trust: Trust;
  /** Whether the kept checkpoint is the bundle's or its earlier one; undefined when none was given. */
  linked?: boolean;
};

/** `lines`: the bundle's, without line feeds, as `splitLines` gives them. Throws LogError. */
export function verifyBundle(lines: Iterable<string>, verification: BundleVerification): VerifiedBundle {
  let number = 0;
  let state: BundleState | undefined;
  try {
    for (const line of lines) {
      number++;
      if (state === undefined) state = openHead(parseBundleHead(line), verification);
      else if (state.ended) throw new LogError('trailing_lines');
      else takeLine(state, { line: parseBundleLine(line), number }, verification);
    }
    if (state === undefined) throw new LogError('not_a_bundle');
    if (!state.ended) throw new LogError('truncated');
    return state.result;
  } catch (error) {
    // A fault between lines, such as bytes that are not UTF-8, is told with the line before it.
    throw error instanceof LogError ? placed(error, misfitOf(error, state) ?? number) : error;
  }
}

function misfitOf(error: LogError, state: BundleState | undefined): number | undefined {
  return error.reason === 'wrong_range_length' ? state?.misfit : undefined;
}

function placed({ reason, place, cause }: LogError, line: number): LogError {
  const places = [...(line === 0 ? [] : [`line ${line}`]), ...(place === '' ? [] : [place])];
  return new LogError(reason, { place: places.join(', '), cause });
}

type BundleState = {
  result: VerifiedBundle;
  /** Events that the head says there are. */
  expected: number;
  /** Events so far. */
  count: number;
  /** Leaves that the grown tree has. */
  position: number;
  tree: CompactRange;
  /** A `range` that does not fit, and its line: told at the end, unless what follows says why it does not. */
  misfit?: number;
  /** The latest `recordedAt` that an event may have. */
  latest: string;
  ended: boolean;
};

/**
 * The checkpoints in a bundle's first line, the earlier one last, each believed by itself: of a `fork` they are the proof.
 * Throws LogError.
 */
export function openBundleCheckpoints(
  line: string,
  verification: Omit<BundleVerification, 'kept' | 'onEvent'>,
): TrustedCheckpoint[] {
  const head = parseBundleHead(line);
  const { open } = opening(head, verification);
  return [head.checkpoint, ...(head.consistency ? [head.consistency.checkpoint] : [])].map(open);
}

function opening(
  { rotations }: BundleHead,
  { trust: given, nowSec, ...cryptography }: Omit<BundleVerification, 'kept' | 'onEvent'>,
): { trust: Trust; open: (note: string) => TrustedCheckpoint } {
  const { sha256, verify } = cryptography;
  const trust = followRotations(given, { rotations, sha256, verify });
  return { trust, open: (note) => openTrustedCheckpoint(note, { trust, nowSec, sha256, verify }) };
}

function openHead(head: BundleHead, verification: BundleVerification): BundleState {
  const { sha256, kept } = verification;
  const { trust, open } = opening(head, verification);
  const checkpoint = open(head.checkpoint);
  requireKeys(head.keys, { origin: trust.origin, sha256 });
  const result: VerifiedBundle = { checkpoint, events: head.events, trust };
  if (head.consistency) {
    const earlier = open(head.consistency.checkpoint);
    requireConsistent(earlier, { checkpoint, proof: head.consistency.proof, sha256 });
    result.earlier = earlier;
  }
  if (kept) result.linked = isLinked(kept, result);
  return {
    result,
    expected: head.events,
    count: 0,
    position: 0,
    tree: new CompactRange(sha256),
    latest: new Date((checkpoint.timeSec + clockToleranceSec) * 1000).toISOString().replace('Z', '999Z'),
    ended: false,
  };
}

// Nobody trusts them, but who reads them is not to be led astray by a misspelt one.
function requireKeys(keys: readonly string[], { origin, sha256 }: { origin: string; sha256: Sha256 }): void {
  for (const [at, vkey] of keys.entries()) {
    const place = `key ${at + 1}`;
    try {
      if (parseVerifierKey(vkey, sha256).name !== origin) throw new LogError('wrong_origin');
    } catch (error) {
      throw error instanceof LogError ? new LogError(error.reason, { place, cause: error.cause }) : error;
    }
  }
}

function requireConsistent(
  earlier: TrustedCheckpoint,
  {
    checkpoint,
    proof,
    sha256,
  }: { checkpoint: TrustedCheckpoint; proof: readonly Uint8Array[]; sha256: Sha256 },
): void {
  // Not a fault of the proof: the log signed both.
  if (earlier.size === checkpoint.size && !equalHashes(earlier.root, checkpoint.root))
    throw new LogError('fork');
  const sizes = { oldSize: earlier.size, newSize: checkpoint.size };
  verifyConsistency({ ...sizes, oldRoot: earlier.root, newRoot: checkpoint.root, proof }, sha256);
  if (earlier.timeSec > checkpoint.timeSec) throw new LogError('backdated');
}

function isLinked(
  kept: Pick<TrustedCheckpoint, 'size' | 'root'>,
  { checkpoint, earlier }: VerifiedBundle,
): boolean {
  const sameSize = [checkpoint, earlier].filter((one) => one?.size === kept.size);
  if (sameSize.some((one) => one && !equalHashes(one.root, kept.root))) throw new LogError('fork');
  return sameSize.length > 0;
}

function takeLine(
  state: BundleState,
  { line, number }: { line: BundleEvent | { range: Uint8Array[] }; number: number },
  verification: BundleVerification,
): void {
  if ('index' in line) requireInOrder(state, line.index);
  else if (state.count !== state.expected) throw new LogError('wrong_event_count');
  const next = 'index' in line ? line.index : state.result.checkpoint.size;
  if (!growTo(state, next, line.range)) state.misfit ??= number;
  if ('index' in line) takeEvent(state, line, verification);
  else takeEnd(state);
}

function requireInOrder(state: BundleState, index: number): void {
  if (++state.count > state.expected) throw new LogError('wrong_event_count');
  if (index === state.position - 1) throw new LogError('duplicate_event');
  if (index < state.position) throw new LogError('events_out_of_order');
  if (index >= state.result.checkpoint.size) throw new LogError('index_out_of_range');
}

function takeEvent(state: BundleState, event: BundleEvent, { sha256, onEvent }: BundleVerification): void {
  const { index, body } = event;
  const opened = open(event, sha256);
  if ((opened.event.recordedAt as string) > state.latest) throw new LogError('future_dated');
  state.tree.append(0, leafHash(encodeUtf8(body), sha256));
  state.position++;
  onEvent?.({ index, body, ...opened });
}

function takeEnd(state: BundleState): void {
  if (state.misfit !== undefined) throw new LogError('wrong_range_length');
  if (!equalHashes(state.tree.root(), state.result.checkpoint.root)) throw new LogError('root_mismatch');
  state.ended = true;
}

/** Returns false when the range is not that of the leaves up to `position`. */
function growTo(state: BundleState, position: number, range: readonly Uint8Array[]): boolean {
  const nodes = rangeNodes(state.position, position);
  state.position = position;
  if (nodes.length !== range.length) return false;
  for (const [at, { level }] of nodes.entries()) state.tree.append(level, range[at] as Uint8Array);
  return true;
}

function open({ body, private: row }: BundleEvent, sha256: Sha256): OpenedEvent {
  try {
    return openEvent({ body, private: row, sha256 });
  } catch (cause) {
    if (!(cause instanceof EventError)) throw cause;
    throw new LogError('event_refused', { cause });
  }
}
