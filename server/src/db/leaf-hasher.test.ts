/** Whoever hashes a leaf, thread or writer, it is the hash of its body: also when neither waits for the other. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { createSeededRandom } from '../../../tests/support/seeded-random.ts';
import { LeafHasher } from './leaf-hasher.ts';

const leafOf = (body: string) => createHash('sha256').update(`\0${body}`).digest('latin1');

function requireLeaves(hasher: LeafHasher, bodies: readonly string[]): void {
  for (const [place, body] of bodies.entries())
    assert.equal(hasher.leafAt(place), leafOf(body), `${place} of ${bodies.length}`);
}

test('leaves are those of their bodies in batches of every size, read at once or late', async () => {
  const hasher = new LeafHasher();
  const random = createSeededRandom(5);
  let batches = 0;
  for (const count of [0, 1, 15, 16, 17, 128, 1_022, 1_023, 1_024, 3_000])
    for (const late of [0, 0, 1, 5]) {
      const letter = random.pick(['x', 'ä', '€', '🦀']);
      const bodies = Array.from(
        { length: count },
        (_, at) => `${batches} ${at} ${letter.repeat(random.integer({ min: 0, max: 2_000 }))}`,
      );
      hasher.begin(bodies);
      if (late > 0) await wait(late);
      requireLeaves(hasher, bodies);
      batches++;
    }
  await hasher.close();
});

test('entries that do not fit where the thread reads are hashed all the same', async () => {
  const hasher = new LeafHasher();
  for (const length of [10_000, 65_536, 400_000, 2_000_000]) {
    const bodies = Array.from({ length: 40 }, (_, at) => `${at}${'y'.repeat(length)}`);
    hasher.begin(bodies);
    await wait(5);
    requireLeaves(hasher, bodies);
  }
  await hasher.close();
});

test('work on entries that were overwritten meanwhile is void', async () => {
  const hasher = new LeafHasher();
  const random = createSeededRandom(6);
  const until = performance.now() + 1_500;
  for (let batch = 0; batch < 400 || performance.now() < until; batch++) {
    const bodies = Array.from(
      { length: random.integer({ min: 16, max: 200 }) },
      (_, at) => `${batch} ${at} ${'z'.repeat(random.integer({ min: 0, max: 3_000 }))}`,
    );
    hasher.begin(bodies);
    // Some are never asked for: the thread is in the midst of them when the next batch overwrites them.
    if (batch % 3 === 0) requireLeaves(hasher, bodies);
    else if (batch % 3 === 1) assert.equal(hasher.leafAt(7), leafOf(bodies[7] as string));
  }
  await hasher.close();
});

test('without its thread the hashes are the same', async () => {
  const hasher = new LeafHasher();
  const bodies = Array.from({ length: 100 }, (_, at) => `body ${at}`);
  hasher.begin(bodies);
  await hasher.close();
  requireLeaves(hasher, bodies);
  hasher.begin(bodies.toReversed());
  requireLeaves(hasher, bodies.toReversed());
});
