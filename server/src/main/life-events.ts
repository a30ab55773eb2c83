/** The server's own events: start and stop. A setting remembers whether the process before ended in order. */
import { putSetting } from '../db/settings.ts';
import type { Db, Tx } from '../db/store.ts';
import type { Clock } from '../stdx/clock.ts';
import type { Performer } from '../trail/draft.ts';
import { systemPerformer } from '../trail/system-performer.ts';
import type { Trail } from '../trail/trail.ts';
import { version } from './version.ts';

export type LifeParts = { db: Db; trail: Trail; clock: Clock };

const key = 'server.state';

/** In one unit: what the process before left, the mark that this one runs, and the event. */
export async function recordStart({ db, trail, clock }: LifeParts): Promise<void> {
  await db.transact(async (tx) => {
    await tx.lock(key);
    const before = await tx.q
      .selectFrom('setting')
      .select('value')
      .where('namespace_id', '=', '')
      .where('key', '=', key)
      .executeTakeFirst();
    await putState(tx, 'running', clock);
    trail.record(tx, {
      type: 'system.server.start',
      by: serverItself(clock),
      scope: {},
      details: { version, database: db.engine, cleanStop: before?.value !== 'running' },
    });
  });
}

/** The last thing before the database closes. */
export async function recordStop({ db, trail, clock }: LifeParts, signal: string | undefined): Promise<void> {
  await db.transact(async (tx) => {
    await tx.lock(key);
    await putState(tx, 'stopped', clock);
    trail.record(tx, {
      type: 'system.server.stop',
      by: serverItself(clock),
      scope: {},
      details: { ...(signal !== undefined && { signal }) },
    });
  });
}

async function putState(tx: Tx, value: 'running' | 'stopped', clock: Clock): Promise<void> {
  await putSetting(tx, { key, value, nowUs: clock.nowUs() });
}

/** Who acts when nobody asked: the server. */
export function serverItself(clock: Clock): Performer {
  return systemPerformer(clock, 'server');
}
