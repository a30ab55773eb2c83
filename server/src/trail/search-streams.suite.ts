/** What the reading side promises over time: exports, tails, bounds, and a projection that can always be made anew. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ShownEvent } from '@tallyman/contract';
import { createSeededRandom } from '../../../tests/support/seeded-random.ts';
import type { EventDraft } from './draft.ts';
import type { Reader } from './reader.ts';
import {
  acmeView,
  administrator,
  allPages,
  bare,
  collect,
  everything,
  expected,
  indexesOf,
  isRefused,
  openHouse,
  owner,
  pull,
  refusedPush,
  type SearchUnderTest,
} from './search-house.fixture.ts';
import { randomDraft } from './search-world.fixture.ts';
import type { TailItem } from './tail.ts';
export function searchStreamsSuite(under: SearchUnderTest): void {
  describe(`search over time on ${under.engine}`, { skip: under.skip }, () => {
    it('exports everything that matches at the time, in order, and records it first', async () => {
      await using house = await openHouse(under, { exportPageSize: 7 });
      const random = createSeededRandom(11);
      const made = await house.add(Array.from({ length: 100 }, () => randomDraft(random)));
      const question = { view: everything, filter: {} };
      const exported = await house.search.exportEvents(question, administrator, 'ndjson');
      await house.add([pull('after')]);
      let text = '';
      for await (const piece of exported.pieces) text += piece;
      assert.deepEqual([exported.total, exported.until], [made.length, made.length]);
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

    it('goes on with an export that broke off: the parts are the whole', async () => {
      await using house = await openHouse(under, { exportPageSize: 7 });
      const random = createSeededRandom(12);
      await house.add(Array.from({ length: 90 }, () => randomDraft(random)));
      for (const format of ['ndjson', 'csv'] as const) {
        const question = { view: { kind: 'me' as const }, filter: {} };
        const whole = await house.search.exportEvents(question, owner, format);
        const pieces: string[] = [];
        for await (const piece of whole.pieces) pieces.push(piece);
        await house.add([pull('meanwhile')]);
        const first = pieces.slice(0, 3).join('');
        const last = Number(/(?:^|\n)(?:\{"index":)?(\d+),[^\n]*\n$/.exec(first)?.[1]);
        const again = await house.search.exportEvents(
          { ...question, after: last, until: whole.until },
          owner,
          format,
        );
        let rest = '';
        for await (const piece of again.pieces) rest += piece;
        assert.equal(first + rest, pieces.join(''));
        await isRefused(
          house.search.exportEvents({ ...question, until: 1_000_000 }, owner, format),
          'invalid',
          'until',
        );
      }
    });

    it('writes CSV that a spreadsheet cannot take for formulas', async () => {
      await using house = await openHouse(under);
      const by = {
        ...pull('x').by,
        actor: { kind: 'user' as const, id: 'x', name: '=HYPERLINK("http://x")', proven: true },
      };
      await house.add([pull('line\nbreak', { by, target: { kind: 'tag', name: ' +1' } })]);
      let text = '';
      const csv = await house.search.exportEvents({ view: acmeView, filter: {} }, owner, 'csv');
      for await (const piece of csv.pieces) text += piece;
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

    // On PostgreSQL events get their index after they were acknowledged, so how far it is behind is known later.
    if (under.engine === 'sqlite')
      it('slows writers to its own pace once it has followed', async () => {
        await using house = await openHouse(under, { pacedBehind: 3, paceMs: 60_000 });
        for (let at = 0; at < 300; at++) {
          await house.trail.read(pull('v1'));
          assert.ok(house.search.lag() <= 4, `${house.search.lag()} behind after ${at}`);
        }
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
