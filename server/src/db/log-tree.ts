/**
 * The growing end of the log's Merkle tree (RFC 6962 §2.1), in memory beside the one writer: leaves go in, the edge and
 * full tiles (C2SP tlog-tiles) come out, in the transaction that stores the leaves' events.
 *
 *   edge      by height: the root of the rightmost perfect subtree of 2^height leaves, valid where the size's binary digit
 *             is one
 *   filling   by level: the hashes of the tile that is filling, (size / 256^level) mod 256 of them
 *
 * An append overwrites what stood there, so after a rolled back batch the tree is loaded again.
 */
import { hash } from 'node:crypto';
import { FatalError } from '../domain/error.ts';

/** 32 bytes, one to a character: a quarter of the cost of a Buffer, and every event pays for two or three. */
export type Digest = string;
export const hashBytes = 32;
export const tileWidth = 256;
const levels = 6;
const tileBytes = tileWidth * hashBytes;

export type FullTile = { level: number; n: number; hashes: Uint8Array };
export type PartialTile = { level: number; n: number; width: number };
export type Edge = { size: number; hashes: Uint8Array };

/** What must be read to load a tree of this size: bodies from an index on, and ranges [from, to) of full tiles. */
export type TreeSources = {
  bodiesFrom: number;
  tiles: { level: number; from: number; to: number }[];
};

export function treeSourcesOf(size: number): TreeSources {
  const tiles = [];
  for (let level = 1; level < levels; level++) {
    const to = Math.floor(size / tileWidth ** level);
    const from = Math.floor(to / tileWidth) * tileWidth;
    if (to > from) tiles.push({ level: level - 1, from, to });
  }
  return { bodiesFrom: Math.floor(size / tileWidth) * tileWidth, tiles };
}

/** The stored edge, and the sources' content in the order they were named. */
export type StoredTree = { edge: Edge; bodies: readonly string[]; tiles: readonly (readonly Uint8Array[])[] };

export class LogTree {
  #size = 0;
  readonly #edge: Digest[] = [];
  readonly #filling: Digest[][] = Array.from({ length: levels }, () => []);
  #full: FullTile[] = [];

  get size(): number {
    return this.#size;
  }

  /** Adds the event's leaf; its index is the size before. */
  appendLeaf(leaf: Digest): void {
    const index = this.#size;
    let node = leaf;
    let height = 0;
    (this.#filling[0] as Digest[]).push(leaf);
    for (let rest = index; rest % 2 === 1; rest = (rest - 1) / 2) {
      node = nodeHashOf(this.#edge[height] as Digest, node);
      height++;
      if (height % 8 === 0) this.#finishTile(height / 8, index, node);
    }
    this.#edge[height] = node;
    this.#size = index + 1;
  }

  /** The roots of the tree's perfect subtrees, largest first. */
  edge(): Edge {
    const size = this.#size;
    const roots = this.#edge.filter((_root, height) => hasDigit(size, height));
    return { size, hashes: bytesOf(roots.reverse()) };
  }

  /** The first `width` hashes of a tile; undefined when another one fills there, or fewer are in. */
  partialTile({ level, n, width }: PartialTile): Uint8Array | undefined {
    const filling = this.#filling[level];
    const fills = Math.floor(this.#size / tileWidth ** (level + 1)) === n;
    return fills && filling && filling.length >= width ? bytesOf(filling.slice(0, width)) : undefined;
  }

  /** The tiles that were filled since the last call. */
  takeFullTiles(): FullTile[] {
    const full = this.#full;
    if (full.length > 0) this.#full = [];
    return full;
  }

  /** Throws a FatalError when the edge is not that of the entries: the database was changed by other hands. */
  load({ edge, bodies, tiles }: StoredTree): void {
    const { size } = edge;
    this.#full = [];
    this.#size = size;
    const filling = new Map(
      treeSourcesOf(size).tiles.map((source, at) => [source.level + 1, tiles[at] ?? []]),
    );
    this.#fill(0, bodies.map(leafHashOf));
    for (let level = 1; level < levels; level++)
      this.#fill(level, (filling.get(level) ?? []).map(rootOfTile));
    if (!Buffer.from(this.edge().hashes).equals(edge.hashes)) throw treeMismatch();
  }

  #fill(level: number, hashes: Digest[]): void {
    const count = Math.floor(this.#size / tileWidth ** level) % tileWidth;
    if (hashes.length !== count) throw treeMismatch();
    this.#filling[level] = hashes;
    // The binary digits of the count, from the left: each is a perfect subtree within this level.
    let from = 0;
    for (let bit = 7; bit >= 0; bit--) {
      const width = 2 ** bit;
      if ((count & width) === 0) continue;
      this.#edge[level * 8 + bit] = rootOf(hashes.slice(from, from + width));
      from += width;
    }
  }

  #finishTile(level: number, index: number, root: Digest): void {
    const hashes = bytesOf(this.#filling[level - 1] as Digest[]);
    this.#filling[level - 1] = [];
    this.#full.push({ level: level - 1, n: (index + 1) / tileWidth ** level - 1, hashes });
    this.#filling[level]?.push(root);
  }
}

export function treeMismatch(): FatalError {
  return new FatalError(
    'the edge of the log is not that of its entries: the database was changed by other hands. Run `tallyman fsck`',
  );
}

function hasDigit(size: number, height: number): boolean {
  return Math.floor(size / 2 ** height) % 2 === 1;
}

/** Of 2^k hashes. */
function rootOf(hashes: readonly Digest[]): Digest {
  let row = hashes;
  while (row.length > 1) {
    const above: Digest[] = [];
    for (let at = 0; at < row.length; at += 2)
      above.push(nodeHashOf(row[at] as Digest, row[at + 1] as Digest));
    row = above;
  }
  return row[0] as Digest;
}

function rootOfTile(hashes: Uint8Array): Digest {
  if (hashes.length !== tileBytes) throw treeMismatch();
  const bytes = Buffer.from(hashes.buffer, hashes.byteOffset, hashes.length);
  return rootOf(
    Array.from({ length: tileWidth }, (_, at) =>
      bytes.toString('latin1', at * hashBytes, (at + 1) * hashBytes),
    ),
  );
}

function bytesOf(digests: readonly Digest[]): Uint8Array {
  return Buffer.from(digests.join(''), 'latin1');
}

/** RFC 6962 §2.1: 0x00 and the body. Written behind a zero byte that is there already: a text put together costs a sixth more. */
export function leafHashOf(body: string): Digest {
  const end = 1 + entry.write(body, 1);
  // Written to the end, or to a character that had no room there: U+0000 is one zero byte in UTF-8.
  if (end > entry.length - mostBytesOfCharacter) return hash('sha256', `\0${body}`, asDigest);
  return hash('sha256', entry.subarray(0, end), asDigest);
}

const entry = Buffer.alloc(16_384);
const mostBytesOfCharacter = 4;

/** RFC 6962 §2.1: 0x01 and two nodes. */
function nodeHashOf(left: Digest, right: Digest): Digest {
  // One by one: a text put together of both costs a quarter more.
  pair.write(left, 1, 'latin1');
  pair.write(right, 1 + hashBytes, 'latin1');
  return hash('sha256', pair, asDigest);
}

const pair = Buffer.alloc(1 + 2 * hashBytes);
pair[0] = 1;

/** With a length, the runtime does not look at every call whether the algorithm would need one. */
export const asDigest = { outputEncoding: 'latin1', outputLength: hashBytes } as const;
