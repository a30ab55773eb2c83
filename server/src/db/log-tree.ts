/**
 * The growing end of the log's Merkle tree (RFC 6962 §2.1), in memory beside the one writer: leaves go in, the edge and
 * full tiles (C2SP tlog-tiles) come out, in the transaction that stores the leaves' events.
 *
 *   memory   8 bytes       size: how many leaves
 *            48 x 32       by height: the root of the rightmost perfect subtree of 2^height leaves, valid where the
 *                          size's binary digit is one; together these are the edge
 *            6 x 8,192     by level: the hashes of the tile that is filling, (size / 256^level) mod 256 of them
 *
 * An append overwrites what a finished tile held, so after a rolled back batch the tree is loaded again.
 */
import { hash } from 'node:crypto';
import { FatalError } from '../domain/error.ts';

/** 32 bytes, one to a character: a quarter of the cost of a Buffer, and every event pays for two or three. */
type Digest = string;
const hashBytes = 32;
export const tileWidth = 256;
const heights = 48;
const levels = heights / 8;
const tileBytes = tileWidth * hashBytes;
const nodesAt = 8;
const tilesAt = nodesAt + heights * hashBytes;

export type FullTile = { level: number; n: number; hashes: Uint8Array };
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
  readonly #size: Float64Array;
  readonly #bytes: Buffer;
  #full: FullTile[] = [];

  constructor() {
    const memory = new ArrayBuffer(tilesAt + levels * tileBytes);
    this.#size = new Float64Array(memory, 0, 1);
    this.#bytes = Buffer.from(memory);
  }

  get size(): number {
    return this.#size[0] as number;
  }

  /** Adds the event's leaf; its index is the size before. */
  append(body: string): void {
    this.appendLeaf(leafHashOf(body));
  }

  appendLeaf(leaf: Digest): void {
    const index = this.size;
    this.#put(leaf, tilesAt + (index % tileWidth) * hashBytes);
    let node = leaf;
    let height = 0;
    for (let rest = index; rest % 2 === 1; rest = (rest - 1) / 2) {
      const at = nodesAt + height * hashBytes;
      this.#bytes.copy(pair, 1, at, at + hashBytes);
      pair.write(node, 1 + hashBytes, hashBytes, 'latin1');
      node = digestOf(pair);
      height++;
      if (height % 8 === 0) this.#finishTile(height / 8, index, node);
    }
    this.#put(node, nodesAt + height * hashBytes);
    this.#size[0] = index + 1;
  }

  /** The roots of the tree's perfect subtrees, largest first. */
  edge(): Edge {
    const { size } = this;
    const parts: Uint8Array[] = [];
    for (let height = heights - 1; height >= 0; height--) {
      if (hasDigit(size, height)) parts.push(this.#node(height));
    }
    return { size, hashes: Buffer.concat(parts) };
  }

  /** The tiles that were filled since the last call. */
  takeFullTiles(): FullTile[] {
    const full = this.#full;
    if (full.length > 0) this.#full = [];
    return full;
  }

  /** Throws a FatalError when the edge is not that of the entries: the database was changed by other hands. */
  load({ edge, bodies, tiles }: StoredTree): void {
    this.#full = [];
    this.#size[0] = 0;
    const { size } = edge;
    const filling = new Map(
      treeSourcesOf(size).tiles.map((source, at) => [source.level + 1, tiles[at] ?? []]),
    );
    const hashes = [bodies.map(leafHashOf)];
    for (let level = 1; level < levels; level++) hashes.push((filling.get(level) ?? []).map(rootOfTile));
    for (const [level, known] of hashes.entries()) this.#fill(level, known, size);
    this.#size[0] = size;
    if (!Buffer.from(this.edge().hashes).equals(edge.hashes)) throw treeMismatch();
  }

  #fill(level: number, hashes: readonly Digest[], size: number): void {
    const count = Math.floor(size / tileWidth ** level) % tileWidth;
    if (hashes.length !== count) throw treeMismatch();
    for (const [at, one] of hashes.entries()) this.#put(one, tilesAt + level * tileBytes + at * hashBytes);
    // The binary digits of the count, from the left: each is a perfect subtree within this level.
    let from = 0;
    for (let bit = 7; bit >= 0; bit--) {
      const width = 2 ** bit;
      if ((count & width) === 0) continue;
      this.#put(rootOf(hashes.slice(from, from + width)), nodesAt + (level * 8 + bit) * hashBytes);
      from += width;
    }
  }

  #finishTile(level: number, index: number, root: Digest): void {
    const tile = tilesAt + (level - 1) * tileBytes;
    const n = (index + 1) / tileWidth ** level - 1;
    const hashes = new Uint8Array(this.#bytes.subarray(tile, tile + tileBytes));
    this.#full.push({ level: level - 1, n, hashes });
    if (level < levels) this.#put(root, tilesAt + level * tileBytes + (n % tileWidth) * hashBytes);
  }

  #put(digest: Digest, at: number): void {
    this.#bytes.write(digest, at, hashBytes, 'latin1');
  }

  #node(height: number): Uint8Array {
    const at = nodesAt + height * hashBytes;
    return this.#bytes.subarray(at, at + hashBytes);
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
    for (let at = 0; at < row.length; at += 2) {
      pair.write(row[at] as Digest, 1, hashBytes, 'latin1');
      pair.write(row[at + 1] as Digest, 1 + hashBytes, hashBytes, 'latin1');
      above.push(digestOf(pair));
    }
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

/** RFC 6962 §2.1: 0x00 and the body. Written behind a zero byte that is there already: a text put together costs a sixth more. */
function leafHashOf(body: string): Digest {
  const end = 1 + entry.write(body, 1);
  // Written to the end, or to a character that had no room there: U+0000 is one zero byte in UTF-8.
  if (end > entry.length - mostBytesOfCharacter) return hash('sha256', `\0${body}`, 'latin1');
  return digestOf(entry.subarray(0, end));
}

const entry = Buffer.alloc(16_384);
const mostBytesOfCharacter = 4;

/** RFC 6962 §2.1: 0x01 and two nodes. */
const pair = Buffer.alloc(1 + 2 * hashBytes);
pair[0] = 1;

function digestOf(bytes: Uint8Array): Digest {
  return hash('sha256', bytes, 'latin1');
}
