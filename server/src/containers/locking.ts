/**
 * The run of a policy over the tags of container projects, as a job. It reads pages of tags outside any unit, and changes
 * a few at a time in units of their own: each holds the project's lock and its policies, looks at every tag again, and
 * commits the locks with their events and the place it has come to. So a crash goes on where it was, and a tag that is
 * pushed meanwhile was judged by its push. Units stay well under 10 ms; when others wait for the writer it rests between.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Scope } from '@tallyman/contract';
import { statement } from '../db/statement.ts';
import type { Db, Tx } from '../db/store.ts';
import type { JobKind, Running, Stepped } from '../jobs/kind.ts';
import { holdPolicies, matcherOf, type Policies, readPolicies } from '../policies/decide.ts';
import { type PolicyRow, policyById, policyVersion, putRun } from '../policies/rows.ts';
import { type Counts, findRun, noCounts, policyRunKind, type Run } from '../policies/runs.ts';
import type { Clock } from '../stdx/clock.ts';
import type { Performer } from '../trail/draft.ts';
import type { Trail } from '../trail/trail.ts';
import { systemPerformer } from './garbage.ts';
import { lockByPolicy, unlockRow } from './locks.ts';
import { type LockableTag, lockableTagsAfter, lockableTagsBetween, lockProject, tagRow } from './rows.ts';

export type LockingParts = { db: Db; trail: Trail; clock: Clock };

export const lockingLimits = {
  /** Tags read at once, and changed in one unit: as many as fit the time. */
  pageTags: 500,
  leastTags: 5,
  firstTags: 25,
  mostTags: 100,
  /** What a unit aims to stay under. */
  unitUs: 5_000,
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

type TagHere = LockableTag & { name: string };
type Judging = {
  /** Locked by the policy, no longer called for by it. */
  isLeft(tag: TagHere): boolean;
  /** What the run wants with a tag; undefined = nothing. */
  wants(tag: TagHere, policies: Policies): 'lock' | 'unlock' | undefined;
};
type Done = { locked: number; unlocked: number; sample: string[] };
type Page = { tags: TagHere[]; wanted: TagHere[]; stillLocked: number };

class Locking {
  readonly #parts: LockingParts;
  readonly #job: Running;
  readonly #by: Performer;
  #tagsPerUnit: number = lockingLimits.firstTags;
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
      return await this.#pages();
    } finally {
      stopListening();
    }
  }

  async #pages(): Promise<Stepped> {
    const { clock, db } = this.#parts;
    const untilUs = clock.nowUs() + lockingLimits.stepUs;
    const { run: id } = this.#job.payload as { run: string };
    while (!this.#job.signal.aborted && clock.nowUs() < untilUs) {
      const run = await findRun(db.read, id);
      const policy = run && (await db.read.get(policyById, [run.policyId]));
      if (run === undefined || policy === undefined || run.state !== 'running') return { next: 'done' };
      if (policy.version !== run.version) return this.#finish(run, policy, 'superseded');
      if (run.atProject === '') {
        if (!(await this.#enterFirst(run, policy))) return this.#finish(run, policy, 'done');
      } else await this.#onePage(run, policy);
    }
    return { next: 'more' };
  }

  /** To its first project; false when there is none. */
  async #enterFirst(run: Run, { namespaceId, projectId }: PolicyRow): Promise<boolean> {
    const { db } = this.#parts;
    const first = projectId !== '' ? projectId : (await db.read.get(projectAfter, [namespaceId, '']))?.id;
    if (first === undefined) return false;
    await db.transact((tx) => this.#save(tx, { ...run, atProject: first, atTag: '' }));
    return true;
  }

  async #onePage(run: Run, policy: PolicyRow): Promise<void> {
    const { db } = this.#parts;
    const rows = await db.read.all(lockableTagsAfter, [run.atProject, run.atTag, lockingLimits.pageTags]);
    if (rows.length === 0) return this.#leaveProject(run, policy);
    const policies = await readPolicies(db.read, run.atProject);
    const judging = judgingOf(run, policy);
    for (let from = 0, at = run; from < rows.length; ) {
      const page = this.#cut(rows.slice(from), judging, policies);
      const next = await this.#oneUnit(at, { policy, judging, page });
      if (next === undefined) return;
      at = next;
      from += page.tags.length;
      if (this.#job.signal.aborted) return;
    }
  }

  /** As many tags as hold the next unit's worth of those that are to be changed. */
  #cut(tags: readonly TagHere[], judging: Judging, policies: Policies): Page {
    const page: Page = { tags: [], wanted: [], stillLocked: 0 };
    for (const tag of tags) {
      page.tags.push(tag);
      if (judging.isLeft(tag)) page.stillLocked++;
      if (judging.wants(tag, policies) === undefined) continue;
      page.wanted.push(tag);
      if (page.wanted.length >= this.#tagsPerUnit) break;
    }
    return page;
  }

  /** Undefined when the run is not to go on with this page: the policy changed, or the project is gone. */
  async #oneUnit(
    run: Run,
    { policy, judging, page }: { policy: PolicyRow; judging: Judging; page: Page },
  ): Promise<Run | undefined> {
    const { db, clock } = this.#parts;
    let [beganUs, endedUs, changed] = [0, 0, 0];
    const next = await db.transact(async (tx) => {
      beganUs = clock.nowUs();
      await lockProject(tx, run.atProject);
      const scope = await scopeOf(tx, run.atProject);
      const policies = await holdPolicies(tx, run.atProject);
      const now = await tx.get(policyById, [policy.id]);
      if (now?.version !== run.version) return undefined;
      const done: Done = { locked: 0, unlocked: 0, sample: [] };
      if (scope !== undefined)
        for (const present of await this.#lookAgain(tx, run, page))
          await this.#change(tx, { present, run, judging, policies, scope, done });
      const released = run.what === 'release' ? done.locked + done.unlocked : 0;
      const stillLocked = Math.max(0, page.stillLocked - released);
      const part = { tags: page.tags.length, stillLocked, ...done };
      const reached = {
        ...run,
        atTag: page.tags.at(-1)?.name ?? run.atTag,
        totals: sum(run.totals, part),
        ofProject: sum(run.ofProject, part),
      };
      await this.#save(tx, reached);
      endedUs = clock.nowUs();
      changed = done.locked + done.unlocked;
      return reached;
    });
    this.#own += changed;
    await this.#pace({ heldUs: endedUs - beganUs, tookUs: clock.nowUs() - beganUs });
    return next;
  }

  /** As they are now; most of a page is read at once, a few of it one by one. */
  async #lookAgain(tx: Tx, { atProject }: Run, { tags, wanted }: Page): Promise<TagHere[]> {
    if (wanted.length * 4 < tags.length) {
      const found: TagHere[] = [];
      for (const { name } of wanted) {
        const present = await tx.get(tagRow, [atProject, name]);
        if (present !== undefined) found.push({ ...present, name });
      }
      return found;
    }
    const names = new Set(wanted.map(({ name }) => name));
    // By name, not by count: some may have come between.
    const [first, last] = [wanted[0]?.name ?? '', wanted.at(-1)?.name ?? ''];
    const rows = await tx.all(lockableTagsBetween, [atProject, first, last]);
    return rows.filter(({ name }) => names.has(name));
  }

  /** The policy is what it was when the tag was found wanting; only the tag may have changed. */
  async #change(
    tx: Tx,
    on: { present: TagHere; run: Run; judging: Judging; policies: Policies; scope: Scope; done: Done },
  ): Promise<void> {
    const { present, run, judging, policies, scope, done } = on;
    const { name } = present;
    const unlocking = run.what === 'release';
    if (unlocking ? !judging.isLeft(present) : present.lockTrigger !== null) return;
    const at = { by: this.#by, scope, projectId: run.atProject, tag: name, present, cause: run.eventId };
    const [decisive, ...others] = policies.hits(name, present.exemptVersion);
    if (decisive !== undefined) {
      await lockByPolicy(this.#parts, tx, { ...at, hits: [decisive, ...others] });
      done.locked++;
    } else if (unlocking) {
      const exemptVersion = policies.version;
      await unlockRow(this.#parts, tx, { ...at, reason: run.reason ?? '', how: 'release', exemptVersion });
      done.unlocked++;
    } else return;
    if (done.sample.length < 10) done.sample.push(name);
  }

  /** Keeps units short, and lets others go first when there are any. */
  async #pace({ heldUs, tookUs }: { heldUs: number; tookUs: number }): Promise<void> {
    const { leastTags, mostTags, unitUs, busyEvents, busyRests, longestRestMs } = lockingLimits;
    const fitting = heldUs > unitUs ? this.#tagsPerUnit / 2 : this.#tagsPerUnit + 5;
    this.#tagsPerUnit = Math.min(mostTags, Math.max(leastTags, Math.floor(fitting)));
    // Its own events may get their index later than it knows of them, never the other way round.
    const ofOthers = this.#head - this.#own;
    const isBusy = ofOthers >= this.#ofOthers + busyEvents;
    this.#ofOthers = Math.max(this.#ofOthers, ofOthers);
    if (!isBusy) return;
    const restMs = Math.min(longestRestMs, (tookUs * busyRests) / 1_000);
    await delay(restMs, undefined, { signal: this.#job.signal }).catch(() => undefined);
  }

  /** With the summary of what it did there, when the policy stands on more than this project. */
  async #leaveProject(run: Run, policy: PolicyRow): Promise<void> {
    const { db } = this.#parts;
    const next =
      policy.projectId === ''
        ? (await db.read.get(projectAfter, [policy.namespaceId, run.atProject]))?.id
        : undefined;
    await db.transact(async (tx) => {
      const { locked, unlocked, stillLocked } = run.ofProject;
      const scope = await scopeOf(tx, run.atProject);
      if (policy.projectId === '' && scope !== undefined && locked + unlocked + stillLocked > 0)
        await this.#tell(tx, { run, policy, scope, of: 'project', superseded: false });
      if (next === undefined) await this.#end(tx, run, policy, 'done');
      else await this.#save(tx, { ...run, atProject: next, atTag: '', ofProject: noCounts() });
    });
  }

  async #finish(run: Run, policy: PolicyRow, state: 'done' | 'superseded'): Promise<Stepped> {
    await this.#parts.db.transact((tx) => this.#end(tx, run, policy, state));
    return { next: 'done' };
  }

  async #end(tx: Tx, run: Run, policy: PolicyRow, state: 'done' | 'superseded'): Promise<void> {
    const scope =
      policy.projectId === ''
        ? await namespaceScopeOf(tx, policy.namespaceId)
        : await scopeOf(tx, policy.projectId);
    if (scope !== undefined)
      await this.#tell(tx, { run, policy, scope, of: 'run', superseded: state === 'superseded' });
    await this.#save(tx, { ...run, state, finishedAt: this.#parts.clock.nowUs() });
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

  async #save(tx: Tx, { id, state, atProject, atTag, totals, ofProject, finishedAt }: Run): Promise<void> {
    const counted = [JSON.stringify(totals), JSON.stringify(ofProject)];
    await tx.run(putRun, [state, atProject, atTag, ...counted, finishedAt, id]);
    const { tags, locked, unlocked } = totals;
    await this.#job.save(tx, { tags, locked, unlocked });
  }
}

function judgingOf(run: Run, policy: PolicyRow): Judging {
  const matches = matcherOf({ pattern: policy.pattern, matches: policy.matches === 1 });
  const calls = (tag: TagHere): boolean => policy.deletedAt === null && matches(tag.name);
  const isLeft = (tag: TagHere): boolean => tag.lockPolicyId === policy.id && !calls(tag);
  if (run.what === 'release') return { isLeft, wants: (tag) => (isLeft(tag) ? 'unlock' : undefined) };
  const mayLock = (tag: TagHere): boolean => tag.lockTrigger === null && calls(tag);
  return {
    isLeft,
    // Every policy counts, so that the decisive one is told.
    wants: (tag, policies) =>
      mayLock(tag) && policies.hits(tag.name, tag.exemptVersion).length > 0 ? 'lock' : undefined,
  };
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
