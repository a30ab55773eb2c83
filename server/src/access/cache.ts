/**
 * What access remembers: projects by path and by id, and what a subject holds where. One per database, so whoever
 * commits a change through it reaches every reader. Namespaces are remembered by identity.
 */
import type { Db } from '../db/store.ts';
import { BoundedCache } from '../stdx/bounded-cache.ts';
import type { Project, Role } from './model.ts';

/** Of one subject in one place, without what the namespace's default role adds. */
export type Holding = { member: 'owner' | 'member' | undefined; granted: Role };

const entries = 50_000;

export class AccessCache {
  readonly #byId = new BoundedCache<Project>(entries);
  /** `format namespaceId name` -> id; checked against what it leads to. */
  readonly ids = new BoundedCache<string>(entries);
  /** `subject namespace project` -> holding. */
  readonly holdings = new BoundedCache<Holding>(entries);

  get projects(): BoundedCache<Project> {
    return this.#byId;
  }

  forgetProject(id: string): void {
    this.#byId.delete(id);
  }

  /** Grants and memberships change seldom; forgetting all of them is certain to forget the right ones. */
  forgetHoldings(): void {
    this.holdings.clear();
  }
}

const caches = new WeakMap<Db, AccessCache>();

export function accessCacheOf(db: Db): AccessCache {
  let found = caches.get(db);
  if (!found) {
    found = new AccessCache();
    caches.set(db, found);
  }
  return found;
}
