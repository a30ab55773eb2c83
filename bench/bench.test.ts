/** The bench works: its statistics, and a small version of every row. No time is asserted. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientSkip } from '../tests/support/clients.ts';
import { createTestDatabase, postgresSkip } from '../tests/support/postgres.ts';
import { createTempFolder } from '../tests/support/temp-folder.ts';
import { eventRateRows } from './event-rate.ts';
import { immutabilityRows } from './immutability.ts';
import { logRows } from './log.ts';
import { compare, interval, median } from './pairs.ts';
import { fillPeer } from './peer-log.ts';
import { refusalRows } from './refusals.ts';
import { type RegistryOptions, registryRows, trailCostRows } from './registry.ts';
import { openFilled, scaleRows } from './scale.ts';
import { scalePeerRows } from './scale-peer.ts';
import { firstPageRows, sustainedRow } from './search.ts';
import { type BenchRow, formatTable } from './table.ts';

test('the median, its interval, and pairs that take turns', async () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  const { low, high } = interval([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.ok(low >= 1 && low <= 5 && high >= 5 && high <= 9);
  const order: string[] = [];
  const side = (name: string, rate: number) => async () => {
    order.push(name);
    return rate;
  };
  const comparison = await compare(side('A', 6), side('B', 3), { pairs: 3, warmUps: 0 });
  assert.deepEqual(order, ['A', 'B', 'B', 'A', 'A', 'B']);
  assert.deepEqual(comparison, { ours: 6, theirs: 3, ratio: 2, low: 2, high: 2, pairs: 3 });
});

test('a row says whether its bar was met', () => {
  const comparison = { ours: 2, theirs: 4, ratio: 0.5, low: 0.4, high: 0.6, pairs: 3 };
  const row = (ratio: number, by: 'median' | 'upper'): BenchRow => ({
    row: 'x',
    what: 'w',
    unit: '/s',
    comparison,
    bar: { ratio, by },
  });
  assert.match(formatTable([row(0.5, 'median')]), /0\.5 met/);
  assert.match(formatTable([row(0.55, 'median')]), /0\.55 MISSED/);
  assert.match(formatTable([row(0.55, 'upper')]), /0\.55 met/);
});

const measured = (rows: readonly BenchRow[]): void => {
  assert.ok(rows.length > 0);
  for (const { what, comparison } of rows)
    for (const value of Object.values(comparison)) assert.ok(Number.isFinite(value) && value > 0, what);
};

test('small: durable events a second', async () => {
  measured(await eventRateRows({ seconds: 0.1, pairs: 2, writers: [1, 16] }));
});

test('small: a long run with the projection following', async () => {
  measured(await sustainedRow({ seconds: 0.3, pairs: 1, writers: 16 }));
});

test('small: the first page by a rare type', async () => {
  measured(await firstPageRows({ events: 20_000, pairs: 1 }));
});

test('small: what the log costs, a proof, a full verification', async () => {
  measured(await logRows({ seconds: 0.1, pairs: 1, writers: [8], proofEvents: 70_000, verifyEvents: 3_000 }));
});

const small: RegistryOptions = {
  pairs: 1,
  warmUps: 0,
  manifestSeconds: 1,
  manifestPairs: 1,
  large: { count: 1, sizeBytes: 300_000 },
  many: { count: 3, sizeBytes: 50_000 },
};

test('small: beside docker-registry', { skip: clientSkip('docker-registry', 'skopeo', 'wrk') }, async () => {
  measured(await registryRows(small));
});

test('small: the trail on beside off', { skip: clientSkip('skopeo', 'wrk') }, async () => {
  const rows = await trailCostRows(small);
  measured(rows);
  for (const { what, note } of rows)
    assert.match(note ?? '', /^CPU of one [\d.]+ ms beside [\d.]+ ms$/, what);
});

test('small: what each switch costs', { skip: clientSkip('wrk') }, async () => {
  measured(await refusalRows({ seconds: 1, pairs: 1, warmUps: 0 }));
});

test('small: what immutability costs', async () => {
  const sizes = { pushes: 10, runTags: 200, heldUnits: 3, loadTags: 500 };
  measured(await immutabilityRows({ ...sizes, pairs: 1, warmUps: 0 }));
});

test('small: how searches grow', async () => {
  await using folder = await createTempFolder('bench-scale');
  measured(
    await scaleRows({
      at: { folder: folder.path },
      short: 1_000,
      long: 3_000,
      pairs: 1,
      sideMs: 1,
      only: 'organisation',
    }),
  );
});

test('small: searches beside the table of the reference', { skip: postgresSkip() }, async () => {
  await using database = await createTestDatabase();
  await using folder = await createTempFolder('bench-peer');
  const events = 2_000;
  await fillPeer(database.url, events);
  const few = { peerUrl: database.url, pairs: 1, sideMs: 1 };
  {
    await using ours = await openFilled({ engine: 'sqlite', path: folder.join('tallyman.db') }, events);
    measured(await scalePeerRows({ ours, engine: 'sqlite', ...few }));
  }
  await using ours = await openFilled({ engine: 'postgres', url: database.url }, events);
  measured(await scalePeerRows({ ours, engine: 'postgres', ...few, only: 'most' }));
});
