/**
 * How many events there were, kept beside them (`search_count`), so that a count over years reads some rows and not every
 * event. Each event is counted once in each dimension it lies in, at the grains of the dimension:
 *
 *   dimension  all · namespace          by hour, day and month       key: the word of its id; all: 0
 *              project · account        by day                       account: each account that the event concerns
 *   bucket     hours, days or spans of 30 days since 1970
 *   how        in which ways it concerns the account, so that rights can be decided for all of them at once; else 0
 *
 * Rows lie in the order of time, so that those of the present are few pages, whoever acts. The newest events are gathered
 * in memory and counted many at once; `search_state.counted` tells up to where, and what lies between it and `next` is
 * counted by looking. A crash loses what is gathered, never what is counted.
 */
import type { Value } from '../db/statement.ts';

export const dimensions = { all: 0, namespace: 1, project: 2, account: 3 } as const;
export type Dimension = keyof typeof dimensions;
export const grains = { hour: 0, day: 1, month: 2 } as const;
export type Grain = keyof typeof grains;
export const grainsOf: Readonly<Record<Dimension, readonly Grain[]>> = {
  all: ['hour', 'day', 'month'],
  namespace: ['hour', 'day', 'month'],
  project: ['day'],
  account: ['day'],
};
/** Bits of `how`. */
export const concern = { actor: 1, onBehalfOf: 2, subject: 4, namespace: 8, proven: 16 } as const;

export const hourUs = 3_600_000_000;
/** How long a bucket is. */
export const grainUs: Readonly<Record<Grain, number>> = {
  hour: hourUs,
  day: 24 * hourUs,
  month: 720 * hourUs,
};

/** Events gathered before they are counted: what a count must look at besides. */
export const eventsPerCounting = 4_096;

/** What of a row of search_event is counted, as numbers of words. */
export type CountedRow = {
  type: number;
  occurred_us: number;
  outcome: number;
  reason: number | null;
  actor: number | null;
  proven: number;
  on_behalf_of: number | null;
  namespace: number | null;
  project: number | null;
  subject: number | null;
  repeats_since_us: number | null;
  repeats: number | null;
};
export const countedColumns =
  'type, occurred_us, outcome, reason, actor, proven, on_behalf_of, namespace, project, subject, repeats_since_us, repeats';

/** One row of search_count. `closings`: events that only count the repeats of another; not among `events`. */
export type Cell = {
  grain: number;
  bucket: number;
  dimension: number;
  key: number;
  how: number;
  type: number;
  outcome: number;
  reason: number;
  events: number;
  closings: number;
  repeats: number;
};
export const cellColumns = [
  'grain',
  'bucket',
  'dimension',
  'key',
  'how',
  'type',
  'outcome',
  'reason',
  'events',
  'closings',
  'repeats',
] as const satisfies readonly (keyof Cell)[];

export const cellKey = cellColumns.slice(0, 8);

export const putCell = `INTO search_count (${cellColumns.join(', ')})`;
export const addToCell = `ON CONFLICT (grain, bucket, dimension, key, how, type, outcome, reason) DO UPDATE SET
  events = search_count.events + excluded.events, closings = search_count.closings + excluded.closings,
  repeats = search_count.repeats + excluded.repeats`;

/** Values: those of `cellKey`. */
export const deleteEmptyCell = `DELETE FROM search_count WHERE ${cellKey.map((column) => `${column} = ?`).join(' AND ')}
  AND events = 0 AND closings = 0 AND repeats = 0`;

type Sums = { events: number; closings: number; repeats: number };
type Like = Pick<Cell, 'grain' | 'bucket' | 'type' | 'outcome' | 'reason'>;
/** Numbers of what like events are at each grain. */
type Kind = Record<Grain, number>;

/** What is to be added to search_count. */
export class Gathered {
  /** Numbers for (hour, type, outcome, reason), so that the key of a sum is one number; and for the same at each grain. */
  readonly #kindNumbers = new Map<string, number>();
  readonly #kinds: Kind[] = [];
  readonly #likeNumbers = new Map<string, number>();
  readonly #likes: Like[] = [];
  /** By place (dimension, key, how), then by kind. */
  readonly #sums = new Map<number, Map<number, Sums>>();
  #size = 0;

  /** Events added and not yet taken. */
  get size(): number {
    return this.#size;
  }

  /** `sign` -1 takes an event out again. */
  add(row: CountedRow, sign: 1 | -1 = 1): void {
    this.#size++;
    const kind = this.#kindOf(row);
    this.#count(dimensions.all, 0, 0, kind, row, sign);
    if (row.namespace !== null) this.#count(dimensions.namespace, row.namespace, 0, kind, row, sign);
    if (row.project !== null) this.#count(dimensions.project, row.project, 0, kind, row, sign);
    const { actor, on_behalf_of: onBehalfOf, subject, namespace } = row;
    const mask = row.proven === 1 ? concern.proven : 0;
    const count = (key: number): void => {
      const how =
        (actor === key ? concern.actor : 0) |
        (onBehalfOf === key ? concern.onBehalfOf : 0) |
        (subject === key ? concern.subject : 0) |
        (namespace === key ? concern.namespace : 0) |
        mask;
      this.#count(dimensions.account, key, how, kind, row, sign);
    };
    if (actor !== null) count(actor);
    if (onBehalfOf !== null && onBehalfOf !== actor) count(onBehalfOf);
    if (subject !== null && subject !== actor && subject !== onBehalfOf) count(subject);
    if (namespace !== null && namespace !== actor && namespace !== onBehalfOf && namespace !== subject)
      count(namespace);
  }

  /** All sums at every grain; nothing is left. */
  take(): Cell[] {
    const cells: Cell[] = [];
    for (const [place, byKind] of this.#sums) {
      const dimension = place % 4;
      const how = Math.floor(place / 4) % 32;
      const key = Math.floor(place / 128);
      for (const grain of grainsByNumber[dimension] as readonly Grain[]) {
        for (const [like, sums] of this.#atGrain(byKind, grain))
          cells.push({ ...(this.#likes[like] as Like), dimension, key, how, ...sums });
      }
    }
    this.clear();
    return cells.sort(byKey);
  }

  #atGrain(byKind: ReadonlyMap<number, Sums>, grain: Grain): Map<number, Sums> {
    const found = new Map<number, Sums>();
    for (const [kind, { events, closings, repeats }] of byKind) {
      const like = (this.#kinds[kind] as Kind)[grain];
      const sums = found.get(like);
      if (sums) {
        sums.events += events;
        sums.closings += closings;
        sums.repeats += repeats;
      } else {
        found.set(like, { events, closings, repeats });
      }
    }
    return found;
  }

  clear(): void {
    this.#sums.clear();
    this.#kindNumbers.clear();
    this.#kinds.length = 0;
    this.#likeNumbers.clear();
    this.#likes.length = 0;
    this.#size = 0;
  }

  #kindOf({ type, occurred_us: us, outcome, reason }: CountedRow): number {
    const id = `${Math.floor(us / hourUs)} ${type} ${outcome} ${reason}`;
    let number = this.#kindNumbers.get(id);
    if (number === undefined) {
      const like = (grain: Grain): number =>
        this.#likeNumber({
          grain: grains[grain],
          bucket: Math.floor(us / grainUs[grain]),
          type,
          outcome,
          reason: reason ?? 0,
        });
      number = this.#kinds.push({ hour: like('hour'), day: like('day'), month: like('month') }) - 1;
      this.#kindNumbers.set(id, number);
    }
    return number;
  }

  #likeNumber(like: Like): number {
    const id = `${like.grain} ${like.bucket} ${like.type} ${like.outcome} ${like.reason}`;
    let number = this.#likeNumbers.get(id);
    if (number === undefined) {
      number = this.#likes.push(like) - 1;
      this.#likeNumbers.set(id, number);
    }
    return number;
  }

  #count(dimension: number, key: number, how: number, kind: number, row: CountedRow, sign: 1 | -1): void {
    const place = key * 128 + how * 4 + dimension;
    let byKind = this.#sums.get(place);
    if (!byKind) {
      byKind = new Map();
      this.#sums.set(place, byKind);
    }
    let sums = byKind.get(kind);
    if (!sums) {
      sums = { events: 0, closings: 0, repeats: 0 };
      byKind.set(kind, sums);
    }
    if (row.repeats_since_us === null) sums.events += sign;
    else sums.closings += sign;
    if (row.repeats !== null) sums.repeats += sign * row.repeats;
  }
}

const grainsByNumber = (Object.keys(dimensions) as Dimension[]).map((dimension) => grainsOf[dimension]);

/** In the order of the table's key, so that its pages are written one after another. */
function byKey(a: Cell, b: Cell): number {
  return (
    a.grain - b.grain || a.bucket - b.bucket || a.dimension - b.dimension || a.key - b.key || a.how - b.how
  );
}

export function cellValues(cell: Cell): Value[] {
  return cellColumns.map((column) => cell[column]);
}
