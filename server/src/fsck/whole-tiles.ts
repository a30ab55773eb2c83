/**
 * The quick way over a log that is as it should be: whole tiles of 256 events, hashed again by several threads and
 * compared with what their tile holds (tile-roots.ts). Whatever is not plain is left to the check of single leaves
 * (tree-check.ts), which can say what is wrong with it.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { DatabaseLocation } from '../db/open.ts';
import type { TileRange, TileRoots } from './tile-roots.ts';

export type Spread = {
  threads: number;
  /** That a thread is asked for at a time, and reads in one view. */
  tilesPerChunk: number;
  /** A thread costs, before it does anything, as much as some 150 tiles: it starts when there are so many for it. */
  tilesPerThread: number;
};

const spread: Spread = { threads: availableParallelism(), tilesPerChunk: 32, tilesPerThread: 512 };
/** Chunks for each thread that are asked for before they are needed: some kilobytes of roots each. */
const chunksAhead = 4;

type Thread = { worker: Worker; asked: PromiseWithResolvers<TileRoots>[] };

/** The threads, and the roots that they were asked for and nobody needed yet. */
export class WholeTiles {
  readonly #location: DatabaseLocation;
  readonly #spread: Spread;
  readonly #threads: Thread[] = [];
  readonly #chunks = new Map<number, Promise<TileRoots>>();
  #nextChunk = 0;

  constructor(location: DatabaseLocation, how: Spread = spread) {
    this.#location = location;
    this.#spread = how;
  }

  /** To be asked in rising order, always with the same `tiles`: how many the log has. */
  async rootOf(n: number, tiles: number): Promise<Uint8Array | undefined> {
    const { tilesPerChunk } = this.#spread;
    const chunk = Math.floor(n / tilesPerChunk);
    this.#askFrom(chunk, tiles);
    const roots = await this.#chunks.get(chunk);
    return roots?.[n - chunk * tilesPerChunk];
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map(({ worker }) => worker.terminate()));
  }

  #askFrom(chunk: number, tiles: number): void {
    const { threads, tilesPerChunk, tilesPerThread } = this.#spread;
    for (const before of this.#chunks.keys()) if (before < chunk) this.#chunks.delete(before);
    const wanted = Math.min(threads, Math.ceil(tiles / tilesPerThread));
    const end = Math.min(chunk + chunksAhead * wanted, Math.ceil(tiles / tilesPerChunk));
    for (this.#nextChunk = Math.max(this.#nextChunk, chunk); this.#nextChunk < end; this.#nextChunk++) {
      const from = this.#nextChunk * tilesPerChunk;
      const thread = this.#threads.length < wanted ? this.#startThread() : this.#leastAsked();
      this.#chunks.set(this.#nextChunk, ask(thread, { from, to: Math.min(from + tilesPerChunk, tiles) }));
    }
  }

  #startThread(): Thread {
    const thread = startThread(this.#location);
    this.#threads.push(thread);
    return thread;
  }

  #leastAsked(): Thread {
    return this.#threads.reduce((least, thread) =>
      thread.asked.length < least.asked.length ? thread : least,
    );
  }
}

function ask(thread: Thread, range: TileRange): Promise<TileRoots> {
  const answer = Promise.withResolvers<TileRoots>();
  // Whoever needs these roots hears of a failure; until then nobody waits for them.
  answer.promise.catch(() => {});
  thread.asked.push(answer);
  thread.worker.postMessage(range);
  return answer.promise;
}

/** Answers come in the order of the questions. A thread that fails fails all that it was asked. */
function startThread(location: DatabaseLocation): Thread {
  const [url, workerData] =
    location.engine === 'sqlite'
      ? [new URL('./tile-thread.sqlite.ts', import.meta.url), location.path]
      : [new URL('./tile-thread.postgres.ts', import.meta.url), location.url];
  const worker = new Worker(url, { workerData });
  const asked: Thread['asked'] = [];
  worker.on('message', (roots: TileRoots) => asked.shift()?.resolve(roots));
  worker.on('error', (error) => {
    for (const answer of asked.splice(0)) answer.reject(error);
  });
  return { worker, asked };
}
