/**
 * The tree against what is stored of it: the full tiles of every level, the edge, and every checkpoint. What was changed
 * within the last, unfinished tile is narrowed down by the checkpoints: the last that agrees and the first that does not.
 */
import { equalHashes, hashBytes, splitTile, tileHashes } from '@tallyman/verifier';
import type { View } from '../db/onlooker.ts';
import { AnnouncedKeys, openHead } from './checkpoints.ts';
import { toleranceUs } from './event-checks.ts';
import type { Tell } from './findings.ts';
import { edgeRanges, type Hash, shown, TwoTrees, type UpperTile } from './tree.ts';

export type StoredHead = { size: number; note: string };

/** From index `from` on, up to the tree's end at most. */
export type TreeStretch = {
  from: number;
  /** Undefined where the body is missing. */
  leaves: readonly ({ body: string; hash: Hash } | undefined)[];
  /** Level-0 tiles by n. */
  tiles: ReadonlyMap<number, Uint8Array>;
  heads: readonly StoredHead[];
};

type TreeCheckParts = {
  tell: Tell;
  size: number;
  edge: Uint8Array;
  nowUs: number;
  /** Checkpoints kept outside of the database. */
  outside: readonly StoredHead[];
};

export class TreeCheck {
  readonly #tell: Tell;
  readonly #size: number;
  readonly #edge: Uint8Array;
  readonly #nowUs: number;
  readonly #outside: readonly StoredHead[];
  readonly #trees = new TwoTrees();
  readonly #keys = new AnnouncedKeys();
  readonly #heads = { agreed: 0, contradicted: 0, timeSec: 0 };
  /** The leaf from which on nothing can be computed: neither its body nor its tile is there. */
  #lost: number | undefined;
  #at = 0;

  constructor({ tell, size, edge, nowUs, outside }: TreeCheckParts) {
    this.#outside = outside;
    this.#tell = tell;
    this.#size = size;
    this.#edge = edge;
    this.#nowUs = nowUs;
  }

  add(stretch: TreeStretch): void {
    const { from, leaves, tiles } = stretch;
    const split = new Map([...tiles].map(([n, bytes]) => [n, this.#splitTile(n, bytes)]));
    const nextHeads = this.#withOutside(stretch).values();
    let head = nextHeads.next().value;
    for (const [at, leaf] of leaves.entries()) {
      const index = from + at;
      const byTile = split.get(Math.floor(index / tileHashes))?.[index % tileHashes];
      this.#requireTile(index, tiles);
      if (leaf !== undefined) this.#keys.learn(leaf.body);
      this.#addLeaf({ index, byBody: leaf?.hash, byTile });
      for (; head !== undefined && head.size === index + 1; head = nextHeads.next().value)
        this.#checkHead(head);
    }
    this.#at = from + leaves.length;
  }

  /** The tile that comes next, its bodies and the tile saying the same, no checkpoint within it or at its end. */
  addWholeTile(root: Hash): void {
    if (this.#lost === undefined) this.#trees.addTile(root);
    this.#at += tileHashes;
  }

  #withOutside({ from, leaves, heads }: TreeStretch): readonly StoredHead[] {
    const within = this.#outside.filter(({ size }) => size > from && size <= from + leaves.length);
    return within.length === 0 ? heads : [...heads, ...within].sort((one, other) => one.size - other.size);
  }

  #splitTile(n: number, bytes: Uint8Array): Hash[] | undefined {
    if (bytes.length === tileHashes * hashBytes) return splitTile(bytes, tileHashes);
    this.#tell.error(
      'tile_malformed',
      `tile 0/${n} has ${bytes.length} bytes and not ${tileHashes * hashBytes}`,
      n * tileHashes,
    );
    return undefined;
  }

  /** Told once for each tile, at its first leaf. */
  #requireTile(index: number, tiles: ReadonlyMap<number, Uint8Array>): void {
    if (index % tileHashes !== 0 || index + tileHashes > this.#size) return;
    const n = index / tileHashes;
    if (!tiles.has(n))
      this.#tell.error(
        'tile_missing',
        `tile 0/${n}, over events ${index} to ${index + tileHashes - 1}, is missing`,
        index,
      );
  }

  #addLeaf({ index, byBody, byTile }: { index: number; byBody: Hash | undefined; byTile: Hash | undefined }) {
    if (this.#lost !== undefined) return;
    if (byBody === undefined && byTile === undefined) {
      this.#lost = index;
      this.#tell.error(
        'tree_lost',
        `the tree cannot be computed from event ${index} on: neither its body nor a tile with its hash is there`,
        index,
      );
      return;
    }
    if (byBody !== undefined && byTile !== undefined && !equalHashes(byBody, byTile)) {
      this.#tell.error(
        'leaf_differs',
        `event ${index}: its body hashes to ${shown(byBody)}, and its place in the tree holds ${shown(byTile)}`,
        index,
      );
    }
    this.#trees.add({ byBody, byTile });
  }

  #checkHead({ size, note }: StoredHead): void {
    if (this.#lost !== undefined) return;
    const opened = openHead(note, this.#keys.keys);
    if (typeof opened === 'string') {
      this.#tell.error('checkpoint_not_signed', `the checkpoint of size ${size} is not believed: ${opened}`);
      return;
    }
    if (opened.size !== size)
      this.#tell.error(
        'checkpoint_malformed',
        `the checkpoint stored for size ${size} is of size ${opened.size}`,
      );
    else this.#checkRoot(size, opened.root);
    this.#checkSigningTime(size, opened.timeSec);
  }

  #checkRoot(size: number, root: Hash): void {
    if (equalHashes(root, this.#trees.byTiles.root())) {
      this.#heads.agreed = size;
    } else if (this.#trees.differ && equalHashes(root, this.#trees.byBodies.root())) {
      this.#tell.error(
        'tile_changed',
        `the checkpoint of size ${size} agrees with the bodies and not with the tiles: tiles were changed`,
      );
    } else {
      this.#heads.contradicted++;
      if (this.#heads.contradicted > 1) return;
      const { agreed } = this.#heads;
      this.#tell.error(
        'checkpoint_contradicted',
        `the checkpoint of size ${size} has the root ${shown(root)}, the events give ${shown(this.#trees.byTiles.root())}: something among events ${agreed} to ${size - 1} was changed after it was signed`,
        agreed,
      );
    }
  }

  #checkSigningTime(size: number, timeSec: number | undefined): void {
    if (timeSec === undefined) return;
    if (timeSec * 1e6 > this.#nowUs + toleranceUs)
      this.#tell.error('checkpoint_ahead', `the checkpoint of size ${size} was signed in the future`);
    if (timeSec < this.#heads.timeSec)
      this.#tell.error(
        'checkpoint_backdated',
        `the checkpoint of size ${size} says it was signed before a smaller one`,
      );
    this.#heads.timeSec = Math.max(this.#heads.timeSec, timeSec);
  }

  /** Those above level 0 that the last stretch completed. */
  async checkUpperTiles(view: View): Promise<void> {
    for (const tile of this.#trees.takeWhole()) await this.#checkUpper(view, tile);
  }

  async #checkUpper(view: View, { level, n, hashes }: UpperTile): Promise<void> {
    const name = `tile ${level}/${n}`;
    const [stored] = await view.rows<{ hashes: Uint8Array }>(
      'SELECT hashes FROM log_tile WHERE level = ? AND n = ?',
      [level, n],
    );
    if (stored === undefined) {
      this.#tell.error('tile_missing', `${name} is missing`);
      return;
    }
    if (stored.hashes.length !== tileHashes * hashBytes) {
      this.#tell.error('tile_malformed', `${name} has ${stored.hashes.length} bytes`);
      return;
    }
    for (const [at, found] of splitTile(stored.hashes, tileHashes).entries()) {
      const below = `tile ${level - 1}/${n * tileHashes + at}`;
      if (!equalHashes(found, hashes[at] as Hash))
        this.#tell.error(
          'tile_differs',
          `${name} holds ${shown(found)} as the root of ${below}, which gives ${shown(hashes[at] as Hash)}`,
        );
    }
  }

  /** After the last stretch. */
  finish(): void {
    if (this.#heads.contradicted > 1)
      this.#tell.error(
        'checkpoints_contradicted',
        `${this.#heads.contradicted - 1} further checkpoints are contradicted too`,
      );
    if (this.#lost !== undefined || this.#at < this.#size) return;
    const ranges = edgeRanges(this.#size);
    if (this.#edge.length !== ranges.length * hashBytes) {
      this.#tell.error(
        'edge_malformed',
        `the edge of a tree of ${this.#size} leaves has ${ranges.length} hashes, and ${this.#edge.length} bytes are stored`,
      );
      return;
    }
    const stored = splitTile(this.#edge, ranges.length);
    const { byTiles, byBodies, differ } = this.#trees;
    const agrees = (with_: readonly Hash[]): boolean =>
      stored.every((found, at) => equalHashes(found, with_[at] as Hash));
    if (agrees(byTiles.edge())) return;
    if (differ && agrees(byBodies.edge())) {
      this.#tell.error(
        'tile_changed',
        'the edge agrees with the bodies and not with the tiles: tiles were changed',
      );
      return;
    }
    for (const [at, { from, to }] of ranges.entries()) {
      const computed = byTiles.edge()[at] as Hash;
      if (!equalHashes(stored[at] as Hash, computed))
        this.#tellEdge({ from, to }, stored[at] as Hash, computed);
    }
  }

  #tellEdge({ from, to }: { from: number; to: number }, stored: Hash, computed: Hash): void {
    const which = to - from === 1 ? `event ${from}` : `events ${from} to ${to - 1}`;
    this.#tell.error(
      'edge_differs',
      `the edge holds ${shown(stored)} for ${which}, which give ${shown(computed)}`,
      from,
    );
  }

  /** What is stored of a tree that is not there. The log may have grown since, and never shrinks. */
  async checkBeyond(view: View): Promise<void> {
    const [ends] = await view.rows<{ size: number | null; rows: number | null }>(
      'SELECT (SELECT size FROM log_edge) AS size, (SELECT max(idx) FROM event) + 1 AS rows',
    );
    const size = ends?.size ?? ends?.rows ?? 0;
    const levels = await view.rows<{ level: number; high: number }>(
      'SELECT level, max(n) AS high FROM log_tile GROUP BY level ORDER BY level',
    );
    for (const { level, high } of levels) {
      if (high < Math.floor(size / tileHashes ** (level + 1))) continue;
      this.#tell.error('tile_beyond', `tile ${level}/${high} is beyond the tree of ${size} leaves`);
    }
    const [head] = await view.rows<{ size: number | null }>('SELECT max(size) AS size FROM log_checkpoint');
    const signed = Math.max(head?.size ?? 0, ...this.#outside.map((one) => one.size));
    if (signed <= size) return;
    this.#tell.error(
      'log_cut_off',
      `a checkpoint of size ${signed} was signed, and the tree has ${size} leaves: the end of the log was cut off`,
      size,
    );
  }
}
