/** Bundles of any choice of events verify, and of no events too; what breaks while they are written leaves none. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LogError, splitLines, trustKey, verifyBundle } from '@tallyman/verifier';
import { edgeRemoved } from '../../../../tests/support/log-edge.ts';
import { createSeededRandom } from '../../../../tests/support/seeded-random.ts';
import type { EvidenceEntry } from '../evidence.ts';
import { nodeSha256, sealDraft } from '../seal.ts';
import { openBundle } from './bundle.ts';
import { type LogHouse, logEngines, openLogHouse } from './log-house.fixture.ts';
import { verifyEd25519 } from './signing-key.ts';

async function addEvents({ db, clock, by }: LogHouse, count: number): Promise<void> {
  const type = 'system.server.stop' as const;
  await db.append(
    Array.from({ length: count }, () => sealDraft({ type, by, scope: {}, details: {} }, clock)),
  );
  await db.head();
}

function readFrom({ db }: LogHouse): (indexes: readonly number[]) => Promise<EvidenceEntry[]> {
  return async (indexes) => {
    const rows = await db.read.q
      .selectFrom('event')
      .selectAll()
      .where('idx', 'in', indexes)
      .orderBy('idx')
      .execute();
    return rows.map(({ idx, body }) => ({ index: idx, body, private: '{}' }));
  };
}

async function textOf(pieces: AsyncIterable<string>): Promise<string> {
  let text = '';
  for await (const piece of pieces) text += piece;
  return text;
}

for (const { engine, skip } of logEngines) {
  describe(`bundles on ${engine}`, { skip }, () => {
    it('verify, whichever events were chosen', async () => {
      await using house = await openLogHouse(engine);
      const log = await house.open();
      const { vkey } = log;
      await addEvents(house, 300);
      await log.rotateKey(house.by);
      house.clock.advanceMs(1_000);
      await addEvents(house, 500);
      await log.checkpoint();
      const size = log.published?.size ?? 0;
      const random = createSeededRandom(5);
      const some = (): number[] =>
        Array.from({ length: size }, (_, at) => at).filter(() => random.integer({ min: 0, max: 40 }) === 0);
      const all = Array.from({ length: size }, (_, at) => at);
      const choices = [
        [],
        [0],
        [size - 1],
        [255, 256],
        [254, 255, 256, 511, 512],
        all,
        some(),
        some(),
        some(),
      ];
      for (const indexes of choices) {
        const text = await textOf(await openBundle(log, { indexes, read: readFrom(house) }));
        const told: number[] = [];
        const verified = verifyBundle(splitLines([Buffer.from(text)]), {
          trust: trustKey(vkey, nodeSha256),
          sha256: nodeSha256,
          verify: verifyEd25519,
          nowSec: Math.floor(house.clock.nowMs() / 1_000),
          onEvent: ({ index }) => told.push(index),
        });
        assert.deepEqual([verified.events, told], [indexes.length, indexes]);
      }
    });

    it('have no end when reading fails in the middle, and are not begun without a checkpoint', async () => {
      await using house = await openLogHouse(engine);
      const log = await house.open();
      await addEvents(house, 300);
      await log.checkpoint();
      const indexes = Array.from({ length: 250 }, (_, at) => at + 1);
      let portions = 0;
      const read = (some: readonly number[]): Promise<EvidenceEntry[]> =>
        ++portions < 3 ? readFrom(house)(some) : Promise.reject(new Error('gone'));
      let text = '';
      await assert.rejects(async () => {
        for await (const piece of await openBundle(log, { indexes, read })) text += piece;
      }, /gone/);
      assert.throws(
        () =>
          verifyBundle(splitLines([Buffer.from(text)]), {
            trust: trustKey(log.vkey, nodeSha256),
            sha256: nodeSha256,
            verify: verifyEd25519,
            nowSec: Math.floor(house.clock.nowMs() / 1_000),
          }),
        (error) => error instanceof LogError && error.reason === 'truncated',
      );
      await house.byHand(...edgeRemoved(engine));
      await assert.rejects(openBundle(log, { indexes: [400], read }), { code: 'unavailable' });
    });
  });
}
