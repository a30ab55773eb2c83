/** The thread that writes `search.db`: follows the log by index, a batch at a time, and repairs what it finds broken. */
import { parentPort, workerData } from 'node:worker_threads';
import {
  isTorn,
  openForReading,
  openSearchFile,
  removeSearchFile,
  type SqliteFile,
} from '../db/search-file.ts';
import { loadSteps, type StepHook } from '../db/steps.ts';
import type { StoredEvent } from './projected-row.ts';
import { projectionLimits, type Run } from './projection.ts';
import {
  belongs,
  eventsPerBatch,
  eventsPerBatchBehind,
  eventsPerPortion,
  farBehind,
  freshState,
  projectStretch,
} from './projector.ts';
import { type Portion, SqliteSink } from './search-sink.sqlite.ts';
import { NamesLeft } from './search-sink.ts';
import { type SearchState, selectSearchState } from './search-source.ts';
import { stretchSql } from './stretch.ts';

export type ProjectorData = {
  logPath: string;
  searchPath: string;
  eventsPerCounting: number;
  /** Nobody has the file open yet. */
  isFirst: boolean;
  hook: StepHook | undefined;
};
/** To the thread: the log has grown; the file was found torn; nobody reads it any more; events changed; end. */
export type ProjectorOrder =
  | { head: number }
  | { rebuild: true }
  | { letGo: true }
  | { number: number; forget: readonly Run[] }
  | { number: number; reproject: readonly number[] }
  | { end: true };
/**
 * From the thread. `state`: how far it came. `unfit`: all that read the file are to let go of it, and this is to be told
 * when they have; the next `state` is of another file. `failed`: why it waits. `done`: what was ordered under that number is,
 * or was not and why.
 */
export type ProjectorNews =
  | { state: SearchState }
  | { unfit: true }
  | { failed: string }
  | { done: number; error?: string };

const { logPath, searchPath, eventsPerCounting, isFirst, hook } = workerData as ProjectorData;
const atStep = await loadSteps(hook);
const log = openForReading(logPath);
let file: SqliteFile;
let sink: SqliteSink;
let next = 0;
let head = 0;
let running = false;
/** Waits until nobody reads the file. */
let goOn: (() => void) | undefined;
/** Orders to change events that are under way. */
let changing = 0;
let ended = false;

function tell(news: ProjectorNews): void {
  parentPort?.postMessage(news);
}

function state(): SearchState {
  return file.rows<SearchState>(selectSearchState)[0] as SearchState;
}

async function open(): Promise<void> {
  const recovered = tryOpen();
  if (recovered !== undefined) next = recovered;
  else if (isFirst) rebuild();
  else await rebuildAlone();
}

function openSink(): void {
  file = openSearchFile(searchPath);
  sink = new SqliteSink(file, { eventsPerCounting, atStep });
}

/** The next index of a projection that belongs to this log; undefined when there is none. */
function tryOpen(): number | undefined {
  try {
    openSink();
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

/** A new file under the same name while another is still read would be taken for a part of it. */
async function rebuildAlone(): Promise<void> {
  tell({ unfit: true });
  await new Promise<void>((resolve) => {
    goOn = resolve;
  });
  goOn = undefined;
  rebuild();
}

function rebuild(): void {
  removeSearchFile(searchPath);
  openSink();
  sink.begin(freshState());
  next = 0;
}

async function follow(): Promise<void> {
  if (running || goOn) return;
  running = true;
  while (next < head && !ended && !goOn) {
    step();
    // Lets orders in between two batches.
    await new Promise(setImmediate);
  }
  running = false;
  finishWhenEnded();
}

function step(): void {
  try {
    next = sink.write(portions(next, head));
    tell({ state: state() });
  } catch (error) {
    if (isTorn(error)) {
      void startAnew();
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

/** A batch, read bit by bit, so that what a bit leaves behind is young when it dies. */
function* portions(from: number, to: number): Generator<Portion> {
  const end = from + (to - from > farBehind ? eventsPerBatchBehind : eventsPerBatch);
  for (let low = from; low < Math.min(to, end); ) {
    const { text, params } = stretchSql({ low, high: to, most: eventsPerPortion });
    const stretch = projectStretch(log.rows<StoredEvent>(text, params), to);
    yield stretch;
    low = stretch.next;
  }
}

async function startAnew(): Promise<void> {
  if (goOn) return;
  tryClose();
  await rebuildAlone();
  tell({ state: state() });
  void follow();
}

async function change(number: number, work: (left: NamesLeft) => Generator<void>): Promise<void> {
  changing++;
  try {
    const left = new NamesLeft();
    for (const _bit of work(left)) {
      await new Promise(setImmediate);
      if (ended) throw new Error('the projection was closed');
    }
    sink.forgetNames(left);
    tell({ state: state() });
    tell({ done: number });
  } catch (error) {
    if (isTorn(error)) void startAnew();
    tell({ done: number, error: (error as Error).message });
  }
  changing--;
  finishWhenEnded();
}

function* forget(runs: readonly Run[], left: NamesLeft): Generator<void> {
  for (const { first, last } of runs) {
    for (let low = first; low <= last; low += projectionLimits.eventsPerForgetting) {
      sink.forget({ first: low, last: Math.min(last, low + projectionLimits.eventsPerForgetting - 1) }, left);
      yield;
    }
  }
}

function* reproject(indexes: readonly number[], left: NamesLeft): Generator<void> {
  for (let at = 0; at < indexes.length; at += projectionLimits.eventsPerForgetting) {
    const some = indexes.slice(at, at + projectionLimits.eventsPerForgetting);
    sink.exchange(log.rows<StoredEvent>(selectStored, [JSON.stringify(some)]), left);
    yield;
  }
}

const selectStored = `SELECT event.idx AS idx, body, fields FROM event LEFT JOIN event_private ON event_private.idx = event.idx
  WHERE event.idx IN (SELECT value FROM json_each(?)) ORDER BY event.idx`;

function finishWhenEnded(): void {
  if (!ended || running || changing > 0) return;
  tryClose();
  log.close();
  parentPort?.close();
}

parentPort?.on('message', (order: ProjectorOrder) => {
  if ('forget' in order) {
    void change(order.number, (left) => forget(order.forget, left));
  } else if ('reproject' in order) {
    void change(order.number, (left) => reproject(order.reproject, left));
  } else if ('end' in order) {
    ended = true;
    finishWhenEnded();
  } else if ('letGo' in order) {
    goOn?.();
  } else if ('rebuild' in order) {
    void startAnew();
  } else {
    head = Math.max(head, order.head);
    void follow();
  }
});

await open();
tell({ state: state() });
void follow();
