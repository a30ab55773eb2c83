/** The quick way over whole tiles says what the way leaf by leaf says, whatever was damaged; on both engines. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { formatVerifierKey, hashBytes as size, tileHashes } from '@tallyman/verifier';
import { edgeChanged } from '../../../tests/support/log-edge.ts';
import { postgresSkip } from '../../../tests/support/postgres.ts';
import { createSeededRandom } from '../../../tests/support/seeded-random.ts';
import { hashBytes, tileWidth as leavesPerTile } from '../db/log-tree.ts';
import { openOnlooker } from '../db/onlooker.ts';
import type { Finding } from './findings.ts';
import { tellOf } from './findings.ts';
import { openWorld, plainDrafts, systemDraft, type World } from './fsck-world.fixture.ts';
import { checkLog } from './log.ts';
import { rootsOfWholeTiles, type TileRoots } from './tile-roots.ts';
import { WholeTiles } from './whole-tiles.ts';

for (const { engine, skip } of [
  { engine: 'sqlite', skip: false },
  { engine: 'postgres', skip: postgresSkip() },
] as const) {
  describe(`whole tiles on ${engine}`, { skip }, () => {
    let world: World;
    before(async () => {
      world = await openWorld(engine);
      const key = formatVerifierKey(world.key.key);
      await world.append([systemDraft('log.key.create', { origin: 'log.test', key })]);
      const random = createSeededRandom(5);
      // Within a tile, at the end of one, and at the end of all.
      for (const size of [600, 1_024, 2_900]) {
        await world.append(plainDrafts(size - (await world.db.head()), random));
        await world.signHead();
      }
    });
    after(() => world[Symbol.asyncDispose]());

    /** On this thread: `quick` with whole tiles. */
    const look = async (quick: boolean): Promise<Finding[]> => {
      const found: Finding[] = [];
      const tree = tellOf('tree', (finding) => found.push(finding));
      const log = await openOnlooker(world.location);
      const rootOf = async (n: number) =>
        (await log.view((view) => rootsOfWholeTiles(view, { from: n, to: n + 1 })))[0];
      const wholeTiles = quick ? { rootOf } : undefined;
      const pace = { rest: async () => {} };
      await checkLog({ log, clock: world.clock, pace, heads: [], events: undefined, tree, wholeTiles });
      await log.close();
      return found;
    };
    const flipped = (bytes: Uint8Array, at: number): Uint8Array => {
      const copy = Uint8Array.from(bytes);
      copy[at] = (copy[at] as number) ^ 1;
      return copy;
    };

    it('leaves the tile that announces a key to the way leaf by leaf, and takes the others', async () => {
      const log = await openOnlooker(world.location);
      const roots = await log.view((view) => rootsOfWholeTiles(view, { from: 0, to: 11 }));
      await log.close();
      assert.deepEqual(
        roots.map((root) => root !== undefined),
        Array.from({ length: 11 }, (_, n) => n > 0),
      );
    });

    it('knows the measures of a tile that the verifier knows', () => {
      assert.deepEqual({ leavesPerTile, hashBytes }, { leavesPerTile: tileHashes, hashBytes: size });
    });

    it('gives each tile its own root, however many threads share the work', async () => {
      const log = await openOnlooker(world.location);
      const alone = await log.view((view) => rootsOfWholeTiles(view, { from: 0, to: 11 }));
      await log.close();
      const tiles = new WholeTiles(world.location, { threads: 3, tilesPerChunk: 2, tilesPerThread: 1 });
      const shared: TileRoots = [];
      for (let n = 0; n < 11; n++) shared.push(await tiles.rootOf(n, 11));
      await tiles.close();
      assert.deepEqual(shared, alone);
    });

    it('fails when its threads cannot read', async () => {
      const location = { engine: 'sqlite', path: '/nowhere/tallyman.db' } as const;
      const tiles = new WholeTiles(location, { threads: 2, tilesPerChunk: 2, tilesPerThread: 1 });
      await assert.rejects(tiles.rootOf(0, 11), /unable to open database file/);
      await tiles.close();
    });

    it('finds nothing where nothing was done, with threads and without', async () => {
      assert.deepEqual((await world.fsck(['tree'])).findings, []);
      assert.deepEqual(await look(true), []);
      assert.deepEqual(await look(false), []);
    });

    const setTile = async (n: number, at: number) => {
      const tile = await world.db.read.q
        .selectFrom('log_tile')
        .select('hashes')
        .where('level', '=', 0)
        .where('n', '=', n)
        .executeTakeFirstOrThrow();
      await world.run('UPDATE log_tile SET hashes = ? WHERE level = 0 AND n = ?', [
        flipped(tile.hashes, at),
        n,
      ]);
    };
    /** What the quick way joins bodies by (tile-roots.ts). */
    const separator = engine === 'sqlite' ? 'char(0)' : 'chr(1)';
    const take = (from: number) => `(SELECT body FROM event WHERE idx = ${from})`;
    const damages: Record<string, () => Promise<void>> = {
      'a body that holds the next one too, which is gone': async () => {
        await world.run(`UPDATE event SET body = body || ${separator} || ${take(1501)} WHERE idx = 1500`);
        await world.run('DELETE FROM event WHERE idx = 1501');
      },
      'a body that holds the next one too, which is empty': async () => {
        await world.run(`UPDATE event SET body = body || ${separator} || ${take(1501)} WHERE idx = 1500`);
        await world.run(`UPDATE event SET body = '' WHERE idx = 1501`);
      },
      'the last of a tile in the first of the next': async () => {
        await world.run(`UPDATE event SET body = ${take(1535)} || ${separator} || body WHERE idx = 1536`);
        await world.run('DELETE FROM event WHERE idx = 1535');
      },
      'separators around a body': () =>
        world.run(`UPDATE event SET body = ${separator} || body || ${separator} WHERE idx = 1500`),
      'an empty body': () => world.run(`UPDATE event SET body = '' WHERE idx = 1500`),
      'every body of a tile empty': () =>
        world.run(`UPDATE event SET body = '' WHERE idx BETWEEN 1536 AND 1791`),
      ...(engine === 'sqlite' && {
        'a body that is not UTF-8': () =>
          world.run(`UPDATE event SET body = CAST(x'7bff7d' AS TEXT) WHERE idx = 1500`),
        'a body that is not UTF-8 at its end, beside a separator': () =>
          world.run(`UPDATE event SET body = CAST(CAST(body AS BLOB) || x'c3' AS TEXT) WHERE idx = 1500`),
      }),
      'a changed body': () => world.run(`UPDATE event SET body = '{"not":"it"}' WHERE idx = 1500`),
      'a changed body in the last tile': () =>
        world.run(`UPDATE event SET body = '{"not":"it"}' WHERE idx = 2899`),
      // The tile still tells the leaf: the tree is whole, and the check of events names what is gone.
      'a body that is missing': () => world.run('DELETE FROM event WHERE idx = 1500'),
      'a body that is missing, and others, over a border of tiles': () =>
        world.run('DELETE FROM event WHERE idx BETWEEN 1530 AND 1540'),
      'two events that changed places': async () => {
        await world.run('UPDATE event SET idx = -1 WHERE idx = 1400');
        await world.run('UPDATE event SET idx = 1400 WHERE idx = 1800');
        await world.run('UPDATE event SET idx = 1800 WHERE idx = -1');
      },
      'a changed tile': () => setTile(5, 77),
      'a tile and its body changed alike at the first and last leaf': async () => {
        await setTile(4, 0);
        await setTile(6, 8_191);
      },
      'a missing tile': () => world.run('DELETE FROM log_tile WHERE n = 5'),
      'a tile that is too short': () =>
        world.run('UPDATE log_tile SET hashes = ? WHERE n = 5', [new Uint8Array(5)]),
      'a changed edge': async () => {
        const edge = await world.db.read.q.selectFrom('log_edge').select('hashes').executeTakeFirstOrThrow();
        await world.run(...edgeChanged(engine, { hashes: flipped(edge.hashes, 40) }));
      },
      'a changed checkpoint': () =>
        world.run(`UPDATE log_checkpoint SET note = replace(note, '1024', '1025') WHERE size = 1024`),
      'a checkpoint of another size': () =>
        world.run('UPDATE log_checkpoint SET size = 1025 WHERE size = 1024'),
    };
    for (const [name, damage] of Object.entries(damages)) {
      it(`says the same of ${name}`, async () => {
        let quick: Finding[] = [];
        let slow: Finding[] = [];
        await world.damaged(async () => {
          await damage();
          quick = await look(true);
          slow = await look(false);
        }, []);
        assert.deepEqual(quick, slow);
        assert.equal(slow.length > 0, !name.startsWith('a body that is missing'), 'and it is something');
      });
    }
  });
}
