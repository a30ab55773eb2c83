/** Tiles: their paths, which of them a tree has, and that every node can be read out of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forAll } from '../../../tests/support/seeded-random.ts';
import {
  decodeEntries,
  encodeEntries,
  encodeUtf8,
  formatTilePath,
  type HashTile,
  LogError,
  parseTilePath,
  rangeNodes,
  rootOfEdge,
  splitTile,
  type Tile,
  tileHashReader,
  tileOf,
  tilesBetween,
  tilesOf,
  tileWidth,
} from '../index.ts';
import { MemoryLog, sha256 } from './log.fixture.ts';

const paths: [path: string, tile: Tile][] = [
  ['tile/0/000', { level: 0, n: 0, width: 256 }],
  ['tile/0/x001/x234/067', { level: 0, n: 1_234_067, width: 256 }],
  ['tile/63/999', { level: 63, n: 999, width: 256 }],
  ['tile/1/x001/000.p/1', { level: 1, n: 1000, width: 1 }],
  ['tile/0/273.p/112', { level: 0, n: 273, width: 112 }],
  ['tile/entries/x001/x234/067.p/255', { level: 'entries', n: 1_234_067, width: 255 }],
];
for (const [path, tile] of paths) {
  test(`a path and its tile: ${path}`, () => {
    assert.deepEqual(parseTilePath(path), tile);
    assert.equal(formatTilePath(tile), path);
  });
}

const wrongPaths =
  'tile tile/0 tile/0/ tile/0/0 tile/0/00 tile/0/0000 tile/0/x000 tile/0/x000/001 tile/00/001 tile/64/000 ' +
  'tile/-1/000 tile/0/000.p/0 tile/0/000.p/256 tile/0/000.p/01 tile/0/000.p tile/0/000.p/ tile/0/001/002 tile/data/000 ' +
  'tile/0/x999/x999/x999/x999/x999/999 tile/0/000/ /tile/0/000 Tile/0/000 tile/0/００0 tile//000 tile/0/../000 tile/0/000?x';
for (const path of [...wrongPaths.split(' '), '', 'tile/0/000\n', 'tile/0/ 00']) {
  test(`not a tile's path: ${JSON.stringify(path)}`, () => {
    assert.throws(() => parseTilePath(path), { name: 'LogError', reason: 'malformed_tile_path' });
  });
}

test('the tiles of 70,000 leaves are those that the specification counts', () => {
  const tiles = [...tilesBetween(0, 70_000)];
  const count = (level: number, width: number) =>
    tiles.filter((tile) => tile.level === level && tile.width === width).length;
  assert.deepEqual(
    [count(0, 256), count(0, 112), count(1, 256), count(1, 17), count(2, 1)],
    [273, 1, 1, 1, 1],
  );
  assert.equal(tiles.length, 277);
  assert.deepEqual(
    [...tilesBetween(0, 256)],
    [
      { level: 0, n: 0, width: 256 },
      { level: 1, n: 0, width: 1 },
    ],
  );
  assert.deepEqual([...tilesBetween(0, 0)], []);
});

test('growth by growth, the tiles between are all there are', async () => {
  await forAll(50, (random) => {
    const size = random.integer({ min: 0, max: 200_000 });
    const have = new Map<string, number>();
    for (let at = 0; at < size; ) {
      const next = Math.min(size, at + random.integer({ min: 1, max: 50_000 }));
      for (const { level, n, width } of tilesBetween(at, next)) have.set(`${level}/${n}`, width);
      at = next;
    }
    const all = [...tilesBetween(0, size)].map(({ level, n, width }): [string, number] => [
      `${level}/${n}`,
      width,
    ]);
    assert.deepEqual(new Map(all), have);
    for (const [key, width] of all) {
      const [level, n] = key.split('/').map(Number) as [number, number];
      assert.equal(tileWidth({ level, n }, size), width);
      assert.equal(tileWidth({ level, n: n + 10_000 }, size), 0);
    }
  });
});

test('every node of a tree is read out of its tiles', async () => {
  const log = new MemoryLog();
  for (let index = 0; index < 70_000; index++) log.addHash(sha256.bytes(encodeUtf8(`${index}`)));
  await forAll(60, (random) => {
    const size = random.integer({ min: 1, max: log.size });
    const readTile = (tile: HashTile) => log.tile(tile);
    const readHash = tileHashReader({ size, readTile }, sha256);
    const nodes = rangeNodes(random.integer({ min: 0, max: size - 1 }), size);
    for (const { level, index } of nodes) {
      assert.deepEqual(Buffer.from(readHash(level, index)), Buffer.from(log.readHash(level, index)));
    }
    assert.ok(tilesOf(nodes, size).length <= nodes.length);
    const edge = rangeNodes(0, size).map(({ level, index }) => readHash(level, index));
    assert.deepEqual(Buffer.from(rootOfEdge(edge, sha256)), Buffer.from(log.root(size)));
    assert.throws(() => tileOf({ level: 0, index: size }, size), { reason: 'tile_out_of_range' });
    const cut = tileHashReader({ size, readTile: (tile) => log.tile(tile).subarray(1) }, sha256);
    assert.throws(() => cut(0, 0), { reason: 'wrong_tile_length' });
  });
  assert.equal(splitTile(new Uint8Array(64), 2).length, 2);
  assert.throws(() => splitTile(new Uint8Array(64), 1), { reason: 'wrong_tile_length' });
});

test('entry bundles: what was encoded is decoded, and any cut, growth or other width is refused', async () => {
  await forAll(200, (random) => {
    const entries = Array.from({ length: random.integer({ min: 1, max: 6 }) }, () =>
      random.bytes(random.integer({ min: 0, max: 300 })),
    );
    const bytes = encodeEntries(entries);
    assert.deepEqual(
      decodeEntries(bytes, entries.length).map((entry) => Buffer.from(entry)),
      entries.map((entry) => Buffer.from(entry)),
    );
    const refused = (wrong: Uint8Array, width: number) =>
      assert.throws(() => decodeEntries(wrong, width), { reason: 'malformed_entries' });
    refused(bytes.subarray(0, random.integer({ min: 0, max: bytes.length - 1 })), entries.length);
    refused(Buffer.concat([bytes, random.bytes(random.integer({ min: 1, max: 3 }))]), entries.length);
    refused(bytes, entries.length + 1);
    refused(bytes, entries.length - 1);
    try {
      decodeEntries(random.bytes(random.integer({ min: 0, max: 40 })), 3);
    } catch (error) {
      assert.ok(error instanceof LogError);
    }
  });
  assert.throws(() => encodeEntries([new Uint8Array(65_536)]), { reason: 'too_large' });
});
