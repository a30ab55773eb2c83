/**
 * The counts beside the projection: for all events together exactly, by type, outcome and reason; for the other
 * dimensions and grains their sums. What they count is search_event, which was checked row by row before.
 */
import type { Onlooker, View } from '../db/onlooker.ts';
import type { Value } from '../db/statement.ts';
import { type CountedRow, dimensions, Gathered, grains } from '../trail/rollup.ts';
import { type ProjectionState, selectState } from '../trail/search-sink.ts';
import type { Tell } from './findings.ts';

/** Over all buckets each grain has the same sums. */
const anyGrain = Object.values(grains)[0] as number;

type Sums = { events: number; closings: number; repeats: number };

/** Sums over all keys; small whatever the log holds. */
export class Counts {
  /** By `<dimension> <grain>`, and by `<type> <outcome> <reason>`. */
  readonly byPlace = new Map<string, Sums>();
  readonly byKind = new Map<string, Sums>();
  readonly #counted: number;

  /** `counted`: up to where events are counted. */
  constructor(counted: number) {
    this.#counted = counted;
  }

  /** Rows of search_event. */
  add(rows: readonly Record<string, Value>[]): void {
    const gathered = new Gathered();
    for (const row of rows)
      if ((row.idx as number) < this.#counted) gathered.add(row as unknown as CountedRow);
    for (const cell of gathered.take()) {
      addTo(this.byPlace, `${cell.dimension} ${cell.grain}`, cell);
      if (cell.dimension === dimensions.all && cell.grain === anyGrain)
        addTo(this.byKind, `${cell.type} ${cell.outcome} ${cell.reason}`, cell);
    }
  }
}

function addTo<K>(sums: Map<K, Sums>, key: K, more: Sums): void {
  const at = sums.get(key) ?? { events: 0, closings: 0, repeats: 0 };
  at.events += more.events;
  at.closings += more.closings;
  at.repeats += more.repeats;
  sums.set(key, at);
}

const sumColumns = 'sum(events) AS events, sum(closings) AS closings, sum(repeats) AS repeats';

type Checking = { counts: Counts; state: ProjectionState; tell: Tell };

/** Where events were counted, dropped or projected anew since the pass began, sums are left to the next pass. */
export async function checkCounts(search: Onlooker, { counts, state, tell }: Checking): Promise<void> {
  await search.view(async (view) => {
    const [now] = await view.rows<ProjectionState>(selectState);
    if (now?.counted !== state.counted || now.generation !== state.generation) return;
    const found = await readSums(view);
    for (const place of new Set([...found.keys(), ...counts.byPlace.keys()])) {
      if (isSame(sumsAt(found, place), sumsAt(counts.byPlace, place))) continue;
      const [dimension, grain] = place.split(' ');
      tell.error(
        'count_differs',
        `the search index counts other events than it has (dimension ${dimension}, grain ${grain})`,
      );
    }
    await checkKinds(view, counts, tell);
  });
}

async function readSums(view: View): Promise<Map<string, Sums>> {
  const rows = await view.rows<Sums & { dimension: number; grain: number }>(
    `SELECT dimension, grain, ${sumColumns} FROM search_count GROUP BY dimension, grain`,
  );
  return new Map(rows.map((row) => [`${row.dimension} ${row.grain}`, numbersOf(row)]));
}

function sumsAt(sums: ReadonlyMap<string, Sums>, key: string): Sums {
  return sums.get(key) ?? { events: 0, closings: 0, repeats: 0 };
}

async function checkKinds(view: View, counts: Counts, tell: Tell): Promise<void> {
  const rows = await view.rows<Sums & { type: number; outcome: number; reason: number }>(
    `SELECT type, outcome, reason, ${sumColumns} FROM search_count WHERE dimension = ? AND grain = ? GROUP BY type, outcome, reason`,
    [dimensions.all, anyGrain],
  );
  const found = new Map(rows.map((row) => [`${row.type} ${row.outcome} ${row.reason}`, numbersOf(row)]));
  for (const key of new Set([...found.keys(), ...counts.byKind.keys()])) {
    const [left, right] = [sumsAt(found, key), sumsAt(counts.byKind, key)];
    if (isSame(left, right)) continue;
    tell.error(
      'count_differs',
      `the search index counts ${left.events} events of a kind of which there are ${right.events}`,
    );
  }
}

/** PostgreSQL sums integers to texts. */
function numbersOf({ events, closings, repeats }: Sums): Sums {
  return { events: Number(events), closings: Number(closings), repeats: Number(repeats) };
}

function isSame(left: Sums, right: Sums): boolean {
  return left.events === right.events && left.closings === right.closings && left.repeats === right.repeats;
}
