/** The SQL of jobs. Who claims one holds a lease; every later write of it names the owner, and finds nothing when it was lost. */
import type { Selectable } from 'kysely';
import type { JobTable } from '../db/schema.ts';
import { statement } from '../db/statement.ts';
import type { Db, ReadDb, Tx } from '../db/store.ts';

export type JobRow = Selectable<JobTable>;

const columns =
  'id, kind, state, payload, progress, run_at, created_at, updated_at, key, owner, lease_until, attempts, error';

const due = statement<JobRow>(
  `SELECT ${columns} FROM job WHERE state = 'waiting' AND run_at <= ? ORDER BY run_at LIMIT 50`,
);
const abandoned = statement<JobRow>(
  `SELECT ${columns} FROM job WHERE state = 'running' AND lease_until < ? ORDER BY run_at LIMIT 50`,
);
const take = statement(
  `UPDATE job SET state = 'running', owner = ?, lease_until = ?, updated_at = ? WHERE id = ?`,
);
const renew = statement(`UPDATE job SET lease_until = ? WHERE id = ? AND owner = ? AND state = 'running'`);
const put = statement(
  `UPDATE job SET progress = ?, updated_at = ? WHERE id = ? AND owner = ? AND state = 'running'`,
);
const end = statement(
  `UPDATE job SET state = ?, run_at = ?, attempts = ?, error = ?, updated_at = ?, owner = NULL, lease_until = NULL
   WHERE id = ? AND owner = ? AND state = 'running'`,
);
const release = statement(
  `UPDATE job SET lease_until = 0 WHERE state = 'running' AND owner <> ? AND lease_until > 0`,
);
const insert = statement(
  `INSERT INTO job (id, kind, state, payload, progress, run_at, created_at, updated_at, key, attempts)
   VALUES (?, ?, 'waiting', ?, '{}', ?, ?, ?, ?, 0)`,
);
const unfinished = statement<JobRow>(
  `SELECT ${columns} FROM job WHERE key = ? AND state IN ('waiting', 'running')`,
);
const hasten = statement(`UPDATE job SET run_at = ? WHERE id = ? AND state = 'waiting' AND run_at > ?`);
const drop = statement(
  `DELETE FROM job WHERE id IN (SELECT id FROM job WHERE state IN ('done', 'failed') AND updated_at < ? LIMIT 200)`,
);

/** The oldest job that is due, of a known kind, is the owner's from now on. One claim at a time on all nodes. */
export async function claimJob(
  db: Db,
  claim: { kinds: ReadonlySet<string>; owner: string; nowUs: number; leaseUs: number },
): Promise<JobRow | undefined> {
  const { kinds, owner, nowUs, leaseUs } = claim;
  const known = (row: JobRow): boolean => kinds.has(row.kind);
  const look = async (on: ReadDb): Promise<JobRow | undefined> =>
    (await on.all(due, [nowUs])).find(known) ?? (await on.all(abandoned, [nowUs])).find(known);
  if ((await look(db.read)) === undefined) return undefined;
  return db.transact(async (tx) => {
    await tx.lock('jobs');
    const found = await look(tx);
    if (found !== undefined) await tx.run(take, [owner, nowUs + leaseUs, nowUs, found.id]);
    return found;
  });
}

export async function renewLease(
  tx: Tx,
  { id, owner, untilUs }: { id: string; owner: string; untilUs: number },
): Promise<boolean> {
  return (await tx.run(renew, [untilUs, id, owner])) === 1;
}

/** Whatever any other owner has may be claimed at once; returns how many those are. */
export async function releaseLeases(tx: Tx, { owner }: { owner: string }): Promise<number> {
  await tx.lock('jobs');
  return tx.run(release, [owner]);
}

export async function putProgress(
  tx: Tx,
  { id, owner, progress, nowUs }: { id: string; owner: string; progress: string; nowUs: number },
): Promise<boolean> {
  return (await tx.run(put, [progress, nowUs, id, owner])) === 1;
}

export type Ending = {
  id: string;
  owner: string;
  state: 'waiting' | 'done' | 'failed';
  runAtUs: number;
  attempts: number;
  error: string | null;
  nowUs: number;
};

export async function endRun(tx: Tx, ending: Ending): Promise<boolean> {
  const { id, owner, state, runAtUs, attempts, error, nowUs } = ending;
  return (await tx.run(end, [state, runAtUs, attempts, error, nowUs, id, owner])) === 1;
}

export type NewJob = {
  id: string;
  kind: string;
  payload: string;
  key: string | null;
  runAtUs: number;
  nowUs: number;
};

/** The id of the new job, or of the unfinished one that has its key, which then runs no later than asked for. */
export async function insertJob(tx: Tx, job: NewJob): Promise<string> {
  const { id, kind, payload, key, runAtUs, nowUs } = job;
  if (key !== null) {
    await tx.lock(`job ${key}`);
    const found = await tx.get(unfinished, [key]);
    if (found !== undefined) {
      await tx.run(hasten, [runAtUs, found.id, runAtUs]);
      return found.id;
    }
  }
  await tx.run(insert, [id, kind, payload, runAtUs, nowUs, nowUs, key]);
  return id;
}

/** False when it does not wait. */
export async function hastenJob(tx: Tx, { id, runAtUs }: { id: string; runAtUs: number }): Promise<boolean> {
  const { numUpdatedRows } = await tx.q
    .updateTable('job')
    .set({ run_at: runAtUs })
    .where('id', '=', id)
    .where('state', '=', 'waiting')
    .executeTakeFirstOrThrow();
  return Number(numUpdatedRows) === 1;
}

/** Newest first. */
export async function selectJobs(db: ReadDb, page: { before?: string; limit: number }): Promise<JobRow[]> {
  let query = db.q.selectFrom('job').selectAll().orderBy('id', 'desc').limit(page.limit);
  if (page.before !== undefined) query = query.where('id', '<', page.before);
  return query.execute();
}

export async function selectJob(db: ReadDb, id: string): Promise<JobRow | undefined> {
  return db.q.selectFrom('job').selectAll().where('id', '=', id).executeTakeFirst();
}

/** Some of those that ended long ago; returns how many. */
export async function deleteEndedJobs(tx: Tx, beforeUs: number): Promise<number> {
  return tx.run(drop, [beforeUs]);
}
