/**
 * Immutability policies: each is as its last version says, versions follow each other without a gap, each is what its
 * event tells, and every run names the event that called for it.
 */
import type { View } from '../db/onlooker.ts';
import { type EventFinder, type FoundEvent, tellEvent } from './event-finder.ts';
import type { Tell } from './findings.ts';
import type { ReferenceRun } from './reference-run.ts';

const batchRows = 50;

type PolicyRow = {
  id: string;
  namespace: string;
  project: string;
  version: number;
  pattern: string;
  matches: number;
  description: string;
  eventId: string;
  deletedAt: number | null;
  /** Patterns of a namespace that is gone may have been erased. */
  isLive: number;
};
const selectPolicies = `SELECT r.id, r.namespace_id AS namespace, r.project_id AS project, r.version, r.pattern, r.matches, r.description,
    r.event_id AS "eventId", r.deleted_at AS "deletedAt", CASE WHEN n.deleted_at IS NULL THEN 1 ELSE 0 END AS "isLive"
  FROM immutability_policy r JOIN namespace n ON n.id = r.namespace_id WHERE r.id > ? ORDER BY r.id LIMIT ${batchRows}`;

type VersionRow = {
  version: number;
  what: string;
  pattern: string;
  matches: number;
  description: string;
  eventId: string;
};
const selectVersions = `SELECT version, what, pattern, matches, description, event_id AS "eventId" FROM immutability_policy_version
  WHERE policy_id = ? AND version > ? ORDER BY version LIMIT 500`;

type Checking = { tell: Tell; finder: EventFinder };

export async function checkPolicies(run: ReferenceRun, finder: EventFinder): Promise<number> {
  let count = 0;
  for (let at = ''; ; ) {
    const last = await run.log.view(async (view) => {
      const rows = await view.rows<PolicyRow>(selectPolicies, [at]);
      for (const row of rows) count += await checkPolicy(view, row, { tell: run.tell, finder });
      return rows.at(-1);
    });
    await run.pace.rest();
    if (last === undefined) return count + (await checkRuns(run, finder));
    at = last.id;
  }
}

async function checkPolicy(view: View, row: PolicyRow, checking: Checking): Promise<number> {
  let before: VersionRow | undefined;
  for (let count = 0; ; ) {
    const rows = await view.rows<VersionRow>(selectVersions, [row.id, before?.version ?? 0]);
    for (const version of rows) {
      const name = `version ${version.version} of the policy ${row.id}`;
      if (version.version !== ++count)
        checking.tell.error('policy_differs', `${name} comes where version ${count} should stand`);
      await checkVersion(view, { name, row, version }, checking);
      before = version;
    }
    if (rows.length > 0) continue;
    if (before === undefined || !isLast(row, before))
      checking.tell.error('policy_differs', `the policy ${row.id} is not as its last version says`);
    return count;
  }
}

function isLast(row: PolicyRow, last: VersionRow): boolean {
  const same = (['version', 'pattern', 'matches', 'description', 'eventId'] as const).every(
    (field) => row[field] === last[field] || (field === 'pattern' && row.isLive === 0),
  );
  return same && (row.deletedAt !== null) === (last.what === 'delete');
}

type Told = { name: string; row: PolicyRow; version: VersionRow };

async function checkVersion(
  view: View,
  { name, row, version }: Told,
  { tell, finder }: Checking,
): Promise<void> {
  const { eventId: id, what } = version;
  const event = await finder.find(view, id);
  const pattern = row.isLive === 1 ? await patternIn(view, event) : undefined;
  const fits = ({ type, scope, details }: FoundEvent): boolean =>
    type === `policy.immutability.${what}` &&
    (row.project === ''
      ? (scope as { namespace?: { id?: string } }).namespace?.id === row.namespace
      : scope.project?.id === row.project) &&
    details.policyId === row.id &&
    now(details.version) === version.version &&
    now(details.matches) === (version.matches === 1) &&
    (pattern === undefined || pattern === version.pattern);
  tellEvent(event, { name, id, fits, tell });
}

/** Of a value, or of its change. */
function now(value: unknown): unknown {
  return (value as { to?: unknown } | undefined)?.to ?? value;
}

/** Undefined where it was erased, or cannot be looked up. */
async function patternIn(view: View, event: FoundEvent | 'dropped' | undefined): Promise<string | undefined> {
  if (event === undefined || event === 'dropped' || event.idx === undefined) return undefined;
  const [row] = await view.rows<{ fields: string }>('SELECT fields FROM event_private WHERE idx = ?', [
    event.idx,
  ]);
  if (row === undefined) return undefined;
  const fields = JSON.parse(row.fields) as Record<string, [salt: string, value: string] | undefined>;
  return (fields['/details/pattern/to'] ?? fields['/details/pattern'])?.[1];
}

type RunRow = { id: string; policy: string; version: number; what: string; eventId: string };
const selectRuns = `SELECT id, policy_id AS policy, version, what, event_id AS "eventId" FROM immutability_run WHERE id > ? ORDER BY id LIMIT ${batchRows}`;

async function checkRuns(run: ReferenceRun, finder: EventFinder): Promise<number> {
  let count = 0;
  for (let at = ''; ; ) {
    const last = await run.log.view(async (view) => {
      const rows = await view.rows<RunRow>(selectRuns, [at]);
      for (const row of rows) {
        const fits = ({ type, details }: FoundEvent): boolean =>
          (row.what === 'release'
            ? type === 'policy.immutability.release'
            : ['policy.immutability.create', 'policy.immutability.change'].includes(type)) &&
          details.policyId === row.policy &&
          now(details.version) === row.version;
        const event = await finder.find(view, row.eventId);
        tellEvent(event, { name: `the run ${row.id} of a policy`, id: row.eventId, fits, tell: run.tell });
      }
      count += rows.length;
      return rows.at(-1);
    });
    await run.pace.rest();
    if (last === undefined) return count;
    at = last.id;
  }
}
