/** Runs scans of the log off the main thread, which has requests to answer: in a worker with a connection of its own. */
import { Worker } from 'node:worker_threads';
import type { DatabaseLocation } from '../../db/open.ts';
import type { StoredEvent } from '../projected-row.ts';
import type { Sql } from '../sql.ts';
import { stretchSql } from '../stretch.ts';
import {
  type Answer,
  type Expired,
  type ExpiredQuestion,
  type Found,
  findExpired,
  findTraces,
  type Place,
  type Question,
  type TracesQuestion,
} from './scan.ts';

export interface Scanner {
  expired(question: Omit<ExpiredQuestion, 'name'>): Promise<Answer<Expired>>;
  traces(question: Omit<TracesQuestion, 'name'>): Promise<Answer<Found>>;
  /** Names and addresses of a user that only events know. */
  learn(question: Omit<TracesQuestion, 'name'>): Promise<Answer<Found>>;
  close(): Promise<void>;
}

/** Events read for one answer. */
export const portion = 2_000;

type Ask = (question: Question) => Promise<Answer<Expired> | Answer<Found>>;

function scannerOver(ask: Ask, close: () => Promise<void>): Scanner {
  return {
    expired: (question) => ask({ name: 'expired', ...question }) as Promise<Answer<Expired>>,
    traces: (question) => ask({ name: 'traces', ...question }) as Promise<Answer<Found>>,
    learn: (question) => ask({ name: 'learn', ...question }) as Promise<Answer<Found>>,
    close,
  };
}

/** How a place is read. */
export function statementOf(
  place: Place,
  { limit, withFields }: { limit: number; withFields: boolean },
): Sql {
  if ('low' in place) {
    if (withFields) return stretchSql({ ...place, most: limit });
    const text =
      'SELECT idx, body, NULL AS fields FROM event WHERE idx >= ? AND idx < ? ORDER BY idx LIMIT ?';
    return { text, params: [place.low, place.high, limit] };
  }
  const fields = withFields ? 'p.fields' : 'NULL AS fields';
  const join = withFields ? 'LEFT JOIN event_private p ON p.idx = e.idx' : '';
  // Integers of ours, and no more than a portion.
  const list = place.indexes.map((idx) => Number(idx)).join(',') || '-1';
  return {
    text: `SELECT e.idx AS idx, e.body AS body, ${fields} FROM event e ${join} WHERE e.idx IN (${list}) ORDER BY e.idx`,
    params: [],
  };
}

/** The finding over rows that were read. */
export function answerOver(
  question: Question,
  rows: readonly StoredEvent[],
  limit: number,
): Answer<Expired> | Answer<Found> {
  const { place } = question;
  const high = 'high' in place ? place.high : 0;
  const last = rows.at(-1);
  const next = last !== undefined && rows.length === limit ? last.idx + 1 : high;
  if (question.name === 'expired') {
    const { stoppedAt, ...found } = findExpired(rows, question);
    return { ...found, next: stoppedAt ?? next, end: stoppedAt !== undefined };
  }
  return { ...findTraces(rows, question), next, end: false };
}

/** Only traces are looked for in private rows. */
export function needsFields(question: Question): boolean {
  return question.name !== 'expired';
}

/** Events that may explain a present state: their private rows are read afterwards. */
export function wantedFields(answer: Answer<Expired> | Answer<Found>): number[] {
  return answer.hits.flatMap((hit) => ('stored' in hit ? [hit.idx] : []));
}

export function selectFields(indexes: readonly number[]): string {
  return `SELECT idx, fields FROM event_private WHERE idx IN (${indexes.map(Number).join(',')})`;
}

export function addFields(
  answer: Answer<Expired> | Answer<Found>,
  rows: readonly { idx: number; fields: string }[],
): void {
  const fields = new Map(rows.map((row) => [row.idx, row.fields]));
  for (const hit of answer.hits)
    if ('stored' in hit && hit.stored) hit.stored.fields = fields.get(hit.idx) ?? null;
}

export type ScanOrder = { number: number; question: Question } | { end: true };
export type ScanNews =
  | { number: number; answer: Answer<Expired> | Answer<Found> }
  | { number: number; failed: string };

/** The thread is begun with the first question and ends when nothing was asked for a while. */
export function openScanner(location: DatabaseLocation): Scanner {
  let thread: Worker | undefined;
  let asked = 0;
  let idle: NodeJS.Timeout | undefined;
  const waiting = new Map<number, { resolve: (answer: never) => void; reject: (error: Error) => void }>();
  const giveUp = (error: Error): void => {
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
    thread = undefined;
  };
  const begin = (): Worker => {
    const url = new URL(`./scan-worker.${location.engine}.ts`, import.meta.url);
    const worker = new Worker(url, { workerData: location });
    worker.unref();
    worker.on('message', (news: ScanNews) => {
      const caller = waiting.get(news.number);
      waiting.delete(news.number);
      if ('answer' in news) caller?.resolve(news.answer as never);
      else caller?.reject(new Error(news.failed));
    });
    worker.on('error', (error) => giveUp(error instanceof Error ? error : new Error(String(error))));
    worker.on('exit', () => {
      if (thread === worker) giveUp(new Error('the scan of the log ended early'));
    });
    return worker;
  };
  const end = async (): Promise<void> => {
    clearTimeout(idle);
    const worker = thread;
    thread = undefined;
    if (worker === undefined) return;
    const exited = new Promise((resolve) => worker.once('exit', resolve));
    worker.ref();
    worker.postMessage({ end: true } satisfies ScanOrder);
    await exited;
  };
  const ask: Ask = (question) =>
    new Promise((resolve, reject) => {
      clearTimeout(idle);
      thread ??= begin();
      const number = ++asked;
      const settled = (): void => {
        idle = setTimeout(() => void end(), idleMs).unref();
      };
      waiting.set(number, {
        resolve: (answer: never) => {
          settled();
          resolve(answer);
        },
        reject: (error) => {
          settled();
          reject(error);
        },
      });
      thread.postMessage({ number, question } satisfies ScanOrder);
    });
  return scannerOver(ask, end);
}

const idleMs = 10_000;
