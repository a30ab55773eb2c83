/** A thread that answers questions on SQLite, one at a time, with connections that can only read. */
import { parentPort, workerData } from 'node:worker_threads';
import { isTorn, openForReading, type SqliteFile } from '../db/search-file.ts';
import { AppError } from '../domain/error.ts';
import { answers } from './answer.ts';
import { givenUp, type QuestionName } from './projection.ts';
import { QuestionReader, type QuestionTexts, type Work } from './question.ts';
import { sqliteSource } from './search-source.sqlite.ts';
import type { SearchState } from './search-source.ts';
import { Words } from './select.ts';
import { ShownTexts } from './shown-texts.ts';

/** `cancelled` holds the number of a question nobody waits for any more. */
export type SearcherData = { logPath: string; searchPath: string; cancelled: SharedArrayBuffer };
/** `state`: how far the projection was when it was asked. To let go of the file, which is told under the number. End. */
export type SearcherOrder =
  | ({ number: number; name: QuestionName; state: SearchState } & QuestionTexts)
  | { reopen: number }
  | { end: true };
export type SearcherNews =
  | { reopened: number }
  | { number: number; answer: unknown }
  | {
      number: number;
      refused: {
        code: AppError['code'];
        message: string;
        reason: AppError['reason'];
        details: AppError['details'];
        retryAfterSeconds: number | undefined;
      };
    }
  | { number: number; failed: { message: string; stack: string | undefined; torn: boolean } };

const { logPath, searchPath, cancelled } = workerData as SearcherData;
const cell = new Int32Array(cancelled);
const log = openForReading(logPath);
let search: SqliteFile | undefined;
let words = new Words();
const shown = new ShownTexts();
let questions = new QuestionReader();

async function work({
  number,
  name,
  state,
  ...texts
}: Extract<SearcherOrder, { number: number }>): Promise<SearcherNews> {
  const requireWanted = (): void => {
    if (Atomics.load(cell, 0) === number) throw givenUp();
  };
  try {
    search ??= openForReading(searchPath);
    const answer = answers[name] as (work: Work, asked: unknown) => Promise<unknown>;
    const source = sqliteSource({ search, log }, state);
    const question = questions.read(texts);
    return { number, answer: await answer({ source, words, shown, requireWanted }, question) };
  } catch (error) {
    if (error instanceof AppError) {
      const { code, message, reason, details, retryAfterSeconds } = error;
      return { number, refused: { code, message, reason, details, retryAfterSeconds } };
    }
    const { message, stack } = error as Error;
    return { number, failed: { message, stack, torn: isTorn(error) } };
  }
}

/** The file is opened again for the next question; nothing is remembered of what was in it. */
function letGo(): void {
  search?.close();
  search = undefined;
  words = new Words();
  shown.clear();
  questions = new QuestionReader();
}

parentPort?.on('message', (order: SearcherOrder) => {
  if ('number' in order) {
    void work(order).then((news) => parentPort?.postMessage(news));
  } else if ('reopen' in order) {
    letGo();
    parentPort?.postMessage({ reopened: order.reopen } satisfies SearcherNews);
  } else {
    letGo();
    log.close();
    parentPort?.close();
  }
});
