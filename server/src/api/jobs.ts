/** Work that the server does by itself, for administrators to see and to hasten. */
import type { Job } from '@tallyman/contract';
import type { Db } from '../db/store.ts';
import { AppError } from '../domain/error.ts';
import type { Jobs } from '../jobs/jobs.ts';
import type { Progress } from '../jobs/kind.ts';
import { type JobRow, selectJob, selectJobs } from '../jobs/rows.ts';
import { formatUs } from '../stdx/clock.ts';
import { cutPage } from '../stdx/pages.ts';
import type { Trail } from '../trail/trail.ts';
import type { ApiHandlers } from './call.ts';
import { nextOf, pageOf } from './pages.ts';

export type JobParts = { db: Db; trail: Pick<Trail, 'record'>; jobs: Jobs };

export function jobHandlers(parts: JobParts): ApiHandlers<'jobs.list' | 'jobs.get' | 'jobs.run'> {
  const { db, trail, jobs } = parts;
  return {
    'jobs.list': async ({ query }) => {
      const { after, limit } = pageOf(query);
      const page = { limit: limit + 1, ...(after !== undefined && { before: after }) };
      const { shown, next } = cutPage(await selectJobs(db.read, page), limit, (row) => row.id);
      return { items: shown.map((row) => viewJob(jobs, row)), next: nextOf(next) };
    },
    'jobs.get': async ({ params }) => viewJob(jobs, await getJob(db, params.job)),
    'jobs.run': async ({ caller, params }) => {
      await db.transact(async (tx) => {
        const { id, kind } = await jobs.hasten(tx, params.job);
        trail.record(tx, {
          type: 'system.job.request',
          by: caller,
          scope: {},
          target: { kind: 'job', id },
          details: { kind },
        });
      });
      return viewJob(jobs, await getJob(db, params.job));
    },
  };
}

async function getJob(db: Db, id: string): Promise<JobRow> {
  const row = await selectJob(db.read, id);
  if (row !== undefined) return row;
  throw new AppError('not_found', 'There is no such job, or it ended long ago.', {
    reason: 'target_unknown',
    details: { field: 'job' },
  });
}

/** The payload stays inside: it may say whom an erasure is about. */
function viewJob(jobs: Jobs, row: JobRow): Job {
  return {
    id: row.id,
    kind: row.kind,
    summary: jobs.kindOf(row.kind)?.summary ?? row.kind,
    state: row.state,
    progress: JSON.parse(row.progress) as Progress as Job['progress'],
    runAt: formatUs(row.run_at),
    createdAt: formatUs(row.created_at),
    updatedAt: formatUs(row.updated_at),
    attempts: row.attempts,
    error: row.error,
  };
}
