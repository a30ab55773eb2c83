/** What the functions that change organisations, projects and grants use. A change reaches every cache of its database. */
import type { Db } from '../db/store.ts';
import type { Clock } from '../stdx/clock.ts';
import type { Trail } from '../trail/trail.ts';

export type AccessParts = { db: Db; trail: Trail; clock: Clock };
