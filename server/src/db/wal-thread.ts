/** The thread of wal-keeper.ts: copies the WAL back on request, over a connection of its own. */
import { parentPort, workerData } from 'node:worker_threads';
import { openSqlite } from './sqlite-file.ts';
import type { WalNews, WalPages } from './wal-keeper.ts';

const { path } = workerData as { path: string };
const handle = openSqlite(path, { readOnly: false });
const copy = handle.prepare('PRAGMA wal_checkpoint(PASSIVE)');

/** Beside busy writers there is always something new: done when it is little. */
const rounds = 3;
const fewPages = 100;

function copyMost(): WalNews {
  try {
    let pages = copy.get() as WalPages;
    for (let round = 1; round < rounds; round++) {
      const { log, checkpointed } = handle.prepare('PRAGMA wal_checkpoint(NOOP)').get() as WalPages;
      if (log - checkpointed <= fewPages) break;
      pages = copy.get() as WalPages;
    }
    return pages;
  } catch (error) {
    return { failed: (error as Error).message };
  }
}

parentPort?.on('message', (order: 'copy' | 'close') => {
  if (order === 'copy') {
    parentPort?.postMessage(copyMost());
    return;
  }
  handle.close();
  parentPort?.close();
});
