/** Which events explain a present state of accounts and credentials; retention keeps them (trail/forget/explainer.ts). */
import type { ReadDb } from '../db/store.ts';
import { type Explainer, recordedUs } from '../trail/forget/explainer.ts';
import type { OpenEvent } from '../trail/projected-row.ts';

/** A token that is neither revoked nor past its end. */
async function isLive(db: ReadDb, id: string | undefined, nowUs: number): Promise<boolean> {
  if (id === undefined) return false;
  const row = await db.q
    .selectFrom('credential')
    .select(['revoked_at', 'expires_at'])
    .where('id', '=', id)
    .executeTakeFirst();
  return row !== undefined && row.revoked_at === null && (row.expires_at === null || row.expires_at > nowUs);
}

async function findUser(db: ReadDb, { target }: OpenEvent) {
  return db.q
    .selectFrom('user_account as u')
    .innerJoin('namespace as n', 'n.id', 'u.id')
    .select(['u.admin', 'u.auditor', 'u.disabled_at', 'u.locked_until', 'n.deleted_at'])
    .where('u.id', '=', target?.id ?? '')
    .executeTakeFirst();
}

async function findRobot(db: ReadDb, { target }: OpenEvent) {
  return db.q
    .selectFrom('robot')
    .select(['disabled_at', 'deleted_at'])
    .where('id', '=', target?.id ?? '')
    .executeTakeFirst();
}

/** The clock tells which tokens have ended by themselves. */
export function identityExplainers({ clock }: { clock: { nowUs(): number } }): Explainer[] {
  return [
    {
      types: ['token.access.create', 'token.app.create', 'oauth.token.create'],
      explains: (event, db) => isLive(db, event.target?.id, clock.nowUs()),
    },
    {
      types: ['robot.token.rotate'],
      explains: (event, db) =>
        isLive(db, (event.details.credential as { to?: string } | undefined)?.to, clock.nowUs()),
    },
    {
      types: ['robot.account.create', 'robot.account.disable'],
      explains: async (event, db) => {
        const robot = await findRobot(db, event);
        if (robot === undefined || robot.deleted_at !== null) return false;
        if (event.type === 'robot.account.create') return true;
        return robot.disabled_at !== null && recordedUs(event) >= robot.disabled_at;
      },
    },
    {
      types: ['oauth.application.create'],
      explains: async ({ target }, db) => {
        const row = await db.q
          .selectFrom('oauth_application')
          .select('deleted_at')
          .where('id', '=', target?.id ?? '')
          .executeTakeFirst();
        return row !== undefined && row.deleted_at === null;
      },
    },
    {
      types: ['account.user.create', 'account.user.disable', 'account.role.change', 'account.lockout.start'],
      explains: async (event, db) => {
        const user = await findUser(db, event);
        if (user === undefined || user.deleted_at !== null) return false;
        switch (event.type) {
          case 'account.user.disable':
            return user.disabled_at !== null && recordedUs(event) >= user.disabled_at;
          case 'account.role.change':
            return user.admin === 1 || user.auditor === 1;
          case 'account.lockout.start':
            return user.locked_until !== null && user.locked_until > clock.nowUs();
          default:
            return true;
        }
      },
    },
  ];
}
