/**
 * Row scale: how searches and counts grow with the log. The same question is asked of a short and a long log in turns, so
 * that a slow phase of the machine hits both; and of PostgreSQL beside the reference's own table, indexes and query over
 * the same events. The ratio is of rates: 0.667 means that the long log takes 1.5 times as long.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { EventPage } from '@tallyman/contract';
import type { Engine } from '../server/src/db/migrations/migration.ts';
import { type DatabaseLocation, openDb } from '../server/src/db/open.ts';
import { systemClock } from '../server/src/stdx/clock.ts';
import { questionText } from '../server/src/trail/answer.ts';
import { formatCursor } from '../server/src/trail/cursor.ts';
import { Search, searchPathOf } from '../server/src/trail/search.ts';
import { waitFor } from '../tests/support/wait-for.ts';
import { fillLog, fillSearch, requireRoom } from './filling.ts';
import { compare } from './pairs.ts';
import { lastDays, scaleFilters, scaleViews } from './scale-questions.ts';
import type { BenchRow } from './table.ts';

export type ScaleOptions = {
  /** Where the logs are kept for the next run: a folder on SQLite, two databases of one server on PostgreSQL. */
  at: { folder: string } | { shortUrl: string; longUrl: string };
  short: number;
  long: number;
  pairs: number;
  /** How much CPU time one side of a pair takes. */
  sideMs: number;
  /** Only questions whose name has this in it. */
  only?: string | undefined;
};

export type FilledSearch = AsyncDisposable & { search: Search; events: number };

const clock = systemClock();
const mostOfPage = 20;
const growth = { ratio: 0.667, by: 'median' as const };

/** Fills what is missing, then opens it. Readings are not recorded: the log must stay as it is. */
export async function openFilled(location: DatabaseLocation, events: number): Promise<FilledSearch> {
  await fillLog(location, events);
  if (location.engine === 'sqlite') fillSearch(searchPathOf(location.path), events);
  const db = await openDb(location);
  const search = await Search.open({ db, clock, location, trail: { read: async () => '' } });
  await waitFor('the search index to be built', () => search.lag() === 0, { timeoutMs: 7_200_000 });
  return {
    search,
    events,
    async [Symbol.asyncDispose]() {
      await search.close();
      await db.close();
    },
  };
}

export async function scaleRows(options: ScaleOptions): Promise<BenchRow[]> {
  const places = placesOf(options);
  await using short = await openFilled(places.short, options.short);
  await using long = await openFilled(places.long, options.long);
  return await growthRows({ short, long }, { ...options, engine: places.long.engine });
}

function placesOf({ at, short, long }: ScaleOptions): { short: DatabaseLocation; long: DatabaseLocation } {
  if ('longUrl' in at)
    return {
      short: { engine: 'postgres', url: at.shortUrl },
      long: { engine: 'postgres', url: at.longUrl },
    };
  const pathOf = (events: number) => join(at.folder, `log-${events}`, 'tallyman.db');
  const missing = [short, long].filter((events) => !existsSync(pathOf(events)));
  requireRoom(
    at.folder,
    missing.reduce((sum, events) => sum + events, 0),
  );
  return {
    short: { engine: 'sqlite', path: pathOf(short) },
    long: { engine: 'sqlite', path: pathOf(long) },
  };
}

export async function growthRows(
  sides: { short: FilledSearch; long: FilledSearch },
  options: Pick<ScaleOptions, 'pairs' | 'sideMs' | 'only'> & { engine: Engine },
): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const question of questions()) {
    if (options.only !== undefined && !question.name.includes(options.only)) continue;
    rows.push(await growthRow(question, sides, options));
  }
  return rows;
}

/** `turn`: which of the values asked for in turn. `limit`: of a page. */
type Turn = { turn: number; limit: number };
/** `page`: as JSON. `partial`: the answer was ended by its bound. */
type Told = { page?: string; partial: boolean };
type Question = { name: string; turns: number; ask: (of: FilledSearch, turn: Turn) => Promise<Told> };

export function* questions(): Generator<Question> {
  for (const [viewName, { view, reader, turns }] of Object.entries(scaleViews)) {
    const page = (name: string, cursorOf: (of: FilledSearch) => string | undefined): Question => ({
      name: `${viewName}: page, ${name}`,
      turns,
      ask: async (of, { turn, limit }) => {
        const filter = scaleFilters(of.events, turn)[name] ?? {};
        const cursor = cursorOf(of);
        const page = await of.search.searchText({ view, filter, limit, cursor }, reader);
        return { page, partial: page.endsWith('"partial":true}') };
      },
    });
    yield page('no filter', () => undefined);
    yield page('deep', (of) => {
      const index = Math.floor(of.events / 10);
      return formatCursor({ direction: 'older', index }, questionText(view, {}));
    });
    for (const name of Object.keys(scaleFilters(1, 0)))
      if (name !== 'no filter') yield page(name, () => undefined);
    for (const by of ['outcome', 'type'] as const) {
      yield {
        name: `${viewName}: histogram by ${by}, 3 days in hours`,
        turns: 1,
        ask: async (of) => {
          const asked = { view, filter: lastDays(of.events, 3), by, interval: 'hour' as const };
          return { partial: (await of.search.histogram(asked, reader)).countedFrom !== undefined };
        },
      };
    }
    yield {
      name: `${viewName}: histogram of one outcome, 3 days in days`,
      turns: 1,
      ask: async (of) => {
        const filter = { ...lastDays(of.events, 3), outcome: ['denied' as const] };
        const asked = { view, filter, by: 'type' as const, interval: 'day' as const };
        return { partial: (await of.search.histogram(asked, reader)).countedFrom !== undefined };
      },
    };
    yield {
      name: `${viewName}: facets type, outcome, reason, 3 days`,
      turns: 1,
      ask: async (of) => {
        const filter = lastDays(of.events, 3);
        const facets = ['type', 'outcome', 'reason'] as const;
        const answer = await of.search.facets({ view, filter, facets, values: 10 }, reader);
        return { partial: answer.facets.some(({ countedFrom }) => countedFrom !== undefined) };
      },
    };
    yield {
      name: `${viewName}: facets actor and address, all of the past`,
      turns: 1,
      ask: async (of) => {
        const facets = ['actor', 'ip'] as const;
        const answer = await of.search.facets({ view, filter: {}, facets, values: 10 }, reader);
        return { partial: answer.facets.some(({ countedFrom }) => countedFrom !== undefined) };
      },
    };
  }
}

/** Of a page both are asked for as many events as the short log has: more of them cost more in any log. */
async function growthRow(
  { name, turns, ask }: Question,
  { short, long }: { short: FilledSearch; long: FilledSearch },
  { pairs, sideMs, engine }: Pick<ScaleOptions, 'pairs' | 'sideMs'> & { engine: Engine },
): Promise<BenchRow> {
  const latencies: number[] = [];
  let partial = false;
  const limits: number[] = [];
  for (let turn = 0; turn < turns; turn++) {
    const { page } = await ask(short, { turn, limit: mostOfPage });
    const found = page === undefined ? mostOfPage : (JSON.parse(page) as EventPage).items.length;
    limits.push(Math.max(1, found));
  }
  const side = (of: FilledSearch) => async (): Promise<number> => {
    const from = timeMs(engine);
    let asked = 0;
    let usedMs = 0;
    while (usedMs < sideMs) {
      for (const [turn, limit] of limits.entries()) {
        const one = performance.now();
        const told = await ask(of, { turn, limit });
        asked++;
        if (of !== long) continue;
        latencies.push(performance.now() - one);
        partial ||= told.partial;
      }
      usedMs = timeMs(engine) - from;
    }
    return asked / (usedMs / 1000);
  };
  const comparison = await compare(side(long), side(short), { pairs });
  const median = latencies.toSorted((a, b) => a - b)[latencies.length >> 1] ?? Number.NaN;
  return {
    row: 'scale',
    what: `${engine}, ${name}: ${long.events.toLocaleString('en-GB')} events beside ${short.events.toLocaleString('en-GB')}`,
    unit: engine === 'sqlite' ? '/CPU s' : '/s',
    comparison,
    bar: growth,
    note: `${(1000 / comparison.ours).toFixed(2)} ms${engine === 'sqlite' ? ` of CPU, ${median.toFixed(2)} ms` : ''}${partial ? ', a part' : ''}`,
  };
}

/** On SQLite CPU time of all threads, in which is not what others do on the machine; PostgreSQL has processes of its own. */
function timeMs(engine: Engine): number {
  if (engine === 'postgres') return performance.now();
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
