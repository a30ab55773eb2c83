/**
 * Inclusion and consistency proofs (RFC 6962 §2.1.1, §2.1.2; RFC 9162 §2.1.3.2, §2.1.4.2). Making one has two steps:
 * a plan says which nodes it needs, so that they can be fetched in one go, and then their hashes are folded.
 */
import type { Sha256 } from '../sha256.ts';
import { LogError } from './log-error.ts';
import {
  emptyRoot,
  equalHashes,
  type HashReader,
  nodeHash,
  rangeNodes,
  requireHashes,
  requireSize,
  rootOfEdge,
  splitPoint,
  type TreeNode,
} from './tree.ts';

/** For each hash of the proof, in its order, the perfect subtrees it is folded from. */
export type ProofPlan = readonly (readonly TreeNode[])[];

/** Throws `index_out_of_range`. */
export function planInclusion({ index, size }: { index: number; size: number }): ProofPlan {
  requireIndex(index, size);
  const plan: TreeNode[][] = [];
  let start = 0;
  let end = size;
  while (end - start > 1) {
    const middle = start + splitPoint(end - start);
    if (index < middle) {
      plan.push(rangeNodes(middle, end));
      end = middle;
    } else {
      plan.push(rangeNodes(start, middle));
      start = middle;
    }
  }
  return plan.reverse();
}

/** Throws `sizes_reversed`. Between equal sizes, and from an empty tree, the proof is empty. */
export function planConsistency({ oldSize, newSize }: { oldSize: number; newSize: number }): ProofPlan {
  requireOrder(oldSize, newSize);
  if (oldSize === 0 || oldSize === newSize) return [];
  const plan: TreeNode[][] = [];
  let start = 0;
  let end = newSize;
  while (end !== oldSize) {
    const middle = start + splitPoint(end - start);
    if (oldSize <= middle) {
      plan.push(rangeNodes(middle, end));
      end = middle;
    } else {
      plan.push(rangeNodes(start, middle));
      start = middle;
    }
  }
  // The old tree itself, when it is one subtree from leaf 0, is what the verifier has.
  if (start !== 0) plan.push(rangeNodes(start, end));
  return plan.reverse();
}

/** Every node the plan needs, each once. */
export function nodesOf(plan: ProofPlan): TreeNode[] {
  return plan.flat();
}

/** The proof's hashes; `readHash` is asked for `nodesOf(plan)`. */
export function makeProof(
  plan: ProofPlan,
  { readHash, sha256 }: { readHash: HashReader; sha256: Pick<Sha256, 'bytes'> },
): Uint8Array[] {
  return plan.map((nodes) =>
    rootOfEdge(
      nodes.map(({ level, index }) => readHash(level, index)),
      sha256,
    ),
  );
}

/** A leaf's place in a tree, with the hashes from its sibling up to the root's child. */
export type Inclusion = { index: number; size: number; leafHash: Uint8Array; proof: readonly Uint8Array[] };

/** The root that the proof leads to. Throws `index_out_of_range`, `malformed_hash`, `wrong_proof_length`. */
export function rootOfInclusion(inclusion: Inclusion, sha256: Pick<Sha256, 'bytes'>): Uint8Array {
  const { index, size, leafHash, proof } = inclusion;
  requireIndex(index, size);
  requireHashes([leafHash, ...proof]);
  // RFC 9162 §2.1.3.2: the letters are its own.
  let fn = index;
  let sn = size - 1;
  let r = leafHash;
  for (const p of proof) {
    if (sn === 0) throw new LogError('wrong_proof_length');
    if (isOdd(fn) || fn === sn) {
      r = nodeHash(p, r, sha256);
      while (!isOdd(fn) && fn !== 0) [fn, sn] = [fn / 2, half(sn)];
    } else {
      r = nodeHash(r, p, sha256);
    }
    [fn, sn] = [half(fn), half(sn)];
  }
  if (sn !== 0) throw new LogError('wrong_proof_length');
  return r;
}

/** Throws as `rootOfInclusion`, and `root_mismatch`. */
export function verifyInclusion(
  inclusion: Inclusion & { root: Uint8Array },
  sha256: Pick<Sha256, 'bytes'>,
): void {
  if (!equalHashes(rootOfInclusion(inclusion, sha256), inclusion.root)) throw new LogError('root_mismatch');
}

export type Consistency = {
  oldSize: number;
  newSize: number;
  oldRoot: Uint8Array;
  newRoot: Uint8Array;
  proof: readonly Uint8Array[];
};

/**
 * Returns when the new tree begins with every leaf of the old one. Throws `sizes_reversed`, `malformed_hash`,
 * `wrong_proof_length`, `old_root_mismatch`, `new_root_mismatch`.
 */
export function verifyConsistency(consistency: Consistency, sha256: Pick<Sha256, 'bytes'>): void {
  const { oldSize, newSize, oldRoot, newRoot, proof } = consistency;
  requireOrder(oldSize, newSize);
  requireHashes([oldRoot, newRoot, ...proof]);
  if (oldSize === 0 || oldSize === newSize) {
    if (proof.length > 0) throw new LogError('wrong_proof_length');
    const expected = oldSize === newSize ? newRoot : emptyRoot(sha256);
    if (!equalHashes(oldRoot, expected)) throw new LogError('old_root_mismatch');
    return;
  }
  const { first, second } = foldConsistency(consistency, sha256);
  if (!equalHashes(first, oldRoot)) throw new LogError('old_root_mismatch');
  if (!equalHashes(second, newRoot)) throw new LogError('new_root_mismatch');
}

// RFC 9162 §2.1.4.2: the letters are its own.
function foldConsistency(
  { oldSize, newSize, oldRoot, proof }: Consistency,
  sha256: Pick<Sha256, 'bytes'>,
): { first: Uint8Array; second: Uint8Array } {
  let fn = oldSize - 1;
  let sn = newSize - 1;
  while (isOdd(fn)) [fn, sn] = [half(fn), half(sn)];
  // fn is 0 now when the old size is a power of two: the old tree is one node of the new one.
  const [start, ...rest] = fn === 0 ? [oldRoot, ...proof] : proof;
  if (start === undefined) throw new LogError('wrong_proof_length');
  let fr = start;
  let sr = start;
  for (const c of rest) {
    if (sn === 0) throw new LogError('wrong_proof_length');
    if (isOdd(fn) || fn === sn) {
      fr = nodeHash(c, fr, sha256);
      sr = nodeHash(c, sr, sha256);
      while (!isOdd(fn) && fn !== 0) [fn, sn] = [fn / 2, half(sn)];
    } else {
      sr = nodeHash(sr, c, sha256);
    }
    [fn, sn] = [half(fn), half(sn)];
  }
  if (sn !== 0) throw new LogError('wrong_proof_length');
  return { first: fr, second: sr };
}

function requireIndex(index: number, size: number): void {
  requireSize(size, 'size');
  requireSize(index, 'index');
  if (index >= size) throw new LogError('index_out_of_range');
}

function requireOrder(oldSize: number, newSize: number): void {
  requireSize(oldSize, 'old size');
  requireSize(newSize, 'new size');
  if (oldSize > newSize) throw new LogError('sizes_reversed');
}

// `&` and `>>` would cut sizes at 32 bits.
function isOdd(value: number): boolean {
  return value % 2 === 1;
}

function half(value: number): number {
  return Math.floor(value / 2);
}
