/**
 * The thread of appender.sqlite.ts: takes one batch of drafts at a time, seals them, and commits them with their place
 * in the log and the tree over it. It writes only while it is asked to: the right to write is lent for each batch.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { isDiskFull } from '../db/sqlite-file.ts';
import { LogWriter } from '../db/sqlite-log.ts';
import { loadSteps } from '../db/steps.ts';
import type { SealedEvent } from '../db/store.ts';
import type { AppenderStart, BatchAnswer, StampedDraft } from './appender.sqlite.ts';
import { sealStamped } from './seal.ts';

const { path, treeMemory, hook } = workerData as AppenderStart;
const port = parentPort;
if (port === null) throw new Error('this is the program of a worker thread');

const log = new LogWriter({ path, treeMemory, atStep: await loadSteps(hook) });

port.on('message', (json: string) => port.postMessage(write(JSON.parse(json) as StampedDraft[])));
port.postMessage('ready');

function write(drafts: readonly StampedDraft[]): BatchAnswer {
  const refused: { at: number; message: string }[] = [];
  const events: SealedEvent[] = [];
  for (const [at, { draft, stamp }] of drafts.entries()) {
    try {
      events.push(sealStamped(draft, stamp));
    } catch (error) {
      refused.push({ at, message: (error as Error).message });
    }
  }
  try {
    if (events.length > 0) log.commit(events);
  } catch (error) {
    const { message } = error as Error;
    return { kind: isDiskFull(error) ? 'full' : 'fatal', message };
  }
  return { kind: 'done', refused };
}
