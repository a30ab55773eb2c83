/** Trees and their proofs: every small size whole, and large ones where 32 bits or a double would not do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forAll } from '../../../tests/support/seeded-random.ts';
import {
  type Consistency,
  emptyRoot,
  equalHashes,
  type Inclusion,
  LogError,
  nodeHash,
  nodesOf,
  planConsistency,
  planInclusion,
  rangeNodes,
  rootOfEdge,
  rootOfPerfect,
  type TreeNode,
  verifyConsistency,
  verifyInclusion,
} from '../index.ts';
import { MemoryLog, sha256 } from './log.fixture.ts';

const most = 70;
const log = new MemoryLog();
for (let index = 0; index < most; index++) log.add(`entry ${index}`);
const leaf = (index: number) => log.readHash(0, index);

const bytes = (hash: Uint8Array) => [...hash];

function refused(run: () => void, ...reasons: string[]): void {
  assert.throws(run, (error) => error instanceof LogError && reasons.includes(error.reason));
}

test('the edge of a tree folds to its root', () => {
  for (let size = 0; size <= most; size++) {
    const nodes = rangeNodes(0, size);
    assert.equal(nodes.length, size.toString(2).replaceAll('0', '').length);
    const edge = nodes.map(({ level, index }) => log.readHash(level, index));
    assert.deepEqual(bytes(rootOfEdge(edge, sha256)), bytes(log.root(size)));
  }
  assert.deepEqual(
    bytes(rootOfPerfect(Buffer.concat([...Array(64).keys()].map(leaf)), sha256)),
    bytes(log.root(64)),
  );
});

test('a compact range is what it stands for, and nothing larger would fit', () => {
  for (let from = 0; from <= most; from++) {
    for (let to = from; to <= most; to++) {
      let at = from;
      for (const { level, index } of rangeNodes(from, to)) {
        assert.equal(index * 2 ** level, at);
        assert.ok(at % 2 ** (level + 1) !== 0 || at + 2 ** (level + 1) > to);
        at += 2 ** level;
      }
      assert.equal(at, to);
    }
  }
});

test('inclusion: every leaf of every tree, and no other leaf, index, size or root', () => {
  for (let size = 1; size <= most; size++) {
    const root = log.root(size);
    for (let index = 0; index < size; index++) {
      const proof = log.inclusion(index, size);
      const right: Inclusion & { root: Uint8Array } = { index, size, leafHash: leaf(index), proof, root };
      verifyInclusion(right, sha256);
      refused(
        () => verifyInclusion({ ...right, leafHash: nodeHash(root, root, sha256) }, sha256),
        'root_mismatch',
      );
      refused(() => verifyInclusion({ ...right, proof: [...proof, root] }, sha256), 'wrong_proof_length');
      if (proof.length > 0) {
        refused(
          () => verifyInclusion({ ...right, proof: proof.slice(1) }, sha256),
          'wrong_proof_length',
          'root_mismatch',
        );
        refused(
          () => verifyInclusion({ ...right, proof: proof.slice(0, -1) }, sha256),
          'wrong_proof_length',
          'root_mismatch',
        );
      }
      const other = (index + 1) % size;
      if (other !== index)
        refused(
          () => verifyInclusion({ ...right, index: other }, sha256),
          'root_mismatch',
          'wrong_proof_length',
        );
      refused(() => verifyInclusion({ ...right, index: size }, sha256), 'index_out_of_range');
    }
  }
});

test('consistency: every tree with every later one, and with no changed one', () => {
  for (let newSize = 0; newSize <= most; newSize++) {
    const newRoot = log.root(newSize);
    for (let oldSize = 0; oldSize <= newSize; oldSize++) {
      const oldRoot = log.root(oldSize);
      const proof = log.consistency(oldSize, newSize);
      const right: Consistency = { oldSize, newSize, oldRoot, newRoot, proof };
      verifyConsistency(right, sha256);
      const wrong = nodeHash(oldRoot, newRoot, sha256);
      // An old tree of a power of two is a node of the new one: then it is the new root that comes out wrong.
      const mismatches = ['old_root_mismatch', 'new_root_mismatch'];
      refused(() => verifyConsistency({ ...right, oldRoot: wrong }, sha256), ...mismatches);
      refused(() => verifyConsistency({ ...right, proof: [...proof, wrong] }, sha256), 'wrong_proof_length');
      if (oldSize > 0 && oldSize < newSize) {
        refused(() => verifyConsistency({ ...right, newRoot: wrong }, sha256), 'new_root_mismatch');
        refused(
          () => verifyConsistency({ ...right, proof: proof.slice(0, -1) }, sha256),
          'wrong_proof_length',
        );
        refused(
          () => verifyConsistency({ ...right, oldSize: newSize, newSize: oldSize }, sha256),
          'sizes_reversed',
        );
      }
    }
  }
});

test('one flipped bit anywhere in a proof is found', async () => {
  await forAll(300, (random) => {
    const newSize = random.integer({ min: 2, max: most });
    const oldSize = random.integer({ min: 1, max: newSize - 1 });
    const flip = (hashes: Uint8Array[]) => {
      const at = random.integer({ min: 0, max: hashes.length - 1 });
      return hashes.map((hash, one) => {
        if (one !== at) return hash;
        const byte = random.integer({ min: 0, max: 31 });
        return new Uint8Array(hash).with(byte, hash[byte]! ^ (1 << random.integer({ min: 0, max: 7 })));
      });
    };
    const root = log.root(newSize);
    const inclusion = flip(log.inclusion(oldSize, newSize));
    refused(
      () =>
        verifyInclusion(
          { index: oldSize, size: newSize, leafHash: leaf(oldSize), proof: inclusion, root },
          sha256,
        ),
      'root_mismatch',
    );
    const proof = flip(log.consistency(oldSize, newSize));
    const consistency = { oldSize, newSize, oldRoot: log.root(oldSize), newRoot: root, proof };
    refused(() => verifyConsistency(consistency, sha256), 'old_root_mismatch', 'new_root_mismatch');
  });
});

test('an old history that was changed has no proof to the new one', () => {
  const changed = new MemoryLog();
  for (let index = 0; index < most; index++) changed.add(`entry ${index === 20 ? 'else' : index}`);
  for (let oldSize = 1; oldSize < most; oldSize++) {
    const consistency = {
      oldSize,
      newSize: most,
      oldRoot: log.root(oldSize),
      newRoot: changed.root(),
      proof: changed.consistency(oldSize),
    };
    if (oldSize <= 20) verifyConsistency(consistency, sha256);
    else refused(() => verifyConsistency(consistency, sha256), 'old_root_mismatch', 'new_root_mismatch');
  }
});

/** A tree of leaves that are all alike: its hashes are known at any size. */
function alike(): { hash: (node: TreeNode) => Uint8Array; root: (size: number) => Uint8Array } {
  const levels = [sha256.bytes(Uint8Array.of(0))];
  for (let level = 1; level <= 53; level++)
    levels.push(nodeHash(levels[level - 1]!, levels[level - 1]!, sha256));
  const hash = ({ level }: TreeNode) => levels[level]!;
  return { hash, root: (size) => rootOfEdge(rangeNodes(0, size).map(hash), sha256) };
}

test('sizes beyond 32 bits, up to the largest', () => {
  const { hash, root } = alike();
  const fold = (nodes: readonly TreeNode[]) => rootOfEdge(nodes.map(hash), sha256);
  const sizes = [2 ** 31 - 1, 2 ** 31, 2 ** 32 + 1, 2 ** 40 + 12_345, 2 ** 52, Number.MAX_SAFE_INTEGER];
  for (const newSize of sizes) {
    for (const oldSize of [1, 3, ...sizes.filter((size) => size <= newSize), newSize - 1]) {
      const proof = planConsistency({ oldSize, newSize }).map(fold);
      assert.ok(proof.length <= 54);
      verifyConsistency({ oldSize, newSize, oldRoot: root(oldSize), newRoot: root(newSize), proof }, sha256);
      const index = oldSize - 1;
      const plan = planInclusion({ index, size: newSize });
      assert.ok(plan.length <= 53 && nodesOf(plan).length < 2 * 53);
      const inclusion = { index, size: newSize, leafHash: hash({ level: 0, index }), proof: plan.map(fold) };
      verifyInclusion({ ...inclusion, root: root(newSize) }, sha256);
    }
  }
});

test('numbers and hashes that are none are refused', () => {
  const hash = emptyRoot(sha256);
  for (const number of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
    refused(() => planInclusion({ index: 0, size: number }), 'malformed_number');
    refused(() => planInclusion({ index: number, size: 5 }), 'malformed_number');
    refused(() => planConsistency({ oldSize: number, newSize: 5 }), 'malformed_number');
    refused(() => planConsistency({ oldSize: 0, newSize: number }), 'malformed_number');
  }
  for (const wrong of [new Uint8Array(0), new Uint8Array(31), new Uint8Array(33)]) {
    refused(
      () => verifyInclusion({ index: 0, size: 1, leafHash: wrong, proof: [], root: hash }, sha256),
      'malformed_hash',
    );
    refused(
      () =>
        verifyConsistency({ oldSize: 1, newSize: 2, oldRoot: hash, newRoot: hash, proof: [wrong] }, sha256),
      'malformed_hash',
    );
    assert.equal(equalHashes(hash, wrong), false);
  }
});
