/**
 * The roots of whole tiles, hashed again from their bodies at little more than what SHA-256 costs: the database joins
 * the 256 bodies of a tile by zero bytes, so that each leaf, 0x00 and a body (RFC 6962 §2.1), is a part of one buffer and
 * nothing is copied or decoded. Runs in threads, and loads nothing else for their sake.
 */
import { hash } from 'node:crypto';
import { asDigest, hashBytes, tileWidth as leavesPerTile } from '../db/log-tree.ts';
import type { View } from '../db/onlooker.ts';
import { holdsAnnouncement } from './key-announcement.ts';

/** Tiles, by their n, from `from` up to, not including, `to`. */
export type TileRange = { from: number; to: number };
/** By tile, from the range's first on; undefined where single leaves must be looked at. */
export type TileRoots = (Uint8Array | undefined)[];
export type TileView = Pick<View, 'engine' | 'rows'>;

const tileBytes = leavesPerTile * hashBytes;

/** How many bodies a tile has, and those of it one behind the other, with a separator between. */
type Joined = { count: number; bodies: Buffer };

/**
 * Rows come in the order of their key; would they not, their hashes would not be the tile's, and single leaves be looked
 * at. No text of PostgreSQL holds a zero byte, so there it is a 0x01, which no body holds either.
 */
const separators = { sqlite: 0, postgres: 1 } as const;
const joinTile = `SELECT count(body) AS count, CAST(group_concat(body, char(0)) AS BLOB) AS bodies
  FROM event WHERE idx >= ? AND idx < ?`;
/** By parts of tiles, because a value that comes in many packets is copied with each of them. */
const leavesPerPart = 16;
const joinParts = `SELECT idx / ${leavesPerPart} AS part, count(body) AS count, string_agg(body, chr(1)) AS bodies
  FROM (SELECT idx, body FROM event WHERE idx >= ? AND idx < ? ORDER BY idx) AS leaf
  GROUP BY idx / ${leavesPerPart} ORDER BY 1`;
/** Of PostgreSQL, for one answer: some megabytes. */
const tilesPerQuestion = 8;

async function* joinBodies(view: TileView, { from, to }: TileRange): AsyncGenerator<Joined> {
  if (view.engine === 'postgres') return yield* joinByParts(view, { from, to });
  for (let n = from; n < to; n++) {
    const [row] = await view.rows<{ count: number; bodies: Uint8Array | null }>(joinTile, leavesOf(n, n + 1));
    yield { count: row?.count ?? 0, bodies: asBuffer(row?.bodies ?? new Uint8Array()) };
  }
}

async function* joinByParts(view: TileView, { from, to }: TileRange): AsyncGenerator<Joined> {
  type Part = { part: number; count: number; bodies: string };
  for (let first = from; first < to; first += tilesPerQuestion) {
    const end = Math.min(first + tilesPerQuestion, to);
    const parts = await view.rows<Part>(joinParts, leavesOf(first, end));
    const byTile = Map.groupBy(parts, ({ part }) => Math.floor(part / (leavesPerTile / leavesPerPart)));
    for (let n = first; n < end; n++) {
      const own = byTile.get(n) ?? [];
      yield {
        count: own.reduce((sum, { count }) => sum + count, 0),
        bodies: Buffer.from(own.map(({ bodies }) => bodies).join('\u0001')),
      };
    }
  }
}

function leavesOf(from: number, to: number): [number, number] {
  return [from * leavesPerTile, to * leavesPerTile];
}

/**
 * The root of each tile whose 256 bodies are there, hash to what the tile holds, and announce no key: a new key decides
 * which checkpoints are believed.
 */
export async function rootsOfWholeTiles(view: TileView, { from, to }: TileRange): Promise<TileRoots> {
  const tiles = await view.rows<{ n: number; hashes: Uint8Array }>(
    'SELECT n, hashes FROM log_tile WHERE level = 0 AND n >= ? AND n < ?',
    [from, to],
  );
  const separator = separators[view.engine];
  const stored = new Map(tiles.map((tile) => [tile.n, tile.hashes]));
  const roots: TileRoots = [];
  for await (const { count, bodies } of joinBodies(view, { from, to })) {
    const hashes = stored.get(from + roots.length);
    const whole =
      hashes?.length === tileBytes && count === leavesPerTile && hashesTo(bodies, { hashes, separator });
    roots.push(whole ? rootOfPairs() : undefined);
  }
  return roots;
}

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** RFC 6962 §2.1, ready to be hashed: 0x01 and two nodes. */
const pairs = Array.from({ length: leavesPerTile / 2 }, () => Buffer.alloc(1 + 2 * hashBytes, 1));

/** Whether there are 256 bodies, none with a separator in it, that hash to the tile. Leaves the leaves in `pairs`. */
function hashesTo(bodies: Buffer, { hashes, separator }: { hashes: Uint8Array; separator: number }): boolean {
  if (holdsAnnouncement(bodies)) return false;
  const wanted = asBuffer(hashes).toString('latin1');
  for (let at = 0, begin = 0; at < leavesPerTile; at++) {
    const last = at === leavesPerTile - 1;
    const end = bodies.indexOf(separator, begin);
    if ((end === -1) !== last) return false;
    const leaf =
      at === 0 ? prefixed(bodies.subarray(0, end)) : bodies.subarray(begin - 1, last ? bodies.length : end);
    leaf[0] = 0;
    const leafHash = hash('sha256', leaf, asDigest);
    if (!wanted.startsWith(leafHash, at * hashBytes)) return false;
    putNode(at, leafHash);
    begin = end + 1;
  }
  return true;
}

function prefixed(body: Buffer): Buffer {
  return Buffer.concat([Buffer.alloc(1), body]);
}

function putNode(at: number, node: string): void {
  (pairs[at >> 1] as Buffer).write(node, 1 + (at & 1) * hashBytes, 'latin1');
}

/** Level by level, each over the one below: a pair is read before its place is taken. */
function rootOfPairs(): Uint8Array {
  for (let width = leavesPerTile / 2; width > 1; width /= 2) {
    for (let at = 0; at < width; at++) putNode(at, hash('sha256', pairs[at] as Buffer, asDigest));
  }
  return Uint8Array.from(hash('sha256', pairs[0] as Buffer, 'buffer'));
}
