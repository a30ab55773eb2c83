/** The thread that looks through the log on SQLite, on a read-only connection of its own. */
import { parentPort, workerData } from 'node:worker_threads';
import { openForReading } from '../../db/search-file.ts';
import { workInBackground } from '../../stdx/priority.ts';
import type { StoredEvent } from '../projected-row.ts';
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

workInBackground();
const { logPath } = workerData as { logPath: string };
const log = openForReading(logPath);

parentPort?.on('message', (order: ScanOrder) => {
  if ('end' in order) {
    log.close();
    parentPort?.close();
    return;
  }
  const { number, question } = order;
  try {
    const limit = portion.sqlite;
    const { text, params } = statementOf(question.place, { limit, withFields: needsFields(question) });
    const answer = answerOver(question, log.rows<StoredEvent>(text, params), limit);
    const wanted = wantedFields(answer);
    if (wanted.length > 0) addFields(answer, log.rows(selectFields(wanted)));
    parentPort?.postMessage({ number, answer } satisfies ScanNews);
  } catch (error) {
    parentPort?.postMessage({ number, failed: (error as Error).message } satisfies ScanNews);
  }
});
