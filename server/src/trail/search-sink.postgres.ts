/** The projection's writer on PostgreSQL: one transaction for each batch, beside the log in the same database. */
import { statement, type Value } from '../db/statement.ts';
import { type AtStep, noSteps } from '../db/steps.ts';
import type { Db, ReadDb, Tx } from '../db/store.ts';
import { nameKey, type ProjectedRow, projectRow, type StoredEvent } from './projected-row.ts';
import type { Run } from './projection.ts';
import {
  addToCell,
  type Cell,
  type CountedRow,
  cellColumns,
  cellKey,
  countedColumns,
  deleteEmptyCell,
  Gathered,
  putCell,
} from './rollup.ts';
import {
  addToBlocks,
  type Block,
  deleteName,
  deleteNameWord,
  eventColumns,
  insertState,
  keyText,
  type LastRow,
  leavingColumns,
  mostRemembered,
  type Named,
  type NamesLeft,
  NamesStored,
  nameColumns,
  type ProjectionState,
  principalColumns,
  putBlock,
  type RowLeaving,
  selectLast,
  selectState,
  storedRow,
  wordsOf,
} from './search-sink.ts';
import { compiled } from './search-source.postgres.ts';
import { inValues, type Sql } from './sql.ts';

const textsPerStatement = 1_000;
const blobColumns: readonly string[] = ['id', 'ip', 'cause'];
const textColumns: readonly string[] = [
  'actor_name',
  'on_behalf_of_name',
  'namespace_name',
  'project_path',
  'target_name',
  'agent',
  'request',
  'text',
  'restricted_text',
];

function unnest(columns: readonly string[], typeOf: (column: string) => string): string {
  return `SELECT * FROM unnest(${columns.map((column) => `?::${typeOf(column)}[]`).join(', ')})`;
}

const typeOfColumn = (column: string): string =>
  blobColumns.includes(column) ? 'bytea' : textColumns.includes(column) ? 'text' : 'bigint';
const insertEvents = statement(
  `INSERT INTO search_event (${eventColumns.join(', ')}) ${unnest(eventColumns, typeOfColumn)}`,
);
const insertNames = statement(
  `INSERT INTO search_name (dimension, name, word) ${unnest(['dimension', 'name', 'word'], (column) => (column === 'word' ? 'bigint' : 'text'))} ON CONFLICT DO NOTHING`,
);
const insertCells = statement(`INSERT ${putCell} ${unnest(cellColumns, () => 'bigint')} ${addToCell}`);
const setNext = statement('UPDATE search_state SET next = ?');
const setCounted = statement('UPDATE search_state SET counted = ?');
const addBlocks = statement(
  putBlock.replace(
    'VALUES (?, ?, ?, ?)',
    unnest(['size', 'block', 'first', 'last'], () => 'bigint'),
  ),
);

export type SinkOptions = { eventsPerCounting: number; atStep?: AtStep };

export class PostgresSink {
  readonly #db: Db;
  readonly #eventsPerCounting: number;
  readonly #atStep: AtStep;
  readonly #words = new Map<string, number>();
  /** The highest number of a word that was read or given. */
  #lastWord = 0;
  readonly #names = new NamesStored();
  readonly #gathered = new Gathered();
  /** Whether `gathered` is what lies between `counted` and `next` in the tables. */
  #isGathered = false;

  constructor(db: Db, options: SinkOptions) {
    this.#db = db;
    this.#eventsPerCounting = options.eventsPerCounting;
    this.#atStep = options.atStep ?? noSteps;
  }

  async state(on: ReadDb = this.#db.read): Promise<ProjectionState | undefined> {
    return (await run<ProjectionState>(on, { text: selectState, params: [] }))[0];
  }

  async last(): Promise<LastRow | undefined> {
    return (await run<LastRow>(this.#db.read, { text: selectLast, params: [] }))[0];
  }

  /** Another number when there may be words that were not there before; as of the last batch, once that is stored. */
  async lastWord(): Promise<number> {
    if (this.#lastWord === 0) {
      const text = 'SELECT coalesce(max(id), 0) AS last FROM search_word';
      this.#lastWord = (await run<{ last: number }>(this.#db.read, { text, params: [] }))[0]?.last ?? 0;
    }
    return this.#lastWord;
  }

  /** Throws away what is there. */
  async begin({ version, generation, next, counted }: ProjectionState): Promise<void> {
    this.#forgetAll();
    await this.#transact(async (tx) => {
      const tables = 'search_state, search_word, search_name, search_event, search_block, search_count';
      await run(tx, { text: `TRUNCATE ${tables}`, params: [] });
      await run(tx, { text: insertState, params: [version, generation, next, counted] });
    });
  }

  async write(rows: readonly ProjectedRow[], next: number): Promise<void> {
    await this.#change(async (tx) => {
      await this.#put(tx, rows, () => this.#gathered);
      const blocks = new Map<string, Block>();
      addToBlocks(blocks, rows);
      const changed = [...blocks.values()];
      const times = [changed.map((one) => one.size), changed.map(({ block }) => block)];
      times.push(
        changed.map(({ firstUs }) => firstUs),
        changed.map(({ lastUs }) => lastUs),
      );
      await tx.run(
        addBlocks,
        times.map((values) => array(values.map(String))),
      );
      await tx.run(setNext, [next]);
      if (this.#gathered.size >= this.#eventsPerCounting) {
        await putCells(tx, this.#gathered.take());
        await tx.run(setCounted, [next]);
      }
      this.#atStep('projection.rows');
    });
    this.#atStep('projection.committed');
  }

  /** Takes out the events of a run of indexes. */
  async forget({ first, last }: Run, left: NamesLeft): Promise<void> {
    await this.#change(async (tx) => {
      const rows = await run<RowLeaving>(tx, {
        text: `DELETE FROM search_event WHERE idx >= ? AND idx <= ? RETURNING ${leavingColumns}`,
        params: [first, last],
      });
      await this.#takeOut(tx, rows, left);
    });
  }

  /** Projects these events, which are in the projection, once more. */
  async exchange(events: readonly StoredEvent[], left: NamesLeft): Promise<void> {
    await this.#change(async (tx) => {
      const { counted, rows } = await this.#leave(tx, events);
      const changed = new Gathered();
      for (const row of rows) {
        left.note(row);
        (row.idx < counted ? changed : this.#gathered).add(row, -1);
      }
      const there = new Set(rows.map(({ idx }) => idx));
      const again = events.filter(({ idx }) => there.has(idx)).map(projectRow);
      await this.#put(tx, again, (idx) => (idx < counted ? changed : this.#gathered));
      await countNow(tx, changed);
    });
  }

  /** Takes out names that no event has any more. */
  async forgetNames(left: NamesLeft): Promise<void> {
    await this.#change(async (tx) => {
      for (const { dimension, name, word } of left.names) {
        const used = `SELECT 1 FROM search_event WHERE ${dimension} = ? AND ${nameColumns[dimension]} = ? LIMIT 1`;
        if ((await run(tx, { text: used, params: [word, name] })).length === 0)
          await run(tx, { text: deleteName, params: [dimension, keyText(name), word] });
      }
      for (const word of left.principals)
        if (!(await isUsed(tx, word))) await run(tx, { text: deleteNameWord, params: [word, nameKey('')] });
      await run(tx, { text: 'UPDATE search_state SET generation = generation + 1', params: [] });
    });
    this.#forgetAll();
  }

  async #leave(tx: Tx, events: readonly StoredEvent[]): Promise<{ counted: number; rows: RowLeaving[] }> {
    const counted = (await this.state(tx))?.counted ?? 0;
    const rows = await run<RowLeaving>(tx, {
      text: `DELETE FROM search_event WHERE idx = ANY(?::bigint[]) RETURNING ${leavingColumns}`,
      params: [`{${events.map(({ idx }) => idx).join(',')}}`],
    });
    return { counted, rows };
  }

  async #takeOut(tx: Tx, rows: readonly RowLeaving[], left: NamesLeft): Promise<void> {
    const counted = (await this.state(tx))?.counted ?? 0;
    const gone = new Gathered();
    for (const row of rows) {
      left.note(row);
      (row.idx < counted ? gone : this.#gathered).add(row, -1);
    }
    await countNow(tx, gone);
  }

  /** Not held up by its own lag. After an error what is remembered is read anew. */
  async #change(unit: (tx: Tx) => Promise<void>): Promise<void> {
    if (this.#words.size > mostRemembered) this.#words.clear();
    await this.#transact(async (tx) => {
      // A unit may be run again after a conflict.
      if (!this.#isGathered) await this.#gatherAgain(tx);
      this.#isGathered = false;
      await unit(tx);
    });
    this.#isGathered = true;
  }

  async #transact(unit: (tx: Tx) => Promise<void>): Promise<void> {
    try {
      await this.#db.transact(unit, { ungated: true });
    } catch (error) {
      this.#forgetAll();
      throw error;
    }
  }

  #forgetAll(): void {
    this.#words.clear();
    this.#names.clear();
  }

  async #gatherAgain(tx: Tx): Promise<void> {
    this.#forgetAll();
    this.#gathered.clear();
    const text = `SELECT ${countedColumns} FROM search_event WHERE idx >= (SELECT counted FROM search_state)`;
    for (const row of await run<CountedRow>(tx, { text, params: [] })) this.#gathered.add(row);
  }

  async #put(tx: Tx, rows: readonly ProjectedRow[], into: (idx: number) => Gathered): Promise<void> {
    if (rows.length === 0) return;
    await this.#learnWords(tx, rows);
    const word = (text: string): number => this.#words.get(text) as number;
    const since = await sinceOf(tx, rows);
    const columns: string[][] = eventColumns.map(() => []);
    const news: Named[] = [];
    for (const row of rows) {
      const us = row.closing && row.cause !== null ? since.get(row.cause.toString('hex')) : undefined;
      const { values, counted } = storedRow(row, word, us ?? null);
      values.forEach((value, at) => void (columns[at] as string[]).push(element(value)));
      news.push(...this.#names.newsOf(row, counted));
      into(row.idx).add(counted);
    }
    await tx.run(insertEvents, columns.map(array));
    if (news.length > 0) {
      const named = [
        news.map(({ dimension }) => dimension),
        news.map(({ name }) => name),
        news.map((one) => one.word),
      ];
      await tx.run(
        insertNames,
        named.map((values) => array(values.map(element))),
      );
    }
  }

  async #learnWords(tx: Tx, rows: readonly ProjectedRow[]): Promise<void> {
    const unknown = new Set<string>();
    for (const row of rows) for (const text of wordsOf(row)) if (!this.#words.has(text)) unknown.add(text);
    const all = [...unknown];
    for (let at = 0; at < all.length; at += textsPerStatement) {
      const texts = all.slice(at, at + textsPerStatement);
      const holes = texts.map(() => '(?)').join(', ');
      await run(tx, {
        text: `INSERT INTO search_word (text) VALUES ${holes} ON CONFLICT (text) DO NOTHING`,
        params: texts,
      });
      const where = inValues('text', texts);
      for (const row of await run<{ id: number; text: string }>(tx, {
        text: `SELECT id, text FROM search_word WHERE ${where.text}`,
        params: where.params,
      })) {
        this.#words.set(row.text, row.id);
        this.#lastWord = Math.max(this.#lastWord, row.id);
      }
    }
  }
}

/** A value as an element of an array's text (PostgreSQL manual, 8.15.2). */
function element(value: Value): string {
  if (value === null) return 'NULL';
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'string')
    return `"\\\\x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}"`;
  return /["\\]/.test(value) ? `"${value.replace(/["\\]/g, '\\$&')}"` : `"${value}"`;
}

function array(elements: readonly string[]): string {
  return `{${elements.join(',')}}`;
}

async function putCells(tx: Tx, cells: readonly Cell[]): Promise<void> {
  if (cells.length === 0) return;
  await tx.run(
    insertCells,
    cellColumns.map((column) => array(cells.map((cell) => String(cell[column])))),
  );
}

async function countNow(tx: Tx, gathered: Gathered): Promise<void> {
  const cells = gathered.take();
  await putCells(tx, cells);
  for (const cell of cells)
    await run(tx, { text: deleteEmptyCell, params: cellKey.map((column) => cell[column]) });
}

async function isUsed(tx: Tx, word: number): Promise<boolean> {
  const uses = principalColumns.map((column) => `SELECT 1 FROM search_event WHERE ${column} = ?`);
  const found = await run(tx, { text: `${uses.join(' UNION ALL ')} LIMIT 1`, params: uses.map(() => word) });
  return found.length > 0;
}

/** When the refusals occurred whose repeats these rows count, by hexadecimal id; some stand in the same batch. */
async function sinceOf(tx: Tx, rows: readonly ProjectedRow[]): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  const causes = rows.flatMap((row) => (row.closing && row.cause !== null ? [row.cause] : []));
  if (causes.length === 0) return found;
  for (const row of rows) found.set(row.id.toString('hex'), row.occurredUs);
  const where = inValues('id', causes);
  const stored = await run<{ id: Buffer; us: number }>(tx, {
    text: `SELECT id, occurred_us AS us FROM search_event WHERE ${where.text}`,
    params: where.params,
  });
  for (const { id, us } of stored) found.set(id.toString('hex'), us);
  return found;
}

async function run<R>(on: ReadDb, sql: Sql): Promise<R[]> {
  return (await on.q.executeQuery<R>(compiled(sql))).rows;
}
