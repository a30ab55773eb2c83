/** What reading the trail promises, on whichever engine: rights, filters, paging, folding, export, tail, rebuilding. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EventFilter, EventPage, ShownEvent } from '@tallyman/contract';
import { eventFilterSchema, eventPageSchema, eventTypes } from '@tallyman/contract';
import { createSeededRandom, forAll, type SeededRandom } from '../../../tests/support/seeded-random.ts';
import type { DatabaseLocation } from '../db/open.ts';
import type { Db } from '../db/store.ts';
import { AppError } from '../domain/error.ts';
import { type Clock, formatUs, manualClock } from '../stdx/clock.ts';
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
  person,
  projects,
  randomDraft,
  randomFilter,
  readers,
  users,
  views,
} from './search-world.ts';
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
type House = AsyncDisposable & {
  db: Db;
  clock: Clock & { advanceMs(ms: number): void };
  trail: Trail;
  search: Search;
  location: DatabaseLocation;
  add(drafts: readonly EventDraft[]): Promise<Made[]>;
  reopenSearch(limits?: Partial<SearchLimits>): Promise<Search>;
};

const administrator = readers.administrator as Reader;
const owner = readers.owner as Reader;
const everything: View = { kind: 'administration' };
const acme = { kind: 'organisation' as const, ...(organisations[0] as { id: string; name: string }) };
const acmeView: View = { kind: 'namespace', namespace: acme };
const acmeApp = projects.find(({ project }) => project.path === 'acme/app') as (typeof projects)[number];

async function openHouse(under: SearchUnderTest, limits: Partial<SearchLimits> = {}): Promise<House> {
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

function pull(tag: string, more: Partial<EventDraft> = {}): EventDraft {
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

function refusedPush(more: Partial<RefusalDraft> = {}): RefusalDraft {
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

async function isRefused(work: Promise<unknown>, code: string, field?: string): Promise<void> {
  await assert.rejects(work, (error: unknown) => {
    assert.ok(error instanceof AppError, String(error));
    assert.equal(error.code, code, error.message);
    if (field !== undefined) assert.equal(error.details.field, field);
    return true;
  });
}

/** Walks to the end by `next`; every page is what the schema says. */
async function allPages(
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
function expected(
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
function bare({ index, title, sentence, severity, withheld, repeats, causedBy, ...event }: ShownEvent): {
  index: number;
  event: unknown;
} {
  assert.ok(title !== '' && sentence !== '' && severity && withheld && !repeats && !causedBy);
  return { index, event };
}

async function collect(
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

const indexesOf = (items: readonly TailItem[]): number[] =>
  items.flatMap((item) => ('event' in item ? [item.event.index] : []));

export function searchSuite(under: SearchUnderTest): void {
  describe(`search on ${under.engine}`, { skip: under.skip }, () => {
    it('shows each reader, through each view, exactly the events and fields the rules give them', async () => {
      await using house = await openHouse(under);
      const random = createSeededRandom(20_261_122);
      const drafts = [0, 1, 2, 3, 4].flatMap(() => eventTypes.map((type) => randomDraft(random, type)));
      const made = await house.add(random.shuffle(drafts));
      for (const [name, reader] of Object.entries(readers)) {
        for (const view of views) {
          if (view.kind === 'administration' && reader.role === 'person') continue;
          const question = { view, filter: {}, limit: 200 };
          const found = (await allPages(house.search, question, reader)).map(bare);
          assert.deepEqual(
            found.filter(({ index }) => index < made.length),
            expected(made, question, reader),
            `${name} in ${JSON.stringify(view)}`,
          );
        }
      }
    });

    it('matches a filter only on what its reader may see', async () => {
      await using house = await openHouse(under);
      const random = createSeededRandom(7);
      const made = await house.add(Array.from({ length: 300 }, () => randomDraft(random)));
      await forAll(250, async (dice) => {
        const [name, reader] = dice.pick(Object.entries(readers));
        const view = dice.pick(
          views.filter((one) => one.kind !== 'administration' || reader.role !== 'person'),
        );
        const filter = randomFilter(dice, made);
        const question = { view, filter, limit: dice.integer({ min: 1, max: 60 }) };
        const found = (await allPages(house.search, question, reader)).filter(
          ({ index }) => index < made.length,
        );
        const told = `${name} in ${JSON.stringify(view)} for ${JSON.stringify(filter)}`;
        assert.deepEqual(found.map(bare), expected(made, question, reader), told);
      });
    });

    it('shows one event only to those who may read it, and records when staff read it', async () => {
      await using house = await openHouse(under);
      const random = createSeededRandom(3);
      const made = await house.add(Array.from({ length: 60 }, () => randomDraft(random)));
      for (const [name, reader] of Object.entries(readers)) {
        const view: View = reader.role === 'person' ? { kind: 'me' } : everything;
        for (const [index, { event }] of made.entries()) {
          const level = levelOf(event, reader, view);
          if (level === 'hidden') await isRefused(house.search.getEvent(event.id, reader), 'not_found');
          else
            assert.deepEqual(
              bare(await house.search.getEvent(event.id, reader)),
              { index, event: masked(event, level) },
              `${name}: ${index}`,
            );
        }
      }
      await isRefused(
        house.search.getEvent('01930000-0000-7000-8000-00000000ffff', administrator),
        'not_found',
      );
      await isRefused(house.search.getEvent("x' OR 1=1", administrator), 'not_found');
    });

    it('never shows a withheld field, nor tells of it in the sentence', async () => {
      await using house = await openHouse(under);
      await house.add([
        refusedPush({
          type: 'account.sign_in.refuse',
          scope: { namespace: { kind: 'user', ...(users[1] as { id: string; name: string }) } },
          reason: 'wrong_password',
          details: { attempted: { action: 'sign_in' }, surface: 'console', typedName: 'secret-typed-name' },
        } as Partial<RefusalDraft>),
        pull('v1'),
      ]);
      const maintainer = readers.maintainer as Reader;
      const page = await house.search.search(
        { view: { kind: 'project', namespace: acme, project: acmeApp.project }, filter: {} },
        maintainer,
      );
      assert.equal(page.items.length, 1);
      assert.deepEqual(page.items[0]?.withheld, ['/request/ip', '/request/userAgent']);
      assert.doesNotMatch(JSON.stringify(page), /10\.0\.0\.7|docker|secret/);
      assert.equal(page.items[0]?.sentence, 'alice pulled v1 from acme/app');
      const bob = person('bob');
      const own = await house.search.search({ view: { kind: 'me' }, filter: {} }, bob);
      assert.equal(own.items[0]?.details.typedName, 'secret-typed-name');
    });

    it('pages both ways without loss or double, while equal times pile up and events keep coming', async () => {
      await using house = await openHouse(under);
      await forAll(12, async (random) => {
        const before = await house.db.head();
        const from = formatUs(house.clock.nowUs());
        const burst = (): EventDraft[] => {
          const at = house.clock.nowUs();
          return Array.from({ length: random.integer({ min: 1, max: 40 }) }, (_none, number) =>
            pull(`b${number % 3}`, { occurredAtUs: at }),
          );
        };
        for (let round = 0; round < 3; round++) await house.add(burst());
        const filter: EventFilter = random.boolean() ? { from } : { from, text: 'b1' };
        const question = { view: acmeView, filter, limit: random.integer({ min: 1, max: 25 }) };
        const first = await house.search.search(question, owner);
        const older: number[] = first.items.map((event) => event.index);
        const newer: number[] = [];
        let next: string | null = first.next;
        let last = first;
        let { previous } = first;
        for (let moves = 0; next !== null; moves++) {
          if (moves < 4) await house.add(burst());
          last = await house.search.search({ ...question, cursor: next }, owner);
          older.push(...last.items.map((event) => event.index));
          next = last.next;
        }
        // Back again from the oldest page: the same events, then those that came meanwhile.
        const back = last.items.map((event) => event.index).reverse();
        for (let cursor = last.previous; ; ) {
          const page = await house.search.search({ ...question, cursor }, owner);
          if (page.items.length === 0) break;
          back.push(...page.items.map((event) => event.index).reverse());
          cursor = page.previous;
        }
        for (;;) {
          const page = await house.search.search({ ...question, cursor: previous }, owner);
          if (page.items.length === 0) break;
          newer.push(...page.items.map((event) => event.index).reverse());
          previous = page.previous;
        }
        const whole = (await allPages(house.search, { ...question, limit: 500 }, owner)).map(
          (event) => event.index,
        );
        assert.deepEqual([...newer.toReversed(), ...older], whole);
        assert.deepEqual(back.toReversed(), whole);
        assert.equal(new Set(whole).size, whole.length);
        assert.ok(whole.length > 0 && (whole[0] as number) >= before);
      });
    });

    it('refuses what means nothing, naming the field, and finds nothing for what nobody has', async () => {
      await using house = await openHouse(under);
      await house.add([pull('v1')]);
      const { search } = house;
      const ask = (filter: EventFilter, cursor?: string): Promise<EventPage> =>
        search.search({ view: acmeView, filter, cursor }, owner);
      const wrong: [EventFilter, string][] = [
        [{ type: ['container.tag.explode'] }, 'type'],
        [{ type: ['container.'], ip: ['10.0.0.0/33'] }, 'ip'],
        [{ ip: ['10.0.0'] }, 'ip'],
        [{ ip: ['010.0.0.1'] }, 'ip'],
        [{ ip: ['0x7f000001'] }, 'ip'],
        [{ ip: ['fe80::1%eth0'] }, 'ip'],
        [{ ip: ['::/129'] }, 'ip'],
        [{ ip: ['10.0.0.1/8/8'] }, 'ip'],
        [{ ip: ['10.0.0.1/'] }, 'ip'],
        [{ from: 'yesterday' }, 'from'],
        [{ to: '2026-13-01T00:00:00Z' }, 'to'],
        [{ from: '2026-02-01T00:00:00Z', to: '2026-02-01T00:00:00Z' }, 'to'],
        [{ cause: ['nothing'] }, 'cause'],
        [{ text: 'a '.repeat(30) }, 'text'],
      ];
      for (const [filter, field] of wrong) await isRefused(ask(filter), 'invalid', field);
      const nobodys: EventFilter[] = [
        { actor: ['mallory'] },
        { actor: ["' OR 1=1 --"] },
        { credential: ['\u0000'] },
        { namespace: ['%'] },
        { project: ['\ud800'] },
        { target: ['?x'] },
        { requestId: ['🦀'] },
        { cause: ['01930000-0000-7000-8000-000000000000'] },
        { ip: ['203.0.113.0/24'] },
        { userAgent: ['%'] },
        { text: '_' },
        { onBehalfOf: ['alice'] },
        { reason: ['quota_exceeded'] },
        { from: '2999-01-01T00:00:00Z' },
        { to: '1970-01-01T00:00:00.000001Z' },
      ];
      for (const filter of nobodys) assert.deepEqual((await ask(filter)).items, [], JSON.stringify(filter));
      await isRefused(search.search({ view: everything, filter: {} }, owner), 'forbidden');

      await house.add([pull('v2'), pull('v3')]);
      const { next } = await search.search({ view: acmeView, filter: {}, limit: 1 }, owner);
      assert.ok(next);
      assert.equal((await ask({}, next)).items.length, 2);
      await isRefused(ask({ text: 'v' }, next), 'invalid', 'cursor');
      await isRefused(
        search.search({ view: { kind: 'me' }, filter: {}, cursor: next }, owner),
        'invalid',
        'cursor',
      );
      await forAll(200, async (random) => {
        await isRefused(ask({}, spoil(next, random)), 'invalid', 'cursor');
      });
    });

    it('takes several values of each filter, and each filter only as the schema says', () => {
      assert.deepEqual(eventFilterSchema.parse({ type: 'a.b', actor: ['x', 'y'] }), {
        type: ['a.b'],
        actor: ['x', 'y'],
      });
      for (const bad of [
        { typ: 'x' },
        { outcome: 'maybe' },
        { reason: 'because' },
        { from: '1' },
        { actor: [] },
        { actor: '' },
      ]) {
        assert.equal(eventFilterSchema.safeParse(bad).success, false, JSON.stringify(bad));
      }
    });

    it('shows a refusal and its repeats as one row, whichever way one pages, and counts every one', async () => {
      await using house = await openHouse(under);
      const tried: number[] = [];
      for (let round = 0; round < 12; round++) {
        const times = 1 + (round % 4);
        tried.push(times);
        for (let time = 0; time < times; time++) {
          await house.trail.attempt(
            refusedPush({
              source: `10.0.0.${round}`,
              details: { attempted: { action: 'push', project: `acme/p${round}` } },
            } as Partial<RefusalDraft>),
          );
        }
        await house.add([pull(`between ${round}`)]);
        if (round % 3 === 2) {
          house.clock.advanceMs(31_000);
          await house.trail.trySweep();
        }
      }
      house.clock.advanceMs(31_000);
      await house.trail.trySweep();
      const filter: EventFilter = { type: ['container.push.'] };
      const times = (event: ShownEvent): number => 1 + (event.repeats?.count ?? 0);
      for (const limit of [1, 5, 100]) {
        const rows = await allPages(house.search, { view: acmeView, filter, limit }, owner);
        assert.deepEqual(rows.map(times).reverse(), tried);
        const first = rows.at(-1) as ShownEvent;
        const back: ShownEvent[] = [];
        for (
          let cursor = (await house.search.search({ view: acmeView, filter, limit }, owner)).previous;
          ;
        ) {
          const page = await house.search.search({ view: acmeView, filter, limit, cursor }, owner);
          if (page.items.length === 0) break;
          back.push(...page.items);
          cursor = page.previous;
        }
        assert.deepEqual(back, []);
        assert.deepEqual(await house.search.getEvent(first.id, owner), first);
      }
      const each = await allPages(
        house.search,
        { view: acmeView, filter: { ...filter, repeats: 'rows' } },
        owner,
      );
      const closing = each.filter((event) => event.cause !== undefined);
      assert.equal(closing.length, tried.filter((count) => count > 1).length);
      const counted = closing.reduce(
        (sum, event) => sum + (event.details.repeats as { count: number }).count,
        0,
      );
      assert.equal(
        each.length - closing.length + counted,
        tried.reduce((sum, count) => sum + count, 0),
      );

      // A closing event by itself: by its cause, and in a time that begins after its refusal.
      const repeated = closing[0] as ShownEvent;
      const effects = await house.search.search(
        { view: acmeView, filter: { cause: [repeated.cause as string] } },
        owner,
      );
      assert.deepEqual(
        effects.items.map((event) => event.id),
        [repeated.id],
      );
      const since = await allPages(
        house.search,
        { view: acmeView, filter: { ...filter, from: repeated.occurredAt } },
        owner,
      );
      assert.ok(since.some((event) => event.id === repeated.id));
      const effect = await house.search.getEvent(repeated.id, owner);
      assert.equal(effect.causedBy?.id, repeated.cause);
      assert.equal(effect.causedBy?.type, 'container.push.refuse');

      // Samples are what strangers typed: not for maintainers.
      const maintainer = { ...(readers['maintainer of all projects'] as Reader) };
      const seen = await allPages(house.search, { view: acmeView, filter }, maintainer);
      assert.deepEqual(seen.map(times).reverse(), tried);
      assert.ok(seen.every((event) => event.repeats?.samples === undefined));
    });

    it('records reading what is somebody else’s once for each reader and filter in ten minutes', async () => {
      await using house = await openHouse(under);
      await house.add([pull('v1'), pull('v2'), pull('v3')]);
      const types: EventFilter = { type: ['container.'] };
      const reads = async (): Promise<number> =>
        (
          await house.search.search(
            { view: { kind: 'me' }, filter: { type: ['trail.events.read'], actor: ['dave'] } },
            administrator,
          )
        ).items.length;
      const ask = (view: View, filter: EventFilter, reader: Reader = administrator): Promise<EventPage> =>
        house.search.search({ view, filter, limit: 1 }, reader);
      await ask(everything, types);
      const { next } = await ask(everything, types);
      await house.search.search(
        { view: everything, filter: types, limit: 1, cursor: next as string },
        administrator,
      );
      assert.equal(await reads(), 1);
      await ask(acmeView, types);
      assert.equal(await reads(), 2);
      await ask({ kind: 'me' }, types);
      await ask(acmeView, types, owner);
      assert.equal(await reads(), 2);
      await isRefused(ask(everything, { type: ['nothing.'] }), 'invalid', 'type');
      assert.equal(await reads(), 2);
      house.clock.advanceMs(601_000);
      await ask(everything, types);
      assert.equal(await reads(), 3);
      const [read] = (
        await house.search.search(
          { view: { kind: 'me' }, filter: { type: ['trail.events.read'] } },
          administrator,
        )
      ).items;
      assert.equal(read?.details.view, 'administration');
      assert.match(String(read?.details.filter), /container\./);
    });

    it('exports everything that matches at the time, in order, and records it first', async () => {
      await using house = await openHouse(under, { exportPageSize: 7 });
      const random = createSeededRandom(11);
      const made = await house.add(Array.from({ length: 100 }, () => randomDraft(random)));
      const question = { view: everything, filter: {} };
      const exported = await house.search.exportEvents(question, administrator, 'ndjson');
      await house.add([pull('after')]);
      let text = '';
      for await (const piece of exported) text += piece;
      const lines = text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as ShownEvent);
      assert.deepEqual(lines.map(bare), expected(made, question, administrator).reverse());
      const records = await house.search.search(
        { view: everything, filter: { type: ['trail.events.export'] } },
        administrator,
      );
      assert.deepEqual(
        records.items.map(({ index }) => index).filter((index) => index >= made.length),
        [made.length],
      );
      await isRefused(house.search.exportEvents(question, owner, 'ndjson'), 'forbidden');
      await isRefused(
        house.search.exportEvents({ view: acmeView, filter: { ip: ['x'] } }, owner, 'csv'),
        'invalid',
        'ip',
      );
    });

    it('writes CSV that a spreadsheet cannot take for formulas', async () => {
      await using house = await openHouse(under);
      const by = {
        ...pull('x').by,
        actor: { kind: 'user' as const, id: 'x', name: '=HYPERLINK("http://x")', proven: true },
      };
      await house.add([pull('line\nbreak', { by, target: { kind: 'tag', name: ' +1' } })]);
      let text = '';
      for await (const piece of await house.search.exportEvents({ view: acmeView, filter: {} }, owner, 'csv'))
        text += piece;
      const [head, row] = text.split('\r\n') as [string, string];
      assert.match(head, /^index,id,occurred_at,recorded_at,type,/);
      assert.match(row, /,"'=HYPERLINK\(""http:\/\/x""\)",/);
      assert.match(row, /,"?' \+1"?,/);
      assert.equal(text.split('\r\n').length, 3);
    });

    it('tails history and what comes, each event once, while several write', async () => {
      await using house = await openHouse(under);
      await house.add([pull('0'), pull('1'), pull('2')]);
      const page = await house.search.search({ view: acmeView, filter: {}, limit: 1 }, owner);
      const total = 600;
      const stop = new AbortController();
      const tail = await house.search.tail(
        { view: acmeView, filter: {}, cursor: page.previous },
        async () => owner,
        { signal: stop.signal },
      );
      const reading = collect(tail, (items) => indexesOf(items).length === total);
      const writing = Array.from({ length: 4 }, async (_none, writer) => {
        for (let at = 0; at < total / 4 / 5; at++) {
          await house.add(Array.from({ length: 5 }, (_one, number) => pull(`w${writer}.${at}.${number}`)));
          await house.add([randomDraft(createSeededRandom(at), 'system.server.start')]);
        }
      });
      await Promise.all(writing);
      const items = await reading;
      const all = (await allPages(house.search, { view: acmeView, filter: {}, limit: 500 }, owner)).map(
        (event) => event.index,
      );
      assert.deepEqual(
        indexesOf(items),
        all
          .filter((index) => index > 2)
          .reverse()
          .slice(0, total),
      );

      // From the middle, by the cursor of an item, as a client that was cut off does.
      const middle = items[200] as TailItem;
      const again = await house.search.tail(
        { view: acmeView, filter: {}, cursor: middle.cursor },
        async () => owner,
      );
      const rest = await collect(again, (found) => indexesOf(found).length === total - 201);
      assert.deepEqual(indexesOf(rest), indexesOf(items).slice(201));
      stop.abort();
    });

    it('ends a tail whose reader may read no more, tells that it lives, and refuses what it may not show', async () => {
      await using house = await openHouse(under);
      let reader: Reader | undefined = administrator;
      const tail = await house.search.tail({ view: everything, filter: {} }, async () => reader, {
        heartbeatMs: 5,
      });
      const items: TailItem[] = [];
      for await (const item of tail) {
        items.push(item);
        const seen = items.some((one) => 'event' in one);
        if (seen && 'heartbeat' in item) reader = { ...administrator, role: 'person' };
      }
      assert.ok(items.some((item) => 'heartbeat' in item));
      assert.deepEqual(
        items.flatMap((item) => ('event' in item ? [item.event.type] : [])),
        ['trail.events.export'],
      );
      await isRefused(
        house.search.tail({ view: everything, filter: {} }, async () => owner),
        'forbidden',
      );
      await isRefused(
        house.search.tail({ view: acmeView, filter: {} }, async () => undefined),
        'forbidden',
      );
      await isRefused(
        house.search.tail({ view: acmeView, filter: {}, cursor: 'x' }, async () => owner),
        'invalid',
        'cursor',
      );
      const aborted = new AbortController();
      const idle = await house.search.tail({ view: acmeView, filter: {} }, async () => owner, {
        signal: aborted.signal,
      });
      const ended = collect(idle, () => false);
      aborted.abort();
      assert.deepEqual(await ended, []);
    });

    it('finds a rare type among many events without looking through them', async () => {
      await using house = await openHouse(under);
      const many = 24_000;
      const drafts: EventDraft[] = [];
      for (let at = 0; at < many; at++) {
        if (at === 51) drafts.push(pull('needle'));
        else
          drafts.push(
            at % 1_000 === 0
              ? ({
                  ...pull('x'),
                  type: 'project.visibility.change',
                  details: { visibility: { from: 'private', to: 'public' } },
                } as EventDraft)
              : pull(`v${at}`),
          );
      }
      await house.add(drafts);
      const rare = await house.search.search(
        { view: acmeView, filter: { type: ['project.visibility.change'] } },
        owner,
      );
      assert.equal(rare.items.length, many / 1_000);
      assert.equal(rare.partial, undefined);
      assert.equal(rare.next, null);
      // A word has no index: the walk ends early and goes on from there, and nothing is missed.
      const word = { view: acmeView, filter: { text: 'needle' } };
      const first = await house.search.search(word, owner);
      assert.equal(first.partial, true);
      assert.deepEqual(first.items, []);
      assert.deepEqual(
        (await allPages(house.search, word, owner)).map((event) => event.index),
        [51],
      );
      // A time is found by its block.
      const early = await house.search.search(
        { view: acmeView, filter: { ...word.filter, to: '2026-01-01T00:00:00.000090Z' } },
        owner,
      );
      assert.equal(early.partial, undefined);
      assert.deepEqual(
        early.items.map((event) => event.index),
        [51],
      );
    });

    it('holds writers up while it is too far behind, then refuses them, and says how far an answer is complete', async () => {
      await using house = await openHouse(under, { waitMs: 1, mostBehind: -1, gateMs: 1 });
      await isRefused(house.trail.read(pull('v1')), 'unavailable');
      await isRefused(
        house.db.transact(async () => {}),
        'unavailable',
      );
      await house.search.close();
      await house.reopenSearch();
      await house.trail.read(pull('v1'));
      await house.search.close();
      // What was written while nobody projected is caught up with.
      await house.trail.read(pull('v2'));
      await house.reopenSearch();
      const page = await house.search.search({ view: acmeView, filter: {} }, owner);
      assert.equal(page.items.length, 2);
      assert.equal(house.search.lag(), 0);
    });

    it('gives up a question nobody waits for', async () => {
      await using house = await openHouse(under);
      await house.add([pull('v1')]);
      const gone = new AbortController();
      gone.abort();
      await isRefused(house.search.search({ view: acmeView, filter: {} }, owner, gone.signal), 'unavailable');
      const going = new AbortController();
      const asked = Array.from({ length: 20 }, () =>
        house.search.search({ view: acmeView, filter: {} }, owner, going.signal),
      );
      going.abort();
      const results = await Promise.allSettled(asked);
      assert.ok(results.some((result) => result.status === 'rejected'));
      assert.equal((await house.search.search({ view: acmeView, filter: {} }, owner)).items.length, 1);
    });

    it('is the same after it was made anew: missing, torn, of another version, of another log', async () => {
      await using house = await openHouse(under);
      const random = createSeededRandom(5);
      await house.add(Array.from({ length: 200 }, () => randomDraft(random)));
      await house.trail.attempt(refusedPush());
      await house.trail.attempt(refusedPush());
      await house.trail.stop();
      const question = { view: acmeView, filter: {}, limit: 500 };
      const before = await house.search.search(question, owner);
      for (const damage of under.damages) {
        await house.search.close();
        await damage.apply(house);
        await house.reopenSearch();
        assert.deepEqual(await house.search.search(question, owner), before, damage.name);
      }
    });
  });
}

/** Every character of a cursor is checked. */
function spoil(cursor: string, random: SeededRandom): string {
  const at = random.integer({ min: 0, max: cursor.length - 1 });
  const other = random.pick([...'ABCxyz019-_=. é\u0000'].filter((char) => char !== cursor[at]));
  return (
    random.pick([
      cursor.slice(0, at) + other + cursor.slice(at + 1),
      cursor.slice(0, at),
      cursor + other,
      random.text(30),
    ]) || 'x'
  );
}
