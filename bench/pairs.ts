/**
 * Side by side: two ways of doing the same thing, run in interleaved pairs so that a slow phase of the machine hits
 * both, and told as the median of the pairs' ratios with its 95 % interval. Nothing here asserts a time.
 */
import { createSeededRandom } from '../tests/support/seeded-random.ts';
import { createTempFolder, type TempFolder } from '../tests/support/temp-folder.ts';

/** One side. Returns its rate (higher is better): operations, bytes or rows per second. */
export type Side = () => Promise<number>;

/** A side in a folder of its own, gone when it has run: those of a long comparison would fill a disk together. */
export function inFolder(run: (folder: TempFolder) => Promise<number>): Side {
  return async () => {
    await using folder = await createTempFolder('bench');
    return await run(folder);
  };
}

export type PairOptions = { pairs: number; warmUps?: number };
export type Comparison = {
  ours: number;
  theirs: number;
  ratio: number;
  low: number;
  high: number;
  pairs: number;
};

/** Runs A B, B A, A B, … and returns medians, the median ratio ours/theirs and its interval. */
export async function compare(
  ours: Side,
  theirs: Side,
  { pairs, warmUps = 1 }: PairOptions,
): Promise<Comparison> {
  for (let at = 0; at < warmUps; at++) {
    await ours();
    await theirs();
  }
  const results: { ours: number; theirs: number }[] = [];
  for (let at = 0; at < pairs; at++) {
    const first = at % 2 === 0 ? await ours() : await theirs();
    const second = at % 2 === 0 ? await theirs() : await ours();
    results.push(at % 2 === 0 ? { ours: first, theirs: second } : { ours: second, theirs: first });
  }
  const ratios = results.map((result) => result.ours / result.theirs);
  const { low, high } = interval(ratios);
  return {
    ours: median(results.map((result) => result.ours)),
    theirs: median(results.map((result) => result.theirs)),
    ratio: median(ratios),
    low,
    high,
    pairs,
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** 95 % interval of the median by bootstrap; seeded, so that the same figures give the same interval. */
export function interval(values: readonly number[], rounds = 4_000): { low: number; high: number } {
  const random = createSeededRandom(7);
  const medians = Array.from({ length: rounds }, () =>
    median(values.map(() => values[Math.floor(random.next() * values.length)] as number)),
  ).sort((a, b) => a - b);
  return {
    low: medians[Math.floor(rounds * 0.025)] ?? Number.NaN,
    high: medians[Math.ceil(rounds * 0.975) - 1] ?? Number.NaN,
  };
}
