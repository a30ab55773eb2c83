/** Users, as administrators handle them. */
import type { User } from '@tallyman/contract';
import { AppError } from '../domain/error.ts';
import type { Identity } from '../identity/identity.ts';
import { endSessions } from '../identity/sessions.ts';
import {
  changeDisplayName,
  changeEmail,
  changePassword,
  createUser,
  deleteUser,
  disableUser,
  enableUser,
  endUserLockout,
  getUser,
  listUsers,
  renameUser,
  setSystemRoles,
  type UserDeletion,
  type User as UserState,
} from '../identity/users.ts';
import { formatUs } from '../stdx/clock.ts';
import type { Performer } from '../trail/draft.ts';
import { timeOrNull } from './accounts.ts';
import type { ApiHandlers } from './call.ts';
import { nextOf, pageOf } from './pages.ts';

export type UserParts = {
  identity: Pick<Identity, 'parts'>;
  /** Ends what others of the server hold for a user, in the unit that deletes the user. */
  endUserRights(by: Performer, user: { id: string; name: string }): UserDeletion['endRights'];
  /** Ends what was too much for that unit. */
  finishUserDeletion(by: Performer, user: { id: string }): Promise<void>;
};

type UserRoutes =
  `users.${'list' | 'create' | 'get' | 'rename' | 'put_email' | 'put_display_name' | 'put_password' | 'put_roles' | 'disable' | 'enable' | 'end_lockout' | 'end_sessions' | 'delete'}`;

export function userHandlers({
  identity,
  endUserRights,
  finishUserDeletion,
}: UserParts): ApiHandlers<UserRoutes> {
  const store = identity.parts;
  const idOf = async (name: string): Promise<string> => (await getUser(store, { name })).id;
  return {
    'users.list': async ({ query }) => {
      const prefix = query.name === undefined ? {} : { prefix: query.name };
      const { users, next } = await listUsers(store, { ...pageOf(query), ...prefix });
      return { items: users.map(viewUser), next: nextOf(next) };
    },
    'users.create': async ({ caller, body }) => {
      const { email, displayName, password, ...rest } = body;
      const optional = {
        ...(email && { email }),
        ...(displayName && { displayName }),
        ...(password && { password }),
      };
      return viewUser(await createUser(store, { by: caller, ...rest, ...optional }));
    },
    'users.get': async ({ params }) => viewUser(await getUser(store, { name: params.user })),
    'users.rename': async ({ caller, params, body }) =>
      viewUser(await renameUser(store, { by: caller, userId: await idOf(params.user), name: body.name })),
    'users.put_email': async ({ caller, params, body }) => {
      const email = body.email === null ? {} : { email: body.email };
      return viewUser(await changeEmail(store, { by: caller, userId: await idOf(params.user), ...email }));
    },
    'users.put_display_name': async ({ caller, params, body }) => {
      const name = body.displayName === null ? {} : { displayName: body.displayName };
      return viewUser(
        await changeDisplayName(store, { by: caller, userId: await idOf(params.user), ...name }),
      );
    },
    'users.put_password': async ({ caller, params, body }) =>
      changePassword(store, { by: caller, userId: await idOf(params.user), password: body.password }),
    'users.put_roles': async ({ caller, params, body }) =>
      viewUser(
        await setSystemRoles(store, { by: caller, userId: await idOf(params.user), roles: body.roles }),
      ),
    'users.disable': async ({ caller, params, body }) => {
      const note = body.note ? { note: body.note } : {};
      return viewUser(await disableUser(store, { by: caller, userId: await idOf(params.user), ...note }));
    },
    'users.enable': async ({ caller, params }) =>
      viewUser(await enableUser(store, { by: caller, userId: await idOf(params.user) })),
    'users.end_lockout': async ({ caller, params }) => {
      if (await endUserLockout(store, { by: caller, userId: await idOf(params.user) })) return;
      throw new AppError('conflict', 'The user is not locked out.', { reason: 'conflict' });
    },
    'users.end_sessions': async ({ caller, params }) => {
      await endSessions(store, { by: caller, userId: await idOf(params.user) });
    },
    'users.delete': async ({ caller, params }) => {
      const user = await getUser(store, { name: params.user });
      await deleteUser(store, { by: caller, userId: user.id, endRights: endUserRights(caller, user) });
      await finishUserDeletion(caller, user);
    },
  };
}

function viewUser(user: UserState): User {
  return {
    id: user.id,
    name: user.name,
    email: user.email ?? null,
    displayName: user.displayName ?? null,
    roles: user.roles,
    createdAt: formatUs(user.createdAtUs),
    disabled: user.isDisabled,
    lockedUntil: timeOrNull(user.lockedUntilUs),
  };
}
