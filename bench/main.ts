/**
 * `npm run bench`: every claim of speed as a ratio, both sides in one run. `--quick` runs short; `--row a|b|c|d|e|f|g|scale` runs one.
 * `--row scale` keeps its logs in `--data`, compares `--events` (10 million) with `--short` (100,000), and takes `--only` for some
 * questions; on PostgreSQL they are in two databases of one server, `--url` and `--short-url`.
 * `--row peer-sqlite`, `--row peer-postgres` do so too, and keep the table of the reference in the database `--url`.
 * Needs docker-registry, skopeo and wrk for rows a, c and e; install-bench-peers.sh installs them where it may.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createTestDatabase, postgresSkip } from '../tests/support/postgres.ts';
import { createTempFolder } from '../tests/support/temp-folder.ts';
import { eventRateRows } from './event-rate.ts';
import { immutabilityRows } from './immutability.ts';
import { logRows } from './log.ts';
import { fillPeer } from './peer-log.ts';
import { refusalRows } from './refusals.ts';
import { type RegistryOptions, registryRows, trailCostRows } from './registry.ts';
import { openFilled, scaleRows } from './scale.ts';
import { scalePeerRows } from './scale-peer.ts';
import { firstPageRows, sustainedRow } from './search.ts';
import { type BenchRow, formatTable } from './table.ts';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    row: { type: 'string', multiple: true },
    data: { type: 'string' },
    events: { type: 'string' },
    only: { type: 'string' },
    short: { type: 'string' },
    url: { type: 'string' },
    'short-url': { type: 'string' },
  },
});
const quick = values.quick;
const wanted = (row: string) => values.row === undefined || values.row.includes(row);
const registry: RegistryOptions = {
  pairs: quick ? 5 : 30,
  manifestSeconds: quick ? 2 : 5,
  manifestPairs: quick ? 3 : 11,
  large: { count: 1, sizeBytes: 200_000_000 },
  many: { count: 20, sizeBytes: 1_000_000 },
};

const rows: BenchRow[] = [];
const add = async (row: string, work: () => Promise<BenchRow[]>): Promise<void> => {
  if (!wanted(row)) return;
  const made = await work();
  rows.push(...made);
  process.stdout.write(`${formatTable(made)}\n\n`);
};

await add('a', () => registryRows(registry));
await add('c', () => trailCostRows(registry));
await using database = new AsyncDisposableStack();
const freshDatabase = async () => database.use(await createTestDatabase({ durable: true })).url;
await add('b', () =>
  eventRateRows({
    seconds: quick ? 2 : 5,
    pairs: quick ? 3 : 11,
    writers: [1, 32, 128],
    ...(postgresSkip() === false && { postgresUrl: freshDatabase }),
  }),
);
await add('b', () => sustainedRow({ seconds: quick ? 5 : 60, pairs: quick ? 1 : 3, writers: 128 }));
await add('e', () => refusalRows({ seconds: quick ? 2 : 4, pairs: quick ? 3 : 7 }));
await add('d', () => firstPageRows({ events: quick ? 100_000 : 1_000_000, pairs: quick ? 5 : 30 }));
await add('f', () =>
  logRows({
    seconds: quick ? 2 : 5,
    pairs: quick ? 3 : 11,
    writers: [1, 128],
    proofEvents: quick ? 100_000 : 10_000_000,
    verifyEvents: quick ? 100_000 : 1_000_000,
  }),
);
await add('g', () =>
  immutabilityRows({
    pushes: quick ? 500 : 1_000,
    runTags: quick ? 5_000 : 50_000,
    heldUnits: quick ? 200 : 2_000,
    loadTags: quick ? 4_000 : 20_000,
    pairs: quick ? 3 : 11,
  }),
);
await add('scale', async () => {
  const folder = database.use(await createTempFolder('bench-scale')).path;
  return scaleRows({
    at:
      values.url !== undefined && values['short-url'] !== undefined
        ? { shortUrl: values['short-url'], longUrl: values.url }
        : { folder: values.data ?? folder },
    short: Number(values.short ?? (quick ? 10_000 : 100_000)),
    long: Number(values.events ?? (quick ? 100_000 : 10_000_000)),
    pairs: quick ? 3 : 7,
    sideMs: quick ? 20 : 60,
    only: values.only,
  });
});
const peerPairs = { pairs: quick ? 3 : 11, sideMs: quick ? 30 : 100, only: values.only };
for (const engine of ['sqlite', 'postgres'] as const) {
  if (postgresSkip() !== false) break;
  await add(`peer-${engine}`, async () => {
    const events = Number(values.events ?? (quick ? 30_000 : engine === 'sqlite' ? 10_000_000 : 1_000_000));
    const peerUrl = values.url ?? (await freshDatabase());
    await fillPeer(peerUrl, events);
    const folder = database.use(await createTempFolder('bench-peer')).path;
    const file = join(values.data ?? folder, `log-${events}`, 'tallyman.db');
    await using ours = await openFilled(
      engine === 'sqlite' ? { engine, path: file } : { engine, url: peerUrl },
      events,
    );
    return await scalePeerRows({ ours, engine, peerUrl, ...peerPairs });
  });
}
process.stdout.write(`${formatTable(rows)}\n`);
