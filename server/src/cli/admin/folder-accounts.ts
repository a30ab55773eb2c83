/** `tallyman admin` straight on the database, while no server runs. */
import { freeName } from '../../access/organisations.ts';
import { readConfig } from '../../config/read.ts';
import { AppError } from '../../domain/error.ts';
import {
  changePassword,
  createUser,
  disableUser,
  enableUser,
  endUserLockout,
  getUser,
  setSystemRoles,
} from '../../identity/users.ts';
import type { Accounts } from './accounts.ts';
import { openFolder } from './open-folder.ts';

/** Throws `conflict` while a server uses the data folder or the database. */
export async function openFolderAccounts(configFile: string | undefined): Promise<Accounts> {
  const { store, by, close } = await openFolder(readConfig({ file: configFile }));
  const idOf = async (name: string): Promise<string> => (await getUser(store, { name })).id;
  return {
    create: async ({ name, password, email, roles }) => {
      await createUser(store, {
        by,
        name,
        roles,
        ...(password !== undefined && { password }),
        ...(email !== undefined && { email }),
      });
    },
    putPassword: async (name, password) => changePassword(store, { by, userId: await idOf(name), password }),
    disable: async (name, note) => {
      await disableUser(store, { by, userId: await idOf(name), ...(note !== undefined && { note }) });
    },
    enable: async (name) => void (await enableUser(store, { by, userId: await idOf(name) })),
    changeRole: async (name, { role, held }) => {
      const { id, roles } = await getUser(store, { name });
      const others = roles.filter((one) => one !== role);
      await setSystemRoles(store, { by, userId: id, roles: held ? [...others, role] : others });
    },
    endLockout: async (name) => {
      const ended = await endUserLockout(store, { by, userId: await idOf(name) });
      if (!ended) throw new AppError('conflict', `${name} is not locked out.`);
    },
    freeName: (kind, name) => freeName(store, { by, format: kind === 'namespace' ? '' : kind, name }),
    [Symbol.asyncDispose]: close,
  };
}
