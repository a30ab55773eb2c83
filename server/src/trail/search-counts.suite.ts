/** What counts promise on whichever engine: they tell what a list would show, no more, and follow what is forgotten. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type AuditEvent,
  type EventFacets,
  type EventFilter,
  type EventHistogram,
  eventFacetsSchema,
  eventHistogramSchema,
  type FacetName,
  facetNames,
  type ShownEvent,
} from '@tallyman/contract';
import { createSeededRandom, forAll, type SeededRandom } from '../../../tests/support/seeded-random.ts';
import { statement } from '../db/statement.ts';
import { formatUs, parseTimeUs } from '../stdx/clock.ts';
import type { EventDraft } from './draft.ts';
import { askToFollow } from './forget/follow.ts';
import type { Reader, View } from './reader.ts';
import {
  acmeView,
  administrator,
  allPages,
  everything,
  expected,
  type House,
  isRefused,
  openHouse,
  owner,
  pull,
  refusedPush,
  type SearchUnderTest,
} from './search-house.fixture.ts';
import { type Made, randomDraft, randomFilter, readers, users, views } from './search-world.fixture.ts';

const hourUs = 3_600_000_000;
/** Well after the clock of the tests, so that events that record readings lie outside. */
const beginUs = Date.UTC(2026, 2, 3, 4, 5, 6) * 1_000;

/** Some days of random events, not quite in the order of time. */
function someDays(random: SeededRandom, count: number): EventDraft[] {
  return Array.from({ length: count }, (_none, at) => ({
    ...randomDraft(random),
    occurredAtUs: beginUs + Math.floor((at / count + random.next() / 50) * 80 * hourUs),
  }));
}

export function searchCountsSuite(under: SearchUnderTest): void {
  describe(`counts on ${under.engine}`, { skip: under.skip }, () => {
    it('are those of the events that the reader’s list shows, whatever is asked', async () => {
      await using house = await openHouse(under, { eventsPerCounting: 90 });
      const random = createSeededRandom(31);
      const made = await house.add(someDays(random, 200));
      await house.search.search({ view: { kind: 'me' }, filter: {} }, owner);
      made.push(...(await house.add(someDays(random, 100))));
      await forAll(150, async (dice) => {
        const [name, reader] = dice.pick(Object.entries(readers));
        const view = dice.pick(
          views.filter((one) => one.kind !== 'administration' || reader.role !== 'person'),
        );
        const filter = countedFilter(dice, made);
        const told = `${name} in ${JSON.stringify(view)} for ${JSON.stringify(filter)}`;
        const by = dice.pick(['type', 'outcome'] as const);
        const interval = dice.pick(['hour', 'day'] as const);
        const seen = expected(made, { view, filter }, reader).map(({ event }) => event as AuditEvent);
        const histogram = await house.search.histogram({ view, filter, by, interval }, reader);
        assert.deepEqual(eventHistogramSchema.parse(histogram), histogram);
        assert.deepEqual(
          plainHistogram(histogram),
          countedByHand(seen, by, interval),
          `${told} ${by} ${interval}`,
        );
        const facets = await house.search.facets({ view, filter, facets: facetNames, values: 100 }, reader);
        assert.deepEqual(eventFacetsSchema.parse(facets), facets);
        assert.deepEqual(plainFacets(facets), facetsByHand(seen), told);
      });
    });

    it('tell each reader, through each view, no reason of a refusal they may not read', async () => {
      await using house = await openHouse(under, { eventsPerCounting: 90 });
      const random = createSeededRandom(32);
      const made = await house.add(someDays(random, 400));
      const facets = ['type', 'outcome', 'reason'] as const;
      const from = formatUs(beginUs - hourUs);
      for (const [name, reader] of Object.entries(readers)) {
        for (const view of views) {
          if (view.kind === 'administration' && reader.role === 'person') continue;
          for (const filter of [
            { from },
            { from, reason: ['not_permitted' as const, 'project_unknown' as const] },
          ]) {
            const seen = expected(made, { view, filter }, reader).map(({ event }) => event as AuditEvent);
            const { type, outcome, reason } = facetsByHand(seen);
            const found = await house.search.facets({ view, filter, facets, values: 100 }, reader);
            assert.deepEqual(
              plainFacets(found),
              { type, outcome, reason },
              `${name} in ${JSON.stringify(view)} ${JSON.stringify(filter)}`,
            );
          }
        }
      }
    });

    it('add up repeats, and count a closing event only where each event is a row', async () => {
      await using house = await openHouse(under, { eventsPerCounting: 2 });
      for (let time = 0; time < 5; time++) await house.trail.attempt(refusedPush());
      house.clock.advanceMs(31_000);
      await house.trail.trySweep();
      await house.add([pull('a'), pull('b')]);
      const ask = async (filter: EventFilter): Promise<EventHistogram['total']> =>
        (await house.search.histogram({ view: acmeView, filter, by: 'outcome', interval: 'hour' }, owner))
          .total;
      assert.deepEqual(await ask({}), { events: 3, repeats: 4 });
      assert.deepEqual(await ask({ repeats: 'rows' }), { events: 4, repeats: 4 });
      assert.deepEqual(await ask({ outcome: ['denied'] }), { events: 1, repeats: 4 });
      assert.deepEqual(await ask({ text: 'push' }), { events: 1, repeats: 4 });
      assert.deepEqual(await ask({ type: ['container.manifest.pull'], outcome: ['denied'] }), {
        events: 0,
        repeats: 0,
      });
    });

    it('are bounded: so many buckets, and of what has no count a part that says so', async () => {
      await using house = await openHouse(under);
      const ask = { view: acmeView, by: 'type', interval: 'hour' } as const;
      await isRefused(
        house.search.histogram({ ...ask, filter: { from: '2020-01-01T00:00:00Z' } }, owner),
        'invalid',
        'from',
      );
      await isRefused(house.search.histogram({ ...ask, view: everything, filter: {} }, owner), 'forbidden');
      await isRefused(house.search.histogram({ ...ask, filter: { ip: ['x'] } }, owner), 'invalid', 'ip');
      const drafts = Array.from({ length: 24_000 }, (_none, at) => pull(`v${at}`));
      await house.add(drafts);
      const all = await house.search.histogram({ ...ask, filter: {} }, owner);
      assert.deepEqual([all.total, all.countedFrom], [{ events: 24_000, repeats: 0 }, undefined]);
      const word = await house.search.histogram({ ...ask, filter: { text: 'v1' } }, owner);
      assert.ok((word.countedFrom as number) > 0);
      assert.ok(word.total.events > 0);
      const { facets } = await house.search.facets(
        { view: acmeView, filter: {}, facets: ['actor', 'type'], values: 1 },
        owner,
      );
      const [actor, type] = facets;
      assert.ok((actor?.countedFrom as number) > 0);
      assert.equal(actor?.values[0]?.value, users[0]?.id);
      assert.deepEqual(type?.values, [{ value: 'container.manifest.pull', events: 24_000, repeats: 0 }]);
    });

    it('follow what the log forgets and erases, like a projection made anew', async () => {
      await using house = await openHouse(under, { eventsPerCounting: 70 });
      const random = createSeededRandom(77);
      const made = await house.add(someDays(random, 240));
      await house.search.search({ view: { kind: 'me' }, filter: {} }, owner);
      const runs = [
        { first: 3, last: 40 },
        { first: 100, last: 100 },
        { first: 230, last: 239 },
      ];
      const erased = [50, 51, 60, 180, 181, 182, 225];
      await house.db.transact(async (tx) => {
        for (const { first, last } of runs)
          for (const table of ['event', 'event_private'])
            await tx.run(statement(`DELETE FROM ${table} WHERE idx >= ? AND idx <= ?`), [first, last]);
        for (const idx of erased)
          await tx.run(statement(`UPDATE event_private SET fields = '{}' WHERE idx = ?`), [idx]);
        await askToFollow(tx, { forget: runs });
      });
      // Twice: after a crash it is asked again.
      await house.search.forget([...runs, ...runs, { first: 9_000, last: 9_001 }]);
      await house.search.reproject([...erased, 4, 9_000]);
      await house.search.reproject(erased);
      const after = await everythingTold(house, made);
      const [damage] = under.damages.filter(({ name }) => name.includes('version'));
      await house.search.close();
      await damage?.apply(house);
      await house.reopenSearch({ eventsPerCounting: 70 });
      assert.deepEqual(await everythingTold(house, made), after);
      const name = made[60]?.event.request.userAgent;
      const shown = await allPages(house.search, { view: everything, filter: {} }, administrator);
      const gone = shown.filter(({ index }) => erased.includes(index));
      assert.equal(gone.length, erased.length);
      assert.ok(name === undefined || gone.every((event) => event.request.userAgent === undefined));
    });
  });
}

/** With a time, so that events that record readings are not in it. */
function countedFilter(dice: SeededRandom, made: readonly Made[]): EventFilter {
  const one = (): string => dice.pick(made).event.occurredAt;
  const kept: EventFilter[] = [
    {},
    { outcome: [dice.pick(made).event.outcome] },
    { type: [dice.pick(made).event.type, 'container.'] },
    { reason: ['not_permitted', 'wrong_password'] },
    { reason: [dice.pick(made).event.reason ?? 'not_permitted'], outcome: ['denied'] },
  ];
  const filter = dice.boolean() ? dice.pick(kept) : randomFilter(dice, made);
  const from = dice.boolean() ? formatUs(beginUs - dice.integer({ min: 0, max: 40 }) * hourUs) : one();
  const to = dice.boolean() ? undefined : one();
  const { from: _from, to: _to, ...rest } = filter;
  return { ...rest, from, ...(to !== undefined && to > from && { to }) };
}

type Plain = Record<string, Record<string, number>>;

function plainHistogram({ buckets, total }: EventHistogram): { buckets: Plain; total: number } {
  const plain: Plain = {};
  for (const { at, counts } of buckets)
    plain[at] = Object.fromEntries(counts.map(({ value, events }) => [value, events]));
  return { buckets: plain, total: total.events };
}

function countedByHand(
  seen: readonly AuditEvent[],
  by: 'type' | 'outcome',
  interval: 'hour' | 'day',
): { buckets: Plain; total: number } {
  const us = interval === 'hour' ? hourUs : 24 * hourUs;
  const buckets: Plain = {};
  for (const event of seen) {
    const at = formatUs(Math.floor((parseTimeUs(event.occurredAt) as number) / us) * us);
    buckets[at] ??= {};
    const bucket = buckets[at];
    bucket[event[by]] = (bucket[event[by]] ?? 0) + 1;
  }
  return { buckets, total: seen.length };
}

function plainFacets({ facets }: EventFacets): Plain {
  return Object.fromEntries(
    facets.map(({ facet, values, more }) => {
      assert.equal(more, false);
      return [facet, Object.fromEntries(values.map(({ value, events }) => [value, events]))];
    }),
  );
}

function facetsByHand(seen: readonly AuditEvent[]): Plain {
  const told: Record<FacetName, (event: AuditEvent) => string | undefined> = {
    type: (event) => event.type,
    outcome: (event) => event.outcome,
    reason: (event) => event.reason,
    actor: ({ actor }) => actor.id ?? actor.name?.replaceAll('\0', '\uFFFD'),
    credential: ({ credential }) => credential.id,
    namespace: ({ scope }) => scope.namespace?.id,
    project: ({ scope }) => scope.project?.id,
    ip: ({ request }) => request.ip,
  };
  const counts: Plain = {};
  for (const facet of facetNames) {
    const found: Record<string, number> = {};
    for (const event of seen) {
      const value = told[facet](event);
      if (value !== undefined) found[value] = (found[value] ?? 0) + 1;
    }
    counts[facet] = found;
  }
  return counts;
}

/** Whatever a projection tells, by several of its ways. */
async function everythingTold(house: House, made: readonly Made[]): Promise<unknown> {
  const from = formatUs(beginUs);
  const told: unknown[] = [];
  for (const [reader, view] of [
    [administrator, everything],
    [owner, acmeView],
    [owner, { kind: 'me' }],
  ] as const satisfies readonly (readonly [Reader, View])[]) {
    const filter = { from };
    const { search } = house;
    told.push(await allPages(search, { view, filter }, reader));
    for (const by of ['type', 'outcome'] as const)
      told.push(await search.histogram({ view, filter, by, interval: 'day' }, reader));
    told.push(await search.facets({ view, filter, facets: facetNames, values: 100 }, reader));
    for (const { event } of made.slice(48, 64)) {
      const { name } = event.actor;
      if (name === undefined || name === '') continue;
      const page: { items: ShownEvent[] } = await search.search(
        { view, filter: { from, actor: [name] } },
        reader,
      );
      told.push(page.items);
    }
  }
  return told;
}
