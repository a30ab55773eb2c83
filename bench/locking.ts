/**
 * A policy's run by itself, for row g, in this process so that all sides have the same kind of store: idle, beside a bare
 * loop that makes the same changes in the same batches; and how long its units hold the writer while others write.
 */
import { readFileSync } from 'node:fs';
import { PerformanceObserver } from 'node:perf_hooks';
import { lockingKind, lockingLimits } from '../server/src/containers/locking.ts';
import { insertManifest, lockTagRow } from '../server/src/containers/rows.ts';
import { retag } from '../server/src/containers/tags.ts';
import { migrate } from '../server/src/db/open.ts';
import { SqliteDb } from '../server/src/db/sqlite.ts';
import type { AtStep } from '../server/src/db/steps.ts';
import type { Db, SealedEvent } from '../server/src/db/store.ts';
import { digestOf } from '../server/src/domain/digest.ts';
import { createLog } from '../server/src/http/log.ts';
import { Jobs } from '../server/src/jobs/jobs.ts';
import { createPolicy } from '../server/src/policies/policies.ts';
import { systemClock } from '../server/src/stdx/clock.ts';
import { uuidv7 } from '../server/src/stdx/random.ts';
import { type SealedDraft, sealDraft } from '../server/src/trail/seal.ts';
import { Trail } from '../server/src/trail/trail.ts';
import { createTempFolder } from '../tests/support/temp-folder.ts';
import { compare, median, type PairOptions } from './pairs.ts';
import type { BenchRow } from './table.ts';

const clock = systemClock();
const by = {
  actor: { kind: 'system', id: 'immutability policy', name: 'immutability policy', proven: true },
  credential: { kind: 'none' },
  request: { id: uuidv7(clock.nowUs()), protocol: 'internal' },
} as const;
const digest = digestOf('sha256', '{}');

/** `db` is what the run is given; `atStep` is told of each batch. */
async function open({ atStep, seenBy }: { atStep?: AtStep; seenBy?: (db: Db) => Db } = {}) {
  await using opened = new AsyncDisposableStack();
  const folder = opened.use(await createTempFolder('bench-run'));
  const path = folder.join('tallyman.db');
  await migrate({ engine: 'sqlite', path });
  const db = new SqliteDb({ path, ...(atStep && { atStep }) });
  opened.defer(() => db.close());
  const trail = new Trail({ db, clock });
  const jobs = new Jobs({ db, clock, log: createLog({ level: 'silent' }) });
  jobs.register(lockingKind({ db: seenBy?.(db) ?? db, trail, clock }));
  const held = opened.move();
  return { db, trail, clock, jobs, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** Tags locked a second by a run that nobody disturbs. */
export async function idleRow({ runTags, ...times }: PairOptions & { runTags: number }): Promise<BenchRow> {
  await using house = await open();
  const cpu = { ours: [] as number[], theirs: [] as number[] };
  const timed = async (used: number[], work: () => Promise<void>): Promise<number> => {
    const [began, before] = [performance.now(), process.cpuUsage()];
    await work();
    const { user, system } = process.cpuUsage(before);
    used.push((user + system) / runTags);
    return (runTags * 1_000) / (performance.now() - began);
  };
  const ours = async (): Promise<number> => {
    const place = await makeProject(house.db, runTags);
    await createPolicy(house, { by, place, words: { pattern: '.*', matches: true, description: '' } });
    return timed(cpu.ours, () => house.jobs.settle());
  };
  const theirs = async (): Promise<number> => {
    const place = await makeProject(house.db, runTags);
    const events = place.names.map((tag) => lockEvent(place, tag));
    return timed(cpu.theirs, () => bareLoop(house.db, { ...place, events }));
  };
  const comparison = await compare(ours, theirs, times);
  const used = [cpu.ours, cpu.theirs].map((each) => median(each).toFixed(0));
  return {
    row: 'g',
    what: 'tags locked by a run, idle, beside a bare loop of the same updates and inserts in the same batches',
    unit: '/s',
    comparison,
    bar: { ratio: 0.67, by: 'upper' },
    note: `CPU µs of one ${used.join(' beside ')}`,
  };
}

type Project = Awaited<ReturnType<typeof makeProject>>;

/** As a run makes it: of the same bytes, with the same hashes in it. */
function lockEvent({ scope, projectId }: Project, tag: string): SealedDraft {
  const policy = { id: projectId, version: 1, scope: 'project', pattern: '.*', matches: true } as const;
  return sealDraft(
    {
      type: 'container.tag.lock',
      by,
      scope,
      target: { kind: 'tag', name: tag },
      cause: projectId,
      details: { digest, previous: 'unlocked', tag, trigger: 'policy', policy },
    },
    clock,
  );
}

/** Knows its tags and has its events' bytes beforehand: nothing is left but what is written, in the batches of a run. */
async function bareLoop(
  db: Db,
  {
    projectId,
    names,
    events,
  }: { projectId: string; names: readonly string[]; events: readonly SealedDraft[] },
): Promise<void> {
  const batch = lockingLimits.alone.tags;
  for (let from = 0; from < names.length; from += batch)
    await db.transact(async (tx) => {
      for (let at = from; at < Math.min(from + batch, names.length); at++) {
        const event = events[at] as SealedDraft;
        await tx.run(lockTagRow, ['policy', 1, event.id, projectId, 1, null, projectId, names[at] as string]);
        tx.append(event satisfies SealedEvent);
      }
    });
}

/** A project of its own namespace, with one manifest to which so many tags point. */
async function makeProject(db: Db, tags: number) {
  const nowUs = clock.nowUs();
  const [namespaceId, projectId] = [uuidv7(nowUs), uuidv7(nowUs)];
  const names = Array.from({ length: tags }, (_, at) => `v1.${String(at).padStart(6, '0')}`);
  const made = { created_at: nowUs, deleted_at: null };
  const kind = 'organisation' as const;
  const project = {
    format: 'container' as const,
    name: 'app',
    visibility: 'private' as const,
    description: '',
  };
  await db.transact(async (tx) => {
    const namespace = { ...made, id: namespaceId, kind, name: namespaceId };
    await tx.q.insertInto('namespace').values(namespace).execute();
    const row = { ...made, ...project, id: projectId, namespace_id: namespaceId };
    await tx.q.insertInto('project').values(row).execute();
    const content = Buffer.from('{}');
    await tx.run(insertManifest, [
      projectId,
      digest,
      'application/json',
      null,
      null,
      2,
      content,
      null,
      nowUs,
      projectId,
    ]);
  });
  for (let at = 0; at < tags; at += 500) {
    const times = { created_at: nowUs, moved_at: nowUs };
    const rows = names
      .slice(at, at + 500)
      .map((name) => ({ ...times, project_id: projectId, name, digest, event_id: namespaceId }));
    await db.transact(async (tx) => void (await tx.q.insertInto('tag').values(rows).execute()));
  }
  const scope = {
    namespace: { id: namespaceId, kind, name: namespaceId },
    project: { format: 'container' as const, id: projectId, path: `${namespaceId}/app` },
  };
  return { namespaceId, projectId, names, scope };
}

const writers = 8;
const holdBarMs = 10;

/**
 * Units of a run inside the writer while eight others point tags without a pause: from the begin of a unit to its end,
 * and of whole batches, with everybody's units, the log and the flush, those with a unit of the run beside those without.
 */
export async function holdRow({ heldUnits }: { heldUnits: number }): Promise<BenchRow> {
  const times = new Times();
  await using house = await open({ atStep: times.atStep, seenBy: (db) => times.of(db, 'run') });
  const run = await makeProject(house.db, heldUnits * lockingLimits.alone.tags);
  const busy = await makeProject(house.db, 0);
  const others = { ...house, db: times.of(house.db, 'other') };
  await createPolicy(house, { by, place: run, words: { pattern: '.*', matches: true, description: '' } });
  times.begin();
  let tag = 0;
  const push = async (): Promise<void> => {
    while (times.units.length < heldUnits)
      await retag(others, { by, projectId: busy.projectId, scope: busy.scope, tag: `t-${tag++}`, digest });
  };
  await house.jobs.start();
  await Promise.all(Array.from({ length: writers }, push));
  await house.jobs.stop(5_000);
  times.end();
  const longestMs = Math.max(...times.running);
  const ratio = holdBarMs / longestMs;
  return {
    row: 'g',
    what: `longest of ${times.units.length} units of a run in the writer, ${writers} others writing, waits for a processor left out, beside what it may take`,
    unit: 'ms',
    comparison: {
      ours: longestMs,
      theirs: holdBarMs,
      ratio,
      low: ratio,
      high: ratio,
      pairs: times.units.length,
    },
    bar: { ratio: 1, by: 'median' },
    note: times.told(),
  };
}

/** What holds the writer, as its batches go. */
class Times {
  readonly units: number[] = [];
  /** The same without the time that this thread waited for a processor: what others on the machine took is not its own. */
  readonly running: number[] = [];
  readonly #batches = { run: [] as number[], other: [] as number[] };
  readonly #flushes = { run: [] as number[], other: [] as number[] };
  readonly #pauses: number[] = [];
  readonly #watching = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) this.#pauses.push(duration);
  });
  #isOn = false;
  #batchMs: number | undefined;
  #edgeMs = 0;
  #kind: 'run' | 'other' = 'other';

  begin(): void {
    this.#isOn = true;
    this.#watching.observe({ type: 'gc' });
  }

  end(): void {
    this.#isOn = false;
    this.#watching.disconnect();
  }

  /** The store as one of its users has it, each of whose units is timed. */
  of(db: Db, kind: 'run' | 'other'): Db {
    const transact: Db['transact'] = (unit, options) =>
      db.transact(async (tx) => {
        const [waitedMs, beganMs] = [kind === 'run' ? processorWaitMs() : 0, performance.now()];
        this.#batchMs ??= beganMs;
        try {
          return await unit(tx);
        } finally {
          if (this.#isOn && kind === 'run') {
            this.#kind = 'run';
            const heldMs = performance.now() - beganMs;
            this.units.push(heldMs);
            this.running.push(heldMs - (processorWaitMs() - waitedMs));
          }
        }
      }, options);
    return {
      engine: db.engine,
      read: db.read,
      transact,
      append: (events) => db.append(events),
      setGate: (gate) => db.setGate(gate),
      head: () => db.head(),
      partialTile: (tile) => db.partialTile(tile),
      onHead: (listener) => db.onHead(listener),
      probe: () => db.probe(),
      close: () => db.close(),
    };
  }

  readonly atStep: AtStep = (step) => {
    const nowMs = performance.now();
    if (step === 'batch.edge') this.#edgeMs = nowMs;
    if (step !== 'batch.committed' || this.#batchMs === undefined) return;
    if (this.#isOn) {
      this.#batches[this.#kind].push(nowMs - this.#batchMs);
      this.#flushes[this.#kind].push(nowMs - this.#edgeMs);
    }
    this.#batchMs = undefined;
    this.#kind = 'other';
  };

  told(): string {
    const pauseMs = Math.max(0, ...this.#pauses);
    return [
      `ms, median / 99 % / longest: units of the run ${spread(this.units)}, without waits for a processor ${spread(this.running)}`,
      `batches with one ${spread(this.#batches.run)}, without ${spread(this.#batches.other)}`,
      `of which flush ${spread(this.#flushes.run)}, without ${spread(this.#flushes.other)}`,
      `longest pause of the collector ${pauseMs.toFixed(1)}`,
    ].join('; ');
  }
}

/** How long this thread was ready to run and did not, so far; Linux tells. */
function processorWaitMs(): number {
  return Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[1]) / 1e6;
}

function spread(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  return [0.5, 0.99, 1]
    .map((part) => (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0).toFixed(2))
    .join(' / ');
}
