/** Which appender a server has: on SQLite a thread of its own; PostgreSQL's writing is not done by this process. */
import { SqliteDb } from '../db/sqlite.ts';
import type { StepHook } from '../db/steps.ts';
import type { Db } from '../db/store.ts';
import type { Clock } from '../stdx/clock.ts';
import { ThreadAppender } from './appender.sqlite.ts';
import { type Appender, appendHere } from './appender.ts';

export async function openAppender(parts: {
  db: Db;
  clock: Clock;
  hook?: StepHook | undefined;
}): Promise<Appender> {
  const { db, clock, hook } = parts;
  return db instanceof SqliteDb ? ThreadAppender.open({ db, clock, hook }) : appendHere({ db, clock });
}
