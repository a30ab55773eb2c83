/** The thread of wal-keeper.ts: copies the WAL back on request, over a connection of its own. */
import { parentPort, workerData } from 'node:worker_threads';
import { openSqlite } from './sqlite-file.ts';
import type { WalNews, WalPages } from './wal-keeper.ts';

const { path } = workerData as { path: string };
const handle = openSqlite(path, { readOnly: false });
const copy = handle.prepare('PRAGMA wal_checkpoint(PASSIVE)');
const look = handle.prepare('PRAGMA wal_checkpoint(NOOP)');

/** Beside busy writers there is always something new: done when it is little. */
const rounds = 3;
const fewPages = 100;

function copyMost(): WalNews {
  try {
    for (let round = 0; round < rounds; round++) {
      copy.get();
      const { log, checkpointed } = look.get() as WalPages;
      if (log - checkpointed <= fewPages) break;
    }
    return { copied: true };
  } catch {
    // The disk is full, say. It is asked again.
    return { copied: false };
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
