/**
 * The projection as searches see it: the same tables on both engines. Sources differ in how they merge the runs of an
 * index and where they run; search-source.sqlite.ts works in a worker thread, search-source.postgres.ts on the pool.
 */
import type { Engine } from '../db/migrations/migration.ts';
import type { Driver } from './filter.ts';
import type { StoredEvent } from './projected-row.ts';
import type { Sql } from './sql.ts';

/** Indexes from `low` on, up to but not including `high`. */
export type Span = { low: number; high: number };

export type CandidateRequest = {
  /** 'all': every event of the span. */
  driver: Driver | 'all';
  /** Numbers of the types to look at; every run but `cause` is kept by type. */
  types: readonly number[];
  span: Span;
  newestFirst: boolean;
  /** About how many are wanted at first. */
  first: number;
};

export type SizesRequest = {
  drivers: readonly (Driver | 'all')[];
  types: readonly number[];
  span: Span;
  most: number;
};

/** The first candidates and which of them match, newest or oldest first. */
export type FirstRequest = CandidateRequest & { where: Sql; most: number };
/** `looked`: how many candidates there were, up to `first`, and the last of them. `found`: at most `most`. */
export type First = { found: number[]; looked: number; last: number | undefined };

export interface SearchSource {
  readonly engine: Engine;
  /** For statements on the projection's tables. */
  rows<R>(sql: Sql): Promise<R[]>;
  /** Indexes of the runs' events, each once, in order, in growing portions; the last portion may be empty. */
  candidates(request: CandidateRequest): AsyncIterable<readonly number[]>;
  /** Where each statement is a journey: the first portion and its matches in one. */
  first?(request: FirstRequest): Promise<First>;
  /** How far the projection is, where that is known without asking. */
  state?(): { next: number; generation: number; counted: number };
  /** How many events lie in the runs of each driver, counted up to `most`; one in several runs counts several times. */
  sizes(request: SizesRequest): Promise<number[]>;
  /** The events themselves, in the order asked for; those whose body was dropped are left out. */
  events(indexes: readonly number[]): Promise<StoredEvent[]>;
}

/** The condition that idx is one of many. */
export function idxIn(engine: Engine, indexes: readonly number[]): Sql {
  return engine === 'sqlite'
    ? { text: 'idx IN (SELECT value FROM json_each(?))', params: [JSON.stringify(indexes)] }
    : { text: 'idx = ANY(?::bigint[])', params: [`{${indexes.join(',')}}`] };
}

/**
 * The events when they are looked up by `idxIn`. SQLite, which counts nothing of what is in an index, would else walk the
 * whole run of a value that is asked for.
 */
export function eventsByIdx(engine: Engine): string {
  return engine === 'sqlite' ? 'search_event NOT INDEXED' : 'search_event';
}

export const portions = { largest: 2_000 } as const;
