/** The thread that looks through the log on SQLite, on a read-only connection of its own. */
import { workerData } from 'node:worker_threads';
import { openForReading } from '../../db/search-file.ts';
import { answerScans } from './scan-answers.ts';

const { path } = workerData as { path: string };

answerScans(async () => {
  const file = openForReading(path);
  return { rows: async (sql, params) => file.rows(sql, params), close: async () => file.close() };
});
