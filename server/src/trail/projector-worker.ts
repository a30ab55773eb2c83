/** The thread that writes `search.db`: follows the log by index, a batch at a time, and repairs what it finds broken. */
import { parentPort, workerData } from 'node:worker_threads';
import {
  isTorn,
  openForReading,
  openSearchFile,
  removeSearchFile,
  type SqliteFile,
} from '../db/search-file.ts';
import type { StoredEvent } from './projected-row.ts';
import { projectionLimits } from './projection.ts';
import { belongs, freshState, projectStretch, selectStretch } from './projector.ts';
import { SqliteSink } from './search-sink.sqlite.ts';

export type ProjectorData = { logPath: string; searchPath: string };
/** To the thread: the log has grown; the file was found torn; end. */
export type ProjectorOrder = { head: number } | { rebuild: true } | { end: true };
/** From the thread. `anew`: the file is another one, so readers must open it again. `failed`: why it waits. */
export type ProjectorNews = { projected: number; anew?: true } | { failed: string };

const { logPath, searchPath } = workerData as ProjectorData;
const log = openForReading(logPath);
let file: SqliteFile;
let sink: SqliteSink;
let next = 0;
let head = 0;
let running = false;
let ended = false;

function tell(news: ProjectorNews): void {
  parentPort?.postMessage(news);
}

function open(): void {
  const recovered = tryOpen();
  if (recovered === undefined) rebuild();
  else next = recovered;
}

/** The next index of a projection that belongs to this log; undefined when there is none. */
function tryOpen(): number | undefined {
  try {
    file = openSearchFile(searchPath);
    sink = new SqliteSink(file);
    const found = { state: sink.state(), last: sink.last() };
    const lastBody =
      found.last &&
      log.rows<{ body: string }>('SELECT body FROM event WHERE idx = ?', [found.last.idx])[0]?.body;
    const logHead = (log.rows<{ idx: number | null }>('SELECT max(idx) AS idx FROM event')[0]?.idx ?? -1) + 1;
    if (found.state && belongs(found, { head: logHead, lastBody })) return found.state.next;
    file.close();
    return undefined;
  } catch (error) {
    if (!isTorn(error)) throw error;
    tryClose();
    return undefined;
  }
}

function tryClose(): void {
  try {
    file.close();
  } catch {
    // Torn, or never opened.
  }
}

function rebuild(): void {
  removeSearchFile(searchPath);
  file = openSearchFile(searchPath);
  sink = new SqliteSink(file);
  sink.begin(freshState());
  next = 0;
}

async function follow(): Promise<void> {
  if (running) return;
  running = true;
  while (next < head && !ended) {
    step();
    // Lets orders in between two batches.
    await new Promise(setImmediate);
  }
  running = false;
  if (ended) finish();
}

function step(): void {
  try {
    const stretch = projectStretch(log.rows<StoredEvent>(selectStretch, [next, head]), head);
    sink.write(stretch.rows, stretch.next);
    next = stretch.next;
    tell({ projected: next });
  } catch (error) {
    if (isTorn(error)) {
      startAnew();
      return;
    }
    // Disk full, or the like: tried again when the log grows or the parent asks.
    tell({ failed: (error as Error).message });
    const stopped = head;
    head = next;
    setTimeout(() => {
      head = Math.max(head, stopped);
      void follow();
    }, projectionLimits.retryMs).unref();
  }
}

function startAnew(): void {
  tryClose();
  rebuild();
  tell({ projected: 0, anew: true });
}

function finish(): void {
  tryClose();
  log.close();
  parentPort?.close();
}

parentPort?.on('message', (order: ProjectorOrder) => {
  if ('end' in order) {
    ended = true;
    if (!running) finish();
    return;
  }
  if ('rebuild' in order) startAnew();
  else head = Math.max(head, order.head);
  void follow();
});

open();
tell({ projected: next });
