/**
 * Work that outlives a request. A job is a row: it survives the process, is claimed by one node under a lease, run a step
 * at a time, and its progress and last error are there for administrators to see.
 *
 *   waiting  --claim-->  running  --done-->   done, or waiting again when it recurs
 *                           |-----error-->   waiting, later each time; failed after the last attempt
 *                           '-----crash-->   running until its lease or the server's next start: claimed again, from its
 *                                            last progress
 *
 * Bounded: few run at once, and each rests as long as its step took, so that requests keep the processor.
 */
import type { Db, Tx } from '../db/store.ts';
import { AppError, type ErrorCode } from '../domain/error.ts';
import type { Logger } from '../http/log.ts';
import type { Clock } from '../stdx/clock.ts';
import { uuidv7 } from '../stdx/random.ts';
import type { JobKind, Progress, Running, Stepped } from './kind.ts';
import {
  claimJob,
  deleteEndedJobs,
  type Ending,
  endRun,
  hastenJob,
  insertJob,
  type JobRow,
  putProgress,
  releaseLeases,
  renewLease,
  selectJob,
} from './rows.ts';

export type JobsParts = { db: Db; clock: Clock; log: Logger };

export const jobLimits = {
  /** At once, in this node. */
  running: 2,
  lookMs: 1_000,
  leaseMs: 30_000,
  /** A rest between two steps is as long as the step was, within these. */
  shortestRestMs: 1,
  longestRestMs: 500,
  attempts: 8,
  firstRetryMs: 5_000,
  longestRetryMs: 3_600_000,
  keptDays: 30,
} as const;

const dayMs = 86_400_000;

export class Jobs {
  readonly #parts: JobsParts;
  readonly #kinds = new Map<string, JobKind>();
  readonly #owner: string;
  readonly #running = new Map<string, Promise<void>>();
  readonly #stopping = new AbortController();
  #looking: NodeJS.Timeout | undefined;
  #turn: Promise<void> | undefined;
  #woken = false;

  constructor(parts: JobsParts) {
    this.#parts = parts;
    this.#owner = uuidv7(parts.clock.nowUs());
    this.register(this.#cleaning());
  }

  /** Before `start`. */
  register(kind: JobKind): void {
    if (this.#kinds.has(kind.kind)) throw new Error(`two kinds of job are called ${kind.kind}`);
    this.#kinds.set(kind.kind, kind);
  }

  kindOf(kind: string): JobKind | undefined {
    return this.#kinds.get(kind);
  }

  /**
   * Puts the recurring jobs there and begins to look for what is due. One server serves a database, so whoever holds a
   * lease is gone, and its jobs go on at once; would it still live, its next write finds that they are not its own.
   */
  async start(): Promise<void> {
    await this.putRecurring();
    await this.#parts.db.transact((tx) => releaseLeases(tx, { owner: this.#owner }));
    this.#looking = setInterval(() => this.#wake(), jobLimits.lookMs).unref();
    this.#wake();
  }

  /** Begins nothing new and breaks off between two steps; waits no longer than this, because a crash would not either. */
  async stop(longestMs: number): Promise<void> {
    clearInterval(this.#looking);
    this.#stopping.abort();
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const deadline = setTimeout(resolve, longestMs);
    await Promise.race([Promise.all([this.#turn, ...this.#running.values()]), late]);
    clearTimeout(deadline);
  }

  /** The first run comes after the first interval: a start has more urgent things to do. One that waits stays, or comes sooner. */
  async putRecurring(): Promise<void> {
    const { db } = this.#parts;
    for (const { kind, everyMs } of this.#kinds.values()) {
      if (everyMs === undefined) continue;
      await db.transact((tx) => this.enqueue(tx, { kind, key: kind, afterMs: everyMs }));
    }
  }

  /**
   * Adds a job in the unit of what asks for it. With a key there is at most one unfinished: its id is returned, and it
   * runs no later than asked for now.
   */
  async enqueue(
    tx: Tx,
    job: { kind: string; payload?: unknown; key?: string; afterMs?: number },
  ): Promise<string> {
    const nowUs = this.#parts.clock.nowUs();
    const id = await insertJob(tx, {
      id: uuidv7(nowUs),
      kind: job.kind,
      payload: JSON.stringify(job.payload ?? {}),
      key: job.key ?? null,
      runAtUs: nowUs + (job.afterMs ?? 0) * 1_000,
      nowUs,
    });
    tx.afterCommit(() => this.#wake());
    return id;
  }

  /** Lets a job that waits run at once. Throws not_found, or conflict for one that does not wait. */
  async hasten(tx: Tx, id: string): Promise<{ id: string; kind: string }> {
    const row = await selectJob(tx, id);
    if (row === undefined)
      throw new AppError('not_found', 'There is no such job, or it ended long ago.', {
        reason: 'target_unknown',
        details: { field: 'job' },
      });
    if (!(await hastenJob(tx, { id, runAtUs: this.#parts.clock.nowUs() })))
      throw new AppError('conflict', 'This job does not wait for its time: it runs, or it has ended.', {
        reason: 'conflict',
      });
    tx.afterCommit(() => this.#wake());
    return row;
  }

  /** Runs what is due, one after another and without rests, until nothing is. For tests and commands without a server. */
  async settle(): Promise<void> {
    for (let job = await this.#claim(); job !== undefined; job = await this.#claim()) await this.#run(job, 0);
  }

  #wake(): void {
    if (this.#looking === undefined || this.#stopping.signal.aborted) return;
    this.#woken = true;
    this.#turn ??= this.#look().finally(() => {
      this.#turn = undefined;
    });
  }

  async #look(): Promise<void> {
    while (this.#woken && this.#running.size < jobLimits.running && !this.#stopping.signal.aborted) {
      this.#woken = false;
      // The database is away: looked for again at the next turn.
      const job = await this.#claim().catch(() => undefined);
      if (job === undefined) continue;
      this.#woken = true;
      const run = this.#run(job, 1).finally(() => {
        this.#running.delete(job.id);
        this.#wake();
      });
      this.#running.set(job.id, run);
    }
  }

  #claim(): Promise<JobRow | undefined> {
    const nowUs = this.#parts.clock.nowUs();
    const kinds = new Set(this.#kinds.keys());
    return claimJob(this.#parts.db, { kinds, owner: this.#owner, nowUs, leaseUs: jobLimits.leaseMs * 1_000 });
  }

  /** `rest`: how long it rests after a step, in lengths of that step. */
  async #run(row: JobRow, rest: number): Promise<void> {
    const kind = this.#kinds.get(row.kind) as JobKind;
    const lost = new AbortController();
    const signal = AbortSignal.any([this.#stopping.signal, lost.signal]);
    const renewing = setInterval(() => void this.#tryRenew(row.id, lost), jobLimits.leaseMs / 3).unref();
    try {
      const ended = await this.#steps(kind, row, { signal, rest });
      await this.#end(row, { ...ended, attempts: 0, error: null });
    } catch (error) {
      await this.#fail(kind, row, error);
    } finally {
      clearInterval(renewing);
    }
  }

  async #steps(
    kind: JobKind,
    row: JobRow,
    { signal, rest }: { signal: AbortSignal; rest: number },
  ): Promise<Pick<Ending, 'state' | 'runAtUs'>> {
    const { clock, db } = this.#parts;
    let progress = JSON.parse(row.progress) as Progress;
    const save = async (tx: Tx, reached: Progress): Promise<void> => {
      const saved = {
        id: row.id,
        owner: this.#owner,
        progress: JSON.stringify(reached),
        nowUs: clock.nowUs(),
      };
      if (!(await putProgress(tx, saved))) throw new Error('another node has taken the job over');
      progress = reached;
    };
    const job: Omit<Running, 'progress'> = { id: row.id, payload: JSON.parse(row.payload), signal, save };
    while (!signal.aborted) {
      const beganMs = clock.nowMs();
      const stepped: Stepped = await kind.step({ ...job, progress });
      const reached = stepped.progress;
      if (reached !== undefined) await db.transact((tx) => save(tx, reached));
      if (stepped.next === 'done') return this.#afterDone(kind);
      if (stepped.next !== 'more')
        return { state: 'waiting', runAtUs: clock.nowUs() + stepped.next.waitMs * 1_000 };
      if (rest > 0) await this.#rest((clock.nowMs() - beganMs) * rest, signal);
    }
    return { state: 'waiting', runAtUs: clock.nowUs() };
  }

  #afterDone({ everyMs }: JobKind): Pick<Ending, 'state' | 'runAtUs'> {
    const nowUs = this.#parts.clock.nowUs();
    return everyMs === undefined
      ? { state: 'done', runAtUs: nowUs }
      : { state: 'waiting', runAtUs: nowUs + everyMs * 1_000 };
  }

  #rest(wantedMs: number, signal: AbortSignal): Promise<void> {
    const ms = Math.min(Math.max(wantedMs, jobLimits.shortestRestMs), jobLimits.longestRestMs);
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal.addEventListener('abort', end, { once: true });
    });
  }

  async #fail(kind: JobKind, row: JobRow, error: unknown): Promise<void> {
    const { clock, log } = this.#parts;
    log.error({ job: row.id, kind: row.kind, error }, 'a job failed');
    const attempts = row.attempts + 1;
    const given = kind.everyMs === undefined && (isFinal(error) || attempts >= jobLimits.attempts);
    const backoffMs = Math.min(jobLimits.firstRetryMs * 2 ** (attempts - 1), jobLimits.longestRetryMs);
    const waitMs = Math.min(backoffMs, kind.everyMs ?? backoffMs);
    const ending = {
      state: given ? 'failed' : 'waiting',
      runAtUs: clock.nowUs() + waitMs * 1_000,
      attempts,
      error: tell(error, row.id),
    } as const;
    // What cannot be written now is found by the end of the lease.
    await this.#end(row, ending).catch(() => undefined);
  }

  async #end(row: JobRow, ending: Omit<Ending, 'id' | 'owner' | 'nowUs'>): Promise<void> {
    const { db, clock } = this.#parts;
    const nowUs = clock.nowUs();
    await db.transact((tx) => endRun(tx, { id: row.id, owner: this.#owner, nowUs, ...ending }));
  }

  async #tryRenew(id: string, lost: AbortController): Promise<void> {
    const { db, clock } = this.#parts;
    const untilUs = clock.nowUs() + jobLimits.leaseMs * 1_000;
    const kept = await db
      .transact((tx) => renewLease(tx, { id, owner: this.#owner, untilUs }))
      // Unknown: the lease still runs, and every write of the job asks again.
      .catch(() => true);
    if (!kept) lost.abort();
  }

  #cleaning(): JobKind {
    return {
      kind: 'job_cleaning',
      summary: 'Takes jobs out of the list that ended long ago',
      everyMs: dayMs,
      step: async () => {
        const beforeUs = this.#parts.clock.nowUs() - jobLimits.keptDays * dayMs * 1_000;
        const gone = await this.#parts.db.transact((tx) => deleteEndedJobs(tx, beforeUs));
        return { next: gone > 0 ? 'more' : 'done' };
      },
    };
  }
}

const final: ReadonlySet<ErrorCode> = new Set(['conflict', 'invalid', 'not_found', 'unsupported']);

/** Trying again would meet the same. */
function isFinal(error: unknown): boolean {
  return error instanceof AppError && final.has(error.code);
}

/** What administrators read; an error that is nobody's may quote anything, so only the log has it. */
function tell(error: unknown, id: string): string {
  return error instanceof AppError
    ? error.message
    : `Something unexpected went wrong. The server’s log has it under the job ${id}.`;
}
