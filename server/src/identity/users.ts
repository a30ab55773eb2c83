/**
 * Users: their life from creation to deletion. Each change is one unit with its event. A user's namespace has the
 * user's id. Deleting one ends every credential and keeps the rows, so that history still says whose it was.
 */
import type { EventDetails, Scope, Target } from '@tallyman/contract';
import type { Tx } from '../db/store.ts';
import { AppError, invalid } from '../domain/error.ts';
import { cutPage, pageSize } from '../stdx/pages.ts';
import { uuidv7 } from '../stdx/random.ts';
import type { Performer } from '../trail/draft.ts';
import { accountsOf } from './accounts.ts';
import { namespaceScope } from './attribution.ts';
import { endCredentials, endSessionsIn, requireText } from './credentials.ts';
import { endLockout, endLockoutIn } from './lockout.ts';
import { claimEmail, claimNamespaceName, reserveName } from './names.ts';
import type { AccountParts, IdentityStore } from './parts.ts';
import { deleteRobotsIn } from './robots.ts';

export type SystemRole = 'admin' | 'auditor';

export type User = {
  id: string;
  num: number;
  name: string;
  email?: string;
  displayName?: string;
  roles: SystemRole[];
  isDisabled: boolean;
  createdAtUs: number;
  /** Until when passwords are refused. */
  lockedUntilUs?: number;
};

export type UserCreation = {
  by: Performer;
  name: string;
  email?: string;
  displayName?: string;
  /** Without one only tokens of the account could sign in. */
  password?: string;
  roles?: readonly SystemRole[];
};

export async function createUser(store: IdentityStore, creation: UserCreation): Promise<User> {
  const passwordHash = await hashOf(store, creation.password);
  return store.db.transact((tx) => createIn(store, tx, { ...creation, passwordHash, firstRun: false }));
}

/** The administrator of a new server; throws conflict once there is, or ever was, any user. */
export async function createFirstAdmin(
  store: IdentityStore,
  creation: Omit<UserCreation, 'roles'>,
): Promise<User> {
  const passwordHash = await hashOf(store, creation.password);
  return store.db.transact(async (tx) => {
    await tx.lock('first user');
    if (await hasUsers(tx)) {
      throw new AppError('conflict', 'This server has its first administrator already. Sign in instead.', {
        reason: 'conflict',
      });
    }
    return createIn(store, tx, { ...creation, roles: ['admin'], passwordHash, firstRun: true });
  });
}

/** Whether the first-run page is over. */
export async function hasUsers(db: Pick<Tx, 'q'>): Promise<boolean> {
  return (await db.q.selectFrom('user_account').select('id').limit(1).executeTakeFirst()) !== undefined;
}

type CreationIn = UserCreation & { passwordHash: string | undefined; firstRun: boolean };

async function createIn(store: IdentityStore, tx: Tx, creation: CreationIn): Promise<User> {
  const name = await claimNamespaceName(tx, { name: creation.name });
  const email = await claimEmail(tx, creation.email);
  const displayName = requireDisplayName(creation.displayName);
  const nowUs = store.clock.nowUs();
  const id = uuidv7(nowUs);
  const roles = [...new Set(creation.roles ?? [])];
  await tx.q
    .insertInto('namespace')
    .values({ id, kind: 'user', name, created_at: nowUs, deleted_at: null })
    .execute();
  await tx.q
    .insertInto('user_account')
    .values({
      id,
      email: email ?? null,
      display_name: displayName ?? null,
      password_hash: creation.passwordHash ?? null,
      password_changed_at: creation.passwordHash === undefined ? null : nowUs,
      admin: roles.includes('admin') ? 1 : 0,
      auditor: roles.includes('auditor') ? 1 : 0,
      disabled_at: null,
      locked_until: null,
      created_at: nowUs,
    })
    .execute();
  store.trail.record(tx, {
    type: 'account.user.create',
    by: creation.by,
    ...placeOf({ id, name }),
    details: { ...(email !== undefined && { email }), roles, ...(creation.firstRun && { firstRun: true }) },
  });
  return getIn(tx, id);
}

export type UserKey = { id: string } | { name: string } | { email: string };

/** Living users only. */
export async function findUser(parts: Pick<AccountParts, 'db'>, key: UserKey): Promise<User | undefined> {
  const accounts = accountsOf(parts.db);
  if ('id' in key) return findIn(parts.db.read, key.id);
  const state = await accounts.findUserByLogin('name' in key ? key.name : key.email);
  return state && findIn(parts.db.read, state.id);
}

export async function getUser(parts: Pick<AccountParts, 'db'>, key: UserKey): Promise<User> {
  const user = await findUser(parts, key);
  if (!user) throw unknownUser();
  return user;
}

/** By name, from the one after `after`; `next` is absent on the last page. */
export async function listUsers(
  parts: Pick<AccountParts, 'db'>,
  page: { after?: string; limit?: number; prefix?: string },
): Promise<{ users: User[]; next?: string }> {
  const limit = pageSize(page.limit);
  let query = selectUsers(parts.db.read)
    .where('n.deleted_at', 'is', null)
    .where('n.name', '>', page.after ?? '');
  // Names are ASCII: the character after the last one bounds the prefix and uses the index.
  if (page.prefix)
    query = query.where('n.name', '>=', page.prefix).where('n.name', '<', `${page.prefix}\u{7f}`);
  const rows = await query
    .orderBy('n.name')
    .limit(limit + 1)
    .execute();
  const { shown, ...more } = cutPage(rows, limit, (row) => row.name);
  return { users: shown.map(fromRow), ...more };
}

/** The former name stays reserved; taking an own former name back ends its reservation. */
export async function renameUser(
  parts: AccountParts,
  change: { by: Performer; userId: string; name: string },
): Promise<User> {
  return changeUser(parts, change.userId, async (tx, user) => {
    if (change.name === user.name) return;
    const name = await claimNamespaceName(tx, { name: change.name, ownerId: user.id });
    const nowUs = parts.clock.nowUs();
    await reserveName(tx, { format: '', name: user.name, formerId: user.id, nowUs });
    await tx.q.updateTable('namespace').set({ name }).where('id', '=', user.id).execute();
    parts.trail.record(tx, {
      type: 'account.user.rename',
      by: change.by,
      ...placeOf({ id: user.id, name }),
      details: { from: user.name, to: name },
    });
  });
}

export async function enableUser(
  parts: AccountParts,
  change: { by: Performer; userId: string },
): Promise<User> {
  return changeUser(parts, change.userId, async (tx, user) => {
    if (!user.isDisabled) return;
    await tx.q.updateTable('user_account').set({ disabled_at: null }).where('id', '=', user.id).execute();
    parts.trail.record(tx, { type: 'account.user.enable', by: change.by, ...placeOf(user), details: {} });
  });
}

/** Every credential stops at once and comes back when enabled, but console sessions, which end. */
export async function disableUser(
  parts: AccountParts,
  change: { by: Performer; userId: string; note?: string },
): Promise<User> {
  return changeUser(parts, change.userId, async (tx, user) => {
    if (user.isDisabled) return;
    await requireOtherAdmin(tx, user);
    await tx.q
      .updateTable('user_account')
      .set({ disabled_at: parts.clock.nowUs() })
      .where('id', '=', user.id)
      .execute();
    const sessions = await endSessionsIn(parts, tx, user.id);
    const details = change.note === undefined ? {} : { note: requireText('note', change.note, 500) ?? '' };
    const { by } = change;
    const cause = parts.trail.record(tx, { type: 'account.user.disable', by, ...placeOf(user), details });
    if (sessions === 0) return;
    parts.trail.record(tx, {
      type: 'account.session.end',
      by,
      ...placeOf(user),
      cause,
      details: { sessions },
    });
  });
}

export type UserDeletion = {
  by: Performer;
  userId: string;
  /**
   * Ends what others of the server hold for the user (projects, memberships, grants), in the same unit. The event of the
   * deletion is their cause.
   */
  endRights: (tx: Tx, cause: string) => Promise<void>;
};

/** The name stays reserved, the history stays; throws conflict for the last administrator. */
export async function deleteUser(parts: AccountParts, deletion: UserDeletion): Promise<void> {
  await changeUser(parts, deletion.userId, async (tx, user) => {
    await requireOtherAdmin(tx, user);
    const nowUs = parts.clock.nowUs();
    const tokensRevoked = await endCredentials(parts, tx, { principalId: user.id });
    await endSessionsIn(parts, tx, user.id);
    await deleteRobotsIn(parts, tx, user.id);
    const projects = await countProjects(tx, user.id);
    await reserveName(tx, { format: '', name: user.name, formerId: user.id, nowUs });
    await tx.q.updateTable('namespace').set({ deleted_at: nowUs }).where('id', '=', user.id).execute();
    // What only served to sign in is erased; the address may be used again.
    const erased = {
      email: null,
      password_hash: null,
      admin: 0,
      auditor: 0,
      locked_until: null,
      disabled_at: nowUs,
    };
    await tx.q.updateTable('user_account').set(erased).where('id', '=', user.id).execute();
    const cause = parts.trail.record(tx, {
      type: 'account.user.delete',
      by: deletion.by,
      ...placeOf(user),
      details: { projects, tokensRevoked },
    });
    await deletion.endRights(tx, cause);
  });
}

export async function changeEmail(
  parts: AccountParts,
  change: { by: Performer; userId: string; email?: string },
): Promise<User> {
  return changeUser(parts, change.userId, async (tx, user) => {
    if (change.email?.toLowerCase() === user.email) return;
    const email = await claimEmail(tx, change.email);
    await tx.q
      .updateTable('user_account')
      .set({ email: email ?? null })
      .where('id', '=', user.id)
      .execute();
    const details: EventDetails<'account.email.change'> = {
      ...(user.email !== undefined && { from: user.email }),
      ...(email !== undefined && { to: email }),
    };
    parts.trail.record(tx, { type: 'account.email.change', by: change.by, ...placeOf(user), details });
  });
}

export async function changeDisplayName(
  parts: AccountParts,
  change: { by: Performer; userId: string; displayName?: string },
): Promise<User> {
  const to = requireDisplayName(change.displayName);
  return changeUser(parts, change.userId, async (tx, user) => {
    const from = user.displayName;
    if (from === to) return;
    await tx.q
      .updateTable('user_account')
      .set({ display_name: to ?? null })
      .where('id', '=', user.id)
      .execute();
    parts.trail.record(tx, {
      type: 'account.display_name.change',
      by: change.by,
      ...placeOf(user),
      details: { ...(from !== undefined && { from }), ...(to !== undefined && { to }) },
    });
  });
}

export type PasswordChange = {
  by: Performer;
  userId: string;
  password: string;
  /** The session that made the change goes on; all others end. */
  keepSessionId?: string;
};

/** Ends a lock-out, every other session, and every registry token issued for the former password. */
export async function changePassword(store: IdentityStore, change: PasswordChange): Promise<void> {
  const passwordHash = await store.passwords.hash(change.password);
  await changeUser(store, change.userId, async (tx, user) => {
    const values = {
      password_hash: passwordHash,
      password_changed_at: store.clock.nowUs(),
      failed_passwords: 0,
    };
    await tx.q.updateTable('user_account').set(values).where('id', '=', user.id).execute();
    const sessionsEnded = await endSessionsIn(store, tx, user.id, change.keepSessionId);
    store.trail.record(tx, {
      type: 'account.password.change',
      by: change.by,
      ...placeOf(user),
      details: { sessionsEnded },
    });
    await endLockoutIn(store, tx, { by: change.by, user, why: 'password_change' });
  });
}

/** Whether this is the account's password; for asking again before something important. Costs one check. */
export async function isPasswordOf(
  store: IdentityStore,
  asked: { userId: string; password: string },
): Promise<boolean> {
  const user = await accountsOf(store.db).findUser(asked.userId);
  return store.passwords.isRight(user?.passwordHash, asked.password);
}

export async function setSystemRoles(
  parts: AccountParts,
  change: { by: Performer; userId: string; roles: readonly SystemRole[] },
): Promise<User> {
  return changeUser(parts, change.userId, async (tx, user) => {
    const to = (['admin', 'auditor'] as const).filter((role) => change.roles.includes(role));
    if (to.join() === user.roles.join()) return;
    if (!to.includes('admin')) await requireOtherAdmin(tx, user);
    const values = { admin: to.includes('admin') ? 1 : 0, auditor: to.includes('auditor') ? 1 : 0 };
    await tx.q.updateTable('user_account').set(values).where('id', '=', user.id).execute();
    parts.trail.record(tx, {
      type: 'account.role.change',
      by: change.by,
      ...placeOf(user),
      details: { roles: { from: user.roles, to } },
    });
  });
}

/** By an administrator, before its time; false when there was none. */
export async function endUserLockout(
  parts: AccountParts,
  change: { by: Performer; userId: string },
): Promise<boolean> {
  const user = await getUser(parts, { id: change.userId });
  return endLockout(parts, { by: change.by, user, why: 'administrator' });
}

/** Runs a change of one living user, serialised with every other change of it, and empties the caches after. */
async function changeUser(
  parts: AccountParts,
  userId: string,
  change: (tx: Tx, user: User) => Promise<void>,
): Promise<User> {
  return parts.db.transact(async (tx) => {
    await tx.lock(`account ${userId}`);
    const user = await findIn(tx, userId);
    if (!user) throw unknownUser();
    await change(tx, user);
    tx.afterCommit(() => accountsOf(parts.db).forgetNamespace(userId));
    return (await findIn(tx, userId)) ?? user;
  });
}

/** A server nobody administers cannot be repaired from within. */
async function requireOtherAdmin(tx: Tx, user: User): Promise<void> {
  if (!user.roles.includes('admin')) return;
  await tx.lock('administrators');
  const other = await tx.q
    .selectFrom('user_account')
    .select('id')
    .where('admin', '=', 1)
    .where('disabled_at', 'is', null)
    .where('id', '!=', user.id)
    .limit(1)
    .executeTakeFirst();
  if (other) return;
  throw new AppError('conflict', 'This is the last administrator. Make somebody else administrator first.', {
    reason: 'conflict',
  });
}

async function countProjects(tx: Tx, namespaceId: string): Promise<number> {
  const row = await tx.q
    .selectFrom('project')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('namespace_id', '=', namespaceId)
    .where('deleted_at', 'is', null)
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

function selectUsers(db: Pick<Tx, 'q'>) {
  return db.q
    .selectFrom('user_account as u')
    .innerJoin('namespace as n', 'n.id', 'u.id')
    .select([
      'u.id',
      'n.num',
      'n.name',
      'u.email',
      'u.display_name',
      'u.admin',
      'u.auditor',
      'u.disabled_at',
      'u.created_at',
      'u.locked_until',
    ]);
}

type UserListRow = Awaited<ReturnType<ReturnType<typeof selectUsers>['execute']>>[number];

async function findIn(db: Pick<Tx, 'q'>, id: string): Promise<User | undefined> {
  const row = await selectUsers(db)
    .where('u.id', '=', id)
    .where('n.deleted_at', 'is', null)
    .executeTakeFirst();
  return row && fromRow(row);
}

async function getIn(db: Pick<Tx, 'q'>, id: string): Promise<User> {
  const user = await findIn(db, id);
  if (!user) throw unknownUser();
  return user;
}

function fromRow(row: UserListRow): User {
  return {
    id: row.id,
    num: row.num,
    name: row.name,
    ...(row.email !== null && { email: row.email }),
    ...(row.display_name !== null && { displayName: row.display_name }),
    roles: [
      ...(row.admin === 1 ? (['admin'] as const) : []),
      ...(row.auditor === 1 ? (['auditor'] as const) : []),
    ],
    isDisabled: row.disabled_at !== null,
    createdAtUs: row.created_at,
    ...(row.locked_until !== null && { lockedUntilUs: row.locked_until }),
  };
}

async function hashOf(store: IdentityStore, password: string | undefined): Promise<string | undefined> {
  return password === undefined ? undefined : store.passwords.hash(password);
}

function requireDisplayName(text: string | undefined): string | undefined {
  if (text !== undefined && (text.length > 100 || /\p{C}/u.test(text))) {
    throw invalid('displayName', 'Use up to 100 printable characters for the name shown.');
  }
  return text === '' ? undefined : text;
}

function placeOf({ id, name }: { id: string; name: string }): { scope: Scope; target: Target } {
  return { scope: namespaceScope({ kind: 'user', id, name }), target: { kind: 'user', id, name } };
}

function unknownUser(): AppError {
  return new AppError('not_found', 'There is no such user.', { reason: 'unknown_user' });
}
