/**
 * Keeps the WAL of the writer short without holding the writer up: a thread copies most of it back into the file beside
 * whoever writes, and the writer copies the few pages that came meanwhile, between two batches. Left to SQLite, the
 * whole copy and its flush stand inside a COMMIT, 20 ms and more on a quiet disk.
 *
 * Nothing rests on the thread: the WAL is as durable uncopied, and past `limits.walWriterPages` the writer copies alone.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { Worker } from 'node:worker_threads';
import { limits } from './limits.ts';

export type WalPages = { log: number; checkpointed: number };
/** What the thread answers: whether it has copied, as far as readers let it. */
export type WalNews = { copied: boolean };

export type WalLimits = { pages: number; batchesPerLook: number };

export class WalKeeper {
  readonly #path: string;
  readonly #limits: WalLimits;
  readonly #look: StatementSync;
  readonly #copy: StatementSync;
  #thread: Worker | undefined;
  #batches = 0;
  #state: 'idle' | 'copying' | 'copied' | 'ended' = 'idle';

  constructor(
    path: string,
    writer: DatabaseSync,
    bounds: WalLimits = { pages: limits.walCheckpointPages, batchesPerLook: limits.batchesPerWalLook },
  ) {
    this.#path = path;
    this.#limits = bounds;
    this.#look = writer.prepare('PRAGMA wal_checkpoint(NOOP)');
    this.#copy = writer.prepare('PRAGMA wal_checkpoint(PASSIVE)');
  }

  /** After each batch, outside of any transaction. */
  batchEnded(): void {
    this.#batches++;
    if (this.#state === 'copied') this.#finish();
    else if (this.#state === 'idle' && this.#batches % this.#limits.batchesPerLook === 0) this.#begin();
  }

  /** Resolves when the thread has let go of the file. */
  async close(): Promise<void> {
    const thread = this.#thread;
    this.#state = 'ended';
    if (thread === undefined) return;
    thread.ref();
    const ended = new Promise((resolve) => thread.once('exit', resolve));
    thread.postMessage('close');
    await ended;
  }

  #begin(): void {
    const { log, checkpointed } = this.#look.get() as WalPages;
    if (log - checkpointed < this.#limits.pages) return;
    this.#state = 'copying';
    this.#thread ??= this.#start();
    this.#thread.postMessage('copy');
  }

  /** What is left is little; when all of it is copied the next batch begins the WAL anew instead of lengthening it. */
  #finish(): void {
    this.#state = 'idle';
    try {
      this.#copy.get();
    } catch {
      // The disk is full, say: the WAL stays as it is, and whoever writes next hears of it.
    }
  }

  #start(): Worker {
    const url = new URL('./wal-thread.ts', import.meta.url);
    const thread = new Worker(url, { workerData: { path: this.#path } });
    thread.unref();
    thread.on('message', ({ copied }: WalNews) => {
      if (this.#state === 'copying') this.#state = copied ? 'copied' : 'idle';
    });
    // A thread that breaks is not started again: from then on the writer copies.
    thread.once('error', () => {
      this.#state = 'ended';
    });
    thread.once('exit', () => {
      this.#thread = undefined;
    });
    return thread;
  }
}
