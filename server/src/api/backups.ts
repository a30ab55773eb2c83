/** That a backup is being made. Whoever makes it reads the disk, so it cannot be made, or refused, here. */
import type { Db } from '../db/store.ts';
import type { Trail } from '../trail/trail.ts';
import type { ApiHandlers } from './call.ts';

export function backupHandlers({ db, trail }: { db: Db; trail: Trail }): ApiHandlers<'backups.create'> {
  return {
    'backups.create': async ({ caller, body }) => {
      const eventId = await db.transact(async (tx) =>
        trail.record(tx, {
          type: 'system.backup.make',
          by: caller,
          scope: {},
          status: 201,
          details: { database: db.engine, withLogKey: body.withLogKey },
        }),
      );
      return { eventId };
    },
  };
}
