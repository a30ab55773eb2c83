/**
 * What a kind of job is: work that outlives a request, cut into steps. Between two steps it may be broken off, by a crash
 * or a stop, and goes on where its last saved progress stands; a step that was not saved is run again.
 */
import type { Tx } from '../db/store.ts';

/** What administrators see of how far it has come; never a name, an address or anything else a person typed. */
export type Progress = Readonly<Record<string, string | number>>;

export type Running = {
  readonly id: string;
  /** What was handed to `enqueue`. */
  readonly payload: unknown;
  /** As it was last saved. */
  readonly progress: Progress;
  /** Aborts when the server stops or the job was lost to another node. */
  readonly signal: AbortSignal;
  /**
   * Saves progress in a unit of the step's own, so that what the unit did is done exactly once. Throws, and so undoes the
   * unit, when another node has taken the job over.
   */
  save(tx: Tx, progress: Progress): Promise<void>;
};

/** `wait`: called again so much later, after a restart too. Without `progress` it was saved already, or did not change. */
export type Stepped = { progress?: Progress; next: 'more' | 'done' | { waitMs: number } };

export type JobKind = {
  /** One word, stored. */
  readonly kind: string;
  /** What it does, for administrators. */
  readonly summary: string;
  /**
   * A bounded part of the work: units well under 10 ms, heavy reading in a worker. An AppError with a code that time does
   * not heal (`conflict`, `invalid`, `not_found`) ends the job; anything else is tried again, later each time.
   */
  step(job: Running): Promise<Stepped>;
  /** It is always there, and begins so long after its last end. It is never given up. */
  readonly everyMs?: number;
};
