/**
 * An auditor's visit to a log (docs/spec/log.md §7): is what it shows now a continuation of what it showed before? Pure:
 * a generator that asks for files and ends with a verdict, and with what to keep for the next visit.
 */
import { splitLines } from '../bundle/split-lines.ts';
import { decodeUtf8, encodeUtf8 } from '../encoding.ts';
import { LogError } from '../log/log-error.ts';
import { formatTilePath, tilesBetween, tilesOf } from '../log/tiles.ts';
import { equalHashes, rangeNodes } from '../log/tree.ts';
import {
  type Cryptography,
  followRotations,
  openTrustedCheckpoint,
  parseRotation,
  type Trust,
  type TrustedCheckpoint,
} from '../log/trust.ts';
import { firstDifference, type IndexRange } from './first-difference.ts';
import { LogTiles, type Reading } from './log-tiles.ts';

export type Audit = Cryptography & {
  /** The key that the user supplied (`trustKey`). Rotations are followed from it at each visit, the kept ones first. */
  trust: Trust;
  /** The time, in seconds since 1970. */
  nowSec: number;
  /**
   * Level of the tiles that are kept: 1 names a differing range of 256 events and costs a byte for eight of them; 0 names
   * the index, and costs 32 bytes for each.
   */
  keepLevel?: 0 | 1;
  /** Names of checkpoints of this log that were kept elsewhere, oldest first. Only some of them are asked for. */
  elsewhere?: readonly string[];
};

export type KeptFile = { path: string; bytes: Uint8Array };

export type AuditVerdict =
  | {
      verdict: 'first' | 'unchanged' | 'accepted';
      checkpoint: TrustedCheckpoint;
      kept?: TrustedCheckpoint;
      trust: Trust;
      /** To write, in this order: when all but the last of it is written, nothing has changed yet. */
      keep: KeptFile[];
      /** To delete afterwards, or to leave. */
      drop: string[];
    }
  | {
      verdict: 'fork' | 'rollback';
      checkpoint: TrustedCheckpoint;
      kept: TrustedCheckpoint;
      /** Of a rollback the leaves that are gone. */
      differing: IndexRange;
    }
  | { verdict: 'refused'; error: LogError; note?: string };

/** Asks for `checkpoint`, `rotations` and tiles, of the log and of what is kept. Files beyond their bound are for the caller to refuse. */
export function* auditLog(audit: Audit): Reading<AuditVerdict> {
  let note: string | undefined;
  try {
    const keptRotations = yield { from: 'kept', path: 'rotations' };
    const trusting = { ...audit, trust: follow(audit, audit.trust, keptRotations) };
    const keptNote = yield { from: 'kept', path: 'checkpoint' };
    const kept = keptNote && openKept(trusting, keptNote);
    const bytes = yield { from: 'log', path: 'checkpoint' };
    if (bytes === undefined) throw new LogError('missing_file', { place: 'checkpoint' });
    note = decodeNote(bytes);
    const { checkpoint, trust, rotations } = yield* openPresent(trusting, { note, keptRotations });
    const files = rotations ? [{ path: 'rotations', bytes: rotations }] : [];
    return yield* judge(audit, { checkpoint, trust, files, ...(kept && { kept }) });
  } catch (error) {
    if (!(error instanceof LogError)) throw error;
    return { verdict: 'refused', error, ...(note === undefined ? {} : { note }) };
  }
}

function openKept(audit: Audit, bytes: Uint8Array, place = 'the kept checkpoint'): TrustedCheckpoint {
  const { trust, sha256, verify } = audit;
  try {
    return openTrustedCheckpoint(decodeNote(bytes), { trust, sha256, verify });
  } catch (error) {
    if (!(error instanceof LogError)) throw error;
    throw new LogError(error.reason, { place, cause: error });
  }
}

/** With the rotations as they are then to be kept, when there are new ones. */
function* openPresent(
  audit: Audit,
  { note, keptRotations }: { note: string; keptRotations: Uint8Array | undefined },
): Reading<{ checkpoint: TrustedCheckpoint; trust: Trust; rotations?: Uint8Array }> {
  const rotations = yield { from: 'log', path: 'rotations' };
  const trust = follow(audit, audit.trust, rotations);
  const checkpoint = openTrustedCheckpoint(note, { ...audit, trust });
  const isNew = trust !== audit.trust && rotations !== undefined;
  return { checkpoint, trust, ...(isNew && { rotations: joinRotations(keptRotations, rotations) }) };
}

function follow(audit: Audit, trust: Trust, file: Uint8Array | undefined): Trust {
  return followRotations(trust, {
    sha256: audit.sha256,
    verify: audit.verify,
    rotations: readLines(file).map(parseRotation),
  });
}

function readLines(file: Uint8Array | undefined): string[] {
  try {
    return file === undefined ? [] : [...splitLines([file])];
  } catch (cause) {
    throw new LogError('malformed_rotation', { place: 'rotations', cause });
  }
}

/** The kept ones first, so that they are followed first: another rotation of a retired key then leads nowhere. */
function joinRotations(kept: Uint8Array | undefined, added: Uint8Array): Uint8Array {
  const lines = new Set([...readLines(kept), ...readLines(added)]);
  return encodeUtf8([...lines].map((line) => `${line}\n`).join(''));
}

type Heads = { checkpoint: TrustedCheckpoint; kept?: TrustedCheckpoint; trust: Trust; files: KeptFile[] };

function* judge(audit: Audit, heads: Heads): Reading<AuditVerdict> {
  const { checkpoint, kept, trust, files } = heads;
  const { sha256 } = audit;
  const same = kept && checkpoint.size === kept.size && equalHashes(checkpoint.root, kept.root);
  // One that is shown again must not make what it signed since look as if it were the last.
  const later = same && kept.timeSec > checkpoint.timeSec ? kept : checkpoint;
  if (same && (audit.elsewhere ?? []).length === 0) {
    return { verdict: 'unchanged', checkpoint, kept, trust, keep: withHead(files, later), drop: [] };
  }
  if (kept && !same && checkpoint.size === kept.size) return yield* contradict(audit, { checkpoint, kept });
  if (kept && checkpoint.size > kept.size && checkpoint.timeSec < kept.timeSec)
    throw new LogError('backdated');
  const tiles = new LogTiles({ from: 'log', size: checkpoint.size, sha256 });
  yield* tiles.proveRoot(checkpoint.root);
  if (kept && !(yield* continues(tiles, kept))) return yield* explain(audit, { checkpoint, kept, tiles });
  const contradiction = yield* compareElsewhere({ ...audit, trust }, { checkpoint, tiles });
  if (contradiction) return contradiction;
  const growth = yield* readGrowth(tiles, { oldSize: kept?.size ?? 0, keepLevel: audit.keepLevel ?? 1 });
  return {
    verdict: same ? 'unchanged' : kept ? 'accepted' : 'first',
    checkpoint,
    ...(kept && { kept }),
    trust,
    keep: withHead([...growth, ...files], later),
    drop: kept ? superseded(kept.size, checkpoint.size) : [],
  };
}

function withHead(files: readonly KeptFile[], { note }: TrustedCheckpoint): KeptFile[] {
  return [...files, { path: 'checkpoint', bytes: encodeUtf8(note) }];
}

/** Two roots of one size are a fork by themselves: a log that withholds its tiles hides where, and not that it is one. */
function* contradict(
  audit: Audit,
  { checkpoint, kept }: { checkpoint: TrustedCheckpoint; kept: TrustedCheckpoint },
): Reading<AuditVerdict> {
  try {
    const tiles = new LogTiles({ from: 'log', size: checkpoint.size, sha256: audit.sha256 });
    yield* tiles.proveRoot(checkpoint.root);
    return yield* explain(audit, { checkpoint, kept, tiles });
  } catch (error) {
    if (!(error instanceof LogError)) throw error;
    return { verdict: 'fork', checkpoint, kept, differing: { from: 0, to: kept.size } };
  }
}

/** Whether the tree begins with the kept one: its first leaves make that root. This is what a consistency proof shows. */
function* continues(tiles: LogTiles, kept: TrustedCheckpoint): Reading<boolean> {
  if (tiles.size < kept.size) return false;
  for (const tile of tilesOf(rangeNodes(0, kept.size), tiles.size)) yield* tiles.prove(tile);
  return equalHashes(yield* tiles.root(kept.size), kept.root);
}

/**
 * The first of the checkpoints kept elsewhere that the log does not continue: between the last one before it and itself
 * lies the first difference. Undefined when it continues all of them.
 */
function* compareElsewhere(
  audit: Audit,
  { checkpoint, tiles }: { checkpoint: TrustedCheckpoint; tiles: LogTiles },
): Reading<AuditVerdict | undefined> {
  const names = audit.elsewhere ?? [];
  let continued = 0;
  let contradicting: TrustedCheckpoint | undefined;
  for (let low = 0, high = names.length; low < high; ) {
    const middle = Math.floor((low + high) / 2);
    const other = yield* openElsewhere(audit, names[middle]);
    if (other.size <= checkpoint.size && (yield* continues(tiles, other))) {
      continued = other.size;
      low = middle + 1;
    } else {
      if (other.size <= checkpoint.size) contradicting = other;
      high = middle;
    }
  }
  if (contradicting) {
    const differing = { from: continued, to: contradicting.size };
    return { verdict: 'fork', checkpoint, kept: contradicting, differing };
  }
  if (names.length === 0) return undefined;
  const latest = yield* openElsewhere(audit, names.at(-1));
  if (latest.size <= checkpoint.size) return undefined;
  return {
    verdict: 'rollback',
    checkpoint,
    kept: latest,
    differing: { from: checkpoint.size, to: latest.size },
  };
}

function* openElsewhere(audit: Audit, name = ''): Reading<TrustedCheckpoint> {
  const bytes = yield { from: 'elsewhere', path: name };
  if (bytes === undefined) throw new LogError('missing_file', { place: name });
  return openKept(audit, bytes, name);
}

function* explain(
  { sha256 }: Audit,
  { checkpoint, kept, tiles }: { checkpoint: TrustedCheckpoint; kept: TrustedCheckpoint; tiles: LogTiles },
): Reading<AuditVerdict> {
  const old = new LogTiles({ from: 'kept', size: kept.size, sha256 });
  const { differing, unknown } = yield* firstDifference({ old, new: tiles, sha256 });
  if (differing) return { verdict: 'fork', checkpoint, kept, differing };
  // Nothing that could be compared differs. Of a shorter log that is what a restored backup looks like.
  if (checkpoint.size < kept.size) {
    return { verdict: 'rollback', checkpoint, kept, differing: { from: checkpoint.size, to: kept.size } };
  }
  return { verdict: 'fork', checkpoint, kept, differing: unknown ?? { from: 0, to: kept.size } };
}

/** The tiles that are new since `oldSize`, those of the edge included, each compared with its parent. */
function* readGrowth(
  tiles: LogTiles,
  { oldSize, keepLevel }: { oldSize: number; keepLevel: number },
): Reading<KeptFile[]> {
  const files: KeptFile[] = [];
  for (const tile of tilesBetween(oldSize, tiles.size)) {
    if (tile.level < keepLevel && tile.width === 256) continue;
    yield* tiles.prove(tile);
    files.push({ path: formatTilePath(tile), bytes: yield* tiles.get(tile) });
  }
  return files;
}

/** The partial tiles of the smaller tree that the larger one has not at this width. */
function superseded(oldSize: number, newSize: number): string[] {
  const edge = (size: number) => tilesOf(rangeNodes(0, size), size).filter(({ width }) => width < 256);
  const remaining = new Set(edge(newSize).map(formatTilePath));
  return edge(oldSize)
    .map(formatTilePath)
    .filter((path) => !remaining.has(path));
}

function decodeNote(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes);
  } catch (cause) {
    throw new LogError('malformed_note', { cause });
  }
}
