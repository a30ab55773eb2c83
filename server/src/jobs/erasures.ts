/**
 * Erasure of a person or an address, from the request to the last byte. Previewed first, then confirmed, each by an
 * administrator; the work is a job, so it goes on after a crash where it stood.
 *
 *   previewing   learn      names and addresses of a user that only events know
 *                look       count what would go
 *   previewed    (waits for an administrator; given up when nobody confirms it in time)
 *   erasing      learn      once more: the world went on
 *                remove     entries of events, up to the head of the log
 *                accounts   names, labels and addresses in the account tables, in one unit
 *                follow     the search projection
 *                reclaim    who it was is forgotten here, too; then the WAL, and on PostgreSQL dead rows
 *   done
 */
import type { Db, Tx } from '../db/store.ts';
import { AppError } from '../domain/error.ts';
import { uuidv7 } from '../stdx/random.ts';
import type { Performer } from '../trail/draft.ts';
import {
  type Counted,
  type EraseParts,
  eraseStretch,
  erasureItself,
  previewStretch,
  requireNoHold,
} from '../trail/forget/erase.ts';
import {
  type Erasure,
  type ErasureChange,
  getErasure,
  insertErasure,
  noTraces,
  nothingFound,
  putErasure,
  type SubjectKind,
  selectOldPreviews,
} from '../trail/forget/erasure-rows.ts';
import { type Follower, followSome } from '../trail/forget/follow.ts';
import { readHeld } from '../trail/forget/holds.ts';
import { forgetLock } from '../trail/forget/settings.ts';
import { normalName, type Traces } from '../trail/forget/traces.ts';
import type { Trail } from '../trail/trail.ts';
import type { Jobs } from './jobs.ts';
import type { JobKind, Progress, Running, Stepped } from './kind.ts';

/** The rooms that know the subject outside of the trail. */
export type ErasedRooms = {
  /** How a deleted user is, and was, called. Throws for one that lives, or never did. */
  getErasable(db: Db['read'], userId: string): Promise<{ names: string[]; robotIds: string[] }>;
  /** Throws conflict for the name of an account. */
  requireNobodys(db: Db['read'], name: string): Promise<void>;
  findOtherNames(
    db: Db['read'],
    of: { names: readonly string[]; userId: string | undefined },
  ): Promise<string[]>;
  /** Addresses to be forgotten; in short units. Idempotent, as the next. */
  eraseSources(addresses: readonly string[]): Promise<void>;
  eraseUserIn(tx: Tx, user: { userId: string; names: readonly string[] }): Promise<void>;
};

export type ErasureParts = Omit<EraseParts, 'trail'> & {
  trail: Pick<Trail, 'record' | 'closeAttempts'>;
  jobs: Pick<Jobs, 'enqueue'>;
  follower: Follower;
  rooms: ErasedRooms;
  /** Takes what was deleted out of what the database keeps besides its live rows. */
  reclaim: () => Promise<void>;
};

export const erasureLimits = {
  /** Names and addresses remembered of one user; more than anybody has. */
  names: 200,
  addresses: 20_000,
  keptPreviewMs: 7 * 86_400_000,
} as const;

export type Subject =
  | { kind: 'user'; id: string }
  | { kind: 'name'; name: string }
  /** `hex`: 16 bytes. */
  | { kind: 'address'; hex: string };

/** Begins a preview; nothing is removed. */
export async function requestErasure(parts: ErasureParts, by: Performer, subject: Subject): Promise<Erasure> {
  const { db, clock, trail, jobs } = parts;
  const traces = await tracesOf(parts, subject);
  const nowUs = clock.nowUs();
  const userId = subject.kind === 'user' ? subject.id : undefined;
  const id = uuidv7(nowUs);
  return db.transact(async (tx) => {
    await requireRoom(tx, userId);
    const jobId = await jobs.enqueue(tx, {
      kind: 'erasure_preview',
      payload: { erasureId: id },
      key: `erasure ${id}`,
    });
    const erasure: Erasure = {
      id,
      kind: subject.kind,
      userId,
      traces,
      state: 'previewing',
      found: nothingFound,
      removed: { events: 0, entries: 0 },
      requestedAtUs: nowUs,
      changedAtUs: nowUs,
      jobId,
    };
    await insertErasure(tx, erasure);
    trail.record(tx, { type: 'trail.erasure.request', by, ...toldOf(erasure) });
    return erasure;
  });
}

async function tracesOf({ db, rooms }: ErasureParts, subject: Subject): Promise<Traces> {
  switch (subject.kind) {
    case 'user': {
      const { names, robotIds } = await rooms.getErasable(db.read, subject.id);
      return { ...noTraces, userId: subject.id, robotIds, names: names.map(normalName) };
    }
    case 'name':
      await rooms.requireNobodys(db.read, subject.name);
      return { ...noTraces, names: [normalName(subject.name)] };
    case 'address':
      return { ...noTraces, addresses: [subject.hex] };
  }
}

const mostOpen = 20;

async function requireRoom(tx: Tx, userId: string | undefined): Promise<void> {
  await tx.lock('erasures');
  const rows = await tx.q
    .selectFrom('erasure')
    .select(['user_id'])
    .where('state', 'in', ['previewing', 'previewed', 'erasing'])
    .execute();
  if (userId !== undefined && rows.some((row) => row.user_id === userId))
    throw new AppError('conflict', 'An erasure of this user is under way already; go on with that one.', {
      reason: 'conflict',
    });
  if (rows.length < mostOpen) return;
  throw new AppError('conflict', `${mostOpen} erasures are under way. Confirm or cancel one of them first.`, {
    reason: 'conflict',
  });
}

/** Begins to erase what was previewed, or goes on with what failed. */
export async function confirmErasure(parts: ErasureParts, by: Performer, id: string): Promise<Erasure> {
  const { db, clock, trail, jobs } = parts;
  return db.transact(async (tx) => {
    await tx.lock(forgetLock);
    const erasure = await getErasure(tx, id);
    const failed = erasure.state === 'erasing' && (await hasFailed(tx, erasure.jobId));
    if (erasure.state !== 'previewed' && !failed) throw notNow(erasure);
    const held = await readHeld(tx);
    requireNoHold([
      ...erasure.found.holds.filter((hold) => isStanding(held, hold)),
      ...heldOf(held, erasure),
    ]);
    const jobId = await jobs.enqueue(tx, {
      kind: 'erasure',
      payload: { erasureId: id },
      key: `erasure ${id}`,
    });
    await putErasure(tx, { erasure, nowUs: clock.nowUs() }, { state: 'erasing', jobId });
    const { events, entries } = erasure.found;
    const { target, scope, details } = toldOf(erasure);
    trail.record(tx, {
      type: 'trail.erasure.confirm',
      by,
      scope,
      ...(target && { target }),
      details: { ...details, events, entries },
    });
    return { ...erasure, state: 'erasing', jobId };
  });
}

function isStanding(held: Record<string, string[]>, hold: string): boolean {
  return Object.values(held).some((ids) => ids.includes(hold));
}

function heldOf(held: Record<string, string[]>, { userId }: Erasure): string[] {
  return userId === undefined ? [] : (held[userId] ?? []);
}

async function hasFailed(db: Db['read'], jobId: string | undefined): Promise<boolean> {
  const row = await db.q
    .selectFrom('job')
    .select('state')
    .where('id', '=', jobId ?? '')
    .executeTakeFirst();
  return row === undefined || row.state === 'failed';
}

function notNow({ state }: Erasure): AppError {
  const why: Record<Erasure['state'], string> = {
    previewing: 'Its preview is not complete yet. Wait for it, then confirm.',
    previewed: '',
    erasing: 'It is under way already.',
    done: 'It was done already.',
    cancelled: 'It was given up. Ask for another preview.',
  };
  return new AppError('conflict', `This erasure cannot be confirmed now. ${why[state]}`, {
    reason: 'conflict',
  });
}

/** Throws conflict once it was confirmed. */
export async function cancelErasure(parts: ErasureParts, by: Performer, id: string): Promise<void> {
  const { db, clock, trail } = parts;
  await db.transact(async (tx) => {
    await tx.lock(forgetLock);
    const erasure = await getErasure(tx, id);
    if (erasure.state !== 'previewing' && erasure.state !== 'previewed')
      throw new AppError(
        'conflict',
        'Only a preview can be given up. This erasure was confirmed, done or given up.',
        {
          reason: 'conflict',
        },
      );
    await putErasure(tx, { erasure, nowUs: clock.nowUs() }, { state: 'cancelled', traces: noTraces });
    trail.record(tx, { type: 'trail.erasure.cancel', by, ...toldOf(erasure) });
  });
}

/** Nobody confirmed them: what they remember of whom they are about goes. */
export async function expirePreviews(parts: ErasureParts): Promise<number> {
  const old = await selectOldPreviews(
    parts.db.read,
    parts.clock.nowUs() - erasureLimits.keptPreviewMs * 1_000,
  );
  for (const { id } of old) await cancelErasure(parts, erasureItself(parts), id);
  return old.length;
}

function toldOf({ id, kind, userId }: Pick<Erasure, 'id' | 'kind' | 'userId'>) {
  return {
    scope: {},
    ...(userId !== undefined && { target: { kind: 'user', id: userId } }),
    details: { erasureId: id, subjectKind: kind as SubjectKind, ...(userId !== undefined && { userId }) },
  };
}

/** The two jobs. Their progress holds numbers only. */
export function erasureKinds(parts: ErasureParts): JobKind[] {
  const step =
    (phases: Readonly<Record<string, Phase>>, first: string) =>
    async (job: Running): Promise<Stepped> => {
      const { erasureId } = job.payload as { erasureId: string };
      const erasure = await getErasure(parts.db.read, erasureId);
      const phase = String(job.progress.phase ?? first);
      const work: Work = { parts, job, erasure, phase, at: Number(job.progress.at ?? 0) };
      if (erasure.state === 'cancelled' || erasure.state === 'done') return { next: 'done' };
      return (phases[phase] as Phase)(work);
    };
  return [
    {
      kind: 'erasure_preview',
      summary: 'Finds out what an erasure would remove',
      step: step({ learn, look }, 'learn'),
    },
    {
      kind: 'erasure',
      summary: 'Erases a person or an address',
      step: step({ learn, remove, accounts, follow, reclaim }, 'learn'),
    },
  ];
}

type Work = { parts: ErasureParts; job: Running; erasure: Erasure; phase: string; at: number };
type Phase = (work: Work) => Promise<Stepped>;

/** Of a user only: an address or a name is all there is to know. */
async function learn(work: Work): Promise<Stepped> {
  const { parts, erasure, at } = work;
  const { traces } = erasure;
  const after = erasure.state === 'previewing' ? 'look' : 'remove';
  if (erasure.kind === 'address') return goTo(work, after);
  const high = await parts.db.head();
  if (erasure.kind === 'user' && at < high) {
    const found = await parts.scanner.learn({ place: { low: at, high }, traces, held: {} });
    const names = [...new Set([...traces.names, ...found.names])].slice(0, erasureLimits.names);
    const addresses = [...new Set([...traces.addresses, ...found.addresses])].slice(
      0,
      erasureLimits.addresses,
    );
    await saveWith(work, { at: found.next, of: high }, { traces: { ...traces, names, addresses } });
    return { next: 'more' };
  }
  const of = { names: traces.names, userId: erasure.userId };
  const others = await parts.rooms.findOtherNames(parts.db.read, of);
  return goTo(work, after, { traces: { ...traces, others } });
}

async function look(work: Work): Promise<Stepped> {
  const { parts, erasure, at } = work;
  const high = await parts.db.head();
  if (at >= high) {
    await saveWith(work, { at, of: high }, { state: 'previewed' });
    return { next: 'done' };
  }
  const { traces } = erasure;
  const { next, byType, holds } = await previewStretch(parts, { traces, place: { low: at, high } });
  const found = structuredClone(erasure.found);
  for (const [type, { events, entries }] of byType) {
    const before = found.byType[type] ?? { events: 0, entries: 0 };
    found.byType[type] = { events: before.events + events, entries: before.entries + entries };
    found.events += events;
    found.entries += entries;
  }
  found.holds = [...new Set([...found.holds, ...holds])].slice(0, mostHoldsTold);
  await saveWith(work, { at: next, of: high }, { found });
  return { next: 'more' };
}

const mostHoldsTold = 50;

/**
 * Up to the head as it is when nothing is open any more that could still bring a name: what refusals gather in memory is
 * written first. Each unit adds an event of its own, so the head is looked at once more after the last.
 */
async function remove(work: Work): Promise<Stepped> {
  const { parts, job, erasure, at } = work;
  const closed = Number(job.progress.closed ?? 0);
  const high = await parts.db.head();
  if (at >= (closed > 0 ? closed : high)) {
    if (closed > 0) return goTo(work, 'accounts');
    await parts.trail.closeAttempts();
    await saveWith(work, { at, of: high, closed: await parts.db.head() }, {});
    return { next: 'more' };
  }
  const removed = { ...erasure.removed };
  await eraseStretch(parts, {
    erasureId: erasure.id,
    traces: erasure.traces,
    place: { low: at, high },
    save: async (tx, { events, entries }: Counted, next) => {
      const total = { events: removed.events + events, entries: removed.entries + entries };
      tx.afterCommit(() => Object.assign(removed, total));
      await saveIn(tx, work, { at: next ?? at, of: high, closed }, { removed: total });
    },
  });
  return { next: 'more' };
}

async function accounts(work: Work): Promise<Stepped> {
  const { parts, erasure } = work;
  const { kind, userId, traces } = erasure;
  // Of a user, those stay who came from the same address: it is theirs, too.
  if (kind === 'address') await parts.rooms.eraseSources(traces.addresses);
  await parts.db.transact(async (tx) => {
    await tx.lock(forgetLock);
    requireNoHold(heldOf(await readHeld(tx), erasure));
    if (userId !== undefined) await parts.rooms.eraseUserIn(tx, { userId, names: traces.names });
    await saveIn(tx, { ...work, phase: 'follow' }, { at: 0, of: 0 }, {});
  });
  return { next: 'more' };
}

async function follow(work: Work): Promise<Stepped> {
  if (await followSome(work.parts.db, work.parts.follower)) return { next: 'more' };
  // From here on nothing says any more who it was.
  return goTo(work, 'reclaim', { traces: noTraces });
}

/** Vacuum of a database that holds nothing any more; the events that tell of it hold no name. */
async function reclaim(work: Work): Promise<Stepped> {
  const { parts, erasure } = work;
  await parts.reclaim();
  await parts.db.transact(async (tx) => {
    const { events, entries } = erasure.removed;
    const { scope, target, details } = toldOf(erasure);
    parts.trail.record(tx, {
      type: 'trail.erasure.finish',
      by: erasureItself(parts),
      scope,
      ...(target && { target }),
      details: { ...details, events, entries },
    });
    await saveIn(tx, work, { at: 0, of: 0 }, { state: 'done' });
  });
  return { next: 'done' };
}

async function goTo(work: Work, phase: string, change: ErasureChange = {}): Promise<Stepped> {
  await saveWith({ ...work, phase }, { at: 0, of: 0 }, change);
  return { next: 'more' };
}

async function saveWith(work: Work, reached: Progress, change: ErasureChange): Promise<void> {
  await work.parts.db.transact((tx) => saveIn(tx, work, reached, change));
}

async function saveIn(tx: Tx, work: Work, reached: Progress, change: ErasureChange): Promise<void> {
  const { parts, job, erasure, phase } = work;
  await putErasure(tx, { erasure, nowUs: parts.clock.nowUs() }, change);
  await job.save(tx, { phase, ...reached });
}
