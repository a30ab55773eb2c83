/** Tiles and proofs out of the database, against the same computed in memory, around the sizes where tiles become full. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  emptyRoot,
  equalHashes,
  leafHash,
  rangeNodes,
  rootOfEdge,
  rootOfPerfect,
  tilesBetween,
  verifyConsistency,
  verifyInclusion,
} from '@tallyman/verifier';
import { createSeededRandom } from '../../../../tests/support/seeded-random.ts';
import { nodeSha256 } from '../seal.ts';
import { readHead } from './edge.ts';
import { type LogHouse, logEngines, openLogHouse } from './log-house.fixture.ts';
import { proveConsistency, proveInclusion, rootAt } from './proofs.ts';
import { LogTiles } from './tiles.ts';

/** All leaf hashes behind one another. */
async function leavesOf({ db }: LogHouse): Promise<Uint8Array> {
  const rows = await db.read.q.selectFrom('event').select('body').orderBy('idx').execute();
  const leaves = new Uint8Array(rows.length * 32);
  for (const [at, { body }] of rows.entries()) leaves.set(leafHash(Buffer.from(body), nodeSha256), at * 32);
  return leaves;
}

function expectedRoot(leaves: Uint8Array, start: number, end: number): Uint8Array {
  if (start === end) return emptyRoot(nodeSha256);
  const hashes = rangeNodes(start, end).map(({ level, index }) =>
    rootOfPerfect(leaves.slice(index * 2 ** level * 32, (index + 1) * 2 ** level * 32), nodeSha256),
  );
  return rootOfEdge(hashes, nodeSha256);
}

const growth = [1, 254, 1, 1, 254, 1, 1, 65_022, 1, 1, 255, 208];

for (const { engine, skip } of logEngines) {
  describe(`tiles on ${engine}`, { skip }, () => {
    it('are those of the events at every size around 256 and 65,536, also when asked for while they grow', async () => {
      await using house = await openLogHouse(engine);
      const growing = new LogTiles(house.db.read);
      let size = 0;
      for (const count of growth) {
        await house.add(count);
        const before = size;
        size += count;
        const leaves = await leavesOf(house);
        const head = await readHead(house.db.read);
        assert.equal(head.size, size);
        const { db } = house;
        for (const tiles of [growing, new LogTiles(db.read), new LogTiles(db.read, db)]) {
          // Everything that changed, and what does not change any more.
          for (const tile of [...tilesBetween(Math.max(0, before - 300), size), ...firstTiles(size)]) {
            const span = 256 ** tile.level;
            const expected = Buffer.concat(
              Array.from({ length: tile.width }, (_, at) => {
                const start = (tile.n * 256 + at) * span;
                return expectedRoot(leaves, start, start + span);
              }),
            );
            const found = await tiles.read(tile);
            assert.ok(equalHashes(found, expected), `${tile.level}/${tile.n}.p/${tile.width} at ${size}`);
          }
          assert.ok(equalHashes(await rootAt(tiles, size), head.root));
        }
      }
    });

    it('prove inclusion and consistency at any size below the head', async () => {
      await using house = await openLogHouse(engine);
      await house.add(66_300);
      const leaves = await leavesOf(house);
      const tiles = new LogTiles(house.db.read);
      const random = createSeededRandom(7);
      const sizes = [1, 2, 255, 256, 257, 511, 65_535, 65_536, 65_537, 66_300];
      for (const size of [
        ...sizes,
        ...Array.from({ length: 8 }, () => random.integer({ min: 1, max: 66_300 })),
      ]) {
        const root = expectedRoot(leaves, 0, size);
        for (const index of new Set([0, size - 1, random.integer({ min: 0, max: size - 1 })])) {
          const proof = await proveInclusion(tiles, { index, size });
          const leaf = leaves.slice(index * 32, index * 32 + 32);
          verifyInclusion({ index, size, leafHash: leaf, proof, root }, nodeSha256);
        }
        for (const oldSize of new Set([1, random.integer({ min: 1, max: size }), size])) {
          const proof = await proveConsistency(tiles, { oldSize, newSize: size });
          const oldRoot = expectedRoot(leaves, 0, oldSize);
          verifyConsistency({ oldSize, newSize: size, oldRoot, newRoot: root, proof }, nodeSha256);
        }
      }
    });

    it('hold the hashes of bodies that were dropped', async () => {
      await using house = await openLogHouse(engine);
      await house.add(600);
      const leaves = await leavesOf(house);
      await house.byHand('DELETE FROM event WHERE idx >= ? AND idx < ?', [100, 300]);
      const tiles = new LogTiles(house.db.read);
      assert.ok(equalHashes(await rootAt(tiles, 600), expectedRoot(leaves, 0, 600)));
      const bodies = await tiles.readBodies({ n: 0, width: 256 });
      assert.equal(bodies.filter((body) => body === undefined).length, 156);
    });

    it('fails loudly where rows are missing that must be there', async () => {
      await using house = await openLogHouse(engine);
      await house.add(300);
      await house.byHand('DELETE FROM event WHERE idx = ?', [280]);
      await assert.rejects(new LogTiles(house.db.read).read({ level: 0, n: 1, width: 44 }), /damaged/);
      await house.byHand('DELETE FROM log_tile', []);
      await assert.rejects(new LogTiles(house.db.read).read({ level: 0, n: 0, width: 256 }), /damaged/);
      await assert.rejects(new LogTiles(house.db.read).read({ level: 1, n: 0, width: 1 }), /damaged/);
    });
  });
}

function firstTiles(size: number): { level: number; n: number; width: number }[] {
  const known = [
    { level: 0, n: 0, width: Math.min(size, 256) },
    { level: 1, n: 0, width: Math.min(256, Math.floor(size / 256)) },
  ];
  return known.filter(({ width }) => width > 0);
}
