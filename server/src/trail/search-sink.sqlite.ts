/** The projection's writer on SQLite: `search.db`, in a worker thread. */
import type { SqliteFile } from '../db/search-file.ts';
import type { ProjectedRow } from './projected-row.ts';
import {
  blocksOf,
  eventColumns,
  insertState,
  type LastRow,
  namesOfRow,
  type ProjectionState,
  putBlock,
  selectLast,
  selectState,
  valuesOf,
} from './search-sink.ts';

const insertEvent = `INSERT INTO search_event (${eventColumns.join(', ')}) VALUES (${eventColumns.map(() => '?').join(', ')})`;
const insertName = 'INSERT INTO search_name (dimension, name, word) VALUES (?, ?, ?) ON CONFLICT DO NOTHING';
const mostRemembered = 100_000;

export class SqliteSink {
  readonly #file: SqliteFile;
  readonly #words = new Map<string, number>();
  readonly #names = new Set<string>();

  constructor(file: SqliteFile) {
    this.#file = file;
  }

  state(): ProjectionState | undefined {
    return this.#file.rows<ProjectionState>(selectState)[0];
  }

  begin(state: ProjectionState): void {
    this.#file.run(insertState, [state.version, state.generation, state.next]);
  }

  last(): LastRow | undefined {
    return this.#file.rows<LastRow>(selectLast)[0];
  }

  /** `next`: everything below it is projected afterwards. */
  write(rows: readonly ProjectedRow[], next: number): void {
    this.#forgetMany();
    try {
      this.#file.transaction(() => this.#write(rows, next));
    } catch (error) {
      // Numbers given in the batch were rolled back with it.
      this.#words.clear();
      this.#names.clear();
      throw error;
    }
  }

  #write(rows: readonly ProjectedRow[], next: number): void {
    const word = (text: string): number => this.#word(text);
    for (const row of rows) {
      this.#file.run(insertEvent, valuesOf(row, word, this.#since(row)));
      for (const { dimension, name, of } of namesOfRow(row)) this.#putName(dimension, name, word(of));
    }
    for (const { block, firstUs, lastUs } of blocksOf(rows))
      this.#file.run(putBlock, [block, firstUs, lastUs]);
    this.#file.run('UPDATE search_state SET next = ?', [next]);
  }

  /** Its refusal came before it in the log, so it is here already. */
  #since(row: ProjectedRow): number | null {
    if (!row.repeats || row.cause === null) return null;
    return (
      this.#file.rows<{ us: number }>('SELECT occurred_us AS us FROM search_event WHERE id = ?', [
        row.cause,
      ])[0]?.us ?? null
    );
  }

  #word(text: string): number {
    const known = this.#words.get(text);
    if (known !== undefined) return known;
    const [found] = this.#file.rows<{ id: number }>('SELECT id FROM search_word WHERE text = ?', [text]);
    const id =
      found?.id ??
      (this.#file.rows<{ id: number }>('INSERT INTO search_word (text) VALUES (?) RETURNING id', [text])[0]
        ?.id as number);
    this.#words.set(text, id);
    return id;
  }

  #putName(dimension: string, name: string, word: number): void {
    const key = `${dimension} ${word} ${name}`;
    if (this.#names.has(key)) return;
    this.#file.run(insertName, [dimension, name, word]);
    this.#names.add(key);
  }

  #forgetMany(): void {
    if (this.#words.size > mostRemembered) this.#words.clear();
    if (this.#names.size > mostRemembered) this.#names.clear();
  }
}
