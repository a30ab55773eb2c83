/** Every migration, in order. */
import { foundation } from './0001-foundation.ts';
import { search } from './0002-search.ts';
import { log } from './0003-log.ts';
import { forget } from './0004-forget.ts';
import { immutability } from './0005-immutability.ts';
import { changes } from './0006-changes.ts';
import type { Migration } from './migration.ts';

export const migrations: readonly Migration[] = [foundation, search, log, forget, immutability, changes];
