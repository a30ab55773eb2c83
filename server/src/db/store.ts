/**
 * The database as everyone else sees it: reads, units of work, and the append of events. Two drivers (sqlite.ts,
 * postgres.ts) keep this contract; store.suite.ts proves it on both.
 */
import type { Kysely } from 'kysely';
import type { PartialTile } from './log-tree.ts';
import type { Engine } from './migrations/migration.ts';
import type { Schema } from './schema.ts';
import type { Row, Statement, Value } from './statement.ts';

/** One event in its stored bytes (docs/spec/event.md): the public body, and the private row's fields. */
export type SealedEvent = { body: string; private: string };

/** Reads see what was committed when they ran, never a unit still under way. */
export interface ReadDb {
  readonly engine: Engine;
  /** Query builder, for what is not on a hot path. */
  readonly q: Kysely<Schema>;
  all<R extends Row>(statement: Statement<R>, params?: readonly Value[]): Promise<R[]>;
  get<R extends Row>(statement: Statement<R>, params?: readonly Value[]): Promise<R | undefined>;
}

/** One unit of work. Reads see its own writes. Await nothing but its own methods and queries: no I/O, no timers. */
export interface Tx extends ReadDb {
  /** Runs a change; returns how many rows it touched. */
  run(statement: Statement, params?: readonly Value[]): Promise<number>;
  /**
   * Serialises units that name the same key, until they end. On SQLite units are serial anyway. Take it (or change the
   * row) before an event's id and time are taken, so that order in the log is order in the world.
   */
  lock(key: string): Promise<void>;
  /** Adds an event to the unit; it gets its index in the order of commits. Use trail.record, not this. */
  append(event: SealedEvent): void;
  /** Runs after the commit is durable, before the unit's caller goes on: cache invalidation. Must not throw. */
  afterCommit(then: () => void): void;
}

export interface Db {
  readonly engine: Engine;
  readonly read: ReadDb;
  /**
   * Runs a unit and resolves once its changes and events are durable. A unit that throws is rolled back alone and its
   * error is passed on. Refuses with `unavailable` when the queue of waiting units is full. On PostgreSQL a unit may be
   * run again after a serialisation conflict: it must have no effect but on its tx. `ungated`: does not wait at the gate.
   */
  transact<T>(unit: (tx: Tx) => Promise<T>, options?: { ungated: boolean }): Promise<T>;
  /**
   * Makes events durable that describe no change of state (reads, refusals), together with whatever commits next.
   * Resolves when durable. Unbounded here: the trail bounds what it hands in.
   */
  append(events: readonly SealedEvent[]): Promise<void>;
  /**
   * Holds writers up: what it returns is awaited before a unit or an append is accepted, and its rejection is theirs.
   * The search projection sets it while it is too far behind.
   */
  setGate(gate: () => Promise<void> | undefined): void;
  /** How many events have an index, counting every event acknowledged before the call. */
  head(): Promise<number>;
  /**
   * The first `width` hashes of the tile of the log that is filling, from the writer's memory: ask for no more than was
   * committed. Undefined when another tile fills at this level; what it is made of tells it as well.
   */
  partialTile(tile: PartialTile): Uint8Array | undefined;
  /** Calls back with the head each time it grows; returns a function that ends it. */
  onHead(listener: (head: number) => void): () => void;
  /** Rejects when the store can no longer be written (disk full, gone); resolves when it can. For /readyz. */
  probe(): Promise<void>;
  /** Finishes what was accepted, then closes. */
  close(): Promise<void>;
}
