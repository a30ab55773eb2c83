/**
 * SQLite. One writer on this thread: units run one after another inside one transaction, each undone alone by its
 * savepoint, and all are answered after one flush (group commit). Reads go through a second, read-only connection.
 *
 *   BEGIN IMMEDIATE
 *     unit 1:  SAVEPOINT unit … RELEASE unit      (only if it writes)
 *     unit 2:  …
 *     events of all units, then appended ones, take the next dense indexes; the tree's edge and full tiles
 *   COMMIT            <- one fsync of the WAL (synchronous=FULL), copied back by a thread (wal-keeper.ts)
 *   answer everyone
 *
 * A crash before COMMIT leaves nothing of the batch and nobody was answered; after it, everything.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import {
  type CompiledQuery,
  type Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import { AppError, FatalError } from '../domain/error.ts';
import { builderOver } from './builder.ts';
import { limits } from './limits.ts';
import { LogTree, type PartialTile } from './log-tree.ts';
import type { Schema } from './schema.ts';
import { isDiskFull, openSqlite } from './sqlite-file.ts';
import { SqliteLog } from './sqlite-log.ts';
import type { Row, Statement, Value } from './statement.ts';
import { type AtStep, noSteps } from './steps.ts';
import type { Db, ReadDb, SealedEvent, Tx } from './store.ts';
import { WalKeeper } from './wal-keeper.ts';

type Unit = {
  run: (tx: Tx) => Promise<unknown>;
  resolve: (value: never) => void;
  reject: (error: unknown) => void;
};
type Append = { events: readonly SealedEvent[]; resolve: () => void; reject: (error: unknown) => void };
type Done = { unit: Unit; value: unknown; tx: SqliteTx };

/** Prepared statements of one connection: hand-written ones by number, the builder's by their text. */
class Prepared {
  readonly handle: DatabaseSync;
  readonly #byId: StatementSync[] = [];
  readonly #byText = new Map<string, StatementSync>();

  constructor(handle: DatabaseSync) {
    this.handle = handle;
  }

  of(statement: Statement): StatementSync {
    const found = this.#byId[statement.id];
    if (found) return found;
    const made = this.handle.prepare(statement.sqlite);
    this.#byId[statement.id] = made;
    return made;
  }

  ofText(sql: string): StatementSync {
    let found = this.#byText.get(sql);
    if (!found) {
      if (this.#byText.size >= limits.preparedStatements) {
        const oldest = this.#byText.keys().next().value as string;
        this.#byText.delete(oldest);
      }
      found = this.handle.prepare(sql);
      this.#byText.set(sql, found);
    }
    return found;
  }
}

const sqliteDialect = {
  createAdapter: () => new SqliteAdapter(),
  createIntrospector: (db: Kysely<unknown>) => new SqliteIntrospector(db),
  createQueryCompiler: () => new SqliteQueryCompiler(),
};

/** `beforeQuery` is told whether the query is anything but a plain select. */
function sqliteBuilder(prepared: Prepared, beforeQuery: (writes: boolean) => void): Kysely<Schema> {
  return builderOver({
    ...sqliteDialect,
    async execute<R>(query: CompiledQuery): Promise<QueryResult<R>> {
      beforeQuery(query.query.kind !== 'SelectQueryNode');
      const statement = prepared.ofText(query.sql);
      const params = query.parameters as Value[];
      if (statement.columns().length > 0) return { rows: statement.all(...params) as R[] };
      const { changes, lastInsertRowid } = statement.run(...params);
      return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
    },
  });
}

class SqliteReadDb implements ReadDb {
  readonly engine = 'sqlite';
  readonly q: Kysely<Schema>;
  readonly #prepared: Prepared;

  constructor(prepared: Prepared) {
    this.#prepared = prepared;
    this.q = sqliteBuilder(prepared, () => {});
  }

  async all<R extends Row>(statement: Statement<R>, params: readonly Value[] = []): Promise<R[]> {
    return this.#prepared.of(statement).all(...params) as R[];
  }

  async get<R extends Row>(statement: Statement<R>, params: readonly Value[] = []): Promise<R | undefined> {
    return this.#prepared.of(statement).get(...params) as R | undefined;
  }
}

class SqliteTx implements Tx {
  readonly engine = 'sqlite';
  readonly q: Kysely<Schema>;
  readonly #prepared: Prepared;
  events: SealedEvent[] | undefined;
  callbacks: (() => void)[] | undefined;
  wrote = false;
  ended = false;

  constructor(prepared: Prepared, q: Kysely<Schema>) {
    this.#prepared = prepared;
    this.q = q;
  }

  async all<R extends Row>(statement: Statement<R>, params: readonly Value[] = []): Promise<R[]> {
    this.before(statement.writes);
    return this.#prepared.of(statement).all(...params) as R[];
  }

  async get<R extends Row>(statement: Statement<R>, params: readonly Value[] = []): Promise<R | undefined> {
    this.before(statement.writes);
    return this.#prepared.of(statement).get(...params) as R | undefined;
  }

  async run(statement: Statement, params: readonly Value[] = []): Promise<number> {
    this.before(true);
    return Number(this.#prepared.of(statement).run(...params).changes);
  }

  async lock(): Promise<void> {}

  append(event: SealedEvent): void {
    this.#requireOpen();
    this.events ??= [];
    this.events.push(event);
  }

  afterCommit(then: () => void): void {
    this.#requireOpen();
    this.callbacks ??= [];
    this.callbacks.push(then);
  }

  before(writes: boolean): void {
    this.#requireOpen();
    if (!writes || this.wrote) return;
    this.wrote = true;
    this.#prepared.ofText('SAVEPOINT unit').run();
  }

  #requireOpen(): void {
    if (this.ended) throw new Error('a unit of work was used after it had ended');
  }
}

/** What a batch puts its events into. */
export type BatchLog = Pick<SqliteLog, 'size' | 'append' | 'partialTile' | 'writeTree' | 'load' | 'close'>;

export type SqliteOptions = {
  path: string;
  atStep?: AtStep;
  /** Only the bench makes another: one without a tree, to measure what the tree costs. */
  makeLog?: (handle: DatabaseSync) => BatchLog;
};

export class SqliteDb implements Db {
  readonly engine = 'sqlite';
  readonly read: ReadDb;
  readonly path: string;
  readonly #writer: DatabaseSync;
  readonly #reader: DatabaseSync;
  readonly #prepared: Prepared;
  readonly #builder: Kysely<Schema>;
  readonly #log: BatchLog;
  readonly #wal: WalKeeper;
  readonly #atStep: AtStep;
  readonly #listeners = new Set<(head: number) => void>();
  #gate: () => Promise<void> | undefined = () => undefined;
  #current: SqliteTx | undefined;
  #refuseCurrent: ((error: Error) => void) | undefined;
  #turn: NodeJS.Immediate | undefined;
  #units: Unit[] = [];
  #appends: Append[] = [];
  #scheduled = false;
  /** How many shared the last batch. */
  #lastBatch = 0;
  #head: number;
  #fatal: FatalError | undefined;
  /** The last flush found the disk full. */
  #wasFull = false;
  #closing: Promise<void> | undefined;
  #idle: (() => void) | undefined;

  /** The file must have been migrated. */
  constructor(options: SqliteOptions) {
    this.path = options.path;
    this.#writer = openSqlite(options.path, { readOnly: false });
    this.#reader = openSqlite(options.path, { readOnly: true });
    this.#prepared = new Prepared(this.#writer);
    this.#builder = sqliteBuilder(this.#prepared, (writes) => {
      if (!this.#current) throw new Error('a unit of work was used after it had ended');
      this.#current.before(writes);
    });
    this.read = new SqliteReadDb(new Prepared(this.#reader));
    this.#atStep = options.atStep ?? noSteps;
    const { makeLog = (handle) => new SqliteLog(handle, new LogTree()) } = options;
    this.#log = makeLog(this.#writer);
    this.#log.load();
    this.#head = this.#log.size;
    this.#wal = new WalKeeper(options.path, this.#writer);
  }

  transact<T>(unit: (tx: Tx) => Promise<T>, options: { ungated: boolean } = { ungated: false }): Promise<T> {
    const refused = this.#refusal();
    if (refused) return Promise.reject(refused);
    const held = options.ungated ? undefined : this.#gate();
    if (held !== undefined) return held.then(() => this.transact(unit, { ungated: true }));
    if (this.#units.length >= limits.waitingUnits) return Promise.reject(queueFull());
    return new Promise<T>((resolve, reject) => {
      this.#units.push({ run: unit, resolve: resolve as Unit['resolve'], reject });
      this.#schedule();
    });
  }

  append(events: readonly SealedEvent[]): Promise<void> {
    const held = this.#gate();
    return held !== undefined ? held.then(() => this.#append(events)) : this.#append(events);
  }

  #append(events: readonly SealedEvent[]): Promise<void> {
    const refused = this.#refusal();
    if (refused) return Promise.reject(refused);
    return new Promise<void>((resolve, reject) => {
      this.#appends.push({ events, resolve, reject });
      this.#schedule();
    });
  }

  setGate(gate: () => Promise<void> | undefined): void {
    this.#gate = gate;
  }

  async head(): Promise<number> {
    return this.#head;
  }

  partialTile(tile: PartialTile): Uint8Array | undefined {
    return this.#log.partialTile(tile);
  }

  onHead(listener: (head: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async probe(): Promise<void> {
    if (this.#fatal) throw this.#fatal;
    const probe = { namespace_id: '', key: 'probe', value: '', changed_at: 0 };
    await this.transact(async (tx) => {
      // Only a page that is written tells that there is room again; while all is well nothing is.
      if (this.#wasFull) await tx.q.insertInto('setting').values(probe).execute();
      await tx.q.deleteFrom('setting').where('namespace_id', '=', '').where('key', '=', 'probe').execute();
    });
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      if (this.#scheduled) {
        await new Promise<void>((resolve) => {
          this.#idle = resolve;
        });
      }
      await this.#wal.close();
      await this.#log.close();
      this.#reader.close();
      this.#writer.close();
    })();
    return this.#closing;
  }

  #refusal(): Error | undefined {
    if (this.#fatal) return this.#fatal;
    if (this.#closing !== undefined)
      return new AppError('unavailable', 'The server is stopping. Try again in a moment.', {
        reason: 'unavailable',
        retryAfterSeconds: 5,
      });
    return undefined;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#afterGathering(() => void this.#drain());
  }

  async #drain(): Promise<void> {
    while (this.#waiting() > 0 && !this.#fatal) {
      await this.#batch();
      // Only now, so that whoever was answered need not wait for the copying.
      if (!this.#fatal) this.#wal.batchEnded();
      if (this.#waiting() > 0) await new Promise<void>((resolve) => this.#afterGathering(resolve));
    }
    this.#scheduled = false;
    this.#idle?.();
  }

  #waiting(): number {
    return this.#units.length + this.#appends.length;
  }

  /**
   * After I/O callbacks, so that requests that arrived together share a batch. When the last batch was shared, the loop
   * is let turn for as long as more keep coming: one flush for all of them costs less than two.
   */
  #afterGathering(then: () => void, before = 0, turn = 1): void {
    setImmediate(() => {
      const waiting = this.#waiting();
      const more = this.#lastBatch >= limits.sharedBatch && turn < limits.gatherTurns && waiting > before;
      if (more && waiting < limits.unitsPerBatch) this.#afterGathering(then, waiting, turn + 1);
      else then();
    });
  }

  async #batch(): Promise<void> {
    const done: Done[] = [];
    let appends: Append[] = [];
    this.#lastBatch = this.#waiting();
    try {
      this.#prepared.ofText('BEGIN IMMEDIATE').run();
    } catch (error) {
      this.#rejectWaiting(error);
      return;
    }
    try {
      const units = this.#takeUnits();
      if (units.length > 0) this.#watchTurns();
      for (const unit of units) await this.#runUnit(unit, done);
      clearImmediate(this.#turn);
      appends = this.#appends;
      this.#appends = [];
      const events = [
        ...done.map(({ tx }) => tx.events ?? []),
        ...appends.map((append) => append.events),
      ].flat();
      this.#log.append(events);
      this.#atStep('batch.rows');
      if (events.length > 0) this.#log.writeTree();
      this.#atStep('batch.edge');
      this.#prepared.ofText('COMMIT').run();
    } catch (error) {
      clearImmediate(this.#turn);
      this.#flushFailed(error, done, appends);
      return;
    }
    this.#atStep('batch.committed');
    this.#answer(done, appends);
  }

  #takeUnits(): Unit[] {
    if (this.#units.length <= limits.unitsPerBatch) {
      const units = this.#units;
      this.#units = [];
      return units;
    }
    return this.#units.splice(0, limits.unitsPerBatch);
  }

  async #runUnit(unit: Unit, done: Done[]): Promise<void> {
    const tx = new SqliteTx(this.#prepared, this.#builder);
    this.#current = tx;
    try {
      const value = await this.#bounded(unit.run(tx));
      tx.ended = true;
      if (tx.wrote) this.#prepared.ofText('RELEASE unit').run();
      done.push({ unit, value, tx });
    } catch (error) {
      tx.ended = true;
      if (tx.wrote) {
        this.#prepared.ofText('ROLLBACK TO unit').run();
        this.#prepared.ofText('RELEASE unit').run();
      }
      unit.reject(error);
    } finally {
      this.#current = undefined;
      this.#refuseCurrent = undefined;
    }
  }

  /**
   * A unit that waits for anything but its tx would hold the whole batch: the event loop only turns while a batch is
   * under way when one does, and then that unit is refused.
   */
  #watchTurns(): void {
    this.#turn = setImmediate(() => {
      this.#refuseCurrent?.(new Error('a unit of work waited for something other than its tx'));
      this.#watchTurns();
    });
  }

  #bounded(work: Promise<unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#refuseCurrent = reject;
      work.then(resolve, reject);
    });
  }

  #answer(done: readonly Done[], appends: readonly Append[]): void {
    for (const { tx } of done) for (const then of tx.callbacks ?? []) then();
    for (const { unit, value } of done) unit.resolve(value as never);
    for (const append of appends) append.resolve();
    this.#tell(this.#log.size);
  }

  #tell(head: number): void {
    if (head === this.#head) return;
    this.#head = head;
    this.#wasFull = false;
    for (const listener of this.#listeners) listener(head);
  }

  /**
   * A failed flush. If SQLite could roll back (disk full before COMMIT), nothing of the batch is stored and the store
   * may be tried again; if not, what is on the disk is unknown and only a restart tells.
   */
  #flushFailed(error: unknown, done: readonly Done[], appends: readonly Append[]): void {
    const full = isDiskFull(error);
    this.#wasFull = full;
    try {
      if (this.#writer.isTransaction) this.#writer.exec('ROLLBACK');
      this.#log.load();
    } catch (rollbackError) {
      this.#fatal = new FatalError('the database could not roll back a failed batch', rollbackError);
    }
    if (!full) this.#fatal ??= new FatalError('the database could not commit', error);
    const answer = this.#fatal ?? unwritable(error);
    for (const { unit } of done) unit.reject(answer);
    for (const append of appends) append.reject(answer);
    if (this.#fatal) this.#rejectWaiting(this.#fatal);
  }

  #rejectWaiting(error: unknown): void {
    const answer = error instanceof FatalError ? error : unwritable(error);
    for (const unit of this.#units.splice(0)) unit.reject(answer);
    for (const append of this.#appends.splice(0)) append.reject(answer);
  }
}

function queueFull(): AppError {
  return new AppError('unavailable', 'Too many changes are waiting to be written. Try again in a moment.', {
    reason: 'unavailable',
    retryAfterSeconds: 1,
  });
}

function unwritable(cause: unknown): AppError {
  return new AppError(
    'unavailable',
    'The database cannot be written now (is the disk full?), so nothing was changed. Try again later.',
    {
      reason: 'unavailable',
      retryAfterSeconds: 10,
      cause,
    },
  );
}
