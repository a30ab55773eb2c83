/**
 * Tiles (C2SP tlog-tiles): the tree's hashes in files of up to 256, which never change. A tile at level L holds the
 * roots of subtrees of 256**L leaves; what lies between two levels is hashed again when it is needed.
 */
import type { Sha256 } from '../sha256.ts';
import { LogError } from './log-error.ts';
import { type HashReader, hashBytes, requireSize, rootOfPerfect, type TreeNode } from './tree.ts';

export const tileHashes = 256;
const tileHeight = 8;
/** C2SP allows levels to 63; a tree of 2^53 leaves has tiles on seven. */
const maxTileLevel = 63;

/** `level` is `entries` for the entries behind the tile of level 0. */
export type Tile = {
  level: number | 'entries';
  n: number;
  /** Hashes in it, 1 to 256; below 256 the tile is partial. */
  width: number;
};
export type HashTile = Tile & { level: number };

/** Path below the log's prefix, as `tile/0/x001/x234/067` or `tile/0/x001/x234/067.p/8`. */
export function formatTilePath({ level, n, width }: Tile): string {
  const digits = String(n);
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/.{3}/g) as string[];
  const path = groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join('/');
  return `tile/${level}/${path}${width < tileHashes ? `.p/${width}` : ''}`;
}

/** Throws `malformed_tile_path` for whatever `formatTilePath` does not write. */
export function parseTilePath(path: string): Tile {
  const match = /^tile\/([0-9]{1,2}|entries)\/((?:x[0-9]{3}\/){0,5}[0-9]{3})(?:\.p\/([0-9]{1,3}))?$/.exec(
    path,
  );
  if (match === null) throw new LogError('malformed_tile_path');
  const [, level = '', n = '', width] = match;
  const tile: Tile = {
    level: level === 'entries' ? level : Number(level),
    n: Number(n.replaceAll(/[x/]/g, '')),
    width: width === undefined ? tileHashes : Number(width),
  };
  const known = tile.level === 'entries' || tile.level <= maxTileLevel;
  // Writing it again leaves one spelling: no leading zeros, no `.p/0` and no `.p/256`.
  if (!known || !Number.isSafeInteger(tile.n) || tile.width < 1 || formatTilePath(tile) !== path) {
    throw new LogError('malformed_tile_path');
  }
  return tile;
}

/** Hashes in tile `n` of `level` in a tree of `size` leaves: 256, fewer for the last one, 0 when there is none. */
export function tileWidth({ level, n }: Pick<Tile, 'level' | 'n'>, size: number): number {
  const span = level === 'entries' ? 1 : tileHashes ** level;
  return Math.max(0, Math.min(tileHashes, Math.floor(size / span) - n * tileHashes));
}

/** All tiles of a tree of `size` leaves that its growth from `oldSize` made or changed, lowest level first. */
export function* tilesBetween(oldSize: number, size: number): Generator<HashTile> {
  requireSize(oldSize, 'old size');
  requireSize(size, 'size');
  for (let level = 0, span = 1; span <= size; level++, span *= tileHashes) {
    const before = Math.floor(oldSize / span);
    const after = Math.floor(size / span);
    if (before === after) continue;
    for (let n = Math.floor(before / tileHashes); n * tileHashes < after; n++) {
      yield { level, n, width: tileWidth({ level, n }, size) };
    }
  }
}

/** The tile from which a node is read in a tree of `size` leaves. Throws `tile_out_of_range` when the node is not in it. */
export function tileOf(node: TreeNode, size: number): HashTile {
  const { level, n, end } = placeOf(node);
  const width = tileWidth({ level, n }, size);
  if (end > width) throw new LogError('tile_out_of_range');
  return { level, n, width };
}

/** The tiles that hold these nodes, each once, at the width they have in a tree of `size` leaves. */
export function tilesOf(nodes: readonly TreeNode[], size: number): HashTile[] {
  const tiles = new Map(
    nodes.map((node) => tileOf(node, size)).map((tile) => [`${tile.level}/${tile.n}`, tile]),
  );
  return [...tiles.values()];
}

function placeOf({ level, index }: TreeNode): { level: number; n: number; start: number; end: number } {
  const tileLevel = Math.floor(level / tileHeight);
  const span = 2 ** (level % tileHeight);
  // A tile is 256 wide and a span divides that, so a node never lies across two.
  const n = Math.floor(index / (tileHashes / span));
  const start = (index % (tileHashes / span)) * span;
  return { level: tileLevel, n, start, end: start + span };
}

/**
 * A node's hash out of its tile's bytes, which may be of any width that holds it. Throws `wrong_tile_length`. Whether
 * the tile is right is not checked here: what is made of it has to lead to a signed root.
 */
export function hashInTile(node: TreeNode, tile: Uint8Array, sha256: Pick<Sha256, 'bytes'>): Uint8Array {
  const { start, end } = placeOf(node);
  if (
    tile.length % hashBytes !== 0 ||
    tile.length < end * hashBytes ||
    tile.length > tileHashes * hashBytes
  ) {
    throw new LogError('wrong_tile_length');
  }
  return rootOfPerfect(tile.subarray(start * hashBytes, end * hashBytes), sha256);
}

/**
 * Reads nodes of a tree of `size` leaves through tiles; `readTile` gives a tile's bytes, at least as wide as asked.
 * Ask for a whole plan's tiles first (`tilesOf`), so that this only looks them up.
 */
export function tileHashReader(
  { size, readTile }: { size: number; readTile: (tile: HashTile) => Uint8Array },
  sha256: Pick<Sha256, 'bytes'>,
): HashReader {
  return (level, index) => {
    const node = { level, index };
    return hashInTile(node, readTile(tileOf(node, size)), sha256);
  };
}

/** The hashes of a tile, one by one. Throws `wrong_tile_length` unless it is exactly `width` of them. */
export function splitTile(tile: Uint8Array, width: number): Uint8Array[] {
  if (tile.length !== width * hashBytes) throw new LogError('wrong_tile_length');
  return Array.from({ length: width }, (_, at) => tile.subarray(at * hashBytes, (at + 1) * hashBytes));
}

const maxEntryBytes = 65_535;

/**
 * An entry bundle: each entry behind its length as two bytes, the high one first. Here an entry is an event's public
 * body; an empty one stands for a body that retention dropped. Throws `too_large`.
 */
export function encodeEntries(entries: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(entries.reduce((sum, entry) => sum + 2 + entry.length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const entry of entries) {
    if (entry.length > maxEntryBytes) throw new LogError('too_large');
    view.setUint16(at, entry.length);
    bytes.set(entry, at + 2);
    at += 2 + entry.length;
  }
  return bytes;
}

/** Throws `malformed_entries` unless it is exactly `width` entries. */
export function decodeEntries(bytes: Uint8Array, width: number): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries: Uint8Array[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (entries.length === width || at + 2 > bytes.length) throw new LogError('malformed_entries');
    const end = at + 2 + view.getUint16(at);
    if (end > bytes.length) throw new LogError('malformed_entries');
    entries.push(bytes.subarray(at + 2, end));
    at = end;
  }
  if (entries.length !== width) throw new LogError('malformed_entries');
  return entries;
}
