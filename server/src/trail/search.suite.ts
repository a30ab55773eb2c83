/** What reading the trail promises, on whichever engine: rights, filters, paging, folding, and that reading is recorded. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EventFilter, EventPage, ShownEvent } from '@tallyman/contract';
import { eventFilterSchema, eventTypes } from '@tallyman/contract';
import { createSeededRandom, forAll, type SeededRandom } from '../../../tests/support/seeded-random.ts';
import { statement } from '../db/statement.ts';
import { formatUs } from '../stdx/clock.ts';
import type { EventDraft, RefusalDraft } from './draft.ts';
import { askToFollow, type Redo } from './forget/follow.ts';
import type { Reader, View } from './reader.ts';
import {
  acme,
  acmeApp,
  acmeView,
  administrator,
  allPages,
  bare,
  everything,
  expected,
  isRefused,
  openHouse,
  owner,
  pull,
  refusedPush,
  type SearchUnderTest,
} from './search-house.fixture.ts';
import {
  levelOf,
  type Made,
  masked,
  person,
  randomDraft,
  randomFilter,
  readers,
  users,
  views,
} from './search-world.fixture.ts';
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

    it('finds an event once, however often and by whatever name it is asked for', async () => {
      await using house = await openHouse(under);
      const onBehalfOf = { kind: 'ci', name: 'run 7' } as const;
      const cause = '01930000-0000-7000-8000-000000000000';
      const credential = { kind: 'robot_token', id: '01930000-0000-7000-8005-000000000001' } as const;
      const by = { ...pull('v1').by, onBehalfOf, credential };
      const pulls = Array.from({ length: 12 }, (_none, at) => pull(`v${at}`, { cause, by }));
      const made = await house.add(pulls);
      const { type, actor, scope } = (made[0] as Made).event;
      const twice: EventFilter[] = [
        { onBehalfOf: ['run 7'] },
        { type: [type, 'container.manifest.', type] },
        { actor: [actor.id as string, actor.name as string, actor.id as string] },
        { project: [scope.project?.id as string, scope.project?.path as string] },
        { namespace: [scope.namespace?.id as string, scope.namespace?.name as string] },
        { credential: [credential.id as string, credential.id as string] },
        { cause: [cause, cause.toUpperCase()] },
      ];
      for (const filter of twice)
        for (const limit of [5, 200]) {
          const question = { view: acmeView, filter, limit };
          const found = await allPages(house.search, question, owner);
          assert.deepEqual(found.map(bare), expected(made, question, owner), JSON.stringify(question));
          assert.equal(found.length, 12);
        }
    });

    it('shows what was erased or dropped no more, from the unit that did it on', async () => {
      await using house = await openHouse(under);
      await house.add([pull('v1'), pull('v2'), pull('v3')]);
      const addresses = async (limit: number): Promise<(string | undefined)[]> => {
        const { items } = await house.search.search({ view: acmeView, filter: {}, limit }, owner);
        return items.map(({ request }) => request.ip);
      };
      const change = (sql: string, redo: Redo): Promise<void> =>
        house.db.transact(async (tx) => {
          await tx.run(statement(sql));
          await askToFollow(tx, redo);
        });
      const ip = '10.0.0.7';
      for (const limit of [2, 200]) assert.deepEqual(await addresses(limit), [ip, ip, ip].slice(0, limit));
      await change(`UPDATE event_private SET fields = '{}' WHERE idx = 2`, { reproject: [2] });
      for (const limit of [2, 200])
        assert.deepEqual(await addresses(limit), [undefined, ip, ip].slice(0, limit));
      await change('DELETE FROM event WHERE idx = 1', { forget: [{ first: 1, last: 1 }] });
      for (const limit of [2, 200])
        assert.deepEqual(await addresses(limit), [undefined, ip].slice(0, limit - 1));
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
