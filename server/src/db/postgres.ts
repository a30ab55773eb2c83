/**
 * PostgreSQL. Units are ordinary transactions on a pool and commit independently, each leaving its events in
 * event_outbox; appended events share one insert per flush. One sequencer, in the one node that holds the advisory lock,
 * moves committed events into the log and gives them their dense index, in the order of `ord`.
 *
 * Why that order is the order of the world: a unit locks the rows it changes before its events take their `ord`. If B
 * waited for a row of A, A had committed before B took its `ord`, so B's is higher and a snapshot that shows B shows A.
 */
import {
  type CompiledQuery,
  type Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
} from 'kysely';
import pg from 'pg';
import { AppError, FatalError } from '../domain/error.ts';
import { builderOver } from './builder.ts';
import { limits } from './limits.ts';
import { type Edge, LogTree, type PartialTile, type StoredTree, treeSourcesOf } from './log-tree.ts';
import type { Schema } from './schema.ts';
import { type Row, type Statement, statement, type Value } from './statement.ts';
import { type AtStep, noSteps } from './steps.ts';
import type { Db, ReadDb, SealedEvent, Tx } from './store.ts';

/** bigint and count() as numbers: every integer we keep is below 2^53. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === 20
      ? (text: string) => Number(text)
      : pg.types.getTypeParser(oid, format as 'text')) as typeof pg.types.getTypeParser,
};

type Client = Pick<pg.ClientBase, 'query'>;

async function query<R>(
  client: Client,
  of: Statement,
  params: readonly Value[],
): Promise<pg.QueryResult<R & pg.QueryResultRow>> {
  return client.query({ name: `s${of.id}`, text: of.postgres, values: params as unknown[] });
}

const postgresDialect = {
  createAdapter: () => new PostgresAdapter(),
  createIntrospector: (db: Kysely<unknown>) => new PostgresIntrospector(db),
  createQueryCompiler: () => new PostgresQueryCompiler(),
};

function postgresBuilder(client: Client): Kysely<Schema> {
  return builderOver({
    ...postgresDialect,
    async execute<R>(compiled: CompiledQuery) {
      const result = await client.query(compiled.sql, compiled.parameters as unknown[]);
      return { rows: result.rows as R[], numAffectedRows: BigInt(result.rowCount ?? 0) };
    },
  });
}

class PostgresReadDb implements ReadDb {
  readonly engine = 'postgres';
  readonly q: Kysely<Schema>;
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
    this.q = postgresBuilder(client);
  }

  async all<R extends Row>(of: Statement<R>, params: readonly Value[] = []): Promise<R[]> {
    return (await query<R>(this.#client, of, params)).rows;
  }

  async get<R extends Row>(of: Statement<R>, params: readonly Value[] = []): Promise<R | undefined> {
    return (await query<R>(this.#client, of, params)).rows[0];
  }
}

class PostgresTx extends PostgresReadDb implements Tx {
  readonly events: SealedEvent[] = [];
  readonly callbacks: (() => void)[] = [];
  readonly #own: { client: Client; ended: boolean };

  constructor(client: Client) {
    const own = { client, ended: false };
    const guarded: Client = {
      query: ((...args: Parameters<Client['query']>) => {
        if (own.ended) throw new Error('a unit of work was used after it had ended');
        return client.query(...args);
      }) as Client['query'],
    };
    super(guarded);
    this.#own = own;
  }

  async run(of: Statement, params: readonly Value[] = []): Promise<number> {
    if (this.#own.ended) throw new Error('a unit of work was used after it had ended');
    return (await query(this.#own.client, of, params)).rowCount ?? 0;
  }

  async lock(key: string): Promise<void> {
    await this.get(lockKey, [key]);
  }

  append(event: SealedEvent): void {
    if (this.#own.ended) throw new Error('a unit of work was used after it had ended');
    this.events.push(event);
  }

  afterCommit(then: () => void): void {
    this.callbacks.push(then);
  }

  end(): void {
    this.#own.ended = true;
  }
}

const lockKey = statement('SELECT pg_advisory_xact_lock(hashtextextended(?, 0))');
const insertOutbox = 'INSERT INTO event_outbox (body, fields) SELECT * FROM unnest($1::text[], $2::text[])';
/** Moves events into the log and tells their leaf hashes (RFC 6962 §2.1), so that no body comes over the wire. */
const moveOutbox = `
  WITH taken AS (
    DELETE FROM event_outbox WHERE ord IN (SELECT ord FROM event_outbox ORDER BY ord LIMIT ${limits.eventsPerMove})
    RETURNING ord, body, fields
  ), numbered AS (
    SELECT $1::bigint + row_number() OVER (ORDER BY ord) - 1 AS idx, body, fields FROM taken
  ), bodies AS (
    INSERT INTO event (idx, body) SELECT idx, body FROM numbered ORDER BY idx
  ), privates AS (
    INSERT INTO event_private (idx, fields) SELECT idx, fields FROM numbered ORDER BY idx
  )
  SELECT sha256('\\x00'::bytea || convert_to(body, 'UTF8')) AS leaf FROM numbered ORDER BY idx`;
const updateEdge = 'UPDATE log_edge SET size = $1, hashes = $2 WHERE one = 1';
const insertTile = 'INSERT INTO log_tile (level, n, hashes) VALUES ($1, $2, $3)';

/**
 * Units and searches are short whatever the planner expects of them: where it expects a third of the log, it would start
 * processes and compile for ten times as long as the answer takes. Settings in the URL itself come before these.
 */
const settings = '-c jit=off -c max_parallel_workers_per_gather=0';

/** Held by the one node that sequences, for as long as its connection lives. */
const sequencerLock = 7_305_801;
/** SQLSTATE of a lock_timeout. */
const lockNotAvailable = '55P03';

/**
 * Waits a little for the lock: after a crash PostgreSQL keeps the dead process's connection until its statement has
 * ended, and a server that is started again at once must not be told that another one runs.
 */
async function lockSequencer(client: pg.Client): Promise<void> {
  try {
    await client.query(`SET lock_timeout = ${limits.sequencerWaitMs}`);
    await client.query('SELECT pg_advisory_lock($1)', [sequencerLock]);
    await client.query('RESET lock_timeout');
  } catch (cause) {
    throw (cause as { code?: string }).code === lockNotAvailable ? inUse(cause) : cause;
  }
}

function inUse(cause: unknown): AppError {
  const message = 'Another Tallyman server is using this database. Stop it first: one node writes the log.';
  return new AppError('unavailable', message, { cause });
}

/** Edge, entries and tiles as stored; nobody else writes them while the sequencer's lock is held. */
async function readTree(client: Client): Promise<StoredTree> {
  const edge = (await client.query('SELECT size, hashes FROM log_edge')).rows[0] as Edge;
  const { bodiesFrom, tiles: ranges } = treeSourcesOf(edge.size);
  const bodies = await client.query('SELECT body FROM event WHERE idx >= $1 ORDER BY idx', [bodiesFrom]);
  const tiles: Uint8Array[][] = [];
  for (const { level, from, to } of ranges) {
    const full = 'SELECT hashes FROM log_tile WHERE level = $1 AND n >= $2 AND n < $3 ORDER BY n';
    tiles.push((await client.query(full, [level, from, to])).rows.map((row) => row.hashes as Uint8Array));
  }
  return { edge, bodies: bodies.rows.map((row) => row.body as string), tiles };
}

export type PostgresOptions = { url: string; maxConnections?: number; atStep?: AtStep };

export class PostgresDb implements Db {
  readonly engine = 'postgres';
  readonly read: ReadDb;
  readonly #pool: pg.Pool;
  readonly #sequencer: pg.Client;
  readonly #tree = new LogTree();
  readonly #atStep: AtStep;
  readonly #listeners = new Set<(head: number) => void>();
  #gate: () => Promise<void> | undefined = () => undefined;
  #appends: { events: readonly SealedEvent[]; resolve: () => void; reject: (error: unknown) => void }[] = [];
  #appending: Promise<void> | undefined;
  #moving: Promise<void> | undefined;
  #moveAgain = false;
  /** Something may be in the outbox that no pass has looked for since. */
  #unsequenced = true;
  #underWay = 0;
  #fatal: FatalError | undefined;
  #closing: Promise<void> | undefined;

  private constructor(pool: pg.Pool, sequencer: pg.Client, atStep: AtStep) {
    this.#pool = pool;
    this.#sequencer = sequencer;
    this.#atStep = atStep;
    this.read = new PostgresReadDb(pool as unknown as Client);
    // A broken idle connection is replaced by the pool; a broken sequencer connection loses its lock.
    pool.on('error', () => {});
    sequencer.on('error', (error) => {
      this.#fatal ??= new FatalError('the sequencer lost its connection to PostgreSQL', error);
    });
  }

  /**
   * The database must have been migrated. Throws `unavailable` when another node already sequences it, and a FatalError
   * when the log's edge is not that of its entries.
   */
  static async open(options: PostgresOptions): Promise<PostgresDb> {
    const sequencer = new pg.Client({ connectionString: options.url, types });
    await sequencer.connect();
    try {
      await lockSequencer(sequencer);
    } catch (error) {
      await sequencer.end();
      throw error;
    }
    const max = options.maxConnections ?? 16;
    const pool = new pg.Pool({ connectionString: options.url, max, types, options: settings });
    const db = new PostgresDb(pool, sequencer, options.atStep ?? noSteps);
    try {
      db.#tree.load(await readTree(sequencer));
      // What a former process committed but did not sequence.
      await db.#sequence();
    } catch (error) {
      await pool.end();
      await sequencer.end();
      throw error;
    }
    return db;
  }

  async transact<T>(
    unit: (tx: Tx) => Promise<T>,
    options: { ungated: boolean } = { ungated: false },
  ): Promise<T> {
    if (!options.ungated) await this.#gate();
    const refused = this.#refusal();
    if (refused) throw refused;
    if (this.#underWay >= limits.waitingUnits)
      throw unavailable('Too many changes are waiting to be written. Try again in a moment.');
    this.#underWay++;
    try {
      for (let attempt = 1; ; attempt++) {
        try {
          return await this.#once(unit);
        } catch (error) {
          if (attempt > limits.conflictRetries || !isConflict(error)) throw asAppError(error);
        }
      }
    } finally {
      this.#underWay--;
    }
  }

  async #once<T>(unit: (tx: Tx) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect();
    const tx = new PostgresTx(client);
    let broken = false;
    try {
      await client.query('BEGIN');
      const value = await unit(tx);
      tx.end();
      if (tx.events.length > 0) await insertEvents(client, tx.events);
      this.#atStep('unit.rows');
      await client.query('COMMIT');
      this.#atStep('unit.committed');
      for (const then of tx.callbacks) then();
      if (tx.events.length > 0) this.#kick();
      return value;
    } catch (error) {
      tx.end();
      // When the answer to COMMIT was lost, the events may be there all the same.
      this.#unsequenced = true;
      await client.query('ROLLBACK').catch(() => {
        broken = true;
      });
      throw error;
    } finally {
      client.release(broken);
    }
  }

  append(events: readonly SealedEvent[]): Promise<void> {
    const held = this.#gate();
    return held !== undefined ? held.then(() => this.#append(events)) : this.#append(events);
  }

  #append(events: readonly SealedEvent[]): Promise<void> {
    const refused = this.#refusal();
    if (refused) return Promise.reject(refused);
    return new Promise((resolve, reject) => {
      this.#appends.push({ events, resolve, reject });
      this.#appending ??= this.#flushAppends();
    });
  }

  async #flushAppends(): Promise<void> {
    await new Promise(setImmediate);
    while (this.#appends.length > 0) {
      const batch = this.#appends;
      this.#appends = [];
      try {
        await insertEvents(
          this.#pool as unknown as Client,
          batch.flatMap((append) => append.events),
        );
        this.#atStep('append.committed');
        for (const append of batch) append.resolve();
        this.#kick();
      } catch (error) {
        this.#unsequenced = true;
        for (const append of batch) append.reject(asAppError(error));
      }
    }
    this.#appending = undefined;
  }

  setGate(gate: () => Promise<void> | undefined): void {
    this.#gate = gate;
  }

  async head(): Promise<number> {
    if (this.#fatal) throw this.#fatal;
    if (this.#unsequenced || this.#moving !== undefined) await this.#sequence();
    return this.#tree.size;
  }

  partialTile(tile: PartialTile): Uint8Array | undefined {
    return this.#tree.partialTile(tile);
  }

  onHead(listener: (head: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async probe(): Promise<void> {
    if (this.#fatal) throw this.#fatal;
    await this.#pool.query('SELECT 1');
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      await this.#appending;
      await this.#pool.end();
      await this.#sequence();
      await this.#sequencer.end();
    })();
    return this.#closing;
  }

  #refusal(): Error | undefined {
    if (this.#fatal) return this.#fatal;
    if (this.#closing !== undefined) return unavailable('The server is stopping. Try again in a moment.');
    return undefined;
  }

  #kick(): void {
    this.#unsequenced = true;
    this.#sequence().catch(() => {});
  }

  /** Resolves after a pass that began now or later: every event committed before the call has its index then. */
  #sequence(): Promise<void> {
    if (this.#moving !== undefined) {
      this.#moveAgain = true;
      return this.#moving;
    }
    this.#moving = this.#move();
    return this.#moving;
  }

  async #move(): Promise<void> {
    try {
      do {
        this.#moveAgain = false;
        this.#unsequenced = false;
        for (;;) {
          if (this.#fatal) throw this.#fatal;
          const moved = await this.#moveOnce();
          if (moved < limits.eventsPerMove) break;
        }
      } while (this.#moveAgain);
    } finally {
      // In the same turn as the last look at moveAgain, so that no caller slips between.
      this.#moving = undefined;
    }
  }

  /** One transaction: a crash leaves the events in the outbox or in the log and its tree, never in both or neither. */
  async #moveOnce(): Promise<number> {
    try {
      await this.#sequencer.query('BEGIN');
      const { rows } = await this.#sequencer.query({
        name: 'move',
        text: moveOutbox,
        values: [this.#tree.size],
      });
      this.#atStep('move.rows');
      for (const { leaf } of rows as { leaf: Buffer }[]) this.#tree.appendLeaf(leaf.toString('latin1'));
      if (rows.length > 0) await this.#writeTree();
      this.#atStep('move.edge');
      await this.#sequencer.query('COMMIT');
      this.#atStep('move.committed');
      if (rows.length > 0) for (const listener of this.#listeners) listener(this.#tree.size);
      return rows.length;
    } catch (error) {
      this.#fatal ??= new FatalError('the sequencer could not give committed events their index', error);
      throw this.#fatal;
    }
  }

  async #writeTree(): Promise<void> {
    const { size, hashes } = this.#tree.edge();
    await this.#sequencer.query({ name: 'edge', text: updateEdge, values: [size, hashes] });
    for (const tile of this.#tree.takeFullTiles()) {
      const values = [tile.level, tile.n, tile.hashes];
      await this.#sequencer.query({ name: 'tile', text: insertTile, values });
    }
  }
}

async function insertEvents(client: Client, events: readonly SealedEvent[]): Promise<void> {
  const values = [events.map((event) => event.body), events.map((event) => event.private)];
  await client.query({ name: 'outbox', text: insertOutbox, values });
}

/** serialization_failure, deadlock_detected. */
function isConflict(error: unknown): boolean {
  const code = (error as { code?: string }).code;
  return code === '40001' || code === '40P01';
}

/** Connection and resource failures of PostgreSQL become `unavailable`; everything else passes. */
function asAppError(error: unknown): unknown {
  const code = (error as { code?: string }).code ?? '';
  const gone =
    /^(08|53|57P|58)/.test(code) || /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOENT)$/.test(code);
  if (!gone && !/Connection terminated/.test((error as Error).message ?? '')) return error;
  return unavailable('The database cannot be reached now, so nothing was changed. Try again later.', error);
}

function unavailable(message: string, cause?: unknown): AppError {
  return new AppError('unavailable', message, { reason: 'unavailable', retryAfterSeconds: 5, cause });
}
