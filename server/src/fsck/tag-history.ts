/** Every state that a tag had: begun and ended by events that say so, and the one that lasts is where the tag points. */
import type { View } from '../db/onlooker.ts';
import { type EventFinder, type FoundEvent, pointedBy, tellEvent } from './event-finder.ts';
import type { Tell } from './findings.ts';
import type { ReferenceRun } from './reference-run.ts';

const batchRows = 50;

type StateRow = {
  project: string;
  name: string;
  digest: string;
  fromAt: number;
  toAt: number | null;
  fromId: string;
  toId: string | null;
  /** Of the tag as it is. */
  present: string | null;
  /** What ended the state before it, and what began the one after it. */
  beforeId: string | null;
  afterId: string | null;
};
const selectStates = `SELECT r.project_id AS project, r.name, r.digest, r.from_at AS "fromAt", r.to_at AS "toAt", r.from_event_id AS "fromId",
    r.to_event_id AS "toId", t.event_id AS present,
    (SELECT b.to_event_id FROM tag_history b WHERE b.project_id = r.project_id AND b.name = r.name AND b.from_at < r.from_at
       ORDER BY b.from_at DESC LIMIT 1) AS "beforeId",
    (SELECT a.from_event_id FROM tag_history a WHERE a.project_id = r.project_id AND a.name = r.name AND a.from_at > r.from_at
       ORDER BY a.from_at LIMIT 1) AS "afterId"
  FROM tag_history r JOIN project p ON p.id = r.project_id AND p.deleted_at IS NULL
  LEFT JOIN tag t ON t.project_id = r.project_id AND t.name = r.name
  WHERE (r.project_id, r.name, r.from_at) > (?, ?, ?) ORDER BY r.project_id, r.name, r.from_at LIMIT ${batchRows}`;

type Place = Pick<StateRow, 'project' | 'name' | 'fromAt'>;

export async function checkHistory(run: ReferenceRun, finder: EventFinder): Promise<number> {
  let count = 0;
  for (let at: Place = { project: '', name: '', fromAt: 0 }; ; ) {
    const last = await run.log.view(async (view) => {
      const rows = await view.rows<StateRow>(selectStates, [at.project, at.name, at.fromAt]);
      for (const row of rows) await checkState(view, row, { tell: run.tell, finder });
      count += rows.length;
      return rows.at(-1);
    });
    await run.pace.rest();
    if (last === undefined) return count;
    at = last;
  }
}

async function checkState(
  view: View,
  row: StateRow,
  { tell, finder }: { tell: Tell; finder: EventFinder },
): Promise<void> {
  const { project, digest, fromId, toId } = row;
  const name = `the state of a tag of project ${project} that event ${fromId} began with ${digest}`;
  const begun = await finder.find(view, fromId);
  tellEvent(begun, { name, id: fromId, fits: (event) => pointedBy(event, { project, digest }), tell });
  if (isMove(begun) && row.beforeId !== fromId && !(await hasState(view, row, { endedBy: fromId })))
    tell.error('history_differs', `${name} has lost the state before it, which the same event ended`);
  if ((row.toAt === null) !== (toId === null) || (toId === null && row.present !== fromId))
    tell.error('history_differs', `${name} should last, and the tag does not point there; or it half ended`);
  if (toId === null) return;
  const ended = await finder.find(view, toId);
  const fits = ({ type, scope, details }: FoundEvent): boolean =>
    scope.project?.id === project &&
    ((type === 'container.tag.move' && details.from === digest) ||
      (type === 'container.tag.delete' && details.digest === digest));
  tellEvent(ended, { name: `the end of ${name}`, id: toId, fits, tell });
  if (isMove(ended) && row.afterId !== toId && !(await hasState(view, row, { begunBy: toId })))
    tell.error('history_differs', `${name} has lost the state after it, which the same event began`);
}

function isMove(event: FoundEvent | 'dropped' | undefined): boolean {
  return event !== undefined && event !== 'dropped' && event.type === 'container.tag.move';
}

/** Looked for by its event where times are no order: a clock was set back between two starts. */
async function hasState(
  view: View,
  { project, name }: StateRow,
  by: { begunBy: string } | { endedBy: string },
): Promise<boolean> {
  const [column, id] = 'begunBy' in by ? ['from_event_id', by.begunBy] : ['to_event_id', by.endedBy];
  const rows = await view.rows(
    `SELECT 1 AS there FROM tag_history WHERE project_id = ? AND name = ? AND ${column} = ? LIMIT 1`,
    [project, name, id as string],
  );
  return rows.length > 0;
}
