/**
 * The tree computed anew, leaf by leaf. Bodies and level-0 tiles are two witnesses of the same leaf hashes; where they
 * differ both are carried on, and the stored roots above tell which of them is right. Grown here and not by the code
 * that writes the tree, whose mistakes would be repeated.
 */
import { equalHashes, nodeHash, rangeNodes, rootOfEdge, tileHashes } from '@tallyman/verifier';
import { nodeSha256 } from '../trail/seal.ts';

const levelsPerTile = 8;

export type Hash = Uint8Array;

/** Holds the roots of its perfect subtrees, largest first, and nothing else. */
export class GrowingTree {
  #size = 0;
  readonly #edge: Hash[] = [];
  readonly #onSubtree: (level: number, root: Hash) => void;

  /** `onSubtree`: called for each perfect subtree above the leaves, as it becomes whole. `from`: goes on as a copy. */
  constructor(onSubtree: (level: number, root: Hash) => void = () => {}, from?: GrowingTree) {
    this.#onSubtree = onSubtree;
    if (from === undefined) return;
    this.#size = from.#size;
    this.#edge.push(...from.#edge);
  }

  /** A leaf, or the root of the perfect subtree of 2^level leaves that comes next; the size is a multiple of that. */
  add(next: Hash, level = 0): void {
    let root = next;
    let height = level;
    if (level > 0) this.#onSubtree(level, root);
    for (let left = this.#size / 2 ** level; left % 2 === 1; left = (left - 1) / 2) {
      root = nodeHash(this.#edge.pop() as Hash, root, nodeSha256);
      this.#onSubtree(++height, root);
    }
    this.#edge.push(root);
    this.#size += 2 ** level;
  }

  edge(): readonly Hash[] {
    return this.#edge;
  }

  root(): Hash {
    return rootOfEdge(this.#edge, nodeSha256);
  }
}

/** First index, and the one after the last, of each perfect subtree of a tree: what its edge's hashes stand for. */
export function edgeRanges(size: number): { from: number; to: number }[] {
  return rangeNodes(0, size).map(({ level, index }) => {
    const width = 2 ** level;
    return { from: index * width, to: (index + 1) * width };
  });
}

/** A full tile above level 0, as the tiles below it give it. */
export type UpperTile = { level: number; n: number; hashes: Hash[] };
/** What a leaf's body hashes to, and what the tile holds; either may be missing, not both. */
export type Leaf = { byBody: Hash | undefined; byTile: Hash | undefined };

/** Both witnesses. While they agree, which is nearly always, there is one tree. */
export class TwoTrees {
  readonly byTiles: GrowingTree;
  byBodies: GrowingTree;
  readonly #gathering = new Map<number, UpperTile>();
  readonly #whole: UpperTile[] = [];

  constructor() {
    this.byTiles = new GrowingTree((height, root) => this.#gather(height, root));
    this.byBodies = this.byTiles;
  }

  get differ(): boolean {
    return this.byBodies !== this.byTiles;
  }

  add({ byBody, byTile }: Leaf): void {
    const tile = byTile ?? (byBody as Hash);
    const body = byBody ?? tile;
    if (!this.differ && !equalHashes(tile, body)) this.byBodies = new GrowingTree(undefined, this.byTiles);
    this.byTiles.add(tile);
    if (this.differ) this.byBodies.add(body);
  }

  /** 256 leaves of which both witnesses say the same. */
  addTile(root: Hash): void {
    this.byTiles.add(root, levelsPerTile);
    if (this.differ) this.byBodies.add(root, levelsPerTile);
  }

  /** Upper tiles that became full since the last call. */
  takeWhole(): UpperTile[] {
    return this.#whole.splice(0);
  }

  #gather(height: number, root: Hash): void {
    if (height % levelsPerTile !== 0) return;
    const level = height / levelsPerTile;
    const tile = this.#gathering.get(level) ?? { level, n: 0, hashes: [] };
    tile.hashes.push(root);
    this.#gathering.set(level, tile);
    if (tile.hashes.length < tileHashes) return;
    this.#whole.push(tile);
    this.#gathering.set(level, { level, n: tile.n + 1, hashes: [] });
  }
}

export function shown(of: Hash): string {
  return Buffer.from(of).toString('base64');
}
