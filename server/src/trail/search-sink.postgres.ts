/** The projection's writer on PostgreSQL: one transaction for each batch, beside the log in the same database. */
import type { Db, ReadDb, Tx } from '../db/store.ts';
import type { ProjectedRow } from './projected-row.ts';
import {
  blocksOf,
  eventColumns,
  insertState,
  keyText,
  type LastRow,
  namesOfRow,
  type ProjectionState,
  putBlock,
  selectLast,
  selectState,
  valuesOf,
  wordsOf,
} from './search-sink.ts';
import { compiled } from './search-source.postgres.ts';
import { inValues, type Sql } from './sql.ts';

const mostRemembered = 100_000;
const textsPerStatement = 1_000;

export class PostgresSink {
  readonly #db: Db;
  readonly #words = new Map<string, number>();

  constructor(db: Db) {
    this.#db = db;
  }

  async state(): Promise<ProjectionState | undefined> {
    return (await run<ProjectionState>(this.#db.read, { text: selectState, params: [] }))[0];
  }

  async last(): Promise<LastRow | undefined> {
    return (await run<LastRow>(this.#db.read, { text: selectLast, params: [] }))[0];
  }

  /** Throws away what is there. */
  async begin(state: ProjectionState): Promise<void> {
    this.#words.clear();
    await this.#transact(async (tx) => {
      await run(tx, {
        text: 'TRUNCATE search_state, search_word, search_name, search_event, search_block',
        params: [],
      });
      await run(tx, { text: insertState, params: [state.version, state.generation, state.next] });
    });
  }

  async write(rows: readonly ProjectedRow[], next: number): Promise<void> {
    if (this.#words.size > mostRemembered) this.#words.clear();
    try {
      await this.#transact((tx) => this.#write(tx, rows, next));
    } catch (error) {
      this.#words.clear();
      throw error;
    }
  }

  /** Not held up by its own lag. */
  async #transact(unit: (tx: Tx) => Promise<void>): Promise<void> {
    await this.#db.transact(unit, { ungated: true });
  }

  async #write(tx: Tx, rows: readonly ProjectedRow[], next: number): Promise<void> {
    await this.#learnWords(tx, rows);
    const word = (text: string): number => this.#words.get(text) as number;
    const since = await sinceOf(tx, rows);
    const records = rows.map((row) => recordOf(row, word, since));
    if (records.length > 0) {
      const columns = eventColumns.join(', ');
      await run(tx, {
        text: `INSERT INTO search_event (${columns}) SELECT ${columns} FROM json_populate_recordset(NULL::search_event, ?::json)`,
        params: [JSON.stringify(records)],
      });
    }
    await putNames(tx, rows, word);
    for (const { block, firstUs, lastUs } of blocksOf(rows))
      await run(tx, { text: putBlock, params: [block, firstUs, lastUs] });
    await run(tx, { text: 'UPDATE search_state SET next = ?', params: [next] });
  }

  async #learnWords(tx: Tx, rows: readonly ProjectedRow[]): Promise<void> {
    const unknown = [...new Set(rows.flatMap(wordsOf))].filter((text) => !this.#words.has(text));
    for (let at = 0; at < unknown.length; at += textsPerStatement) {
      const texts = unknown.slice(at, at + textsPerStatement);
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
      }
    }
  }
}

/** When the refusals occurred whose repeats these rows count, by hexadecimal id; some stand in the same batch. */
async function sinceOf(tx: Tx, rows: readonly ProjectedRow[]): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  const causes = rows.flatMap((row) => (row.repeats && row.cause !== null ? [row.cause] : []));
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

function recordOf(
  row: ProjectedRow,
  word: (text: string) => number,
  since: ReadonlyMap<string, number>,
): Record<string, unknown> {
  const us = row.repeats && row.cause !== null ? since.get(row.cause.toString('hex')) : undefined;
  const values = valuesOf(row, word, us ?? null);
  return Object.fromEntries(
    eventColumns.map((column, at) => {
      const value = values[at];
      return [column, value instanceof Uint8Array ? `\\x${Buffer.from(value).toString('hex')}` : value];
    }),
  );
}

async function putNames(
  tx: Tx,
  rows: readonly ProjectedRow[],
  word: (text: string) => number,
): Promise<void> {
  const records = new Map(
    rows
      .flatMap(namesOfRow)
      .map(({ dimension, name, of }) => [
        `${dimension} ${of} ${name}`,
        { dimension, name, word: word(keyText(of)) },
      ]),
  );
  if (records.size === 0) return;
  await run(tx, {
    text: `INSERT INTO search_name (dimension, name, word) SELECT dimension, name, word FROM json_populate_recordset(NULL::search_name, ?::json) ON CONFLICT DO NOTHING`,
    params: [JSON.stringify([...records.values()])],
  });
}

async function run<R>(on: ReadDb, sql: Sql): Promise<R[]> {
  return (await on.q.executeQuery<R>(compiled(sql))).rows;
}
