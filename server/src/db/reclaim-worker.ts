/** Copies the WAL back into the file and cuts it. A thread of its own: the copy is disk work, and readers may be waited for. */
import { setTimeout as delay } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import type { CutNews } from './reclaim.ts';
import { openSqlite } from './sqlite-file.ts';

const tries = 20;
const pauseMs = 250;

async function cut(path: string): Promise<boolean> {
  const handle = openSqlite(path, { readOnly: false });
  try {
    // Writers wait while the WAL is cut: no longer than this at a time, and after most of the copying was done beside them.
    handle.exec('PRAGMA busy_timeout = 100');
    for (let attempt = 0; attempt < tries; attempt++) {
      handle.prepare('PRAGMA wal_checkpoint(PASSIVE)').get();
      const { busy } = handle.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get() as { busy: number };
      if (busy === 0) return true;
      await delay(pauseMs);
    }
    return false;
  } finally {
    handle.close();
  }
}

const { path } = workerData as { path: string };
const news: CutNews = await cut(path).then(
  (done) => ({ cut: done }),
  (error: Error) => ({ failed: error.message }),
);
parentPort?.postMessage(news);
