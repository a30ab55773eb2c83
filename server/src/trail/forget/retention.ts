/**
 * Retention: bodies whose time has passed are dropped, with their private rows; leaf hashes stay in the tiles, so the
 * tree and every proof stay valid. One run looks at what has come of age since the last one, and again at what was kept.
 *
 *   unit:  DELETE event, event_private          at most `perUnit`, all below the last full tile
 *          INSERT event_gap, search_redo
 *          trail.retention.drop                 class, range, count, cutoff, digest over the leaf hashes
 *          marks                                how far each time was looked at
 *
 * A crash between two units loses nothing and repeats nothing: marks and drops commit together.
 */
import { createHash } from 'node:crypto';
import type { SettableRetention } from '@tallyman/contract';
import { findSetting, putSetting } from '../../db/settings.ts';
import type { ReadDb, Tx } from '../../db/store.ts';
import { formatUs } from '../../stdx/clock.ts';
import type { Performer } from '../draft.ts';
import { openStored } from '../projected-row.ts';
import { systemPerformer } from '../system-performer.ts';
import type { Explainer } from './explainer.ts';
import { askToFollow } from './follow.ts';
import { type Held, readHeld } from './holds.ts';
import type { ExpiredHit } from './scan.ts';
import type { Scanner } from './scanner.ts';
import { type ForgetParts, finiteDays, forgetLock, type RetentionRules, readRules } from './settings.ts';
import { runsOf, touchedBy } from './touched.ts';

export type RetentionRunParts = ForgetParts & { scanner: Scanner; explainers: readonly Explainer[] };

/** Saved in the unit that did what it tells. */
export type SaveProgress = (tx: Tx, progress: Record<string, number>) => Promise<void>;
export type RetentionStep = {
  progress: Readonly<Record<string, string | number>>;
  save: SaveProgress;
};

/** Deleted in one unit: well under 10 ms. */
export const perUnit = 200;
const keptPerStep = 500;
const tileWidth = 256;
const dayUs = 86_400_000_000;
const marksKey = 'retention.marks';

/** Days -> the index up to which events kept for so long were looked at. Rules or holds that changed begin anew. */
type Marks = { basis: string; marks: Record<string, number> };
type Basis = { rules: RetentionRules; held: Held; text: string };

/** One bounded part of a run; tells whether there is more, and how far it has come. */
export async function retainStep(
  parts: RetentionRunParts,
  step: RetentionStep,
): Promise<{ more: boolean; progress: Record<string, number> }> {
  const basis = await readBasis(parts.db.read);
  const marks = await readMarks(parts.db.read, basis);
  const high = await lastDroppable(parts.db.read);
  const days = finiteDays(basis.rules).find((one) => Number(step.progress[`days${one}`] ?? 0) === 0);
  const run: Run = { parts, basis, marks, high, step, done: countersOf(step.progress) };
  if (days !== undefined) await lookAtStretch(run, days);
  const more = days !== undefined || !(await lookAtKept(run));
  return { more, progress: run.done };
}

type Run = {
  parts: RetentionRunParts;
  basis: Basis;
  marks: Marks;
  high: number;
  step: RetentionStep;
  done: Record<string, number>;
};

function countersOf(progress: Readonly<Record<string, string | number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(progress).map(([key, value]) => [key, Number(value)]));
}

async function lookAtStretch(run: Run, days: number): Promise<void> {
  const { parts, basis, marks, high, done } = run;
  const low = marks.marks[days] ?? 0;
  const nowUs = parts.clock.nowUs();
  const question = { rules: basis.rules, held: basis.held, days, nowUs, explaining: explainingIn(parts) };
  const found = await parts.scanner.expired({ place: { low, high }, ...question });
  const reached = Math.max(found.next, low);
  const ended = found.end || reached >= high;
  await settle(run, found.hits, async (tx) => {
    await putMarks(tx, { ...marks, marks: { ...marks.marks, [days]: reached } }, parts);
    Object.assign(done, { at: reached, ...(ended && { [`days${days}`]: 1 }) });
    await run.step.save(tx, done);
  });
}

/** Those past their time that were kept; returns whether all were looked at. */
async function lookAtKept(run: Run): Promise<boolean> {
  const { parts, basis, done } = run;
  const rows = await parts.db.read.q
    .selectFrom('event_kept')
    .select('idx')
    .where('idx', '>', (done.keptAt ?? 0) - 1)
    .orderBy('idx')
    .limit(keptPerStep)
    .execute();
  const indexes = rows.map((row) => row.idx);
  if (indexes.length === 0) return true;
  const question = {
    rules: basis.rules,
    held: basis.held,
    nowUs: parts.clock.nowUs(),
    explaining: explainingIn(parts),
  };
  const { hits } = await parts.scanner.expired({ place: { indexes }, ...question });
  const old = new Set(hits.map((hit) => hit.idx));
  const young = indexes.filter((idx) => !old.has(idx));
  await settle(run, hits, async (tx) => {
    if (young.length > 0) await tx.q.deleteFrom('event_kept').where('idx', 'in', young).execute();
    done.keptAt = (indexes.at(-1) as number) + 1;
    await run.step.save(tx, done);
  });
  return indexes.length < keptPerStep;
}

function explainingIn({ explainers }: RetentionRunParts): string[] {
  return explainers.flatMap((one) => one.types);
}

/** Drops what may go and remembers what is kept, in units; `save` goes with the last. */
async function settle(run: Run, hits: readonly ExpiredHit[], save: (tx: Tx) => Promise<void>): Promise<void> {
  const { kept, going } = await sortOut(run.parts, hits);
  const units = chunks(going, perUnit);
  const last = units.pop() ?? [];
  run.done.kept = (run.done.kept ?? 0) + kept.length;
  run.done.dropped = (run.done.dropped ?? 0) + going.length;
  for (const unit of units) await inUnit(run, async (tx) => dropEvents(run, tx, unit));
  await inUnit(run, async (tx) => {
    await dropEvents(run, tx, last);
    for (const some of chunks(kept, perUnit)) await keepEvents(tx, some);
    await save(tx);
  });
}

/** Rules and holds must be those that were looked at with: a change between is looked at anew by the next step. */
async function inUnit(run: Run, work: (tx: Tx) => Promise<void>): Promise<void> {
  const { db } = run.parts;
  await db.transact(async (tx) => {
    await tx.lock(forgetLock);
    if ((await readBasis(tx)).text === run.basis.text) await work(tx);
  });
}

async function sortOut(
  { db, explainers }: RetentionRunParts,
  hits: readonly ExpiredHit[],
): Promise<{ kept: number[]; going: ExpiredHit[] }> {
  const [kept, going]: [number[], ExpiredHit[]] = [[], []];
  let asked = 0;
  for (const hit of hits) {
    if (hit.held || (hit.stored !== undefined && (await isExplaining(db.read, explainers, hit.stored))))
      kept.push(hit.idx);
    else going.push(hit);
    // Each question is short; many in a row would hold the thread.
    if (hit.stored !== undefined && ++asked % 20 === 0) await new Promise(setImmediate);
  }
  return { kept, going };
}

async function isExplaining(
  db: ReadDb,
  explainers: readonly Explainer[],
  stored: NonNullable<ExpiredHit['stored']>,
): Promise<boolean> {
  const event = openStored(stored);
  for (const { types, explains } of explainers)
    if (types.some((type) => type === event.type) && (await explains(event, db))) return true;
  return false;
}

/** One event for each class and time among them. */
async function dropEvents(run: Run, tx: Tx, hits: readonly ExpiredHit[]): Promise<void> {
  const { parts } = run;
  const groups = Map.groupBy(hits, (hit) => `${hit.class} ${hit.days}`);
  for (const group of groups.values()) {
    const indexes = group.map((hit) => hit.idx);
    await requireLeaves(tx, group);
    const { numDeletedRows } = await tx.q
      .deleteFrom('event')
      .where('idx', 'in', indexes)
      .executeTakeFirstOrThrow();
    if (Number(numDeletedRows) !== group.length) throw new Error('an event to be dropped was gone already');
    await tx.q.deleteFrom('event_private').where('idx', 'in', indexes).execute();
    await tx.q.deleteFrom('event_kept').where('idx', 'in', indexes).execute();
    const { class: name, days } = group[0] as ExpiredHit;
    const eventId = parts.trail.record(tx, {
      type: 'trail.retention.drop',
      by: retentionItself(parts),
      scope: {},
      details: { class: name as SettableRetention, ...touchedBy(group), cutoff: cutoffOf(parts, days) },
    });
    const runs = runsOf(indexes);
    const gaps = runs.map(({ first, last }) => ({ first_idx: first, last_idx: last, event_id: eventId }));
    await tx.q.insertInto('event_gap').values(gaps).execute();
    await askToFollow(tx, { forget: runs });
  }
}

function cutoffOf({ clock }: RetentionRunParts, days: number): string {
  return formatUs(clock.nowUs() - days * dayUs);
}

/** A body is dropped only where its leaf hash stays, and is what the log says it is. */
async function requireLeaves(tx: Tx, hits: readonly ExpiredHit[]): Promise<void> {
  const numbers = [...new Set(hits.map(({ idx }) => Math.floor(idx / tileWidth)))];
  const rows = await tx.q
    .selectFrom('log_tile')
    .select(['n', 'hashes'])
    .where('level', '=', 0)
    .where('n', 'in', numbers)
    .execute();
  const tiles = new Map(rows.map(({ n, hashes }) => [n, Buffer.from(hashes)]));
  for (const { idx, leaf } of hits) {
    const at = (idx % tileWidth) * 32;
    const stored = tiles
      .get(Math.floor(idx / tileWidth))
      ?.subarray(at, at + 32)
      .toString('base64url');
    if (stored === leaf) continue;
    throw new Error(
      `the event with index ${idx} is not what the tree of the log says, so it is not dropped; run tallyman fsck`,
    );
  }
}

async function keepEvents(tx: Tx, indexes: readonly number[]): Promise<void> {
  await tx.q
    .insertInto('event_kept')
    .values(indexes.map((idx) => ({ idx })))
    .onConflict((conflict) => conflict.column('idx').doNothing())
    .execute();
}

/**
 * Nothing is dropped from here on: leaf hashes of these events stand in no full tile yet. The last event always stays, by
 * which a restart knows where the log ends.
 */
async function lastDroppable(db: ReadDb): Promise<number> {
  const row = await db.q.selectFrom('log_edge').select('size').executeTakeFirst();
  return Math.max(0, Math.floor(((row?.size ?? 0) - 1) / tileWidth) * tileWidth);
}

async function readBasis(db: ReadDb): Promise<Basis> {
  const [rules, held] = [await readRules(db), await readHeld(db)];
  const text = createHash('sha256')
    .update(JSON.stringify([rules, held]))
    .digest('base64url');
  return { rules, held, text };
}

async function readMarks(db: ReadDb, basis: Basis): Promise<Marks> {
  const value = await findSetting(db, { key: marksKey });
  const stored = value === undefined ? undefined : (JSON.parse(value) as Marks);
  return stored?.basis === basis.text ? stored : { basis: basis.text, marks: {} };
}

async function putMarks(tx: Tx, marks: Marks, { clock }: { clock: ForgetParts['clock'] }): Promise<void> {
  await putSetting(tx, { key: marksKey, value: JSON.stringify(marks), nowUs: clock.nowUs() });
}

export function retentionItself({ clock }: { clock: ForgetParts['clock'] }): Performer {
  return systemPerformer(clock, 'retention');
}

function chunks<T>(all: readonly T[], size: number): T[][] {
  const parts: T[][] = [];
  for (let at = 0; at < all.length; at += size) parts.push(all.slice(at, at + size));
  return parts;
}
