/** From stored bytes to the event one reader sees: masked, with title and sentence, and the repeats of a refusal. */
import {
  type AuditEvent,
  declarationOf,
  isEventType,
  type Repeats,
  type ShownEvent,
  type ShownRepeats,
  sentenceOf,
} from '@tallyman/contract';
import { maskedFields, type Rights } from './audience.ts';
import { factsOf, type OpenEvent, openWithCount, type StoredEvent, uuidBytes } from './projected-row.ts';
import type { SearchSource } from './search-source.ts';
import { inValues } from './sql.ts';

/** What a list shows: events that are there for the reader, in the order given. */
export async function showEvents(
  source: SearchSource,
  rights: Rights,
  { stored, merged }: { stored: readonly StoredEvent[]; merged: boolean },
): Promise<ShownEvent[]> {
  const shown = stored.map((event) => showEvent(event, rights));
  if (!merged) return shown;
  const refusals = shown.filter((event) => event.outcome !== 'success');
  const repeats = await findRepeats(
    source,
    rights,
    refusals.map(({ id }) => id),
  );
  for (const event of refusals) {
    const counted = repeats.get(event.id);
    if (counted) event.repeats = counted;
  }
  return shown;
}

export function showEvent(stored: StoredEvent, rights: Rights): ShownEvent {
  const opened = openWithCount(stored);
  return showOpened(stored, opened, maskedFields(rights, factsOf(opened.event)));
}

/** Changes what was opened. */
export function showOpened(
  stored: StoredEvent,
  { event, values }: { event: OpenEvent; values: number },
  masked: readonly string[],
): ShownEvent {
  const withheld = maskEvent(event, masked);
  if (values !== commitmentsIn(stored.body))
    dropCommitments(event as unknown as Record<string, unknown>, '', withheld);
  const declared = isEventType(event.type) ? declarationOf(event.type) : undefined;
  // In the order of the schema, for people who read the JSON.
  const {
    v,
    id,
    type,
    version,
    occurredAt,
    recordedAt,
    outcome,
    reason,
    actor,
    onBehalfOf,
    credential,
    scope,
    target,
  } = event;
  const shown: Partial<ShownEvent> = {
    index: stored.idx,
    v,
    id,
    type,
    version,
    title: declared?.title ?? type,
    sentence: sentenceOf(event),
    severity: declared?.severity ?? 'info',
    occurredAt,
    recordedAt,
    outcome,
  };
  // One after another: a page has many events, and spreading each of these costs more than all the rest.
  if (reason !== undefined) shown.reason = reason;
  shown.actor = actor;
  if (onBehalfOf) shown.onBehalfOf = onBehalfOf;
  shown.credential = credential;
  shown.scope = scope;
  if (target) shown.target = target;
  shown.request = event.request;
  if (event.cause !== undefined) shown.cause = event.cause;
  shown.details = event.details;
  shown.withheld = withheld;
  return shown as ShownEvent;
}

/** A quotation mark that stands within a text is escaped, so what looks like a commitment is one. */
function commitmentsIn(body: string): number {
  let count = 0;
  for (let at = body.indexOf(commitment); at >= 0; at = body.indexOf(commitment, at + commitment.length))
    count++;
  return count;
}

const commitment = '{"#":';

/** Takes out the masked fields; returns their pointers. Changes the event. */
function maskEvent(event: AuditEvent, masked: readonly string[]): string[] {
  const withheld: string[] = [];
  for (const pointer of masked) {
    const keys = pointer.slice(1).split('/');
    const last = keys.pop() as string;
    let holder: unknown = event;
    for (const key of keys) holder = (holder as Record<string, unknown> | undefined)?.[key];
    if (typeof holder !== 'object' || holder === null || !Object.hasOwn(holder, last)) continue;
    delete (holder as Record<string, unknown>)[last];
    withheld.push(pointer);
  }
  return withheld;
}

function dropCommitments(holder: Record<string, unknown>, pointer: string, withheld: string[]): void {
  for (const [key, value] of Object.entries(holder)) {
    if (typeof value !== 'object' || value === null) continue;
    if (Object.hasOwn(value, '#')) {
      delete holder[key];
      withheld.push(`${pointer}/${key}`);
    } else {
      dropCommitments(value as Record<string, unknown>, `${pointer}/${key}`, withheld);
    }
  }
}

/** The repeats of these refusals, by their ids, as far as there are any. */
export async function findRepeats(
  source: SearchSource,
  rights: Rights,
  refusals: readonly string[],
): Promise<ReadonlyMap<string, ShownRepeats>> {
  const found = new Map<string, ShownRepeats>();
  if (refusals.length === 0) return found;
  const where = inValues(
    'cause',
    refusals.map((id) => uuidBytes(id) as Buffer),
  );
  const rows = await source.rows<{ idx: number }>({
    text: `SELECT idx FROM search_event WHERE ${where.text} AND repeats_since_us IS NOT NULL`,
    params: where.params,
  });
  for (const stored of await source.events(rows.map((row) => row.idx))) {
    // A closing event has its refusal's scope and actor: who may read the one may read the other.
    const closing = showEvent(stored, rights);
    const repeats = closing.details.repeats as
      | (Omit<Repeats, 'samples'> & { samples?: string[] })
      | undefined;
    if (repeats) found.set(closing.cause as string, repeatsOf(closing, repeats));
  }
  return found;
}

function repeatsOf(
  closing: ShownEvent,
  { count, firstAt, lastAt, samples }: Omit<Repeats, 'samples'> & { samples?: string[] },
): ShownRepeats {
  return { count, firstAt, lastAt, ...(samples && { samples }), id: closing.id, index: closing.index };
}
