/**
 * Finds an event of the log by its id. The projection knows where it is, when it is right; what it says is looked up,
 * and without it the log is searched by time: an id begins with the time at which its event was recorded.
 */
import type { Onlooker, View } from '../db/onlooker.ts';
import { uuidBytes } from '../trail/projected-row.ts';
import { toleranceUs } from './event-checks.ts';
import type { Tell } from './findings.ts';

export type FoundEvent = {
  type: string;
  scope: { project?: { id?: string } };
  details: Record<string, unknown>;
  /** Absent while it has none, on PostgreSQL. */
  idx?: number;
};

export class EventFinder {
  readonly #search: Onlooker | undefined;

  /** `search`: SQLite's projection, when there is one. */
  constructor(search: Onlooker | undefined) {
    this.#search = search;
  }

  /** `dropped`: it may be among bodies that retention dropped. */
  async find(view: View, id: string): Promise<FoundEvent | 'dropped' | undefined> {
    const bytes = uuidBytes(id);
    if (bytes === undefined) return undefined;
    const index = await this.#indexOf(view, bytes);
    if (index !== undefined) {
      const found = eventOf(await bodyAt(view, index), id, index);
      if (found !== undefined) return found;
    }
    const near = await findByTime(view, id, 100);
    if (near !== undefined && near !== 'dropped') return near;
    return (await findByTime(view, id, 2 * toleranceMs)) ?? findWaiting(view, id);
  }

  async #indexOf(view: View, id: Buffer): Promise<number | undefined> {
    const ask = async (on: View): Promise<number | undefined> =>
      (await on.rows<{ idx: number }>('SELECT idx FROM search_event WHERE id = ?', [id]))[0]?.idx;
    if (view.engine === 'postgres') return ask(view);
    return this.#search?.view(ask).catch(() => undefined);
  }
}

async function bodyAt(view: View, index: number): Promise<string | undefined> {
  return (await view.rows<{ body: string }>('SELECT body FROM event WHERE idx = ?', [index]))[0]?.body;
}

function eventOf(body: string | undefined, id: string, idx?: number): FoundEvent | undefined {
  if (body === undefined || !body.includes(id)) return undefined;
  try {
    const event = JSON.parse(body) as FoundEvent & { id: string };
    return event.id === id ? { ...event, ...(idx !== undefined && { idx }) } : undefined;
  } catch {
    return undefined;
  }
}

const idInBody = /"id":"([0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12})","occurredAt"/;

function msOf(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

const toleranceMs = toleranceUs / 1000;

type Stored = { idx: number; body: string };
const nextEvent = 'SELECT idx, body FROM event WHERE idx >= ? ORDER BY idx LIMIT 1';
const someEvents = 'SELECT idx, body FROM event WHERE idx >= ? ORDER BY idx LIMIT 500';

/** Within the tolerance, times rise with indexes: halves the log until only the events of that time are left. */
async function findByTime(
  view: View,
  id: string,
  spanMs: number,
): Promise<FoundEvent | 'dropped' | undefined> {
  const wantedMs = msOf(id);
  const from = await firstSince(view, wantedMs - spanMs);
  for (let next = from; ; ) {
    const rows = await view.rows<Stored>(someEvents, [next]);
    for (const { body, idx } of rows) {
      const found = eventOf(body, id, idx);
      if (found !== undefined) return found;
    }
    const last = rows.at(-1);
    if (last === undefined || timeOf(last.body) > wantedMs + spanMs) {
      const to = last?.idx ?? next;
      return (await hasGap(view, { from: Math.max(0, from - 1), to })) ? 'dropped' : undefined;
    }
    next = last.idx + 1;
  }
}

/** The lowest index from which on all events are of that time or later, as far as their order tells. */
async function firstSince(view: View, ms: number): Promise<number> {
  const [row] = await view.rows<{ high: number | null }>('SELECT max(idx) AS high FROM event');
  let low = 0;
  let high = (row?.high ?? -1) + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const [found] = await view.rows<Stored>(nextEvent, [middle]);
    if (found === undefined || timeOf(found.body) >= ms) high = middle;
    else low = found.idx + 1;
  }
  return low;
}

function timeOf(body: string): number {
  const id = idInBody.exec(body)?.[1];
  return id === undefined ? 0 : msOf(id);
}

async function hasGap(view: View, { from, to }: { from: number; to: number }): Promise<boolean> {
  const rows = await view.rows(
    'SELECT 1 AS there FROM event_gap WHERE first_idx <= ? AND last_idx >= ? LIMIT 1',
    [to, from],
  );
  return rows.length > 0;
}

/** PostgreSQL: committed, without an index yet. */
async function findWaiting(view: View, id: string): Promise<FoundEvent | undefined> {
  if (view.engine === 'sqlite') return undefined;
  const rows = await view.rows<{ body: string }>('SELECT body FROM event_outbox');
  for (const { body } of rows) {
    const found = eventOf(body, id);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What was found, if it is all that a row says of it; a body that retention dropped says nothing against it. */
export function tellEvent(
  event: FoundEvent | 'dropped' | undefined,
  { name, id, fits, tell }: { name: string; id: string; fits: (event: FoundEvent) => boolean; tell: Tell },
): void {
  if (event === 'dropped') return;
  if (event === undefined)
    tell.error('event_unknown', `${name} names the event ${id}, which is not in the log`);
  else if (!fits(event))
    tell.error('event_differs', `${name} names the event ${id}, which tells of something else`);
}

/** Whether an event made a tag of a project point there. */
export function pointedBy(
  { type, scope, details }: FoundEvent,
  { project, digest }: { project: string; digest: string },
): boolean {
  if (scope.project?.id !== project) return false;
  return (
    (type === 'container.tag.create' && details.digest === digest) ||
    (type === 'container.tag.move' && details.to === digest)
  );
}
