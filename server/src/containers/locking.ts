/**
 * The run of a policy over the tags of container projects, as a job. Each of its units holds the project's lock and its
 * policies, reads the next tags, and commits the locks with their events and the place it has come to. So a crash goes on
 * where it was, and a tag that is pushed meanwhile was judged by its push. A unit looks at the clock after each tag and
 * ends when its time is used up; when others write too, units are shorter and it rests between.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Scope } from '@tallyman/contract';
import { statement } from '../db/statement.ts';
import type { Db, Tx } from '../db/store.ts';
import type { JobKind, Running, Stepped } from '../jobs/kind.ts';
import { holdPolicies, matcherOf, type Policies, type Policy } from '../policies/decide.ts';
import { type PolicyRow, policyById, policyVersion, putRun } from '../policies/rows.ts';
import { type Counts, findRun, noCounts, policyRunKind, type Run } from '../policies/runs.ts';
import type { Clock } from '../stdx/clock.ts';
import type { Performer } from '../trail/draft.ts';
import { systemPerformer } from '../trail/system-performer.ts';
import type { Trail } from '../trail/trail.ts';
import { recordPolicyLock, unlockRow } from './locks.ts';
import { lockByPolicies, lockProject, type PolicyLock, type TagToLock, tagsToLockAfter } from './rows.ts';

export type LockingParts = { db: Db; trail: Trail; clock: Clock };

export const lockingLimits = {
  /** Tags changed in one unit, and how long it may go on beginning another: the log and the flush come on top. */
  alone: { tags: 100, unitUs: 6_000 },
  besideOthers: { tags: 50, unitUs: 2_000 },
  /** Tags looked at in one unit, when most need no change. */
  lookedAtTags: 1_000,
  /** So many events of others since its last unit tell that it is not alone. */
  busyEvents: 2,
  /** Then it rests so many times as long as its unit took, flush and all. */
  busyRests: 15,
  longestRestMs: 500,
  /** A step of the job ends after it, between two units. */
  stepUs: 5_000_000,
} as const;

export function lockingKind(parts: LockingParts): JobKind {
  return {
    kind: policyRunKind,
    summary: 'Carries an immutability policy to the tags that are there',
    step: (job) => new Locking(parts, job).step(),
  };
}

/** Whether a tag is locked by the policy and no longer called for by it. */
type IsLeft = (tag: TagToLock) => boolean;
/** What a unit holds and what it did. */
type Unit = {
  run: Run;
  isLeft: IsLeft;
  policies: Policies;
  scope: Scope;
  untilUs: number;
  done: Counts;
  /** Told by their events; their rows are written together at the end. */
  locks: PolicyLock[];
};
/** How far a unit came; `isThrough`: to the end of the project. */
type Reached = { run: Run; isThrough: boolean; changed: number };

class Locking {
  readonly #parts: LockingParts;
  readonly #job: Running;
  readonly #by: Performer;
  /** Not known before the first unit. */
  #isAlone = false;
  #isLeft: IsLeft | undefined;
  /** Events in the log, as far as is known; how many of them are this step's, and, at most so far, others'. */
  #head = 0;
  #own = 0;
  #ofOthers = 0;

  constructor(parts: LockingParts, job: Running) {
    this.#parts = parts;
    this.#job = job;
    this.#by = systemPerformer(parts.clock, 'immutability policy');
  }

  async step(): Promise<Stepped> {
    const { db } = this.#parts;
    this.#head = await db.head();
    this.#ofOthers = this.#head;
    const stopListening = db.onHead((head) => {
      this.#head = head;
    });
    try {
      return await this.#units();
    } finally {
      stopListening();
    }
  }

  async #units(): Promise<Stepped> {
    const { clock, db } = this.#parts;
    const untilUs = clock.nowUs() + lockingLimits.stepUs;
    const { run: id } = this.#job.payload as { run: string };
    let run = await findRun(db.read, id);
    const policy = run && (await db.read.get(policyById, [run.policyId]));
    if (policy === undefined) return { next: 'done' };
    // Nobody else changes a run: as long as this holds the job it knows how far that is.
    while (run?.state === 'running' && !this.#job.signal.aborted && clock.nowUs() < untilUs)
      run = run.atProject === '' ? await this.#enterFirst(run, policy) : await this.#goOn(run, policy);
    return { next: run?.state === 'running' ? 'more' : 'done' };
  }

  /** To its first project; without one there is nothing to do. */
  async #enterFirst(run: Run, policy: PolicyRow): Promise<Run> {
    const { db } = this.#parts;
    const { namespaceId, projectId } = policy;
    const first = projectId !== '' ? projectId : (await db.read.get(projectAfter, [namespaceId, '']))?.id;
    if (first === undefined) return db.transact((tx) => this.#end(tx, run, policy, 'done'));
    return db.transact((tx) => this.#save(tx, { ...run, atProject: first, atTag: '' }));
  }

  async #goOn(run: Run, policy: PolicyRow): Promise<Run> {
    const { db, clock } = this.#parts;
    this.#isLeft ??= isLeftBy(policy);
    const isLeft = this.#isLeft;
    let beganUs = 0;
    const reached = await db.transact((tx) => {
      beganUs = clock.nowUs();
      return this.#oneUnit(tx, run, isLeft);
    });
    if (reached === undefined) return db.transact((tx) => this.#end(tx, run, policy, 'superseded'));
    this.#own += reached.changed;
    await this.#pace(clock.nowUs() - beganUs);
    return reached.isThrough ? this.#leaveProject(reached.run, policy) : reached.run;
  }

  /** Undefined when the policy has changed. */
  async #oneUnit(tx: Tx, run: Run, isLeft: IsLeft): Promise<Reached | undefined> {
    const { atProject, policyId, version } = run;
    await lockProject(tx, atProject);
    const scope = await scopeOf(tx, atProject);
    if (scope === undefined) return { run, isThrough: true, changed: 0 };
    const policies = await holdPolicies(tx, atProject);
    if ((await tx.get(policyById, [policyId]))?.version !== version) return undefined;
    const { tags: most, unitUs } = this.#isAlone ? lockingLimits.alone : lockingLimits.besideOthers;
    const untilUs = this.#parts.clock.nowUs() + unitUs;
    const unit: Unit = { run, isLeft, policies, scope, untilUs, done: noCounts(), locks: [] };
    const { atTag, isThrough } = await this.#tags(tx, unit, most);
    const { done, locks } = unit;
    if (locks.length > 0) await lockByPolicies(tx, atProject, locks);
    const totals = { totals: sum(run.totals, done), ofProject: sum(run.ofProject, done) };
    const after = await this.#save(tx, { ...run, atTag, ...totals });
    return { run: after, isThrough, changed: done.locked + done.unlocked };
  }

  /** The next tags, until the unit has changed or looked at enough of them, or its time is used up; at least one. */
  async #tags(tx: Tx, unit: Unit, most: number): Promise<{ atTag: string; isThrough: boolean }> {
    const { run, untilUs, done } = unit;
    let { atTag } = run;
    while (done.tags < lockingLimits.lookedAtTags) {
      const tags = await tx.all(tagsToLockAfter, [run.atProject, atTag, most]);
      for (const tag of tags) {
        await this.#judge(tx, unit, tag);
        atTag = tag.name;
        done.tags++;
        const isEnough = done.locked + done.unlocked >= most || this.#parts.clock.nowUs() >= untilUs;
        if (isEnough) return { atTag, isThrough: false };
      }
      if (tags.length < most) return { atTag, isThrough: true };
    }
    return { atTag, isThrough: false };
  }

  async #judge(tx: Tx, unit: Unit, tag: TagToLock): Promise<void> {
    const { run, isLeft, policies, done } = unit;
    if (run.what === 'release') {
      if (isLeft(tag))
        await this.#change(tx, unit, { tag, hits: policies.hits(tag.name, tag.exemptVersion) });
    } else if (tag.lockTrigger !== null) {
      if (isLeft(tag)) done.stillLocked++;
    } else {
      // What only others call for is left to their runs; all are asked for, so that the decisive one is told.
      const hits = policies.hits(tag.name, tag.exemptVersion);
      if (hits.some(({ id }) => id === run.policyId)) await this.#change(tx, unit, { tag, hits });
    }
  }

  async #change(
    tx: Tx,
    { run, policies, scope, done, locks }: Unit,
    { tag: present, hits }: { tag: TagToLock; hits: readonly Policy[] },
  ): Promise<void> {
    const { name } = present;
    const at = { by: this.#by, scope, projectId: run.atProject, tag: name, present, cause: run.eventId };
    const [decisive, ...others] = hits;
    if (decisive !== undefined) {
      locks.push(recordPolicyLock(this.#parts, tx, { ...at, hits: [decisive, ...others] }));
      done.locked++;
    } else {
      const exemptVersion = policies.version;
      await unlockRow(this.#parts, tx, { ...at, reason: run.reason ?? '', how: 'release', exemptVersion });
      done.unlocked++;
    }
    if (done.sample.length < 10) done.sample.push(name);
  }

  /** Lets others go first when there are any. `tookUs`: the last unit, from its begin to its end on the disk. */
  async #pace(tookUs: number): Promise<void> {
    const { busyEvents, busyRests, longestRestMs } = lockingLimits;
    // Its own events may get their index later than it knows of them, never the other way round.
    const ofOthers = this.#head - this.#own;
    this.#isAlone = ofOthers < this.#ofOthers + busyEvents;
    this.#ofOthers = Math.max(this.#ofOthers, ofOthers);
    if (this.#isAlone) return;
    const restMs = Math.min(longestRestMs, (tookUs * busyRests) / 1_000);
    await delay(restMs, undefined, { signal: this.#job.signal }).catch(() => undefined);
  }

  /** With the summary of what it did there, when the policy stands on more than this project. */
  async #leaveProject(run: Run, policy: PolicyRow): Promise<Run> {
    const { db } = this.#parts;
    const next =
      policy.projectId === ''
        ? (await db.read.get(projectAfter, [policy.namespaceId, run.atProject]))?.id
        : undefined;
    return db.transact(async (tx) => {
      const { locked, unlocked, stillLocked } = run.ofProject;
      const scope = await scopeOf(tx, run.atProject);
      if (policy.projectId === '' && scope !== undefined && locked + unlocked + stillLocked > 0)
        await this.#tell(tx, { run, policy, scope, of: 'project', superseded: false });
      if (next === undefined) return this.#end(tx, run, policy, 'done');
      return this.#save(tx, { ...run, atProject: next, atTag: '', ofProject: noCounts() });
    });
  }

  async #end(tx: Tx, run: Run, policy: PolicyRow, state: 'done' | 'superseded'): Promise<Run> {
    const scope =
      policy.projectId === ''
        ? await namespaceScopeOf(tx, policy.namespaceId)
        : await scopeOf(tx, policy.projectId);
    if (scope !== undefined)
      await this.#tell(tx, { run, policy, scope, of: 'run', superseded: state === 'superseded' });
    return this.#save(tx, { ...run, state, finishedAt: this.#parts.clock.nowUs() });
  }

  async #tell(
    tx: Tx,
    summary: { run: Run; policy: PolicyRow; scope: Scope; of: 'run' | 'project'; superseded: boolean },
  ): Promise<void> {
    const { run, policy, scope, of, superseded } = summary;
    const now = await tx.get(policyVersion, [run.policyId, run.version]);
    const before = await tx.get(policyVersion, [run.policyId, run.version - 1]);
    const { tags, locked, unlocked, stillLocked, sample } = of === 'run' ? run.totals : run.ofProject;
    this.#parts.trail.record(tx, {
      type: 'policy.run.finish',
      by: this.#by,
      scope,
      target: { kind: 'policy', id: policy.id },
      cause: run.eventId,
      details: {
        policyId: policy.id,
        version: run.version,
        scope: policy.projectId === '' ? 'namespace' : 'project',
        pattern: { ...(before && { from: before.pattern }), to: now?.pattern ?? policy.pattern },
        matches: (now?.matches ?? policy.matches) === 1,
        what: run.what,
        of,
        tags,
        locked,
        unlocked,
        stillLocked,
        sample,
        durationMs: Math.round((this.#parts.clock.nowUs() - run.startedAt) / 1_000),
        superseded,
      },
    });
  }

  async #save(tx: Tx, run: Run): Promise<Run> {
    const { id, state, atProject, atTag, totals, ofProject, finishedAt } = run;
    const counted = [JSON.stringify(totals), JSON.stringify(ofProject)];
    await tx.run(putRun, [state, atProject, atTag, ...counted, finishedAt, id]);
    const { tags, locked, unlocked } = totals;
    await this.#job.save(tx, { tags, locked, unlocked });
    return run;
  }
}

function isLeftBy({ id, pattern, matches, deletedAt }: PolicyRow): IsLeft {
  const calls = matcherOf({ pattern, matches: matches === 1 });
  return (tag) => tag.lockPolicyId === id && !(deletedAt === null && calls(tag.name));
}

function sum(whole: Counts, part: Counts): Counts {
  return {
    tags: whole.tags + part.tags,
    locked: whole.locked + part.locked,
    unlocked: whole.unlocked + part.unlocked,
    stillLocked: whole.stillLocked + part.stillLocked,
    sample: [...whole.sample, ...part.sample].slice(0, 10),
  };
}

/** Living container projects of a namespace, in the order of their ids. */
export const projectAfter = statement<{ id: string }>(
  `SELECT id FROM project WHERE namespace_id = ? AND id > ? AND format = 'container' AND deleted_at IS NULL ORDER BY id LIMIT 1`,
);
const placeOfProject = statement<{
  namespaceId: string;
  kind: 'user' | 'organisation';
  namespace: string;
  name: string;
}>(
  `SELECT n.id AS "namespaceId", n.kind, n.name AS namespace, p.name FROM project p JOIN namespace n ON n.id = p.namespace_id
   WHERE p.id = ? AND p.deleted_at IS NULL`,
);
const placeOfNamespace = statement<{ kind: 'user' | 'organisation'; name: string }>(
  'SELECT kind, name FROM namespace WHERE id = ? AND deleted_at IS NULL',
);

async function scopeOf(tx: Tx, projectId: string): Promise<Scope | undefined> {
  const row = await tx.get(placeOfProject, [projectId]);
  if (row === undefined) return undefined;
  const { namespaceId, kind, namespace, name } = row;
  return {
    namespace: { id: namespaceId, kind, name: namespace },
    project: { format: 'container', id: projectId, path: `${namespace}/${name}` },
  };
}

async function namespaceScopeOf(tx: Tx, id: string): Promise<Scope | undefined> {
  const row = await tx.get(placeOfNamespace, [id]);
  return row && { namespace: { id, ...row } };
}
