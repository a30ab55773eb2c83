/** Proofs over the log's tree, for any size up to the committed one, from a bounded number of tiles. */
import {
  makeProof,
  nodesOf,
  type ProofPlan,
  planConsistency,
  planInclusion,
  rangeNodes,
  rootOfEdge,
  type TreeNode,
  tileHashReader,
  tilesOf,
} from '@tallyman/verifier';
import { nodeSha256 } from '../seal.ts';
import type { LogTiles } from './tiles.ts';

type Tiles = Pick<LogTiles, 'read'>;

export async function proveInclusion(
  tiles: Tiles,
  { index, size }: { index: number; size: number },
): Promise<Uint8Array[]> {
  return prove(tiles, planInclusion({ index, size }), size);
}

export async function proveConsistency(
  tiles: Tiles,
  { oldSize, newSize }: { oldSize: number; newSize: number },
): Promise<Uint8Array[]> {
  return prove(tiles, planConsistency({ oldSize, newSize }), newSize);
}

/** The root of the tree of the first `size` events, from the tiles alone: not from the edge. */
export async function rootAt(tiles: Tiles, size: number): Promise<Uint8Array> {
  return rootOfEdge(await rangeHashes(tiles, { start: 0, end: size }, size), nodeSha256);
}

/** For each subtree of the range's compact range its hash. */
export async function rangeHashes(
  tiles: Tiles,
  { start, end }: { start: number; end: number },
  size: number,
): Promise<Uint8Array[]> {
  const nodes = rangeNodes(start, end);
  const readHash = await hashReader(tiles, nodes, size);
  return nodes.map(({ level, index }) => readHash(level, index));
}

async function prove(tiles: Tiles, plan: ProofPlan, size: number): Promise<Uint8Array[]> {
  const readHash = await hashReader(tiles, nodesOf(plan), size);
  return makeProof(plan, { readHash, sha256: nodeSha256 });
}

async function hashReader(tiles: Tiles, nodes: readonly TreeNode[], size: number) {
  const wanted = tilesOf(nodes, size);
  const read = await Promise.all(wanted.map((tile) => tiles.read(tile)));
  const found = new Map(wanted.map(({ level, n }, at) => [`${level}/${n}`, read[at] as Uint8Array]));
  return tileHashReader(
    { size, readTile: ({ level, n }) => found.get(`${level}/${n}`) as Uint8Array },
    nodeSha256,
  );
}
