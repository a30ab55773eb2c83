/** The thread that looks through the log on PostgreSQL, on a connection of its own that can only read. */
import { workerData } from 'node:worker_threads';
import { openOnlooker } from '../../db/onlooker.ts';
import { answerScans } from './scan-answers.ts';

const { url } = workerData as { url: string };

answerScans(async () => {
  const log = await openOnlooker({ engine: 'postgres', url });
  return { rows: (sql, params) => log.view((view) => view.rows(sql, params)), close: () => log.close() };
});
