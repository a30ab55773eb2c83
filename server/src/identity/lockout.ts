/**
 * Lock-out after too many wrong passwords. It concerns passwords only: tokens, robots and sessions go on. Its beginning
 * and its end are events of the account, each in the unit that changes the row.
 */
import type { RequestFacts, Scope, Target } from '@tallyman/contract';
import { statement } from '../db/statement.ts';
import type { Tx } from '../db/store.ts';
import { formatUs } from '../stdx/clock.ts';
import type { Performer } from '../trail/draft.ts';
import { systemPerformer } from '../trail/system-performer.ts';
import { accountsOf } from './accounts.ts';
import { namespaceScope } from './attribution.ts';
import type { IdentityLimits } from './limits.ts';
import type { AccountParts } from './parts.ts';

const addFailure = statement<{ failed_passwords: number; locked_until: number | null }>(
  'UPDATE user_account SET failed_passwords = failed_passwords + 1 WHERE id = ? RETURNING failed_passwords, locked_until',
);
const lock = statement('UPDATE user_account SET locked_until = ? WHERE id = ?');
const clearFailures = statement(
  'UPDATE user_account SET failed_passwords = 0, locked_until = NULL WHERE id = ? AND (failed_passwords > 0 OR locked_until IS NOT NULL)',
);
const failuresOf = statement<{ failed_passwords: number }>(
  'SELECT failed_passwords FROM user_account WHERE id = ?',
);
const unlock = statement(
  'UPDATE user_account SET failed_passwords = 0, locked_until = NULL WHERE id = ? AND locked_until IS NOT NULL',
);
const lapsed = statement<{ id: string; name: string }>(
  `SELECT u.id, n.name FROM user_account u JOIN namespace n ON n.id = u.id
     WHERE u.locked_until IS NOT NULL AND u.locked_until <= ? ORDER BY u.locked_until LIMIT 500`,
);

/** Counts a wrong password; the one too many begins the lock-out. */
export async function noteWrongPassword(
  parts: AccountParts,
  wrong: {
    user: { id: string; name: string };
    request: RequestFacts;
    limits: Pick<IdentityLimits, 'lockoutFailures' | 'lockoutMs'>;
  },
): Promise<void> {
  const { user, request, limits } = wrong;
  await parts.db.transact(async (tx) => {
    const row = await tx.get(addFailure, [user.id]);
    if (!row || row.locked_until !== null || row.failed_passwords < limits.lockoutFailures) return;
    const until = parts.clock.nowUs() + limits.lockoutMs * 1000;
    await tx.run(lock, [until, user.id]);
    parts.trail.record(tx, {
      type: 'account.lockout.start',
      by: { ...systemPerformer(parts.clock, 'lockout'), request },
      ...placeOf(user),
      details: { failures: row.failed_passwords, until: formatUs(until) },
    });
    tx.afterCommit(() => accountsOf(parts.db).forgetNamespace(user.id));
  });
}

/** A right password forgets the wrong ones before it. No event: nothing that anybody may do has changed. */
export async function forgetWrongPasswords(parts: AccountParts, userId: string): Promise<void> {
  const row = await parts.db.read.get(failuresOf, [userId]);
  if (!row || row.failed_passwords === 0) return;
  await parts.db.transact(async (tx) => void (await tx.run(clearFailures, [userId])));
}

export type LockoutEnd = {
  by: Performer;
  user: { id: string; name: string };
  why: 'time' | 'administrator' | 'password_change';
};

/** Inside a unit; true when there was a lock-out to end. */
export async function endLockoutIn(
  parts: AccountParts,
  tx: Tx,
  { by, user, why }: LockoutEnd,
): Promise<boolean> {
  if ((await tx.run(unlock, [user.id])) === 0) return false;
  parts.trail.record(tx, { type: 'account.lockout.end', by, ...placeOf(user), details: { by: why } });
  tx.afterCommit(() => accountsOf(parts.db).forgetNamespace(user.id));
  return true;
}

export async function endLockout(parts: AccountParts, end: LockoutEnd): Promise<boolean> {
  return parts.db.transact((tx) => endLockoutIn(parts, tx, end));
}

/** Ends lock-outs whose time has passed. Called every few seconds, and before a password of such an account is judged. */
export async function endLapsedLockouts(parts: AccountParts): Promise<void> {
  const rows = await parts.db.read.all(lapsed, [parts.clock.nowUs()]);
  for (const user of rows)
    await endLockout(parts, { by: systemPerformer(parts.clock, 'lockout'), user, why: 'time' });
}

function placeOf({ id, name }: { id: string; name: string }): { scope: Scope; target: Target } {
  return { scope: namespaceScope({ kind: 'user', id, name }), target: { kind: 'user', id, name } };
}
