/**
 * The server looks at itself: now and then one pass of fsck in a thread of its own, over a read-only connection and at a
 * small share of the time. What it finds is an event, once, and a metric for as long as it is found. The settings
 * `fsck.last` and `fsck.known` remember the last pass, so a restart forgets neither.
 */
import { hash } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { findSetting, putSetting } from '../db/settings.ts';
import type { Db, Tx } from '../db/store.ts';
import type { JobKind, Stepped } from '../jobs/kind.ts';
import type { Clock } from '../stdx/clock.ts';
import type { Performer } from '../trail/draft.ts';
import type { Trail } from '../trail/trail.ts';
import { type Finding, keyOf } from './findings.ts';
import type { FsckPlace, FsckReport } from './fsck.ts';
import type { FsckOrder } from './fsck-worker.ts';

export type SelfAuditParts = {
  db: Db;
  trail: Pick<Trail, 'record'>;
  clock: Clock;
  /** Who acts when nobody asked. */
  server: () => Performer;
  /** Read anew for each pass: the published head is in it. */
  place: () => Promise<FsckPlace>;
  /** From above 0 to 1. */
  share: number;
};

export type LastAudit = {
  /** When the pass ended, microseconds. */
  atUs: number;
  durationMs: number;
  events: number;
  errors: number;
  notices: number;
};

const lastKey = 'fsck.last';
const knownKey = 'fsck.known';
const mostKnown = 2_000;
const mostInEvent = 10;

export class SelfAudit {
  readonly #parts: SelfAuditParts;
  #last: LastAudit | undefined;

  constructor(parts: SelfAuditParts) {
    this.#parts = parts;
  }

  /** Of the last whole pass, in this process or one before it. */
  get last(): LastAudit | undefined {
    return this.#last;
  }

  /** Reads what the process before remembered. */
  async load(): Promise<void> {
    const row = await this.#parts.db.read.q
      .selectFrom('setting')
      .select('value')
      .where('namespace_id', '=', '')
      .where('key', '=', lastKey)
      .executeTakeFirst();
    this.#last = row && (JSON.parse(row.value) as LastAudit);
  }

  /** Broken off by a stop, a pass begins anew: it changes nothing. */
  jobKind(everyMs: number): JobKind {
    return {
      kind: 'self_audit',
      summary: 'Checks everything that is stored against what was recorded, as `tallyman fsck` does',
      everyMs,
      step: async ({ signal }): Promise<Stepped> => {
        const report = await this.run(signal);
        if (report === undefined) return { next: { waitMs: 0 } };
        const { events, errors, notices, durationMs } = report;
        return { progress: { events, errors, notices, durationMs }, next: 'done' };
      },
    };
  }

  /** One pass. Undefined when the signal broke it off. */
  async run(signal: AbortSignal): Promise<FsckReport | undefined> {
    const { place, share } = this.#parts;
    const report = await inThread({ place: await place(), share }, signal);
    if (report !== undefined) await this.#remember(report);
    return report;
  }

  async #remember(report: FsckReport): Promise<void> {
    const { db, clock } = this.#parts;
    const { events, errors, notices, durationMs, findings } = report;
    const last = { atUs: clock.nowUs(), durationMs, events, errors, notices };
    const wrong = findings.filter(({ severity }) => severity === 'error');
    await db.transact(async (tx) => {
      await tx.lock(knownKey);
      const known = await readKnown(tx);
      const news = wrong.filter((finding) => !known.has(shortKey(finding)));
      if (news.length > 0) this.#record(tx, news);
      await putSetting(tx, { key: lastKey, value: JSON.stringify(last), nowUs: last.atUs });
      const keys = wrong.slice(0, mostKnown).map(shortKey);
      await putSetting(tx, { key: knownKey, value: JSON.stringify(keys), nowUs: last.atUs });
    });
    this.#last = last;
  }

  #record(tx: Tx, news: readonly Finding[]): void {
    const { trail, server } = this.#parts;
    trail.record(tx, {
      type: 'system.inconsistency.find',
      by: server(),
      scope: {},
      details: {
        count: news.length,
        findings: news.slice(0, mostInEvent).map(({ check, what, index, message }) => ({
          check,
          what,
          message,
          ...(index !== undefined && { index }),
        })),
      },
    });
  }
}

/** What a finding is known by from one pass to the next. */
function shortKey(finding: Finding): string {
  return hash('sha256', keyOf(finding), 'base64url').slice(0, 16);
}

async function readKnown(tx: Tx): Promise<Set<string>> {
  const value = await findSetting(tx, { key: knownKey });
  return new Set(value === undefined ? [] : (JSON.parse(value) as string[]));
}

/** Undefined when the signal ended it: a thread that only reads can be ended at any point. */
function inThread(order: FsckOrder, signal: AbortSignal): Promise<FsckReport | undefined> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      resolve(undefined);
      return;
    }
    const thread = new Worker(new URL('./fsck-worker.ts', import.meta.url), { workerData: order });
    const end = (): void => {
      resolve(undefined);
      void thread.terminate();
    };
    signal.addEventListener('abort', end, { once: true });
    thread.once('message', (report: FsckReport) => resolve(report));
    thread.once('error', reject);
    thread.once('exit', () => {
      signal.removeEventListener('abort', end);
      reject(new Error('the thread of the pass ended without a report'));
    });
  });
}
