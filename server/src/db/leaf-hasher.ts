/**
 * Hashes the leaves of a batch in a thread while the writer stores their rows: with many events in a batch that is the
 * larger part of what the tree costs. The thread knows no tree and nothing rests on it: the writer never waits, and
 * hashes itself what is not done when it comes to it.
 *
 *   entries   the bodies as RFC 6962 §2.1 hashes them, each behind its zero byte, one after another
 *   ends      where each entry ends
 *   leaves    their hashes
 *   words     asked: which entries the writer has laid down; done: how many of them the thread has hashed. Both are a
 *             generation and a count. `done` is only ever raised within its generation, so what the thread makes of
 *             entries that were overwritten meanwhile is never taken for a hash
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { limits } from './limits.ts';
import { type Digest, hashBytes, leafHashOf } from './log-tree.ts';

export type LeafMemory = {
  entries: Uint8Array;
  ends: Int32Array;
  leaves: Uint8Array;
  words: Int32Array;
};

export const words = { asked: 0, done: 1 } as const;
/** One more than a batch's most leaves in the thread; the rest of a word is its generation. */
export const countRoom = 1_024;
const generations = 2 ** 20;

const entryBytes = 1024 * 1024;
/** Of UTF-8, for each unit of a string. */
const mostBytesOfUnit = 3;

export class LeafHasher {
  readonly #entries = Buffer.from(new SharedArrayBuffer(entryBytes));
  readonly #leaves = Buffer.from(new SharedArrayBuffer(countRoom * hashBytes));
  readonly #ends = new Int32Array(new SharedArrayBuffer(countRoom * Int32Array.BYTES_PER_ELEMENT));
  readonly #words = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
  #bodies: readonly string[] = [];
  /** Of these bodies the thread was asked for the first so many. */
  #asked = 0;
  #generation = 0;
  #thread: Worker | undefined;
  #mayStart = availableParallelism() > 1;

  /** The bodies whose hashes will be wanted next, in place of those before. */
  begin(bodies: readonly string[]): void {
    this.#bodies = bodies;
    this.#asked = 0;
    if (bodies.length < limits.leavesForThread) return;
    if (this.#mayStart) this.#start();
    if (this.#thread !== undefined) this.#ask(bodies);
  }

  /** Of the body at this place among those of the last `begin`. */
  leafAt(place: number): Digest {
    const isDone = place < this.#asked && place < Atomics.load(this.#words, words.done) % countRoom;
    if (!isDone) return leafHashOf(this.#bodies[place] as string);
    return this.#leaves.toString('latin1', place * hashBytes, (place + 1) * hashBytes);
  }

  /** Resolves when the thread has ended. */
  async close(): Promise<void> {
    this.#mayStart = false;
    await this.#thread?.terminate();
  }

  #ask(bodies: readonly string[]): void {
    this.#generation = (this.#generation + 1) % generations;
    const word = this.#generation * countRoom;
    // From here on the thread's work on entries before is void.
    Atomics.store(this.#words, words.done, word);
    let end = 0;
    for (const body of bodies) {
      if (this.#asked === countRoom - 1 || end + 1 + body.length * mostBytesOfUnit > entryBytes) break;
      this.#entries[end] = 0;
      end += 1 + this.#entries.write(body, end + 1);
      this.#ends[this.#asked++] = end;
    }
    Atomics.store(this.#words, words.asked, word + this.#asked);
    Atomics.notify(this.#words, words.asked);
  }

  #start(): void {
    this.#mayStart = false;
    const memory: LeafMemory = {
      entries: this.#entries,
      ends: this.#ends,
      leaves: this.#leaves,
      words: this.#words,
    };
    this.#thread = new Worker(new URL('./leaf-thread.ts', import.meta.url), { workerData: memory });
    this.#thread.unref();
    // A thread that breaks is not started again: from then on the writer hashes.
    this.#thread.once('error', () => {});
    this.#thread.once('exit', () => {
      this.#thread = undefined;
    });
  }
}
