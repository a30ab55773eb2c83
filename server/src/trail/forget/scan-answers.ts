/** What the threads of scanner.ts do, whichever database they read: one question after another. */
import { parentPort } from 'node:worker_threads';
import type { Value } from '../../db/statement.ts';
import { workInBackground } from '../../stdx/priority.ts';
import type { StoredEvent } from '../projected-row.ts';
import type { Question } from './scan.ts';
import {
  addFields,
  answerOver,
  needsFields,
  portion,
  type ScanNews,
  type ScanOrder,
  selectFields,
  statementOf,
  wantedFields,
} from './scanner.ts';

export type ScannedLog = {
  /** `?` for parameters. */
  rows<R>(sql: string, params: readonly Value[]): Promise<R[]>;
  close(): Promise<void>;
};

/** `open` at the first question. Ends the thread when it is told to, and not within a question. */
export function answerScans(open: () => Promise<ScannedLog>): void {
  workInBackground();
  let log: Promise<ScannedLog> | undefined;
  let before = Promise.resolve();
  const obey = async (order: ScanOrder): Promise<void> => {
    if ('end' in order) {
      await (await log?.catch(() => undefined))?.close();
      parentPort?.close();
      return;
    }
    const { number, question } = order;
    try {
      log ??= open();
      parentPort?.postMessage({ number, answer: await answerFrom(await log, question) } satisfies ScanNews);
    } catch (error) {
      parentPort?.postMessage({ number, failed: (error as Error).message } satisfies ScanNews);
    }
  };
  parentPort?.on('message', (order: ScanOrder) => {
    before = before.then(() => obey(order));
  });
}

async function answerFrom(log: ScannedLog, question: Question) {
  const { text, params } = statementOf(question.place, { limit: portion, withFields: needsFields(question) });
  const answer = answerOver(question, await log.rows<StoredEvent>(text, params), portion);
  const wanted = wantedFields(answer);
  if (wanted.length > 0) addFields(answer, await log.rows(selectFields(wanted), []));
  return answer;
}
