/** Evidence discloses exactly what its reader is shown, for every kind of reader and event, on both databases. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ShownEvent } from '@tallyman/contract';
import { leafHash, openEvent } from '@tallyman/verifier';
import { engines } from '../../../tests/support/house.ts';
import { createTestDatabase } from '../../../tests/support/postgres.ts';
import { createSeededRandom } from '../../../tests/support/seeded-random.ts';
import { createTempFolder } from '../../../tests/support/temp-folder.ts';
import { openDb } from '../db/open.ts';
import type { Reader, View } from './reader.ts';
import { nodeSha256 } from './seal.ts';
import {
  acmeView,
  administrator,
  everything,
  type House,
  isRefused,
  openHouse,
  owner,
  pull,
  type SearchUnderTest,
} from './search-house.fixture.ts';
import { randomDraft, readers } from './search-world.fixture.ts';

function underTest(engine: 'sqlite' | 'postgres'): SearchUnderTest {
  return {
    engine,
    skip: false,
    damages: [],
    open: openDb,
    async place() {
      if (engine === 'sqlite') {
        const folder = await createTempFolder('evidence');
        const location = { engine, path: folder.join('tallyman.db') } as const;
        return { location, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
      }
      const database = await createTestDatabase();
      const location = { engine, url: database.url } as const;
      return { location, [Symbol.asyncDispose]: () => database[Symbol.asyncDispose]() };
    },
  };
}

async function shownTo({ search }: House, reader: Reader, view: View): Promise<ShownEvent[]> {
  let text = '';
  const { pieces } = await search.exportEvents({ view, filter: {} }, reader, 'ndjson');
  for await (const piece of pieces) text += piece;
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as ShownEvent);
}

for (const { engine, skip } of engines) {
  describe(`evidence on ${engine}`, { skip }, () => {
    it('is the body as the log hashed it, with the entries of the fields that the reader is shown', async () => {
      await using house = await openHouse(underTest(engine), { exportPageSize: 50 });
      const random = createSeededRandom(11);
      const made = await house.add(Array.from({ length: 400 }, () => randomDraft(random)));
      const bodies = made.map(({ body }) => body);
      let hidden = 0;
      for (const reader of Object.values(readers)) {
        const view: View = reader.role === 'person' ? { kind: 'me' } : everything;
        for (const asked of [view, acmeView]) {
          const found = await house.search.exportEvidence({ view: asked, filter: {} }, reader);
          const shown = (await shownTo(house, reader, asked)).filter(({ index }) => index < bodies.length);
          const proved = found.indexes.filter((index) => index < bodies.length);
          assert.equal(proved.length + found.hidden, shown.length);
          hidden += found.hidden;
          const entries = await found.read(proved);
          for (const [at, { index, body, private: row }] of entries.entries()) {
            assert.equal(index, proved[at]);
            assert.equal(body, bodies[index]);
            const { event, withheld } = openEvent({ body, private: row, sha256: nodeSha256 });
            const told = shown.find((one) => one.index === index) as ShownEvent;
            assert.deepEqual([...withheld].sort(), [...told.withheld].sort(), told.type);
            assert.equal(event.id, told.id);
          }
          for (const { index, withheld } of shown.filter((one) => !proved.includes(one.index)))
            assert.ok(withheld.length > 0, `${index} is hidden for no reason`);
        }
      }
      assert.ok(hidden > 0, 'some were turned away where they may not know why');
    });

    it('has no entries that were erased, and is refused whole when a body is gone', async () => {
      await using house = await openHouse(underTest(engine));
      await house.add([pull('v1'), pull('v2'), pull('v3')]);
      await house.db.head();
      const view = acmeView;
      await house.db.transact((tx) =>
        tx.q.updateTable('event_private').set({ fields: '{}' }).where('idx', '=', 1).execute(),
      );
      const found = await house.search.exportEvidence({ view, filter: {} }, owner);
      const [first, second] = await found.read([0, 1]);
      assert.notEqual(first?.private, '{}');
      assert.equal(second?.private, '{}');
      assert.equal(leafHash(Buffer.from(second?.body ?? ''), nodeSha256).length, 32);
      await house.db.transact((tx) => tx.q.deleteFrom('event').where('idx', '=', 2).execute());
      await isRefused(found.read([2]), 'conflict');
    });

    it('is limited to what one bundle holds', async () => {
      await using house = await openHouse(underTest(engine), { evidenceEvents: 5 });
      await house.add(Array.from({ length: 5 }, () => pull('v1')));
      const question = { view: acmeView, filter: { type: ['container.'] } };
      assert.equal((await house.search.exportEvidence(question, owner)).indexes.length, 5);
      await house.add([pull('v2')]);
      await isRefused(house.search.exportEvidence(question, administrator), 'invalid', 'export');
    });
  });
}
