/**
 * The log from its first index to its end, once, a stretch at a time: every event by itself, none missing and none too
 * many, and the tree over all of them against its edge, its tiles and every signed head.
 */
import { hash } from 'node:crypto';
import { hashBytes, tileHashes } from '@tallyman/verifier';
import type { Engine } from '../db/migrations/migration.ts';
import type { Onlooker, View } from '../db/onlooker.ts';
import type { Clock } from '../stdx/clock.ts';
import { sizeIn } from './checkpoints.ts';
import { EventChecks } from './event-checks.ts';
import type { Tell } from './findings.ts';
import { dropOf, Explanations, type Notes, readLaterExplanations, readNotes } from './gaps.ts';
import type { Pace } from './pace.ts';
import { type StoredHead, TreeCheck, type TreeStretch } from './tree-check.ts';
import type { WholeTiles } from './whole-tiles.ts';

export type LogRun = {
  log: Onlooker;
  clock: Clock;
  pace: Pace;
  /** Kept outside of the database. */
  heads: readonly string[];
  /** Whether and to whom each of the two is told. */
  events: Tell | undefined;
  tree: Tell | undefined;
  /** Makes a pass over the tree alone quicker. */
  wholeTiles?: Pick<WholeTiles, 'rootOf'> | undefined;
};

/** A whole number of tiles. */
const stretchSize = 8 * tileHashes;

/** What stands at the beginning; events that come later are the next pass's. */
export type Ends = {
  engine: Engine;
  /** Leaves of the tree; undefined without an edge. */
  size: number | undefined;
  edge: Uint8Array;
  /** One more than the highest index with a row. */
  rows: number;
  lowest: number;
  /** Committed events that wait for their index (PostgreSQL). */
  waiting: number;
};

const edgeMissing = {
  sqlite:
    'the tree has no edge, which stands with the last event: the end of the log is gone from here on, or the edge is',
  postgres: 'the tree has no edge: its row in log_edge is gone',
};

/** Resolves to how many events there are. */
export async function checkLog(run: LogRun): Promise<number> {
  const nowUs = run.clock.nowUs();
  const ends = await run.log.view(readEnds);
  const { size = ends.rows, edge } = ends;
  const head = Math.max(size, ends.rows);
  if (run.events === undefined && run.tree === undefined) return head;
  if (run.events !== undefined) tellEnds(run.events, ends);
  const events = run.events && {
    tell: run.events,
    checks: new EventChecks({ tell: run.events, nowUs }),
    explanations: new Explanations(run.events),
  };
  const outside = run.heads.map((note) => ({ size: sizeIn(note), note }));
  const tree = run.tree && new TreeCheck({ tell: run.tree, size, edge, nowUs, outside });
  const quick = events === undefined && tree !== undefined ? run.wholeTiles : undefined;
  const heads = quick && new Set([...(await run.log.view(readHeadTiles)), ...outside.map(tileOfHead)]);
  for (let from = 0; from < head; ) {
    const n = from / tileHashes;
    const root =
      heads?.has(n) === false && from + tileHashes <= size
        ? await quick?.rootOf(n, Math.floor(size / tileHashes))
        : undefined;
    if (root !== undefined) {
      tree?.addWholeTile(root);
      from += tileHashes;
      if (from % stretchSize === 0) await run.log.view(async (view) => tree?.checkUpperTiles(view));
      continue;
    }
    const length = quick ? tileHashes : stretchSize;
    const stretch = await run.log.view((view) =>
      readStretch(view, { from, to: Math.min(from + length, head) }),
    );
    const leaves = leavesOf(stretch);
    if (tree !== undefined && from < size) {
      tree.add({ ...stretch, leaves: leaves.slice(0, size - from) });
      await run.log.view((view) => tree.checkUpperTiles(view));
    }
    if (isEmpty(stretch)) {
      const next = await run.log.view((view) => nextWithRows(view, { from: stretch.to, head }));
      if (events !== undefined) tellMissing(events.tell, [{ from, to: next }]);
      from = next === head ? head : next - (next % stretchSize);
      continue;
    }
    if (events !== undefined) checkEvents({ ...stretch, leaves }, events);
    from = stretch.to;
    await run.pace.rest();
  }
  if (events !== undefined)
    events.explanations.finish(await run.log.view((view) => readLaterExplanations(view, head)));
  if (tree !== undefined) {
    await run.log.view((view) => tree.checkUpperTiles(view));
    tree.finish();
    await run.log.view((view) => tree.checkBeyond(view));
  }
  return head;
}

/** Those with a checkpoint within them or at their end, which is compared with the tree when it has that size. */
async function readHeadTiles(view: View): Promise<number[]> {
  return (await view.rows<{ size: number }>('SELECT size FROM log_checkpoint')).map(tileOfHead);
}

function tileOfHead({ size }: { size: number }): number {
  return Math.floor((size - 1) / tileHashes);
}

/** On SQLite it stands with the last event; where one was put behind it, it is looked for a little before. */
const selectEdge = {
  sqlite: `SELECT idx + 1 AS size, edge AS hashes FROM (SELECT idx, edge FROM event ORDER BY idx DESC LIMIT 1000)
    WHERE edge IS NOT NULL LIMIT 1`,
  postgres: 'SELECT size, hashes FROM log_edge',
};

async function readEnds(view: View): Promise<Ends> {
  const [edge] = await view.rows<{ size: number; hashes: Uint8Array }>(selectEdge[view.engine]);
  // Asked for both in one, SQLite would go over the whole table.
  const [rows] = await view.rows<{ low: number | null; high: number | null }>(
    'SELECT (SELECT min(idx) FROM event) AS low, (SELECT max(idx) FROM event) AS high',
  );
  const waiting =
    view.engine === 'sqlite'
      ? 0
      : (await view.rows<{ count: number }>('SELECT count(*) AS count FROM event_outbox'))[0]?.count;
  return {
    engine: view.engine,
    size: edge?.size,
    edge: edge?.hashes ?? new Uint8Array(),
    rows: (rows?.high ?? -1) + 1,
    lowest: rows?.low ?? 0,
    waiting: waiting ?? 0,
  };
}

function tellEnds(tell: Tell, { engine, size, rows, lowest, waiting }: Ends): void {
  if (size === undefined) {
    if (rows > 0 || engine === 'postgres') tell.error('edge_missing', edgeMissing[engine], rows);
  } else if (rows > size) {
    tell.error(
      'beyond_tree',
      `there are events up to index ${rows - 1}, and the tree has ${size} leaves: those from ${size} on are not in it`,
      size,
    );
  }
  if (lowest < 0) tell.error('index_negative', `there is an event with the index ${lowest}`, lowest);
  if (waiting > 0) tell.notice('waiting_for_index', `${waiting} committed events wait for their index`);
}

export type Stretch = {
  from: number;
  to: number;
  bodies: ReadonlyMap<number, string>;
  fields: ReadonlyMap<number, string>;
  /** Level-0 tiles by their n. */
  tiles: ReadonlyMap<number, Uint8Array>;
  heads: readonly StoredHead[];
  notes: Notes;
};

type Range = { from: number; to: number };

export async function readStretch(view: View, range: Range): Promise<Stretch> {
  const { from, to } = range;
  const within = [from, to];
  const events = await view.rows<{ idx: number; body: string }>(
    'SELECT idx, body FROM event WHERE idx >= ? AND idx < ?',
    within,
  );
  const fields = await view.rows<{ idx: number; fields: string }>(
    'SELECT idx, fields FROM event_private WHERE idx >= ? AND idx < ?',
    within,
  );
  const tiles = await view.rows<{ n: number; hashes: Uint8Array }>(
    'SELECT n, hashes FROM log_tile WHERE level = 0 AND n >= ? AND n < ?',
    [from / tileHashes, Math.ceil(to / tileHashes)],
  );
  const heads = await view.rows<StoredHead>(
    'SELECT size, note FROM log_checkpoint WHERE size > ? AND size <= ? ORDER BY size',
    within,
  );
  return {
    from,
    to,
    bodies: new Map(events.map((row) => [row.idx, row.body])),
    fields: new Map(fields.map((row) => [row.idx, row.fields])),
    tiles: new Map(tiles.map((row) => [row.n, row.hashes])),
    heads,
    notes: await readNotes(view, range),
  };
}

/** Nothing to say of it but that it is missing. */
function isEmpty({ bodies, fields, tiles, notes }: Stretch): boolean {
  return bodies.size + fields.size + tiles.size + notes.runs.length === 0;
}

/** So that an index far off, written by hand, does not make the pass endless. */
async function nextWithRows(view: View, { from, head }: { from: number; head: number }): Promise<number> {
  const [row] = await view.rows<{ event: number | null; gap: number | null }>(
    `SELECT (SELECT min(idx) FROM event WHERE idx >= ?) AS event, (SELECT min(first_idx) FROM event_gap WHERE first_idx >= ?) AS gap`,
    [from, from],
  );
  return Math.min(row?.event ?? head, row?.gap ?? head, head);
}

type Leaves = TreeStretch['leaves'];

function leavesOf({ from, to, bodies }: Stretch): Leaves {
  return Array.from({ length: to - from }, (_, at) => {
    const body = bodies.get(from + at);
    return body === undefined ? undefined : { body, hash: hash('sha256', `\0${body}`, 'buffer') };
  });
}

type EventRun = { tell: Tell; checks: EventChecks; explanations: Explanations };

/** None missing without a reason, and each one by itself. */
function checkEvents(
  { from, leaves, fields, notes, tiles }: Stretch & { leaves: Leaves },
  { tell, checks, explanations }: EventRun,
): void {
  const missing: Range[] = [];
  for (const [at, leaf] of leaves.entries()) {
    const index = from + at;
    const entries = fields.get(index);
    const dropped = dropOf(notes, index) !== undefined;
    if (leaf !== undefined) {
      if (dropped) tell.error('dropped_and_there', `event ${index} is there, and is noted as dropped`, index);
      checks.check({ index, body: leaf.body, fields: entries, excused: notes.erasures.has(index) });
    } else if (!dropped) {
      const last = missing.at(-1);
      if (last?.to === index) last.to++;
      else missing.push({ from: index, to: index + 1 });
    } else if (entries !== undefined) {
      tell.error('private_row_left', `the private row of the dropped event ${index} is still there`, index);
    }
    explanations.add(index, { notes, body: leaf?.body, leaf: leaf?.hash ?? leafInTile(tiles, index) });
  }
  tellMissing(tell, missing);
}

function tellMissing(tell: Tell, ranges: readonly Range[]): void {
  for (const { from, to } of ranges) {
    const which = to - from === 1 ? `event ${from} is` : `events ${from} to ${to - 1} are`;
    tell.error('body_missing', `${which} missing, and no drop in the log tells why`, from);
  }
}

function leafInTile(tiles: Stretch['tiles'], index: number): Uint8Array | undefined {
  const at = (index % tileHashes) * hashBytes;
  return tiles.get(Math.floor(index / tileHashes))?.subarray(at, at + hashBytes);
}
