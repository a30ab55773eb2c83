/**
 * Reads the trail as an auditor over the management API, from a mark on, and compares whole events with what was
 * expected. What differs from run to run (ids, times) is checked for its form and then left out.
 */
import assert from 'node:assert/strict';
import type { AuditEvent, EventPage, ShownEvent } from '@tallyman/contract';
import type { Wire } from './wire.ts';

/** An event without ids and times of its own; `cause` is the type of the event it names, the agent has no version. */
export type PlainEvent = Omit<
  AuditEvent,
  'v' | 'version' | 'id' | 'occurredAt' | 'recordedAt' | 'request' | 'cause'
> & {
  request: Omit<AuditEvent['request'], 'id'>;
  cause?: string;
};

/** An inner array is a set: its events may come in any order. */
export type Expected = readonly (PlainEvent | readonly PlainEvent[])[];

export type TrailReader = {
  /** What comes from here on is what `since` returns. */
  mark(): Promise<void>;
  /** In the order of the log, but for the reading of the trail itself. */
  since(): Promise<ShownEvent[]>;
  /** Exactly these since the mark; then sets the mark anew. */
  expect(expected: Expected): Promise<ShownEvent[]>;
};

const pageSize = 500;

export function createTrailReader(wire: Wire, authorization: string): TrailReader {
  let cursor: string | undefined;
  const read = async (from: string | undefined, limit: number): Promise<EventPage> => {
    const query = new URLSearchParams({ view: 'administration', repeats: 'rows', limit: String(limit) });
    if (from !== undefined) query.set('cursor', from);
    const answer = await wire.send({ path: `/api/v1/events?${query}`, headers: { authorization } });
    assert.equal(answer.status, 200, answer.text);
    return answer.json() as EventPage;
  };
  const mark = async (): Promise<void> => {
    // The first reading of a filter is an event itself; the second is not.
    if (cursor === undefined) await read(undefined, 1);
    cursor = (await read(undefined, 1)).previous;
  };
  const since = async (): Promise<ShownEvent[]> => {
    const found: ShownEvent[] = [];
    for (let from = cursor; ; ) {
      const page = await read(from, pageSize);
      assert.equal(page.completeTo, undefined, 'the search index is behind');
      found.push(...page.items.toReversed());
      if (page.items.length === 0) return found.filter(({ type }) => type !== 'trail.events.read');
      from = page.previous;
    }
  };
  return {
    mark,
    since,
    async expect(expected) {
      const found = await since();
      expectEvents(found, expected);
      await mark();
      return found;
    },
  };
}

export function expectEvents(found: readonly ShownEvent[], expected: Expected): void {
  const typeOf = new Map(found.map(({ id, type }) => [id, type]));
  const plain = found.map((event) => plainEvent(event, typeOf));
  const settled: PlainEvent[] = [];
  for (const item of expected) {
    if (!Array.isArray(item)) {
      settled.push(item as PlainEvent);
      continue;
    }
    const set = item as readonly PlainEvent[];
    const from = settled.length;
    plain.splice(from, set.length, ...inOrder(plain.slice(from, from + set.length)));
    settled.push(...inOrder(set));
  }
  // Short texts first: a difference in kind is seen at once, one in a field stands alone.
  assert.deepEqual(plain.map(headline), settled.map(headline));
  for (const [at, event] of plain.entries()) assert.deepEqual(event, settled[at], `event ${at}`);
}

function headline({ type, reason, actor, scope, target }: PlainEvent): string {
  const where = scope.project?.path ?? scope.namespace?.name ?? 'system';
  return [type, reason, actor.name ?? actor.kind, where, target?.name ?? target?.id]
    .filter(Boolean)
    .join(' ');
}

function inOrder(events: readonly PlainEvent[]): PlainEvent[] {
  const keyOf = (event: PlainEvent): string => stableText(event);
  return events.toSorted((left, right) => (keyOf(left) < keyOf(right) ? -1 : 1));
}

/** JSON with sorted keys, so that equal objects have equal texts. */
function stableText(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([left], [right]) => (left < right ? -1 : 1)))
      : inner,
  );
}

const uuidv7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

/** Checks what has a form only, and what every event must be; throws on an event that is not as it should. */
export function plainEvent(event: ShownEvent, typeOf: ReadonlyMap<string, string> = new Map()): PlainEvent {
  const { v, version, id, occurredAt, recordedAt, request, cause, ...rest } = event;
  const { index, title, sentence, severity, withheld, repeats, causedBy, ...plain } = rest;
  assert.equal(v, 1);
  assert.ok(version >= 1 && index >= 0 && severity !== undefined);
  assert.match(id, uuidv7);
  assert.match(occurredAt, time);
  assert.match(recordedAt, time);
  assert.ok(occurredAt <= recordedAt, `${event.type} was recorded before it occurred`);
  const { id: requestId, userAgent, ...facts } = request;
  assert.match(requestId, uuidv7);
  if (userAgent !== undefined) assert.match(userAgent, /^[\w-]+\/[\w.]/);
  assert.ok(title.length > 3);
  assert.ok(sentence.length > 3 && !/[{}]|undefined|\[object/.test(sentence), sentence);
  assert.deepEqual([withheld, repeats, causedBy], [[], undefined, undefined]);
  return {
    ...plain,
    request: { ...facts, ...(userAgent !== undefined && { userAgent: userAgent.split('/')[0] }) },
    ...(cause !== undefined && { cause: typeOf.get(cause) ?? 'unknown' }),
  } as PlainEvent;
}
