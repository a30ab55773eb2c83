/** The SQL of policies and their runs. */
import { statement } from '../db/statement.ts';
import type { ReadDb, Tx } from '../db/store.ts';

export type PolicyRow = {
  id: string;
  namespaceId: string;
  /** '' = on the namespace. */
  projectId: string;
  pattern: string;
  matches: number;
  description: string;
  version: number;
  sinceVersion: number;
  createdAt: number;
  changedAt: number;
  eventId: string;
  deletedAt: number | null;
};
/** How many changes of policy a namespace has seen, and the event of the last. */
export type Mark = { namespaceId: string; version: number; eventId: string | null };

const mark =
  'SELECT n.id AS "namespaceId", n.policy_version AS version, n.policy_event_id AS "eventId" FROM project p JOIN namespace n ON n.id = p.namespace_id WHERE p.id';
export const markOfProject = statement<Mark>(`${mark} = ?`);
/** A change of policy waits until the unit ends; one under way is waited for, and seen. */
export const holdMark = statement<Mark>(`${mark} = ?`, { postgres: `${mark} = $1 FOR SHARE OF n` });
/** Waits for every unit that holds it. */
export const raiseMark = statement(
  'UPDATE namespace SET policy_version = policy_version + 1 WHERE id = ? AND deleted_at IS NULL',
);
export const signMark = statement('UPDATE namespace SET policy_event_id = ? WHERE id = ?');
export const versionOfNamespace = statement<{ version: number }>(
  'SELECT policy_version AS version FROM namespace WHERE id = ?',
);

const columns = `id, namespace_id AS "namespaceId", project_id AS "projectId", pattern, matches, description, version,
  since_version AS "sinceVersion", created_at AS "createdAt", changed_at AS "changedAt", event_id AS "eventId", deleted_at AS "deletedAt"`;
/** The oldest first. */
export const livePolicies = statement<PolicyRow>(
  `SELECT ${columns} FROM immutability_policy WHERE namespace_id = ? AND project_id = ? AND deleted_at IS NULL ORDER BY created_at, id`,
);
/** The last one deleted first. */
export const deletedPolicies = statement<PolicyRow>(
  `SELECT ${columns} FROM immutability_policy WHERE namespace_id = ? AND project_id = ? AND deleted_at IS NOT NULL
   ORDER BY deleted_at DESC, id DESC LIMIT ?`,
);
export const policyById = statement<PolicyRow>(`SELECT ${columns} FROM immutability_policy WHERE id = ?`);
export const insertPolicy = statement(
  `INSERT INTO immutability_policy (id, namespace_id, project_id, pattern, matches, description, version, since_version, created_at, changed_at, event_id)
   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
);
export const updatePolicy = statement(
  `UPDATE immutability_policy SET pattern = ?, matches = ?, description = ?, version = ?, since_version = ?, changed_at = ?, event_id = ?,
     deleted_at = ? WHERE id = ?`,
);
export const insertVersion = statement(
  `INSERT INTO immutability_policy_version (policy_id, version, what, pattern, matches, description, at, event_id, actor_id)
   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
);

export type VersionRow = {
  version: number;
  what: 'create' | 'change' | 'delete';
  pattern: string;
  matches: number;
  at: number;
  eventId: string;
  actorId: string | null;
};
export const policyVersion = statement<VersionRow>(
  `SELECT version, what, pattern, matches, at, event_id AS "eventId", actor_id AS "actorId"
   FROM immutability_policy_version WHERE policy_id = ? AND version = ?`,
);
export const policyVersions = statement<VersionRow>(
  `SELECT version, what, pattern, matches, at, event_id AS "eventId", actor_id AS "actorId"
   FROM immutability_policy_version WHERE policy_id = ? ORDER BY version DESC LIMIT 50`,
);

export type RunRow = {
  id: string;
  policyId: string;
  version: number;
  what: 'lock' | 'release';
  eventId: string;
  state: 'running' | 'done' | 'superseded';
  reason: string | null;
  atProject: string;
  atTag: string;
  totals: string;
  ofProject: string;
  startedAt: number;
  finishedAt: number | null;
};
const runColumns = `id, policy_id AS "policyId", version, what, event_id AS "eventId", state, reason, at_project AS "atProject",
  at_tag AS "atTag", totals, of_project AS "ofProject", started_at AS "startedAt", finished_at AS "finishedAt"`;
export const runById = statement<RunRow>(`SELECT ${runColumns} FROM immutability_run WHERE id = ?`);
export const lastRunOfPolicy = statement<RunRow>(
  `SELECT ${runColumns} FROM immutability_run WHERE policy_id = ? ORDER BY id DESC LIMIT 1`,
);
export const insertRun = statement(
  `INSERT INTO immutability_run (id, policy_id, version, what, event_id, state, reason, at_project, at_tag, totals, of_project, started_at)
   VALUES (?, ?, ?, ?, ?, 'running', ?, '', '', ?, ?, ?)`,
);
export const putRun = statement(
  `UPDATE immutability_run SET state = ?, at_project = ?, at_tag = ?, totals = ?, of_project = ?, finished_at = ? WHERE id = ?`,
);
/** Words alone changed: what is under way goes on under the new version. */
export const carryRuns = statement(
  `UPDATE immutability_run SET version = ? WHERE policy_id = ? AND version = ? AND state = 'running'`,
);
/** A run of a living policy that may yet lock tags of a project. */
export const runUnderWay = statement<{ id: string }>(
  `SELECT r.id FROM immutability_run r JOIN immutability_policy p ON p.id = r.policy_id AND p.version = r.version
   WHERE p.namespace_id = ? AND p.project_id IN ('', ?) AND p.deleted_at IS NULL AND r.what = 'lock' AND r.state = 'running' LIMIT 1`,
);

export const anyRunUnderWay = statement<{ id: string }>(
  `SELECT r.id FROM immutability_run r JOIN immutability_policy p ON p.id = r.policy_id AND p.version = r.version
   WHERE p.namespace_id = ? AND p.deleted_at IS NULL AND r.what = 'lock' AND r.state = 'running' LIMIT 1`,
);

/** Who made it, and who changed it last. */
export const policyActors = statement<{ creatorId: string | null; changerId: string | null }>(
  `SELECT f.actor_id AS "creatorId", l.actor_id AS "changerId" FROM immutability_policy p
   JOIN immutability_policy_version f ON f.policy_id = p.id AND f.version = 1
   JOIN immutability_policy_version l ON l.policy_id = p.id AND l.version = p.version WHERE p.id = ?`,
);

const nameOfNamespace = statement<{ name: string }>('SELECT name FROM namespace WHERE id = ?');
const nameOfRobot = statement<{ name: string }>(
  `SELECT n.name || '+' || r.name AS name FROM robot r JOIN namespace n ON n.id = r.namespace_id WHERE r.id = ?`,
);

/** What a user or robot is called now; null when nobody has the id. */
export async function nameOfActor(db: ReadDb, id: string | null): Promise<string | null> {
  if (id === null) return null;
  return ((await db.get(nameOfNamespace, [id])) ?? (await db.get(nameOfRobot, [id])))?.name ?? null;
}

export async function isLiveProject(tx: Tx, id: string): Promise<boolean> {
  const found = await tx.q
    .selectFrom('project')
    .select('id')
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
  return found !== undefined;
}
