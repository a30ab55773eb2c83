/** For tests of the reading side: a trail with its search on some engine, and what is asked of it again and again. */
import assert from 'node:assert/strict';
import type { EventFilter, EventPage, ShownEvent } from '@tallyman/contract';
import { eventPageSchema } from '@tallyman/contract';
import type { DatabaseLocation } from '../db/open.ts';
import type { Db } from '../db/store.ts';
import { AppError } from '../domain/error.ts';
import { type Clock, manualClock } from '../stdx/clock.ts';
import type { EventDraft, RefusalDraft } from './draft.ts';
import type { Reader, View } from './reader.ts';
import { Search, type SearchLimits } from './search.ts';
import {
  isInView,
  levelOf,
  type Made,
  make,
  masked,
  matches,
  organisations,
  projects,
  readers,
  users,
} from './search-world.fixture.ts';
import type { TailItem } from './tail.ts';
import { Trail } from './trail.ts';

export type SearchUnderTest = {
  engine: 'sqlite' | 'postgres';
  skip: string | false;
  place(): Promise<{ location: DatabaseLocation } & AsyncDisposable>;
  open(location: DatabaseLocation): Promise<Db>;
  /** Ways in which a projection can be found unfit at start. */
  damages: readonly Damage[];
};

export type Damage = {
  name: string;
  apply(house: { db: Db; location: DatabaseLocation }): Promise<void>;
};

/** A trail with its search, opened together. */
export type House = AsyncDisposable & {
  db: Db;
  clock: Clock & { advanceMs(ms: number): void };
  trail: Trail;
  search: Search;
  location: DatabaseLocation;
  add(drafts: readonly EventDraft[]): Promise<Made[]>;
  reopenSearch(limits?: Partial<SearchLimits>): Promise<Search>;
};

export const administrator = readers.administrator as Reader;
export const owner = readers.owner as Reader;
export const everything: View = { kind: 'administration' };
export const acme = { kind: 'organisation' as const, ...(organisations[0] as { id: string; name: string }) };
export const acmeView: View = { kind: 'namespace', namespace: acme };
export const acmeApp = projects.find(
  ({ project }) => project.path === 'acme/app',
) as (typeof projects)[number];

export async function openHouse(under: SearchUnderTest, limits: Partial<SearchLimits> = {}): Promise<House> {
  const place = await under.place();
  const { location } = place;
  const db = await under.open(location);
  const clock = manualClock();
  const trail = new Trail({ db, clock });
  const open = (more: Partial<SearchLimits>): Promise<Search> =>
    Search.open({ db, location, clock, trail, limits: { waitMs: 20_000, searchers: 1, ...more } });
  const house: House = {
    db,
    clock,
    trail,
    location,
    search: await open(limits),
    async add(drafts) {
      const made = drafts.map((draft) => make(draft, clock));
      await db.append(made);
      return made;
    },
    async reopenSearch(more = {}) {
      house.search = await open(more);
      return house.search;
    },
    async [Symbol.asyncDispose]() {
      await house.search.close();
      await db.close();
      await place[Symbol.asyncDispose]();
    },
  };
  return house;
}

export function pull(tag: string, more: Partial<EventDraft> = {}): EventDraft {
  const user = users[0] as { id: string; name: string };
  return {
    type: 'container.manifest.pull',
    by: {
      actor: { kind: 'user', ...user, proven: true },
      credential: { kind: 'password' },
      request: { id: 'r', protocol: 'http', ip: '10.0.0.7', userAgent: 'docker' },
    },
    scope: { namespace: acme, project: acmeApp.project },
    details: { digest: 'sha256:00', reference: tag, by: 'tag', mediaType: 'm' },
    ...more,
  } as EventDraft;
}

export function refusedPush(more: Partial<RefusalDraft> = {}): RefusalDraft {
  return {
    ...pull('x'),
    type: 'container.push.refuse',
    outcome: 'denied',
    reason: 'not_permitted',
    source: '10.0.0.7',
    details: { attempted: { action: 'push', project: 'acme/app', reference: 'v1' } },
    ...more,
  } as RefusalDraft;
}

export async function isRefused(work: Promise<unknown>, code: string, field?: string): Promise<void> {
  await assert.rejects(work, (error: unknown) => {
    assert.ok(error instanceof AppError, String(error));
    assert.equal(error.code, code, error.message);
    if (field !== undefined) assert.equal(error.details.field, field);
    return true;
  });
}

/** Walks to the end by `next`; every page is what the schema says. */
export async function allPages(
  search: Search,
  question: { view: View; filter: EventFilter; limit?: number },
  reader: Reader,
): Promise<ShownEvent[]> {
  const found: ShownEvent[] = [];
  let cursor: string | undefined;
  do {
    const page: EventPage = await search.search({ ...question, cursor }, reader);
    assert.deepEqual(eventPageSchema.parse(page), page);
    found.push(...page.items);
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
  return found;
}

/** What the reader sees of the made events, by the plain rules; newest first. */
export function expected(
  made: readonly Made[],
  { view, filter }: { view: View; filter: EventFilter },
  reader: Reader,
): { index: number; event: unknown }[] {
  return made
    .map(({ event }, index) => ({ index, event, level: levelOf(event, reader, view) }))
    .filter(({ event, level }) => level !== 'hidden' && isInView(event, reader, view))
    .map(({ index, event, level }) => ({ index, level, event: masked(event, level) }))
    .filter(({ event, level }) => matches(event, filter, level))
    .map(({ index, event }) => ({ index, event }))
    .reverse();
}

/** A shown event with only what the stored one has. */
export function bare({
  index,
  title,
  sentence,
  severity,
  withheld,
  repeats,
  causedBy,
  ...event
}: ShownEvent): {
  index: number;
  event: unknown;
} {
  assert.ok(title !== '' && sentence !== '' && severity && withheld && !repeats && !causedBy);
  return { index, event };
}

export async function collect(
  tail: AsyncIterable<TailItem>,
  until: (items: TailItem[]) => boolean,
): Promise<TailItem[]> {
  const items: TailItem[] = [];
  for await (const item of tail) {
    items.push(item);
    if (until(items)) break;
  }
  return items;
}

export const indexesOf = (items: readonly TailItem[]): number[] =>
  items.flatMap((item) => ('event' in item ? [item.event.index] : []));
