/** The projection's writer on SQLite: `search.db`, in a worker thread. */
import type { SqliteFile } from '../db/search-file.ts';
import { type AtStep, noSteps } from '../db/steps.ts';
import type { StoredEvent } from './projected-row.ts';
import { nameKey, type ProjectedRow, projectRow } from './projected-row.ts';
import type { Run } from './projection.ts';
import {
  addToCell,
  type CountedRow,
  cellColumns,
  cellKey,
  cellValues,
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
} from './search-sink.ts';

const insertEvent = `INSERT INTO search_event (${eventColumns.join(', ')}) VALUES (${eventColumns.map(() => '?').join(', ')})`;
const insertName = 'INSERT INTO search_name (dimension, name, word) VALUES (?, ?, ?) ON CONFLICT DO NOTHING';
const insertCell = `INSERT ${putCell} VALUES (${cellColumns.map(() => '?').join(', ')}) ${addToCell}`;

/** Rows of the log from some index on, projected, and the index they reach. */
export type Portion = { rows: readonly ProjectedRow[]; next: number };

export class SqliteSink {
  readonly #file: SqliteFile;
  readonly #eventsPerCounting: number;
  readonly #atStep: AtStep;
  readonly #words = new Map<string, number>();
  readonly #names = new NamesStored();
  readonly #gathered = new Gathered();
  /** Whether `gathered` is what lies between `counted` and `next` in the file. */
  #isGathered = false;

  constructor(file: SqliteFile, options: { eventsPerCounting: number; atStep?: AtStep }) {
    this.#file = file;
    this.#eventsPerCounting = options.eventsPerCounting;
    this.#atStep = options.atStep ?? noSteps;
  }

  state(): ProjectionState | undefined {
    return this.#file.rows<ProjectionState>(selectState)[0];
  }

  begin({ version, generation, next, counted }: ProjectionState): void {
    this.#file.run(insertState, [version, generation, next, counted]);
  }

  last(): LastRow | undefined {
    return this.#file.rows<LastRow>(selectLast)[0];
  }

  /** Stores all portions, each of which is asked for when it is wanted; returns the index they reach. */
  write(portions: Iterable<Portion>): number {
    const written = this.#change(() => {
      let reached = 0;
      const blocks = new Map<string, Block>();
      for (const { rows, next } of portions) {
        for (const row of rows) this.#put(row);
        addToBlocks(blocks, rows);
        reached = next;
      }
      for (const { size, block, firstUs, lastUs } of blocks.values())
        this.#file.run(putBlock, [size, block, firstUs, lastUs]);
      this.#file.run('UPDATE search_state SET next = ?', [reached]);
      if (this.#gathered.size >= this.#eventsPerCounting) this.#count(reached);
      this.#atStep('projection.rows');
      return reached;
    });
    this.#atStep('projection.committed');
    return written;
  }

  #put(row: ProjectedRow, gathered = this.#gathered): void {
    const { values, counted } = storedRow(row, this.#word, this.#since(row));
    this.#file.run(insertEvent, values);
    for (const { dimension, name, word } of this.#names.newsOf(row, counted))
      this.#file.run(insertName, [dimension, name, word]);
    gathered.add(counted);
  }

  #count(upTo: number): void {
    for (const cell of this.#gathered.take()) this.#file.run(insertCell, cellValues(cell));
    this.#file.run('UPDATE search_state SET counted = ?', [upTo]);
  }

  /** One transaction. After an error what is remembered is read anew: numbers given in it were rolled back. */
  #change<R>(work: () => R): R {
    if (this.#words.size > mostRemembered) this.#words.clear();
    if (!this.#isGathered) this.#gatherAgain();
    try {
      return this.#file.transaction(work);
    } catch (error) {
      this.#isGathered = false;
      this.#words.clear();
      this.#names.clear();
      throw error;
    }
  }

  #gatherAgain(): void {
    this.#gathered.clear();
    const sql = `SELECT ${countedColumns} FROM search_event WHERE idx >= (SELECT counted FROM search_state)`;
    for (const row of this.#file.rows<CountedRow>(sql)) this.#gathered.add(row);
    this.#isGathered = true;
  }

  /** Takes out the events of a run of indexes. */
  forget({ first, last }: Run, left: NamesLeft): void {
    this.#change(() => {
      const sql = `SELECT ${leavingColumns} FROM search_event WHERE idx >= ? AND idx <= ?`;
      const counted = this.#counted();
      const gone = new Gathered();
      for (const row of this.#file.rows<RowLeaving>(sql, [first, last])) {
        left.note(row);
        (row.idx < counted ? gone : this.#gathered).add(row, -1);
      }
      this.#file.run('DELETE FROM search_event WHERE idx >= ? AND idx <= ?', [first, last]);
      this.#countNow(gone);
    });
  }

  /** Projects these events, which are in the projection, once more. */
  exchange(events: readonly StoredEvent[], left: NamesLeft): void {
    this.#change(() => {
      const sql = `SELECT ${leavingColumns} FROM search_event WHERE idx = ?`;
      const counted = this.#counted();
      const changed = new Gathered();
      for (const event of events) {
        const [row] = this.#file.rows<RowLeaving>(sql, [event.idx]);
        if (!row) continue;
        left.note(row);
        const into = event.idx < counted ? changed : this.#gathered;
        into.add(row, -1);
        this.#file.run('DELETE FROM search_event WHERE idx = ?', [event.idx]);
        this.#put(projectRow(event), into);
      }
      this.#countNow(changed);
    });
  }

  /** Takes out names that no event has any more, and leaves none of what was taken out in the WAL, if nobody reads it now. */
  forgetNames(left: NamesLeft): void {
    this.#change(() => {
      for (const { dimension, name, word } of left.names) {
        const used = `SELECT 1 FROM search_event WHERE ${dimension} = ? AND ${nameColumns[dimension]} = ? LIMIT 1`;
        if (this.#file.rows(used, [word, name]).length === 0)
          this.#file.run(deleteName, [dimension, keyText(name), word]);
      }
      for (const word of left.principals)
        if (!this.#isUsed(word)) this.#file.run(deleteNameWord, [word, nameKey('')]);
      this.#file.run('UPDATE search_state SET generation = generation + 1');
    });
    this.#words.clear();
    this.#names.clear();
    this.#file.rows('PRAGMA wal_checkpoint(TRUNCATE)');
  }

  #isUsed(word: number): boolean {
    const uses = principalColumns.map((column) => `SELECT 1 FROM search_event WHERE ${column} = ?`);
    return (
      this.#file.rows(
        `${uses.join(' UNION ALL ')} LIMIT 1`,
        uses.map(() => word),
      ).length > 0
    );
  }

  #counted(): number {
    return this.state()?.counted ?? 0;
  }

  #countNow(gathered: Gathered): void {
    for (const cell of gathered.take()) {
      this.#file.run(insertCell, cellValues(cell));
      this.#file.run(deleteEmptyCell, cellValues(cell).slice(0, cellKey.length));
    }
  }

  /** Its refusal came before it in the log, so it is here already. */
  #since({ closing, cause }: ProjectedRow): number | null {
    if (!closing || cause === null) return null;
    const sql = 'SELECT occurred_us AS us FROM search_event WHERE id = ?';
    return this.#file.rows<{ us: number }>(sql, [cause])[0]?.us ?? null;
  }

  readonly #word = (text: string): number => {
    const known = this.#words.get(text);
    if (known !== undefined) return known;
    const [found] = this.#file.rows<{ id: number }>('SELECT id FROM search_word WHERE text = ?', [text]);
    const id =
      found?.id ??
      (this.#file.rows<{ id: number }>('INSERT INTO search_word (text) VALUES (?) RETURNING id', [text])[0]
        ?.id as number);
    this.#words.set(text, id);
    return id;
  };
}
