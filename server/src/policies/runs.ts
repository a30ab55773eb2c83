/**
 * A run carries a policy to the tags that are there: it locks what a new or changed one calls for, or unlocks what one no
 * longer calls for. Here it is begun and shown; the host whose tags they are does it (containers/locking.ts).
 */

import type { PolicyRun } from '@tallyman/contract';
import type { ReadDb, Tx } from '../db/store.ts';
import type { Jobs } from '../jobs/jobs.ts';
import { type Clock, formatUs } from '../stdx/clock.ts';
import { uuidv7 } from '../stdx/random.ts';
import { insertRun, lastRunOfPolicy, type RunRow, runById } from './rows.ts';

/** The kind of job that does a run. */
export const policyRunKind = 'policy_run';

export type Counts = {
  tags: number;
  locked: number;
  unlocked: number;
  stillLocked: number;
  /** The first ten names that were locked or unlocked. */
  sample: string[];
};
export const noCounts = (): Counts => ({ tags: 0, locked: 0, unlocked: 0, stillLocked: 0, sample: [] });

export type Run = Omit<RunRow, 'totals' | 'ofProject'> & { totals: Counts; ofProject: Counts };

type RunStart = {
  policyId: string;
  version: number;
  what: 'lock' | 'release';
  /** The policy's event: the cause of all that the run does. */
  eventId: string;
  reason?: string;
};

/** In the unit of the change that calls for it. */
export async function beginRun(
  parts: { clock: Clock; jobs: Pick<Jobs, 'enqueue'> },
  tx: Tx,
  { policyId, version, what, eventId, reason }: RunStart,
): Promise<void> {
  const nowUs = parts.clock.nowUs();
  const id = uuidv7(nowUs);
  const empty = JSON.stringify(noCounts());
  await tx.run(insertRun, [id, policyId, version, what, eventId, reason ?? null, empty, empty, nowUs]);
  await parts.jobs.enqueue(tx, { kind: policyRunKind, payload: { run: id } });
}

export async function findRun(db: ReadDb, id: string): Promise<Run | undefined> {
  const row = await db.get(runById, [id]);
  return row && parseRun(row);
}

export async function findLastRun(db: ReadDb, policyId: string): Promise<PolicyRun | null> {
  const row = await db.get(lastRunOfPolicy, [policyId]);
  return row === undefined ? null : viewRun(parseRun(row));
}

function parseRun(row: RunRow): Run {
  return {
    ...row,
    totals: JSON.parse(row.totals) as Counts,
    ofProject: JSON.parse(row.ofProject) as Counts,
  };
}

function viewRun({ what, state, totals, startedAt, finishedAt }: Run): PolicyRun {
  const { tags, locked, unlocked, stillLocked } = totals;
  return {
    what,
    state,
    tags,
    locked,
    unlocked,
    stillLocked,
    startedAt: formatUs(startedAt),
    finishedAt: finishedAt === null ? null : formatUs(finishedAt),
  };
}
