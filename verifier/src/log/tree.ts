/**
 * The Merkle tree of the log (RFC 6962 §2.1, RFC 9162 §2.1): which perfect subtrees make up a range of leaves, and how
 * their roots become the root of the tree. Sizes and indexes are safe integers, so no step uses 32-bit operators.
 */
import type { Sha256 } from '../sha256.ts';
import { LogError } from './log-error.ts';

/** Bytes of every hash in the tree. */
export const hashBytes = 32;
/** A tree of more leaves than this could not have its size written as a number. */
export const maxTreeSize = Number.MAX_SAFE_INTEGER;

/**
 * The root of the perfect subtree over the leaves from `index * 2**level` up to, not including,
 * `(index + 1) * 2**level`. Level 0 are the leaf hashes.
 */
export type TreeNode = { level: number; index: number };

/** Gives the hash of a node; whoever hands it in knows beforehand which ones will be asked for (`nodesOf`). */
export type HashReader = (level: number, index: number) => Uint8Array;

// Filled anew for each node: hashing is synchronous, and a log of millions hashes as many nodes as leaves.
const nodeInput = new Uint8Array(1 + 2 * hashBytes);
nodeInput[0] = 1;

/** SHA-256 over a one byte and the two hashes (RFC 6962 §2.1); 32 bytes. */
export function nodeHash(left: Uint8Array, right: Uint8Array, sha256: Pick<Sha256, 'bytes'>): Uint8Array {
  nodeInput.set(left, 1);
  nodeInput.set(right, 1 + hashBytes);
  return sha256.bytes(nodeInput);
}

/** The root of a tree without leaves: SHA-256 of nothing. */
export function emptyRoot(sha256: Pick<Sha256, 'bytes'>): Uint8Array {
  return sha256.bytes(new Uint8Array(0));
}

/**
 * The largest perfect subtrees that make up the leaves from `start` up to, not including, `end`, left to right: the
 * range's *compact range*. From 0 they are the edge of a tree of `end` leaves, one for each one bit of its size.
 */
export function rangeNodes(start: number, end: number): TreeNode[] {
  const nodes: TreeNode[] = [];
  for (let from = start; from < end; ) {
    let level = 0;
    let width = 1;
    while (from % (width * 2) === 0 && width * 2 <= end - from) {
      level++;
      width *= 2;
    }
    nodes.push({ level, index: from / width });
    from += width;
  }
  return nodes;
}

/** The root of the tree whose edge these hashes are, largest subtree first (`rangeNodes(0, size)`). */
export function rootOfEdge(hashes: readonly Uint8Array[], sha256: Pick<Sha256, 'bytes'>): Uint8Array {
  let root = hashes.at(-1);
  if (root === undefined) return emptyRoot(sha256);
  for (let at = hashes.length - 2; at >= 0; at--) root = nodeHash(hashes[at] as Uint8Array, root, sha256);
  return root;
}

/** The root over a power of two of hashes that lie one behind the other, such as those of a full tile. */
export function rootOfPerfect(hashes: Uint8Array, sha256: Pick<Sha256, 'bytes'>): Uint8Array {
  if (hashes.length <= hashBytes) return new Uint8Array(hashes);
  // Not `slice`: a Buffer's shares its memory, and the caller's tile would be overwritten.
  const layer = new Uint8Array(hashes);
  for (let length = layer.length; length > hashBytes; length /= 2) {
    for (let at = 0; at < length; at += 2 * hashBytes) {
      nodeInput.set(layer.subarray(at, at + 2 * hashBytes), 1);
      layer.set(sha256.bytes(nodeInput), at / 2);
    }
  }
  return layer.slice(0, hashBytes);
}

/** Largest power of two below `count`, which is 2 or more (RFC 6962 §2.1 calls it k). */
export function splitPoint(count: number): number {
  let k = 1;
  while (k * 2 < count) k *= 2;
  return k;
}

export function equalHashes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, at) => byte === right[at]);
}

/** Throws `malformed_number` unless it is an integer from 0 to `maxTreeSize`. */
export function requireSize(size: number, place: string): void {
  if (!Number.isSafeInteger(size) || size < 0) throw new LogError('malformed_number', { place });
}

/** Throws `malformed_hash` unless each is 32 bytes. */
export function requireHashes(hashes: readonly Uint8Array[]): void {
  if (hashes.some((hash) => hash.length !== hashBytes)) throw new LogError('malformed_hash');
}
