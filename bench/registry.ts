/** Rows a and c: the registry beside Debian's docker-registry, and its own trail on beside off. */
import { createClientHome } from '../tests/support/clients.ts';
import { createTempFolder } from '../tests/support/temp-folder.ts';
import { type Image, makeImage, manifestRate, timePull, timePush } from './images.ts';
import { type Comparison, compare, type PairOptions, type Side } from './pairs.ts';
import { pullToken, type RunningPeer, startDockerRegistry, startTallyman } from './peers.ts';
import type { BenchRow } from './table.ts';

export type RegistryOptions = {
  pairs: number;
  /** Runs of each side before the first pair. */
  warmUps?: number;
  manifestSeconds: number;
  manifestPairs: number;
  large: { count: number; sizeBytes: number };
  many: { count: number; sizeBytes: number };
};

type Sides = { ours: RunningPeer; theirs: RunningPeer };
type Bench = {
  home: Awaited<ReturnType<typeof createClientHome>>;
  sides: Sides;
  options: RegistryOptions;
  meter?: CpuMeter;
};

/** The processor time of each side's server while it is measured, by what it did in it. */
class CpuMeter {
  readonly #used = new Map<RunningPeer, { seconds: number; operations: number }>();

  watch(peer: RunningPeer, side: Side, operationsOf: (rate: number) => number): Side {
    return async () => {
      const before = await peer.cpuSeconds();
      const rate = await side();
      const used = this.#used.get(peer) ?? { seconds: 0, operations: 0 };
      used.seconds += (await peer.cpuSeconds()) - before;
      used.operations += operationsOf(rate);
      this.#used.set(peer, used);
      return rate;
    };
  }

  msPerOperation(peer: RunningPeer): number {
    const { seconds, operations } = this.#used.get(peer) ?? { seconds: 0, operations: 0 };
    return (seconds * 1_000) / operations;
  }
}

/** Both sides of a comparison; `operationsOf` a run, from its rate. */
function compareSides(
  { sides, meter }: Bench,
  sideOf: (peer: RunningPeer) => Side,
  { operationsOf, times }: { operationsOf: (rate: number) => number; times: PairOptions },
): Promise<Comparison> {
  const watched = (peer: RunningPeer): Side =>
    meter === undefined ? sideOf(peer) : meter.watch(peer, sideOf(peer), operationsOf);
  return compare(watched(sides.ours), watched(sides.theirs), times);
}

const once = () => 1;

/** Owned by the bench's administrator, whose namespace it is. */
const repository = (name: string) => `bench/${name}`;

async function comparePushes(bench: Bench, image: Image, fresh: boolean): Promise<Comparison> {
  let run = 0;
  const push = (peer: RunningPeer) => async () => {
    const name = fresh ? repository(`push-${run++}`) : repository('again');
    return 1 / (await timePush(image, peer, name));
  };
  return compareSides(bench, push, { operationsOf: once, times: timesOf(bench.options) });
}

async function comparePulls(bench: Bench, image: Image, name: string): Promise<Comparison> {
  for (const peer of [bench.sides.ours, bench.sides.theirs]) await timePush(image, peer, repository(name));
  const pull = (peer: RunningPeer) => async () => 1 / (await timePull(peer, repository(name)));
  return compareSides(bench, pull, { operationsOf: once, times: timesOf(bench.options) });
}

async function compareManifests(bench: Bench, image: Image): Promise<Comparison> {
  const { home, sides, options } = bench;
  for (const peer of [sides.ours, sides.theirs]) await timePush(image, peer, repository('manifest'));
  const get = (peer: RunningPeer) => async () => {
    const authorization =
      peer.credentials === undefined ? undefined : await pullToken(peer, repository('manifest'));
    return manifestRate(home, `${peer.url}/v2/${repository('manifest')}/manifests/v1`, {
      seconds: options.manifestSeconds,
      authorization,
    });
  };
  const operationsOf = (rate: number): number => rate * options.manifestSeconds;
  return compareSides(bench, get, { operationsOf, times: timesOf(options, options.manifestPairs) });
}

/** Row a. */
export async function registryRows(options: RegistryOptions): Promise<BenchRow[]> {
  await using home = await createClientHome();
  await using folder = await createTempFolder('bench-images');
  await using ours = await startTallyman('on');
  await using theirs = await startDockerRegistry();
  const bench: Bench = { home, sides: { ours, theirs }, options };
  const large = await makeImage(folder.join('large'), options.large);
  const many = await makeImage(folder.join('many'), options.many);
  const bar = { ratio: 1, by: 'median' } as const;
  const row = (what: string, unit: string, comparison: Comparison, ratio: number = bar.ratio): BenchRow => ({
    row: 'a',
    what,
    unit,
    comparison,
    bar: { ...bar, ratio },
  });
  return [
    row(`push ${describe(options.large)}`, '/s', await comparePushes(bench, large, true)),
    row(`pull ${describe(options.large)}`, '/s', await comparePulls(bench, large, 'large')),
    row(`push ${describe(options.many)}`, '/s', await comparePushes(bench, many, true)),
    row(`push again ${describe(options.many)}`, '/s', await comparePushes(bench, many, false)),
    row(`pull ${describe(options.many)}`, '/s', await comparePulls(bench, many, 'many')),
    row('manifest GET, 32 connections', '/s', await compareManifests(bench, many), 6),
  ];
}

/** Row c: ours = trail on, theirs = the same program with a trail that records nothing. */
export async function trailCostRows(options: RegistryOptions): Promise<BenchRow[]> {
  await using home = await createClientHome();
  await using folder = await createTempFolder('bench-images');
  await using ours = await startTallyman('on');
  await using theirs = await startTallyman('off');
  const many = await makeImage(folder.join('many'), options.many);
  const measured = async (
    what: string,
    ratio: number,
    work: (bench: Bench) => Promise<Comparison>,
  ): Promise<BenchRow> => {
    const meter = new CpuMeter();
    const comparison = await work({ home, sides: { ours, theirs }, options, meter });
    const used = [ours, theirs].map((peer) => `${meter.msPerOperation(peer).toFixed(3)} ms`);
    return {
      row: 'c',
      what: `${what}, trail on beside off`,
      unit: '/s',
      comparison,
      bar: { ratio, by: 'upper' },
      note: `CPU of one ${used.join(' beside ')}`,
    };
  };
  return [
    await measured(`push ${describe(options.many)}`, 0.98, (bench) => comparePushes(bench, many, true)),
    await measured(`pull ${describe(options.many)}`, 0.98, (bench) => comparePulls(bench, many, 'many')),
    await measured('manifest GET, 32 connections', 0.85, (bench) => compareManifests(bench, many)),
  ];
}

function timesOf({ pairs, warmUps }: RegistryOptions, these = pairs): PairOptions {
  return { pairs: these, ...(warmUps !== undefined && { warmUps }) };
}

function describe({ count, sizeBytes }: { count: number; sizeBytes: number }): string {
  return `${count} x ${Math.round(sizeBytes / 1_000_000)} MB`;
}
