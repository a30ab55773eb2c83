/**
 * The account's part of an erasure: what rows still say of a user who was deleted, and how the user's names are known.
 * Ids stay, so that history still says that it was one and the same; names, labels and addresses go.
 */
import { hash } from 'node:crypto';
import { findSetting } from '../db/settings.ts';
import type { Db, ReadDb, Tx } from '../db/store.ts';
import { AppError } from '../domain/error.ts';
import { sourceOf } from '../http/facts.ts';
import { secretBytes } from '../stdx/random.ts';
import { accountsOf, parseEmail } from './accounts.ts';
import type { AccountParts } from './parts.ts';

/** What the account tables know of how a user is, and was, called. */
export type KnownAs = { names: string[]; robotIds: string[] };

/** Deleted users only: throws not_found, or conflict for one that lives. */
export async function getErasable(db: ReadDb, userId: string): Promise<KnownAs> {
  const user = await db.q
    .selectFrom('user_account as u')
    .innerJoin('namespace as n', 'n.id', 'u.id')
    .select(['n.name', 'n.deleted_at', 'u.email'])
    .where('u.id', '=', userId)
    .executeTakeFirst();
  if (user === undefined)
    throw new AppError('not_found', 'There is no such user, and there never was.', {
      reason: 'unknown_user',
      details: { field: 'id' },
    });
  if (user.deleted_at === null)
    throw new AppError('conflict', 'This user still has an account. Delete the account first, then erase.', {
      reason: 'conflict',
      details: { field: 'id' },
    });
  const former = await db.q
    .selectFrom('reserved_name')
    .select('name')
    .where('format', '=', '')
    .where('former_id', '=', userId)
    .execute();
  const robots = await db.q.selectFrom('robot').select('id').where('namespace_id', '=', userId).execute();
  const names = [user.name, user.email, ...former.map((row) => row.name)];
  return {
    names: names.filter((name) => name !== null && !isPlaceholder(name)) as string[],
    robotIds: robots.map((row) => row.id),
  };
}

/**
 * Throws conflict when the text names somebody who has, or had, an account: that is erased by its id. A name that was
 * freed since is nobody's.
 */
export async function requireNobodys(db: ReadDb, text: string): Promise<void> {
  const name = text.toLowerCase();
  const living = await db.q
    .selectFrom('namespace')
    .select('id')
    .where('name', '=', name)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
  const former = await db.q
    .selectFrom('reserved_name')
    .select('former_id')
    .where('format', '=', '')
    .where('name', '=', name)
    .executeTakeFirst();
  const email = parseEmail(text);
  const user =
    email === undefined
      ? undefined
      : await db.q.selectFrom('user_account').select('id').where('email', '=', email).executeTakeFirst();
  if (living === undefined && former === undefined && user === undefined) return;
  throw new AppError(
    'conflict',
    'An account or organisation is, or was, called so. To erase a user, delete the account and give its id.',
    { reason: 'conflict', details: { field: 'name' } },
  );
}

/** Names of others that hold one of these within, or are the same by now: a text that says them does not mean the user. */
export async function findOtherNames(
  db: ReadDb,
  { names, userId }: { names: readonly string[]; userId: string | undefined },
): Promise<string[]> {
  const found = new Set<string>();
  for (let after = 0; ; ) {
    const rows = await db.q
      .selectFrom('namespace')
      .select(['num', 'id', 'name'])
      .where('num', '>', after)
      .orderBy('num')
      .limit(rowsPerLook)
      .execute();
    for (const row of rows)
      if (row.id !== userId && names.some((name) => row.name.includes(name))) found.add(row.name);
    const last = rows.at(-1);
    if (last === undefined || found.size > mostOthers) return [...found].slice(0, mostOthers);
    after = last.num;
    // Each look is short; all of them together would hold the thread.
    await new Promise(setImmediate);
  }
}

const rowsPerLook = 500;
const mostOthers = 1_000;

/** A name that an erasure put in the place of another. */
function isPlaceholder(name: string): boolean {
  return /^erased-\d+$/.test(name) || name.startsWith(reservedMark);
}

/**
 * In the unit of the erasure. A name that was reserved stays so, but only as a keyed hash: nobody can read it, and whoever
 * asks for that name is still refused. `parts.db`'s caches forget the account after the commit.
 */
export async function eraseAccountIn(parts: Pick<AccountParts, 'db'>, tx: Tx, userId: string): Promise<void> {
  await tx.lock(`account ${userId}`);
  const account = await tx.q
    .selectFrom('namespace')
    .select(['num', 'name'])
    .where('id', '=', userId)
    .executeTakeFirstOrThrow();
  const placeholder = `erased-${account.num}`;
  await tx.q.updateTable('namespace').set({ name: placeholder }).where('id', '=', userId).execute();
  await tx.q
    .updateTable('user_account')
    .set({ email: null, display_name: null, password_hash: null })
    .where('id', '=', userId)
    .execute();
  const robots = await tx.q
    .selectFrom('robot')
    .select(['id', 'num'])
    .where('namespace_id', '=', userId)
    .execute();
  for (const { id, num } of robots)
    await tx.q
      .updateTable('robot')
      .set({ name: `erased-${num}`, description: null })
      .where('id', '=', id)
      .execute();
  const holders = [userId, ...robots.map((robot) => robot.id)];
  const credentials = await tx.q
    .updateTable('credential')
    .set({ name: '', hint: '', last_used_source: null })
    .where('principal_id', 'in', holders)
    .returning('id')
    .execute();
  await hideReservedNames(tx, userId);
  tx.afterCommit(() => {
    const accounts = accountsOf(parts.db);
    accounts.forgetNamespace(userId);
    accounts.forgetRobots(robots.map((robot) => robot.id));
    accounts.forgetCredentials(credentials.map((credential) => credential.id));
  });
}

/** An address to be forgotten stands at most where a credential was last used from. 16 bytes each, hexadecimal. */
export async function eraseSources(db: Db, addresses: readonly string[]): Promise<void> {
  const sources = new Set(addresses.map((hex) => sourceOf(formatAddress(hex))));
  for (let after = ''; ; ) {
    const rows = await db.read.q
      .selectFrom('credential')
      .select(['id', 'last_used_source'])
      .where('id', '>', after)
      .orderBy('id')
      .limit(rowsPerLook)
      .execute();
    const used = rows.filter((row) => sources.has(row.last_used_source ?? '')).map((row) => row.id);
    if (used.length > 0)
      await db.transact((tx) =>
        tx.q.updateTable('credential').set({ last_used_source: null }).where('id', 'in', used).execute(),
      );
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.id;
    await new Promise(setImmediate);
  }
}

/** As a socket would give it. */
function formatAddress(hex: string): string {
  const bytes = [...Buffer.from(hex, 'hex')];
  if (hex.startsWith('00000000000000000000ffff')) return bytes.slice(12).join('.');
  return (hex.match(/.{4}/g) ?? []).join(':');
}

const reservedMark = 'sha256:';
const keyOfReserved = 'names.reserved_key';

/** Paths of the user's projects need no reservation of their own: they begin with a name that stays reserved. */
async function hideReservedNames(tx: Tx, userId: string): Promise<void> {
  const projects = tx.q.selectFrom('project').select('id').where('namespace_id', '=', userId);
  await tx.q.deleteFrom('reserved_name').where('former_id', 'in', projects).execute();
  const rows = await tx.q.selectFrom('reserved_name').selectAll().where('former_id', '=', userId).execute();
  const readable = rows.filter((row) => !row.name.startsWith(reservedMark));
  if (readable.length === 0) return;
  const key = await getReservedKey(tx);
  for (const row of readable) {
    await tx.q
      .deleteFrom('reserved_name')
      .where('format', '=', row.format)
      .where('name', '=', row.name)
      .execute();
    await tx.q
      .insertInto('reserved_name')
      .values({ ...row, name: hiddenName(key, row.name) })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
}

async function getReservedKey(tx: Tx): Promise<string> {
  const found = await findReservedKey(tx);
  if (found !== undefined) return found;
  const value = secretBytes(32).toString('base64url');
  await tx.q
    .insertInto('setting')
    .values({ namespace_id: '', key: keyOfReserved, value, changed_at: 0 })
    .execute();
  return value;
}

async function findReservedKey(db: ReadDb): Promise<string | undefined> {
  return findSetting(db, { key: keyOfReserved });
}

function hiddenName(key: string, name: string): string {
  return reservedMark + hash('sha256', `${key} ${name}`, 'base64url');
}

/** How a name stands among the reserved ones: as it is, and as an erasure hid it. */
export async function reservedForms(db: ReadDb, name: string): Promise<string[]> {
  const key = await findReservedKey(db);
  return key === undefined ? [name] : [name, hiddenName(key, name)];
}
