/**
 * Which policies call for the lock of a name. Asked inside the unit that points a tag, with the namespace's mark held, so
 * that no push slips past a policy; compiled patterns are remembered and used while the mark is the one they were read at.
 */
import type { ReadDb, Tx } from '../db/store.ts';
import { BoundedCache } from '../stdx/bounded-cache.ts';
import { PatternSet } from './patterns.ts';
import { holdMark, livePolicies, type Mark, markOfProject, type PolicyRow } from './rows.ts';

export type Policy = {
  id: string;
  version: number;
  scope: 'namespace' | 'project';
  pattern: string;
  matches: boolean;
  /** The namespace's version since which it is as it is. */
  sinceVersion: number;
  eventId: string;
};
export type PolicySnapshot = Pick<Policy, 'id' | 'version' | 'scope' | 'pattern' | 'matches'>;

/** One project's policies, at one moment. */
export type Policies = {
  readonly version: number;
  /**
   * Those that call for the lock of a name, the decisive one first: the project's own before the namespace's, then the
   * oldest. `exemptVersion`: that of a tag which was unlocked.
   */
  hits(name: string, exemptVersion?: number): readonly Policy[];
};

class Compiled {
  readonly #policies: readonly Policy[];
  readonly #patterns: PatternSet;
  /** Where those stand that call for what they do not match. */
  readonly #inverse: readonly number[];

  constructor(rows: readonly PolicyRow[]) {
    this.#policies = rows.map(policyOf);
    this.#patterns = new PatternSet(rows.map((row) => row.pattern));
    this.#inverse = this.#policies.flatMap(({ matches }, at) => (matches ? [] : [at]));
  }

  /** For every name that is pushed or judged: what matches nothing costs the match and nothing else. */
  hits(name: string, exemptVersion: number): readonly Policy[] {
    if (this.#policies.length === 0) return noHits;
    const matched = this.#patterns.match(name);
    const calling = this.#inverse.length === 0 ? matched : this.#callingOf(matched);
    if (calling.length === 0) return noHits;
    return calling
      .toSorted((one, other) => one - other)
      .map((at) => this.#policies[at] as Policy)
      .filter(({ sinceVersion }) => sinceVersion > exemptVersion);
  }

  #callingOf(matched: readonly number[]): readonly number[] {
    const those = new Set(matched);
    const called = matched.filter((at) => this.#policies[at]?.matches);
    return [...called, ...this.#inverse.filter((at) => !those.has(at))];
  }
}

const noHits: readonly Policy[] = [];
const none = new Compiled([]);
const noPolicies: Policies = { version: 0, hits: () => noHits };

type Remembered = { version: number; eventId: string | null; compiled: Compiled };
/** Ids are unique in the world, and the event names the change: what is remembered fits any database. */
const ofNamespaces = new BoundedCache<Remembered>(100);
const ofProjects = new BoundedCache<Remembered>(1_000);

/** Holds the mark until the unit ends: policies change before it, or after. */
export async function holdPolicies(tx: Tx, projectId: string): Promise<Policies> {
  return policiesAt(tx, await tx.get(holdMark, [projectId]), projectId);
}

/** As they are when asked, and held by nobody. */
export async function readPolicies(db: ReadDb, projectId: string): Promise<Policies> {
  return policiesAt(db, await db.get(markOfProject, [projectId]), projectId);
}

async function policiesAt(db: ReadDb, at: Mark | undefined, projectId: string): Promise<Policies> {
  if (at === undefined || at.version === 0) return noPolicies;
  const own = await compiledAt(db, at, { cache: ofProjects, key: projectId, projectId });
  const shared = await compiledAt(db, at, { cache: ofNamespaces, key: at.namespaceId, projectId: '' });
  return {
    version: at.version,
    hits: (name, exemptVersion = 0) => {
      const [ofProject, ofNamespace] = [own.hits(name, exemptVersion), shared.hits(name, exemptVersion)];
      if (ofProject.length === 0) return ofNamespace;
      return ofNamespace.length === 0 ? ofProject : [...ofProject, ...ofNamespace];
    },
  };
}

async function compiledAt(
  db: ReadDb,
  { namespaceId, version, eventId }: Mark,
  { cache, key, projectId }: { cache: BoundedCache<Remembered>; key: string; projectId: string },
): Promise<Compiled> {
  const known = cache.get(key);
  if (known?.version === version && known.eventId === eventId) return known.compiled;
  const rows = await db.all(livePolicies, [namespaceId, projectId]);
  const compiled = rows.length === 0 ? none : new Compiled(rows);
  cache.set(key, { version, eventId, compiled });
  return compiled;
}

export function policyOf(row: PolicyRow): Policy {
  return {
    id: row.id,
    version: row.version,
    scope: row.projectId === '' ? 'namespace' : 'project',
    pattern: row.pattern,
    matches: row.matches === 1,
    sinceVersion: row.sinceVersion,
    eventId: row.eventId,
  };
}

/** One policy by itself: what it calls for, whatever others do. */
export function matcherOf(policy: { pattern: string; matches: boolean }): (name: string) => boolean {
  const patterns = new PatternSet([policy.pattern]);
  return (name) => patterns.match(name).length > 0 === policy.matches;
}

export function snapshotOf({ id, version, scope, pattern, matches }: PolicySnapshot): PolicySnapshot {
  return { id, version, scope, pattern, matches };
}

/** What events tell of those that called for a lock: the decisive one, and all when there are several. */
export function toldOf(hits: readonly [Policy, ...Policy[]]): {
  policy: PolicySnapshot;
  hits?: { id: string; version: number; scope: 'namespace' | 'project'; decisive: boolean }[];
} {
  const policy = snapshotOf(hits[0]);
  if (hits.length === 1) return { policy };
  return {
    policy,
    hits: hits.map(({ id, version, scope }, at) => ({ id, version, scope, decisive: at === 0 })),
  };
}
