/**
 * The search projection as the trail uses it: how far it has come, and answers to questions. On SQLite it lives in worker
 * threads with a file of its own, on PostgreSQL beside the log; both keep this contract, and search.suite.ts proves it.
 */
import { AppError } from '../domain/error.ts';
import type { Answers } from './answer.ts';

export type QuestionName = keyof Answers;
export type QuestionOf<N extends QuestionName> = Parameters<Answers[N]>[1];
export type AnswerOf<N extends QuestionName> = Awaited<ReturnType<Answers[N]>>;

/** Indexes from `first` to `last`, both included. */
export type Run = { first: number; last: number };

export interface Projection {
  /** Every event below it can be found. Falls back to 0 when the projection is made anew. */
  projected(): number;
  /** Why it does not come on, when it does not; what is meant for operators. */
  failure(): string | undefined;
  /** Calls back each time `projected` changed; returns a function that ends it. */
  onProjected(listener: () => void): () => void;
  /** Rejects with `unavailable` when too many questions wait. A question nobody waits for any more is given up. */
  ask<N extends QuestionName>(name: N, question: QuestionOf<N>, signal?: AbortSignal): Promise<AnswerOf<N>>;
  /**
   * Takes events out, with the names that only they had and their part of every count; for retention. Call it after the
   * log itself has forgotten them, and again after a crash before it resolved: an index that is not there any more, or not
   * yet, is left alone. Any number of runs; projecting goes on in between. Rejects when the projection is being made anew
   * or closed, and then holds nothing of them or is to be asked again.
   */
  forget(runs: readonly Run[]): Promise<void>;
  /**
   * Projects events once more, after fields of their private rows were erased: neither their texts nor names that nobody
   * else has are found afterwards. On SQLite `search.db` and its WAL then hold no byte of them (secure delete; if no
   * search was under way at the end); on PostgreSQL dead rows of `search_event`, `search_name` and `search_word` stay until
   * these are vacuumed, which is the caller's to do. The rest as for `forget`.
   */
  reproject(indexes: readonly number[]): Promise<void>;
  /** How often a projector that broke was started again. */
  restarts(): number;
  /** Stops where it stands; what is missing is projected at the next start. */
  close(): Promise<void>;
}

export const projectionLimits = {
  /** Questions that wait for a free searcher. */
  waitingQuestions: 200,
  /** Searchers on PostgreSQL: connections that reading the trail may hold. */
  connections: 4,
  retryMs: 1_000,
  /** A projector that broke is started again after `retryMs`, twice that, …; so many times without any progress. */
  restarts: 6,
  /** Events that are taken out or projected anew in one transaction. */
  eventsPerForgetting: 500,
  /** How long new events are gathered before they are projected, when nobody waits for them. */
  gatherMs: 15,
} as const;

export function tooManyQuestions(): AppError {
  return new AppError('unavailable', 'Too many searches of the trail are waiting. Try again in a moment.', {
    reason: 'unavailable',
    retryAfterSeconds: 2,
  });
}

export function givenUp(): AppError {
  return new AppError('unavailable', 'The search was given up because nobody waited for it any more.', {
    reason: 'unavailable',
  });
}

export function beingRebuilt(): AppError {
  return new AppError(
    'unavailable',
    'The search index was damaged and is being rebuilt. Try again in a moment.',
    {
      reason: 'unavailable',
      retryAfterSeconds: 5,
    },
  );
}
