/** Where two trees that should begin alike first differ, as far as the tiles of both can tell. */
import { equalHashes, nodeHash, rangeNodes, type TreeNode } from '../log/tree.ts';
import type { Sha256 } from '../sha256.ts';
import type { LogTiles, Reading } from './log-tiles.ts';

/** Indexes from `from` up to, not including, `to`. */
export type IndexRange = { from: number; to: number };

type Trees = { old: LogTiles; new: LogTiles; sha256: Pick<Sha256, 'bytes'> };

/**
 * The first leaves, of those that both trees have, whose hashes differ: the smallest subtree that tiles of both tell
 * apart. `unknown` are leaves before it, or when there is none, that could not be compared.
 */
export function* firstDifference(trees: Trees): Reading<{ differing?: IndexRange; unknown?: IndexRange }> {
  let unknown: IndexRange | undefined;
  for (const node of rangeNodes(0, Math.min(trees.old.size, trees.new.size))) {
    const compared = yield* compare(trees, node);
    if (compared === 'different') {
      const differing = rangeOf(yield* descend(trees, node));
      return { differing, ...(unknown && { unknown }) };
    }
    if (compared === 'unknown') unknown = { from: unknown?.from ?? rangeOf(node).from, to: rangeOf(node).to };
  }
  return unknown ? { unknown } : {};
}

function rangeOf({ level, index }: TreeNode): IndexRange {
  return { from: index * 2 ** level, to: (index + 1) * 2 ** level };
}

function* compare(trees: Trees, node: TreeNode): Reading<'same' | 'different' | 'unknown'> {
  const [left, right] = [yield* trees.old.findHash(node), yield* trees.new.findHash(node)];
  if (left === undefined || right === undefined) return 'unknown';
  return equalHashes(left, right) ? 'same' : 'different';
}

function* descend(trees: Trees, differing: TreeNode): Reading<TreeNode> {
  let node = differing;
  while (node.level > 0 && (yield* isWhole(trees, node))) {
    const left = { level: node.level - 1, index: node.index * 2 };
    const right = { level: left.level, index: left.index + 1 };
    // When the left halves are alike it is the right ones that are not.
    node = (yield* compare(trees, left)) === 'different' ? left : right;
  }
  return node;
}

// A tile that does not make the hash above it would lead astray.
function* isWhole(trees: Trees, { level, index }: TreeNode): Reading<boolean> {
  for (const tree of [trees.old, trees.new]) {
    const above = yield* tree.findHash({ level, index });
    const left = yield* tree.findHash({ level: level - 1, index: index * 2 });
    const right = yield* tree.findHash({ level: level - 1, index: index * 2 + 1 });
    if (!above || !left || !right || !equalHashes(nodeHash(left, right, trees.sha256), above)) return false;
  }
  return true;
}
