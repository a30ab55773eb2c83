/**
 * The quick way over a log that is as it should be: whole tiles of 256 events, hashed again by several threads and
 * compared with what their tile holds. Whatever is not plain is left to the check of single leaves (tree-check.ts), which
 * can say what is wrong with it.
 */
import { hash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { hashBytes, tileHashes } from '@tallyman/verifier';
import type { View } from '../db/onlooker.ts';
import type { DatabaseLocation } from '../db/open.ts';
import { announcesKey } from './checkpoints.ts';

/** Tiles, by their n, from `from` up to, not including, `to`. */
export type TileRange = { from: number; to: number };
/** By tile, from the range's first on; undefined where single leaves must be looked at. */
export type TileRoots = (Uint8Array | undefined)[];

/** Tiles read at a time: some megabytes of bodies. */
const tilesPerRead = 8;
/** Tiles whose roots are known ahead: a million events, 128 KiB. */
const tilesPerWindow = 4_096;

/**
 * The root of each tile whose 256 bodies are there, hash to what the tile holds, and announce no key: a new key decides
 * which checkpoints are believed.
 */
export async function rootsOfWholeTiles(view: View, { from, to }: TileRange): Promise<TileRoots> {
  const roots: TileRoots = [];
  for (let first = from; first < to; first += tilesPerRead) {
    const end = Math.min(first + tilesPerRead, to);
    const events = await view.rows<{ idx: number; body: string }>(
      'SELECT idx, body FROM event WHERE idx >= ? AND idx < ? ORDER BY idx',
      [first * tileHashes, end * tileHashes],
    );
    const tiles = await view.rows<{ n: number; hashes: Uint8Array }>(
      'SELECT n, hashes FROM log_tile WHERE level = 0 AND n >= ? AND n < ?',
      [first, end],
    );
    const stored = new Map(tiles.map((tile) => [tile.n, tile.hashes]));
    const all = events.length === (end - first) * tileHashes;
    for (let n = first; n < end; n++) {
      const at = (n - first) * tileHashes;
      roots.push(all ? rootOfTile(events.slice(at, at + tileHashes), stored.get(n)) : undefined);
    }
  }
  return roots;
}

const tileBytes = tileHashes * hashBytes;
const tile = Buffer.alloc(tileBytes);
/** RFC 6962 §2.1: 0x01 and two nodes. */
const pair = Buffer.alloc(1 + 2 * hashBytes);
pair[0] = 1;

function rootOfTile(
  events: readonly { body: string }[],
  stored: Uint8Array | undefined,
): Uint8Array | undefined {
  if (stored?.length !== tileBytes) return undefined;
  for (let at = 0; at < tileHashes; at++) {
    const { body } = events[at] as { body: string };
    if (announcesKey(body)) return undefined;
    tile.write(hash('sha256', `\0${body}`, 'latin1'), at * hashBytes, 'latin1');
  }
  if (!tile.equals(stored)) return undefined;
  for (let width = tileHashes; width > 1; width /= 2) {
    for (let at = 0; at < width; at += 2) {
      tile.copy(pair, 1, at * hashBytes, (at + 2) * hashBytes);
      tile.write(hash('sha256', pair, 'latin1'), (at / 2) * hashBytes, 'latin1');
    }
  }
  return Uint8Array.from(tile.subarray(0, hashBytes));
}

/** What a thread is started with. */
export type TileThreadStart = { location: DatabaseLocation };

/** The threads, and the roots of the window that is being looked at. */
export class WholeTiles {
  readonly #threads: Worker[];
  #from = 0;
  #roots: TileRoots = [];

  constructor(location: DatabaseLocation, threads: number = availableParallelism()) {
    const workerData: TileThreadStart = { location };
    const url = new URL('./tile-thread.ts', import.meta.url);
    this.#threads = Array.from({ length: threads }, () => new Worker(url, { workerData }));
  }

  /** To be asked in rising order. `tiles`: how many the log has. */
  async rootOf(n: number, tiles: number): Promise<Uint8Array | undefined> {
    if (n < this.#from || n >= this.#from + this.#roots.length) {
      this.#roots = await this.#read({ from: n, to: Math.min(n + tilesPerWindow, tiles) });
      this.#from = n;
    }
    return this.#roots[n - this.#from];
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.terminate()));
  }

  async #read({ from, to }: TileRange): Promise<TileRoots> {
    const share = Math.ceil((to - from) / this.#threads.length);
    const parts = this.#threads.map((thread, at) =>
      ask(thread, { from: Math.min(from + at * share, to), to: Math.min(from + (at + 1) * share, to) }),
    );
    return (await Promise.all(parts)).flat();
  }
}

async function ask(thread: Worker, range: TileRange): Promise<TileRoots> {
  const { promise, resolve, reject } = Promise.withResolvers<TileRoots>();
  thread.once('message', resolve);
  thread.once('error', reject);
  thread.postMessage(range);
  try {
    return await promise;
  } finally {
    thread.off('message', resolve);
    thread.off('error', reject);
  }
}
