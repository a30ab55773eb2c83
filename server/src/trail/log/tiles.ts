/**
 * The log's hash tiles (docs/spec/log.md) out of the database. Full tiles are rows; a partial one is made from what it
 * is of: the bodies of events at level 0, the full tiles one level below above that. Whatever is asked for is bounded: at
 * most 255 bodies or tiles the first time, then only what was added since, because the last tile of each level is kept.
 */
import { type HashTile, hashBytes, leafHash, rootOfPerfect, tileHashes, tileWidth } from '@tallyman/verifier';
import { statement } from '../../db/statement.ts';
import type { Db, ReadDb } from '../../db/store.ts';
import { BoundedCache } from '../../stdx/bounded-cache.ts';
import { nodeSha256 } from '../seal.ts';

const selectTile = statement<{ hashes: Uint8Array }>('SELECT hashes FROM log_tile WHERE level = ? AND n = ?');
const selectTiles = statement<{ n: number; hashes: Uint8Array }>(
  'SELECT n, hashes FROM log_tile WHERE level = ? AND n >= ? AND n < ? ORDER BY n',
);
const selectBodies = statement<{ idx: number; body: string }>(
  'SELECT idx, body FROM event WHERE idx >= ? AND idx < ? ORDER BY idx',
);

/** Full tiles kept in memory, 8 KiB each. */
const tilesKept = 512;
/** Tiles hashed between two turns of the event loop: some milliseconds. */
const tilesPerTurn = 16;

/** The beginning of a tile that was not full when it was last read. */
type Tail = { n: number; width: number; hashes: Uint8Array };

export class LogTiles {
  readonly #db: ReadDb;
  readonly #writer: Pick<Db, 'partialTile'> | undefined;
  readonly #full = new BoundedCache<Uint8Array>(tilesKept);
  readonly #tails: Tail[] = [];
  /** One at a time makes a level's tail longer; the others wait and find it done. */
  readonly #growing: (Promise<unknown> | undefined)[] = [];

  /** With the writer of the log, the roots of the tiles it made need not be hashed again. */
  constructor(db: ReadDb, writer?: Pick<Db, 'partialTile'>) {
    this.#db = db;
    this.#writer = writer;
  }

  /**
   * The first `width` hashes of a tile, which the log must have: ask for nothing beyond a size that was committed.
   * Rejects with DamagedLog when rows are missing that must be there.
   */
  async read({ level, n, width }: HashTile): Promise<Uint8Array> {
    // Level 0 is always made from the bodies that are stored: what was changed there by hand is not signed over.
    const known = level === 0 ? undefined : this.#writer?.partialTile({ level, n, width });
    if (known) return known;
    const tail = this.#tails[level];
    if (tail?.n === n && tail.width >= width) return tail.hashes.subarray(0, width * hashBytes);
    const full = await this.#findFull(level, n);
    if (full) return full.subarray(0, width * hashBytes);
    if (width === tileHashes) throw missing(level, n);
    return (await this.#grow({ level, n, width })).subarray(0, width * hashBytes);
  }

  /** The public bodies behind a tile of level 0, undefined where retention dropped one. */
  async readBodies({ n, width }: { n: number; width: number }): Promise<(string | undefined)[]> {
    const first = n * tileHashes;
    const rows = await this.#db.all(selectBodies, [first, first + width]);
    const bodies = new Array<string | undefined>(width).fill(undefined);
    for (const { idx, body } of rows) bodies[idx - first] = body;
    return bodies;
  }

  async #findFull(level: number, n: number): Promise<Uint8Array | undefined> {
    return this.#full.load(`${level}/${n}`, async () => {
      const row = await this.#db.get(selectTile, [level, n]);
      if (row !== undefined && row.hashes.length !== tileHashes * hashBytes) throw missing(level, n);
      return row?.hashes;
    });
  }

  async #grow(tile: HashTile): Promise<Uint8Array> {
    const { level } = tile;
    const before = this.#growing[level];
    const grown = (async () => {
      await before?.catch(() => {});
      return this.#growNow(tile);
    })();
    this.#growing[level] = grown;
    return grown;
  }

  async #growNow({ level, n, width }: HashTile): Promise<Uint8Array> {
    const tail = this.#tails[level];
    if (tail?.n === n && tail.width >= width) return tail.hashes;
    const hashes = new Uint8Array(tileHashes * hashBytes);
    const known = tail?.n === n ? tail.width : 0;
    if (tail && known > 0) hashes.set(tail.hashes);
    const first = n * tileHashes;
    const range = { level, from: first + known, to: first + width };
    const added = level === 0 ? await this.#leafHashes(range) : await this.#tileRoots(range);
    for (const [at, hash] of added.entries()) hashes.set(hash, (known + at) * hashBytes);
    // An older tile is not kept in place of a newer one.
    if (tail === undefined || tail.n <= n) this.#tails[level] = { n, width, hashes };
    return hashes;
  }

  async #leafHashes({ from, to }: { from: number; to: number }): Promise<Uint8Array[]> {
    const rows = await this.#db.all(selectBodies, [from, to]);
    // A tile that became full meanwhile may have lost bodies to retention since: its row has the hashes.
    if (rows.length !== to - from) return this.#fromFull({ level: 0, from, to });
    return rows.map(({ body }) => leafHash(Buffer.from(body), nodeSha256));
  }

  async #fromFull({ level, from, to }: { level: number; from: number; to: number }): Promise<Uint8Array[]> {
    const n = Math.floor(from / tileHashes);
    const full = await this.#findFull(level, n);
    if (!full) throw missing(level, n);
    return Array.from({ length: to - from }, (_, at) => {
      const start = (from - n * tileHashes + at) * hashBytes;
      return full.subarray(start, start + hashBytes);
    });
  }

  async #tileRoots({ level, from, to }: { level: number; from: number; to: number }): Promise<Uint8Array[]> {
    const roots: Uint8Array[] = [];
    for (let first = from; first < to; first += tilesPerTurn) {
      const end = Math.min(first + tilesPerTurn, to);
      const rows = await this.#db.all(selectTiles, [level - 1, first, end]);
      if (rows.length !== end - first) throw missing(level - 1, first);
      for (const { hashes } of rows) roots.push(rootOfPerfect(hashes, nodeSha256));
      if (end < to) await new Promise(setImmediate);
    }
    return roots;
  }
}

/** Whether a tree of `size` leaves has the tile at this width. */
export function hasTile(
  { level, n, width }: { level: number | 'entries'; n: number; width: number },
  size: number,
): boolean {
  return tileWidth({ level, n }, size) >= width;
}

/** Rows of the tree are missing or malformed. Reading fails, and nothing is signed; `tallyman fsck` says more. */
export class DamagedLog extends Error {
  override readonly name = 'DamagedLog';
}

function missing(level: number, n: number): DamagedLog {
  return new DamagedLog(`the log is damaged: tile ${level}/${n} or what it is made of is missing`);
}
