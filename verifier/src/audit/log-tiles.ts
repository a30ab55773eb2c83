/**
 * A tree seen through its tiles, of which each is asked for once, when it is needed. Written as generators that say which
 * file they want and are handed its bytes: so the same steps run over HTTP, a folder or a database, and wait for none of them.
 */
import { LogError } from '../log/log-error.ts';
import { formatTilePath, type HashTile, hashInTile, tileHashes, tileOf, tilesOf } from '../log/tiles.ts';
import { equalHashes, hashBytes, rangeNodes, rootOfEdge, rootOfPerfect, type TreeNode } from '../log/tree.ts';
import type { Sha256 } from '../sha256.ts';

/**
 * `log`: below the prefix of the log that is audited; `kept`: what the auditor keeps of it; `elsewhere`: a checkpoint that
 * somebody else kept.
 */
export type Side = 'log' | 'kept' | 'elsewhere';

export type FileRequest = { from: Side; path: string };

/** Asks for files and is handed their bytes, undefined for one that is not there. */
export type Reading<Result> = Generator<FileRequest, Result, Uint8Array | undefined>;

export class LogTiles {
  readonly size: number;
  readonly #from: Side;
  readonly #sha256: Pick<Sha256, 'bytes'>;
  readonly #tiles = new Map<string, Uint8Array | undefined>();
  readonly #proven = new Set<string>();

  constructor({ from, size, sha256 }: { from: Side; size: number; sha256: Pick<Sha256, 'bytes'> }) {
    this.#from = from;
    this.size = size;
    this.#sha256 = sha256;
  }

  /** The tile's bytes, undefined when it is not there. Throws `wrong_tile_length`. */
  *find(tile: HashTile): Reading<Uint8Array | undefined> {
    const key = keyOf(tile);
    if (this.#tiles.has(key)) return this.#tiles.get(key);
    const bytes = yield* this.#ask(tile);
    this.#tiles.set(key, bytes);
    return bytes;
  }

  *#ask(tile: HashTile): Reading<Uint8Array | undefined> {
    const place = formatTilePath(tile);
    let bytes = yield { from: this.#from, path: place };
    const sizeBytes = tile.width * hashBytes;
    if (bytes === undefined && tile.width < tileHashes) {
      // A log may forget a partial tile once it has the full one.
      const full = yield { from: this.#from, path: formatTilePath({ ...tile, width: tileHashes }) };
      if (full && full.length !== tileHashes * hashBytes) throw new LogError('wrong_tile_length', { place });
      bytes = full?.subarray(0, sizeBytes);
    }
    if (bytes && bytes.length !== sizeBytes) throw new LogError('wrong_tile_length', { place });
    return bytes;
  }

  *get(tile: HashTile): Reading<Uint8Array> {
    const bytes = yield* this.find(tile);
    if (bytes === undefined) throw new LogError('missing_file', { place: formatTilePath(tile) });
    return bytes;
  }

  *findHash(node: TreeNode): Reading<Uint8Array | undefined> {
    const tile = yield* this.find(tileOf(node, this.size));
    return tile && hashInTile(node, tile, this.#sha256);
  }

  /** The root of the first `size` leaves. */
  *root(size = this.size): Reading<Uint8Array> {
    const hashes: Uint8Array[] = [];
    for (const node of rangeNodes(0, size)) {
      const tile = tileOf(node, this.size);
      hashes.push(hashInTile(node, yield* this.get(tile), this.#sha256));
    }
    return rootOfEdge(hashes, this.#sha256);
  }

  /** Compares the edge with the root that was signed, on which everything else rests. Throws `tiles_mismatch`. */
  *proveRoot(root: Uint8Array): Reading<void> {
    if (!equalHashes(yield* this.root(), root)) throw new LogError('tiles_mismatch');
    for (const tile of tilesOf(rangeNodes(0, this.size), this.size)) this.#proven.add(keyOf(tile));
  }

  /** Compares the tile with its parent, and so on up to a proven one. Throws `tiles_mismatch`. */
  *prove(tile: HashTile): Reading<void> {
    for (let child = tile; !this.#proven.has(keyOf(child)); ) {
      // Whatever is not full is part of the edge, so what comes here has a parent.
      const node = { level: 8 * (child.level + 1), index: child.n };
      const parent = tileOf(node, this.size);
      const expected = hashInTile(node, yield* this.get(parent), this.#sha256);
      if (!equalHashes(rootOfPerfect(yield* this.get(child), this.#sha256), expected)) {
        throw new LogError('tiles_mismatch', { place: formatTilePath(child) });
      }
      this.#proven.add(keyOf(child));
      child = parent;
    }
  }
}

function keyOf({ level, n }: HashTile): string {
  return `${level}/${n}`;
}
