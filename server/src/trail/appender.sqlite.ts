/**
 * Events that change nothing, sealed and committed by a thread of their own: an audited read costs the main thread a
 * few microseconds instead of forty. Drafts wait here while the thread writes the batch before them; the right to write
 * is lent by the database for each batch, so that they and units of work never write at once.
 *
 *   append -> waiting -> db.lend -> [ thread: BEGIN, seal, insert, edge, COMMIT ] -> every caller of the batch goes on
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type LendingDb, unwritable } from '../db/sqlite.ts';
import type { StepHook } from '../db/steps.ts';
import { AppError, FatalError } from '../domain/error.ts';
import type { Clock } from '../stdx/clock.ts';
import type { Appender } from './appender.ts';
import type { EventDraft } from './draft.ts';
import { type Stamp, stampNow } from './seal.ts';

const limits = {
  /** Drafts waiting for the thread; beyond it callers get 503. */
  waiting: 10_000,
  perBatch: 256,
} as const;

/** What the thread is started with. */
export type AppenderStart = { path: string; treeMemory: SharedArrayBuffer; hook: StepHook | undefined };
/** A draft as it crosses: JSON, which costs half of what a structured clone does. */
export type StampedDraft = { draft: EventDraft; stamp: Stamp };
/** `refused`: drafts of the batch that cannot be sealed, by their place; the others are durable. */
export type BatchAnswer =
  | { kind: 'done'; refused: { at: number; message: string }[] }
  | { kind: 'full'; message: string }
  | { kind: 'fatal'; message: string };

type Waiting = { json: string; id: string; resolve: (id: string) => void; reject: (error: unknown) => void };

export class ThreadAppender implements Appender {
  readonly #db: LendingDb;
  readonly #clock: Clock;
  readonly #worker: Worker;
  #waiting: Waiting[] = [];
  #pumping: Promise<void> | undefined;
  #answer: PromiseWithResolvers<BatchAnswer> | undefined;
  #closed = false;
  #ended = false;

  private constructor(db: LendingDb, clock: Clock, worker: Worker) {
    this.#db = db;
    this.#clock = clock;
    this.#worker = worker;
    worker.on('message', (answer: BatchAnswer) => this.#answer?.resolve(answer));
    worker.on('error', (error) => this.#end(error));
    worker.on('exit', () => this.#end(undefined));
    worker.unref();
  }

  static async open(parts: {
    db: LendingDb;
    clock: Clock;
    hook?: StepHook | undefined;
  }): Promise<ThreadAppender> {
    const { db, clock, hook } = parts;
    const workerData: AppenderStart = { path: db.path, treeMemory: db.treeMemory, hook };
    const worker = new Worker(new URL('./appender-thread.ts', import.meta.url), { workerData });
    await once(worker, 'message');
    return new ThreadAppender(db, clock, worker);
  }

  append(draft: EventDraft): Promise<string> {
    if (this.#closed) return Promise.reject(refusal('The server is stopping. Try again in a moment.'));
    if (this.#waiting.length >= limits.waiting)
      return Promise.reject(refusal('Too many events are waiting to be written. Try again in a moment.'));
    const stamp = stampNow(this.#clock);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ json: stampedJson(draft, stamp), id: stamp.id, resolve, reject });
      this.#pumping ??= this.#pump();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#pumping;
    await this.#worker.terminate();
  }

  async #pump(): Promise<void> {
    // Whoever waits for an event keeps the process alive; an idle thread does not.
    this.#worker.ref();
    while (this.#waiting.length > 0) {
      let batch: Waiting[] = [];
      try {
        await this.#db.lend(async () => {
          batch = this.#waiting.splice(0, limits.perBatch);
          settle(batch, await this.#write(batch));
        });
      } catch (error) {
        // Not even lent: all that wait would meet the same.
        if (batch.length === 0) batch = this.#waiting.splice(0);
        for (const { reject } of batch) reject(error);
      }
    }
    this.#worker.unref();
    this.#pumping = undefined;
  }

  #write(batch: readonly Waiting[]): Promise<BatchAnswer> {
    if (this.#ended) throw new FatalError('the thread that writes events has ended');
    this.#answer = Promise.withResolvers();
    this.#worker.postMessage(`[${batch.map((one) => one.json).join(',')}]`);
    return this.#answer.promise;
  }

  #end(error: unknown): void {
    this.#ended = true;
    this.#answer?.reject(new FatalError('the thread that writes events has ended', error));
  }
}

function settle(batch: readonly Waiting[], answer: BatchAnswer): void {
  if (answer.kind === 'full') throw unwritable(new Error(answer.message));
  if (answer.kind === 'fatal')
    throw new FatalError('the database could not commit', new Error(answer.message));
  const refused = new Map(answer.refused.map(({ at, message }) => [at, message]));
  for (const [at, { id, resolve, reject }] of batch.entries()) {
    const message = refused.get(at);
    if (message === undefined) resolve(id);
    else reject(new Error(`an event cannot be sealed: ${message}`));
  }
}

/** Only what sealing reads: `by` may be a caller, which holds more. */
function stampedJson(draft: EventDraft, stamp: Stamp): string {
  const { actor, onBehalfOf, credential, request } = draft.by;
  const { type, scope, target, outcome, reason, cause, status, occurredAtUs, details } = draft;
  const by = { actor, onBehalfOf, credential, request };
  return JSON.stringify({
    draft: { type, by, scope, target, outcome, reason, cause, status, occurredAtUs, details },
    stamp,
  });
}

function refusal(message: string): AppError {
  return new AppError('unavailable', message, { reason: 'unavailable', retryAfterSeconds: 1 });
}
