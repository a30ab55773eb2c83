/** Retention and erasure, composed here because every room has a part in them: what it explains, and what it still says. */

import { eraseProjectsIn } from '../access/erase-projects.ts';
import { accessExplainers } from '../access/explaining.ts';
import { eraseContentIn } from '../containers/erase-content.ts';
import { containerExplainers } from '../containers/explaining.ts';
import type { DatabaseLocation } from '../db/open.ts';
import { reclaim } from '../db/reclaim.ts';
import type { Db } from '../db/store.ts';
import {
  eraseAccountIn,
  eraseSources,
  findOtherNames,
  getErasable,
  requireNobodys,
} from '../identity/erase-account.ts';
import { identityExplainers } from '../identity/explaining.ts';
import { choreKind } from '../jobs/chore.ts';
import { type ErasedRooms, type ErasureParts, erasureKinds, expirePreviews } from '../jobs/erasures.ts';
import type { Jobs } from '../jobs/jobs.ts';
import { retentionKind } from '../jobs/retention.ts';
import { erasePoliciesIn } from '../policies/erase-policies.ts';
import { policyExplainers } from '../policies/explaining.ts';
import type { Clock } from '../stdx/clock.ts';
import { trailExplainers } from '../trail/forget/explainer.ts';
import type { Follower } from '../trail/forget/follow.ts';
import { openScanner, type Scanner } from '../trail/forget/scanner.ts';
import type { Trail } from '../trail/trail.ts';

export type ForgettingParts = {
  db: Db;
  clock: Clock;
  trail: Trail;
  /** The search projection. */
  search: Follower;
  jobs: Jobs;
  location: DatabaseLocation;
};

export type Forgetting = { erasures: ErasureParts; scanner: Scanner };

const hourMs = 3_600_000;
/** Where PostgreSQL keeps dead rows that may still name somebody. event_outbox held every event for a moment. */
const erasedTables = [
  'event_private',
  'event_outbox',
  'search_event',
  'search_name',
  'search_word',
  'namespace',
  'user_account',
  'reserved_name',
  'robot',
  'credential',
  'project',
  'tag_history',
  'immutability_policy',
  'immutability_policy_version',
  'immutability_run',
  'upload',
  'legal_hold',
  'erasure',
];

/** Registers the jobs; the scanner is the caller's to close. */
export function composeForgetting({ search, location, ...parts }: ForgettingParts): Forgetting {
  const { db, clock, jobs } = parts;
  const scanner = openScanner(location);
  const explainers = [
    ...trailExplainers,
    ...identityExplainers({ clock }),
    ...accessExplainers,
    ...policyExplainers,
    ...containerExplainers,
  ];
  const reclaimDropped = () => reclaim(location, { tables: ['event', 'event_private'], rewrite: false });
  const retention = { ...parts, scanner, explainers, follower: search, reclaim: reclaimDropped };
  jobs.register(retentionKind(retention));
  const erasures: ErasureParts = {
    ...parts,
    scanner,
    follower: search,
    rooms: erasedRooms(db),
    reclaim: () => reclaim(location, { tables: erasedTables, rewrite: true }),
  };
  for (const kind of erasureKinds(erasures)) jobs.register(kind);
  const expiry = { name: 'preview expiry', everyMs: hourMs, run: () => expirePreviews(erasures) };
  jobs.register(choreKind(expiry));
  return { erasures, scanner };
}

function erasedRooms(db: Db): ErasedRooms {
  return {
    getErasable,
    requireNobodys,
    findOtherNames,
    eraseSources: (addresses) => eraseSources(db, addresses),
    eraseUserIn: async (tx, { userId, names }) => {
      await eraseAccountIn({ db }, tx, userId);
      await erasePoliciesIn(tx, userId);
      const projectIds = await eraseProjectsIn({ db }, tx, userId);
      await eraseContentIn(tx, { userId, projectIds, names });
    },
  };
}
