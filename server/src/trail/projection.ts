/**
 * The search projection as the trail uses it: how far it has come, and answers to questions. On SQLite it lives in worker
 * threads with a file of its own, on PostgreSQL beside the log; both keep this contract, and search.suite.ts proves it.
 */
import { AppError } from '../domain/error.ts';
import type { Answers } from './answer.ts';

export type QuestionName = keyof Answers;
export type QuestionOf<N extends QuestionName> = Parameters<Answers[N]>[1];
export type AnswerOf<N extends QuestionName> = Awaited<ReturnType<Answers[N]>>;

export interface Projection {
  /** Every event below it can be found. Falls back to 0 when the projection is made anew. */
  projected(): number;
  /** Why it does not come on, when it does not; what is meant for operators. */
  failure(): string | undefined;
  /** Calls back each time `projected` changed; returns a function that ends it. */
  onProjected(listener: () => void): () => void;
  /** Rejects with `unavailable` when too many questions wait. A question nobody waits for any more is given up. */
  ask<N extends QuestionName>(name: N, question: QuestionOf<N>, signal?: AbortSignal): Promise<AnswerOf<N>>;
  /** Stops where it stands; what is missing is projected at the next start. */
  close(): Promise<void>;
}

export const projectionLimits = {
  /** Questions that wait for a free searcher. */
  waitingQuestions: 200,
  /** Searchers on PostgreSQL: connections that reading the trail may hold. */
  connections: 4,
  retryMs: 1_000,
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
