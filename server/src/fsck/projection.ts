/**
 * The search projection against the log, row by row: what stands in it must be exactly what the events give, neither
 * less nor more. Log and projection are read one after the other, so beside a server a difference counts only when a
 * second look finds it again: an erasure changes both, the log first.
 */

import type { Onlooker, View } from '../db/onlooker.ts';
import { isTorn } from '../db/search-file.ts';
import type { Value } from '../db/statement.ts';
import type { Redo } from '../trail/forget/follow.ts';
import type { ProjectedRow, StoredEvent } from '../trail/projected-row.ts';
import { projectStretch } from '../trail/projector.ts';
import {
  addToBlocks,
  type Block,
  eventColumns,
  keyText,
  type nameColumns,
  type ProjectionState,
  projectionVersion,
  selectState,
  storedRow,
  wordsOf,
} from '../trail/search-sink.ts';
import { inValues } from '../trail/sql.ts';
import { stretchSql } from '../trail/stretch.ts';
import { Counts, checkCounts } from './counts.ts';
import type { Tell } from './findings.ts';
import type { Pace } from './pace.ts';
import type { SecondLook } from './second-look.ts';

export type ProjectionRun = {
  log: Onlooker;
  /** The same as `log` on PostgreSQL; undefined where there is no file. */
  search: Onlooker | undefined;
  tell: Tell;
  pace: Pace;
  secondLook: SecondLook;
};

type Looking = ProjectionRun & { search: Onlooker };

const stretchSize = 1_000;

/** Resolves to how many events are projected. */
export async function checkProjection(run: ProjectionRun): Promise<number> {
  const { search } = run;
  const looking = search && { ...run, search };
  const state = looking && (await readState(looking));
  if (state === undefined || looking === undefined) {
    run.tell.notice(
      'projection_away',
      'the search index is not there, or of another version: it is made anew',
    );
    return 0;
  }
  const pass = new Pass(looking, state);
  for (let from = 0; from < state.next; from += stretchSize) {
    await pass.look({ from, to: Math.min(from + stretchSize, state.next) });
    await run.pace.rest();
  }
  await pass.finish();
  return state.next;
}

/** Undefined for one that a start would make anew. */
async function readState({ search, log, tell }: Looking): Promise<ProjectionState | undefined> {
  const state = await search
    .view(async (view) => (await view.rows<ProjectionState>(selectState))[0])
    .catch((error: unknown) => {
      if (isTorn(error)) return undefined;
      throw error;
    });
  if (state === undefined || state.version !== projectionVersion) return undefined;
  const [head] = await log.view((view) =>
    view.rows<{ high: number | null }>('SELECT max(idx) AS high FROM event'),
  );
  if (state.next > (head?.high ?? -1) + 1) {
    tell.error(
      'projection_ahead',
      `the search index reaches to index ${state.next - 1}, and the log ends at ${head?.high ?? 'nothing'}`,
    );
  }
  return state;
}

type Range = { from: number; to: number };
/** What the log gives for a range, and what the projection has there. */
type Both = { expected: ProjectedRow[]; found: Record<string, Value>[]; words: ReadonlyMap<string, number> };

const selectRows = `SELECT ${eventColumns.join(', ')} FROM search_event WHERE idx >= ? AND idx < ? ORDER BY idx`;

class Pass {
  readonly #run: Looking;
  readonly #state: ProjectionState;
  readonly #blocks = new Map<string, Block>();
  readonly #counts: Counts;
  /** Names that were found; forgotten when they are many. */
  readonly #names = new Set<string>();

  constructor(run: Looking, state: ProjectionState) {
    this.#run = run;
    this.#state = state;
    this.#counts = new Counts(state.counted);
  }

  async look(range: Range): Promise<void> {
    let last: Both | undefined;
    await this.#run.secondLook('projection', async (tell) => {
      const both = await readBoth(this.#run, range);
      last = both;
      const since = await this.#run.search.view((view) => readSince(view, both.expected));
      const pending = await this.#run.log.view(readPending);
      compare(both, { since, pending, tell });
      await this.#run.search.view((view) => this.#checkNames(view, both, tell));
    });
    if (last === undefined) return;
    addToBlocks(this.#blocks, last.expected);
    this.#counts.add(last.found);
  }

  async #checkNames(view: View, { expected, words }: Both, tell: Tell): Promise<void> {
    if (this.#names.size > 50_000) this.#names.clear();
    for (const row of expected) {
      for (const [dimension, name, of] of namesOf(row)) {
        if (name === null || of === null) continue;
        const word = words.get(keyText(of));
        const key = `${dimension} ${word} ${name}`;
        if (word === undefined || this.#names.has(key)) continue;
        this.#names.add(key);
        const found = await view.rows(
          'SELECT 1 AS there FROM search_name WHERE dimension = ? AND name = ? AND word = ?',
          [dimension, keyText(name), word],
        );
        if (found.length > 0) continue;
        this.#names.delete(key);
        tell.error(
          'name_missing',
          `event ${row.idx}: the search index does not know the name of its ${dimension}`,
          row.idx,
        );
      }
    }
  }

  async finish(): Promise<void> {
    const { log, search, tell } = this.#run;
    await search.view((view) => this.#checkBlocks(view));
    if ((await log.view(readPending)).length > 0) return;
    await checkCounts(search, { counts: this.#counts, state: this.#state, tell });
  }

  /** A block's times may reach further than its events, when some were dropped; never less far. */
  async #checkBlocks(view: View): Promise<void> {
    const select =
      'SELECT first_us AS "firstUs", last_us AS "lastUs" FROM search_block WHERE size = ? AND block = ?';
    for (const { size, block, firstUs, lastUs } of this.#blocks.values()) {
      const [found] = await view.rows<Block>(select, [size, block]);
      if (found !== undefined && found.firstUs <= firstUs && found.lastUs >= lastUs) continue;
      this.#run.tell.error(
        'block_differs',
        `the search index has other times for block ${block} of ${size} events`,
      );
    }
  }
}

function namesOf(row: ProjectedRow): [keyof typeof nameColumns, string | null, string | null][] {
  return [
    ['actor', row.actorName, row.actor],
    ['on_behalf_of', row.onBehalfOfName, row.onBehalfOf],
    ['namespace', row.namespaceName, row.namespace],
    ['project', row.projectPath, row.project],
  ];
}

async function readBoth({ log, search }: Looking, { from, to }: Range): Promise<Both> {
  const { text, params } = stretchSql({ low: from, high: to, most: to - from });
  const events = await log.view((view) => view.rows<StoredEvent>(text, params));
  return search.view(async (view) => {
    const [state] = await view.rows<ProjectionState>(selectState);
    // Being made anew: there is nothing to compare with yet.
    if (state === undefined || state.next < to) return { expected: [], found: [], words: new Map() };
    const expected = projectStretch(events, to).rows;
    const found = await view.rows<Record<string, Value>>(selectRows, [from, to]);
    return { expected, found, words: await readWords(view, [...new Set(expected.flatMap(wordsOf))]) };
  });
}

async function readWords(view: View, texts: readonly string[]): Promise<Map<string, number>> {
  const words = new Map<string, number>();
  for (let at = 0; at < texts.length; at += 500) {
    const where = inValues('text', texts.slice(at, at + 500));
    const sql = `SELECT id, text FROM search_word WHERE ${where.text}`;
    for (const { id, text } of await view.rows<{ id: number; text: string }>(sql, where.params))
      words.set(text, id);
  }
  return words;
}

/** When the refusals occurred whose repeats these rows count, by hexadecimal id. */
async function readSince(view: View, rows: readonly ProjectedRow[]): Promise<Map<string, number>> {
  const causes = rows.flatMap(({ closing, cause }) => (closing && cause !== null ? [cause] : []));
  const since = new Map<string, number>();
  for (let at = 0; at < causes.length; at += 500) {
    const where = inValues('id', causes.slice(at, at + 500));
    const sql = `SELECT id, occurred_us AS us FROM search_event WHERE ${where.text}`;
    for (const { id, us } of await view.rows<{ id: Uint8Array; us: number }>(sql, where.params))
      since.set(Buffer.from(id).toString('hex'), us);
  }
  return since;
}

/** Indexes whose rows are still to follow an erasure or a drop: the log is ahead of the projection there, and says so. */
async function readPending(view: View): Promise<Redo[]> {
  const rows = await view.rows<{ indexes: string }>('SELECT indexes FROM search_redo');
  return rows.map(({ indexes }) => JSON.parse(indexes) as Redo);
}

function isPending(pending: readonly Redo[], index: number): boolean {
  return pending.some((redo) =>
    'forget' in redo
      ? redo.forget.some(({ first, last }) => index >= first && index <= last)
      : redo.reproject.includes(index),
  );
}

type Comparing = { since: ReadonlyMap<string, number>; pending: readonly Redo[]; tell: Tell };

function compare({ expected, found, words }: Both, { since, pending, tell }: Comparing): void {
  const rows = new Map(found.map((row) => [row.idx as number, row]));
  for (const row of expected) {
    const { idx } = row;
    const stored = rows.get(idx);
    rows.delete(idx);
    if (isPending(pending, idx)) continue;
    if (stored === undefined) {
      tell.error('row_missing', `event ${idx} is not in the search index, which claims to hold it`, idx);
      continue;
    }
    const us = row.cause === null ? undefined : since.get(row.cause.toString('hex'));
    const { values } = storedRow(row, (text) => words.get(text) ?? 0, row.closing ? (us ?? null) : null);
    const other = eventColumns.filter((column, at) => {
      // The refusal itself may be gone: then nothing tells any more when it was.
      if (column === 'repeats_since_us' && row.closing && us === undefined) return false;
      return !isSame(stored[column] as Value, values[at] as Value);
    });
    if (other.length > 0)
      tell.error('row_differs', `event ${idx}: the search index has another ${other.join(', ')}`, idx);
  }
  for (const idx of rows.keys())
    if (!isPending(pending, idx))
      tell.error('row_extra', `the search index has an event ${idx}, and the log does not`, idx);
}

function isSame(left: Value, right: Value): boolean {
  if (left instanceof Uint8Array && right instanceof Uint8Array) return Buffer.compare(left, right) === 0;
  return left === right;
}
