/**
 * Row peer: our whole answers beside the reference registry's query alone, over the same events and from the same process.
 * Ours: `Search.searchText` or a count, as the API calls it: waiting for the projection, rights, masks, sentences, JSON. Theirs:
 * its table, indexes and query (peer-log.ts) prepared on a connection of its own, rows parsed by the client and no more done.
 */
import { readFileSync } from 'node:fs';
import type { EventFilter, EventType } from '@tallyman/contract';
import pg from 'pg';
import { formatUs } from '../server/src/stdx/clock.ts';
import { questionText } from '../server/src/trail/answer.ts';
import { formatCursor } from '../server/src/trail/cursor.ts';
import type { Reader, View } from '../server/src/trail/reader.ts';
import { createSeededRandom } from '../tests/support/seeded-random.ts';
import { gapUs, organisationOf, projectOf, rareType, timeOf, userOf, veryRareType } from './busy-registry.ts';
import { compare, interval, median } from './pairs.ts';
import { kindOf, peerColumns, peerIds } from './peer-log.ts';
import type { FilledSearch } from './scale.ts';
import { scaleViews } from './scale-questions.ts';
import type { BenchRow } from './table.ts';

export type PeerOptions = {
  ours: FilledSearch;
  /** What ours runs on, for the table. */
  engine: string;
  /** A database on this machine that `fillPeer` has filled with as many events. */
  peerUrl: string;
  pairs: number;
  sideMs: number;
  only?: string | undefined;
};

type Place = { view: View; reader: Reader };
type Question = {
  name: string;
  ours: (of: FilledSearch) => Promise<unknown>;
  sql: string;
  values: () => unknown[];
};

const limit = 20;
/** Sides before the first pair: a server that has been running is compared, and a statement that has been planned. */
const warmUps = 5;
const dayUs = 86_400_000_000;
const fiveKinds: EventType[] = [
  'container.tag.create',
  'container.tag.move',
  'container.tag.delete',
  'container.manifest.push',
  'project.entry.create',
];
const newest = (where: string, beyond = ''): string =>
  `SELECT ${peerColumns} FROM logentry3 WHERE ${where} ORDER BY datetime DESC LIMIT ${limit}${beyond}`;

const everything = scaleViews.administration as Place;

function organisation(at: number): Place {
  const namespace = organisationOf(at);
  const { reader } = scaleViews.organisation as Place;
  return { view: { kind: 'namespace', namespace }, reader: { ...reader, owned: [namespace.id] } };
}

function repository(at: number): Place {
  const { namespace, project } = projectOf(at);
  const { reader } = scaleViews.project as Place;
  return {
    view: { kind: 'project', namespace, project },
    reader: { ...reader, ownedProjects: { ids: [project.id], ofNamespaces: [] } },
  };
}

function page({ view, reader }: Place, filter: EventFilter = {}): Question['ours'] {
  return ({ search }) => search.searchText({ view, filter, limit }, reader);
}

function pageFrom({ view, reader }: Place, indexOf: (events: number) => number): Question['ours'] {
  return ({ search, events }) => {
    const cursor = formatCursor(
      { direction: 'older', index: Math.max(0, indexOf(events)) },
      questionText(view, {}),
    );
    return search.searchText({ view, filter: {}, limit, cursor }, reader);
  };
}

function kinds(...types: EventType[]): number[] {
  return types.map(kindOf);
}

function* questions(events: number): Generator<Question> {
  const accountIs = 'account_id = $1';
  const oneOf = 'kind_id = ANY($2)';
  for (const [name, at] of [
    ['account with the most', 0],
    ['account in the middle', 250],
    ['account with the least', 499],
  ] as const) {
    const place = organisation(at);
    const id = peerIds.organisation(at);
    yield { name, ours: page(place), sql: newest(accountIs), values: () => [id] };
    for (const [what, types] of [
      ['5 kinds', fiveKinds],
      ['a kind of one in 1,000', [rareType()]],
      ['a kind of one in 10,000', [veryRareType()]],
    ] as const)
      yield {
        name: `${name}, ${what}`,
        ours: page(place, { type: [...types] }),
        sql: newest(`${accountIs} AND ${oneOf}`),
        values: () => [id, kinds(...types)],
      };
  }
  yield* ofBusiestAccount(events);
  for (const [name, at] of [
    ['repository with the most', 0],
    ['repository in the middle', 10_000],
  ] as const) {
    const values = () => [peerIds.project(at)];
    yield { name, ours: page(repository(at)), sql: newest('repository_id = $1'), values };
    for (const [what, types] of [
      ['5 kinds', fiveKinds],
      ['a kind of one in 10,000', [veryRareType()]],
    ] as const)
      yield {
        name: `${name}, ${what}`,
        ours: page(repository(at), { type: [...types] }),
        sql: newest(`repository_id = $1 AND ${oneOf}`),
        values: () => [...values(), kinds(...types)],
      };
  }
  yield { name: 'everything', ours: page(everything), sql: newest('true'), values: () => [] };
  yield {
    name: 'everything, 5 kinds',
    ours: page(everything, { type: fiveKinds }),
    sql: newest('kind_id = ANY($1)'),
    values: () => [kinds(...fiveKinds)],
  };
  yield {
    name: 'everything, performer',
    ours: page(everything, { actor: [userOf(0).id] }),
    sql: newest('performer_id = $1'),
    values: () => [peerIds.user(0)],
  };
}

function* ofBusiestAccount(events: number): Generator<Question> {
  const place = organisation(0);
  const { view, reader } = place;
  const account = peerIds.organisation(0);
  const end = timeOf(events - 1) + gapUs;
  const timeText = (us: number): string => formatUs(us).replace('Z', '');
  yield {
    name: 'account with the most, performer',
    ours: page(place, { actor: [userOf(0).id] }),
    sql: newest('account_id = $1 AND performer_id = $2'),
    values: () => [account, peerIds.user(0)],
  };
  const oneDay = { from: formatUs(end - 2 * dayUs), to: formatUs(end - dayUs) };
  const within = 'account_id = $1 AND datetime >= $2 AND datetime < $3';
  yield {
    name: 'account with the most, one day in the past',
    ours: page(place, oneDay),
    sql: newest(within),
    values: () => [account, timeText(end - 2 * dayUs), timeText(end - dayUs)],
  };
  const share = 0.16;
  yield {
    name: 'account with the most, 10,000 back (its OFFSET, our cursor)',
    ours: pageFrom(place, (all) => Math.floor(all - 10_000 / share)),
    sql: newest('account_id = $1', ' OFFSET 10000'),
    values: () => [account],
  };
  const ourPlaces = createSeededRandom(3);
  const theirPlaces = createSeededRandom(3);
  yield {
    name: 'account with the most, another page each time (keyset on both)',
    ours: pageFrom(place, (all) => ourPlaces.integer({ min: all >> 1, max: all })),
    sql: newest('account_id = $1 AND datetime < $2'),
    values: () => [account, timeText(timeOf(theirPlaces.integer({ min: events >> 1, max: events })))],
  };
  yield {
    name: 'account with the most, count of all',
    ours: ({ search }) => search.facets({ view, filter: {}, facets: ['outcome'], values: 10 }, reader),
    sql: 'SELECT count(*) FROM logentry3 WHERE account_id = $1',
    values: () => [account],
  };
  const days = Math.floor(end / dayUs);
  const lastDays = { from: formatUs((days - 10) * dayUs), to: formatUs(days * dayUs) };
  yield {
    name: 'account with the most, histogram of 10 days',
    ours: ({ search }) =>
      search.histogram({ view, filter: lastDays, by: 'outcome', interval: 'day' }, reader),
    sql: `SELECT date_trunc('day', datetime) AS day, count(*) FROM logentry3 WHERE ${within} GROUP BY 1 ORDER BY 1`,
    values: () => [account, timeText((days - 10) * dayUs), timeText(days * dayUs)],
  };
}

/** CPU time of this process, and of backends on the same machine by their process. */
type CpuMs = { own: number; backends: ReadonlyMap<number, number> };

function cpuMs(pids: readonly number[]): CpuMs {
  const { user, system } = process.cpuUsage();
  const backends = new Map<number, number>();
  for (const pid of pids) {
    const ms = tryBackendCpuMs(pid);
    if (ms !== undefined) backends.set(pid, ms);
  }
  return { own: (user + system) / 1000, backends };
}

/** A connection that nobody used for a while ends meanwhile: it is left out. */
function cpuSince(from: CpuMs, now: CpuMs): number {
  let sum = now.own - from.own;
  for (const [pid, ms] of now.backends) sum += ms - (from.backends.get(pid) ?? 0);
  return sum;
}

/** Backends of ours, when it is on PostgreSQL in the same database. */
async function otherBackends(client: pg.Client): Promise<number[]> {
  const { rows } = await client.query(`SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()`);
  return rows.map((row) => Number(row.pid));
}

function tryBackendCpuMs(pid: number): number | undefined {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
  } catch {
    return undefined;
  }
}

/** Wall time of answers in turns; the note has the CPU time of all processes at work on them, and its ratio. */
export async function scalePeerRows(options: PeerOptions): Promise<BenchRow[]> {
  const { ours, engine, peerUrl, pairs, sideMs, only } = options;
  const client = new pg.Client({ connectionString: peerUrl });
  await client.connect();
  try {
    const { rows: pids } = await client.query('SELECT pg_backend_pid() AS pid');
    const backend = Number(pids[0].pid);
    const rows: BenchRow[] = [];
    for (const { name, sql, values, ...question } of questions(ours.events)) {
      if (only !== undefined && !name.includes(only)) continue;
      const cpu = { ours: [] as number[], theirs: [] as number[] };
      await question.ours(ours);
      const others = await otherBackends(client);
      const side = (to: number[], ask: () => Promise<unknown>, cpuNow: () => CpuMs) => async () => {
        const from = performance.now();
        const cpuFrom = cpuNow();
        let asked = 0;
        for (; asked === 0 || performance.now() - from < sideMs; asked++) await ask();
        const tookMs = performance.now() - from;
        to.push(cpuSince(cpuFrom, cpuNow()) / asked);
        return asked / (tookMs / 1000);
      };
      const comparison = await compare(
        side(
          cpu.ours,
          () => question.ours(ours),
          () => cpuMs(others),
        ),
        side(
          cpu.theirs,
          () => client.query({ name, text: sql, values: values() }),
          () => cpuMs([backend]),
        ),
        { pairs, warmUps },
      );
      const ratios = cpu.theirs.map((theirs, at) => theirs / (cpu.ours[at] as number)).slice(warmUps);
      const { low, high } = interval(ratios);
      rows.push({
        row: 'peer',
        what: `${engine}, ${name}, ${ours.events.toLocaleString('en-GB')} events, beside the reference's table and query`,
        unit: 'answers/s',
        comparison,
        bar: { ratio: 1, by: 'median' },
        note: `${ms(1000 / comparison.ours)} beside ${ms(1000 / comparison.theirs)} ms; CPU ${ms(median(cpu.ours))} beside ${ms(median(cpu.theirs))} ms, ${median(ratios).toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`,
      });
    }
    return rows;
  } finally {
    await client.end();
  }
}

function ms(value: number): string {
  return value.toFixed(value < 10 ? 2 : 0);
}
