/**
 * Random values that can be had again: every property test prints its seed when it fails, and
 * TALLYMAN_TEST_SEED=<seed> repeats the run.
 */
import { randomInt } from 'node:crypto';

export interface SeededRandom {
  readonly seed: number;
  /** In [0, 1). */
  next(): number;
  /** Both ends included. */
  integer(range: { min: number; max: number }): number;
  boolean(): boolean;
  pick<T>(from: readonly T[]): T;
  shuffle<T>(from: readonly T[]): T[];
  bytes(sizeBytes: number): Uint8Array<ArrayBuffer>;
  /** `length` UTF-16 code units from `alphabet`; without one, from all planes including lone surrogates and controls. */
  text(length: number, alphabet?: string): string;
}

export function createSeededRandom(seed: number): SeededRandom {
  let state = seed >>> 0;
  const next = (): number => {
    // mulberry32: 32 bits of state are enough here, and it has no dependency.
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const integer = ({ min, max }: { min: number; max: number }): number =>
    min + Math.floor(next() * (max - min + 1));
  const pick = <T>(from: readonly T[]): T => {
    if (from.length === 0) throw new Error('pick needs at least one value');
    return from[integer({ min: 0, max: from.length - 1 })] as T;
  };
  return {
    seed,
    next,
    integer,
    boolean: () => next() < 0.5,
    pick,
    shuffle<T>(from: readonly T[]) {
      const left = [...from];
      const shuffled: T[] = [];
      while (left.length > 0) shuffled.push(...left.splice(integer({ min: 0, max: left.length - 1 }), 1));
      return shuffled;
    },
    bytes(sizeBytes) {
      const bytes = new Uint8Array(sizeBytes);
      for (let at = 0; at < sizeBytes; at += 1) bytes[at] = integer({ min: 0, max: 255 });
      return bytes;
    },
    text(length, alphabet) {
      let text = '';
      while (text.length < length) {
        text +=
          alphabet === undefined
            ? String.fromCharCode(integer({ min: 0, max: 0xffff }))
            : pick([...alphabet]);
      }
      return text.slice(0, length);
    },
  };
}

/**
 * Runs `property` over `runs` cases. A failure names the seed of its case, so that one case can be repeated alone.
 */
export async function forAll(
  runs: number,
  property: (random: SeededRandom) => void | Promise<void>,
): Promise<void> {
  const given = process.env.TALLYMAN_TEST_SEED;
  const seeds = given === undefined ? undefined : [Number(given)];
  const first = randomInt(0, 2 ** 31);
  for (let run = 0; run < (seeds?.length ?? runs); run += 1) {
    const seed = seeds?.[run] ?? (first + run) >>> 0;
    try {
      await property(createSeededRandom(seed));
    } catch (error) {
      throw new Error(`property failed; repeat it with TALLYMAN_TEST_SEED=${seed}: ${String(error)}`, {
        cause: error,
      });
    }
  }
}
