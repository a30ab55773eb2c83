/** The growing tree against RFC 6962's own recursive definition, at every size where something turns over. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { type FullTile, LogTree, leafHashOf, type StoredTree, tileWidth, treeSourcesOf } from './log-tree.ts';

const sha256 = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest();
const bodyOf = (index: number) => `{"index":${index},"text":"ä"}`;
const leafOf = (index: number) => sha256(Buffer.of(0), Buffer.from(bodyOf(index)));

/** RFC 6962 §2.1, D[from:to], remembering perfect subtrees so that many sizes can be asked for. */
function definition(): (from: number, to: number) => Buffer {
  const known = new Map<string, Buffer>();
  const root = (from: number, to: number): Buffer => {
    if (to - from === 1) return leafOf(from);
    const found = known.get(`${from} ${to}`);
    if (found) return found;
    let split = 1;
    while (split * 2 < to - from) split *= 2;
    const made = sha256(Buffer.of(1), root(from, from + split), root(from + split, to));
    if (split * 2 === to - from) known.set(`${from} ${to}`, made);
    return made;
  };
  return root;
}

function rootOfEdge(hashes: Uint8Array): Buffer {
  const nodes = Array.from({ length: hashes.length / 32 }, (_, at) =>
    hashes.subarray(at * 32, (at + 1) * 32),
  );
  return Buffer.from(nodes.reduceRight((right, left) => sha256(Buffer.of(1), left, right)));
}

const turns = [1, 2, 3, 4, 7, 255, 256, 257, 511, 512, 513, 1_000, 65_535, 65_536, 65_537, 66_048, 70_000];

/** Grows a tree to 70,000 leaves and calls back at each turn with what would be stored then. */
function grow(atTurn: (tree: LogTree, stored: StoredTree) => void): Map<string, FullTile> {
  const tree = new LogTree();
  const tiles = new Map<string, FullTile>();
  for (let size = 1; size <= 70_000; size++) {
    tree.appendLeaf(leafHashOf(bodyOf(size - 1)));
    for (const tile of tree.takeFullTiles()) tiles.set(`${tile.level}/${tile.n}`, tile);
    if (!turns.includes(size)) continue;
    const { bodiesFrom, tiles: ranges } = treeSourcesOf(size);
    atTurn(tree, {
      edge: tree.edge(),
      bodies: Array.from({ length: size - bodiesFrom }, (_, at) => bodyOf(bodiesFrom + at)),
      tiles: ranges.map(({ level, from, to }) =>
        Array.from({ length: to - from }, (_, at) => (tiles.get(`${level}/${from + at}`) as FullTile).hashes),
      ),
    });
  }
  return tiles;
}

test('a leaf is the hash of its whole body, of whatever length and characters', () => {
  for (const end of ['', 'a', 'ä', '€', '🦀', '🦀🦀🦀'])
    for (let length = 16_370; length < 16_390; length++)
      for (const body of ['x'.repeat(length) + end, `ä${'x'.repeat(length)}${end}`, end]) {
        const tree = new LogTree();
        tree.appendLeaf(leafHashOf(body));
        const leaf = sha256(Buffer.of(0), Buffer.from(body));
        assert.deepEqual(Buffer.from(tree.edge().hashes), leaf, `${length} ${end}`);
      }
});

test('the edge folds into the root of RFC 6962 at every turn', () => {
  const root = definition();
  grow((tree) => assert.deepEqual(rootOfEdge(tree.edge().hashes), root(0, tree.size), `size ${tree.size}`));
});

test('each full tile holds the hashes of its place, once', () => {
  const root = definition();
  const tiles = grow(() => {});
  assert.equal(tiles.size, Math.floor(70_000 / 256) + 1);
  for (const [level, n] of [
    [0, 0],
    [0, 255],
    [0, 272],
    [1, 0],
  ] as const) {
    const width = tileWidth ** level;
    const expected = Array.from({ length: tileWidth }, (_, at) =>
      root((n * tileWidth + at) * width, (n * tileWidth + at + 1) * width),
    );
    assert.deepEqual(Buffer.from((tiles.get(`${level}/${n}`) as FullTile).hashes), Buffer.concat(expected));
  }
});

test('a tile that is filling tells the hashes it has, and nothing of another tile', () => {
  const root = definition();
  grow((tree) => {
    for (const level of [0, 1, 2]) {
      const span = tileWidth ** level;
      const n = Math.floor(tree.size / (span * tileWidth));
      const width = Math.floor(tree.size / span) % tileWidth;
      const expected = Array.from({ length: width }, (_, at) =>
        root((n * tileWidth + at) * span, (n * tileWidth + at + 1) * span),
      );
      for (const asked of [width, Math.ceil(width / 2)])
        assert.deepEqual(
          Buffer.from(tree.partialTile({ level, n, width: asked }) ?? []),
          Buffer.concat(expected.slice(0, asked)),
          `level ${level}, ${asked} of ${width}, size ${tree.size}`,
        );
      assert.equal(tree.partialTile({ level, n, width: width + 1 }), undefined);
      for (const other of [n - 1, n + 1])
        assert.equal(tree.partialTile({ level, n: other, width: 0 }), undefined);
    }
  });
});

test('a tree loaded from what was stored goes on as the one that stored it', () => {
  grow((tree, stored) => {
    const loaded = new LogTree();
    loaded.load(stored);
    assert.deepEqual(loaded.edge(), tree.edge());
    const twin = new LogTree();
    twin.load(stored);
    for (let more = 0; more < 300; more++) {
      loaded.appendLeaf(leafHashOf(bodyOf(more)));
      twin.appendLeaf(leafHashOf(bodyOf(more)));
    }
    assert.deepEqual(loaded.edge(), twin.edge());
    assert.deepEqual(loaded.takeFullTiles(), twin.takeFullTiles());
  });
});

test('an edge that is not that of its entries is refused', () => {
  let refused = 0;
  grow((tree, stored) => {
    const hashes = Uint8Array.from(stored.edge.hashes);
    hashes[hashes.length - 1] = (hashes.at(-1) as number) ^ 1;
    const altered = { ...stored, edge: { ...stored.edge, hashes } };
    assert.throws(() => new LogTree().load(altered), /changed by other hands/);
    if (stored.bodies.length > 0) {
      const bodies = stored.bodies.with(0, '{"other":1}');
      assert.throws(() => new LogTree().load({ ...stored, bodies }), /changed by other hands/);
      assert.throws(
        () => new LogTree().load({ ...stored, bodies: bodies.slice(1) }),
        /changed by other hands/,
      );
    }
    assert.ok(tree.size > 0);
    refused++;
  });
  assert.equal(refused, turns.length);
});
