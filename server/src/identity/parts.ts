/** What the functions that change accounts use. `Identity.parts` is one; a change reaches every cache of its database. */
import type { Db } from '../db/store.ts';
import type { Clock } from '../stdx/clock.ts';
import type { Trail } from '../trail/trail.ts';
import type { IdentityLimits } from './limits.ts';
import type { Passwords } from './passwords.ts';

export type AccountParts = { db: Db; trail: Trail; clock: Clock };
export type IdentityStore = AccountParts & { passwords: Passwords; limits: IdentityLimits };
