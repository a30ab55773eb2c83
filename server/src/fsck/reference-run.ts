/** What a check of references is given. */
import type { Onlooker } from '../db/onlooker.ts';
import type { Tell } from './findings.ts';
import type { Pace } from './pace.ts';

export type ReferenceRun = {
  log: Onlooker;
  /** SQLite's projection, when there is one. */
  search: Onlooker | undefined;
  tell: Tell;
  pace: Pace;
};
