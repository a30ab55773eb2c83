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
import { serverItself } from '../../main/life-events.ts';
import { openOffline } from '../../main/offline.ts';
import type { Performer } from '../../trail/draft.ts';
import type { Accounts } from './accounts.ts';

/** Throws `conflict` while a server uses the data folder or the database. */
export async function openFolderAccounts(configFile: string | undefined): Promise<Accounts> {
  const { store, close } = await openOffline(readConfig({ file: configFile })).catch((error: unknown) => {
    throw isInUse(error) ? serverRuns(error) : error;
  });
  const by = performer(store.clock);
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

/** Whoever can write the data folder: the machine's operator, whom this server does not know by name. */
function performer(clock: Parameters<typeof serverItself>[0]): Performer {
  const by = serverItself(clock);
  return { ...by, actor: { ...by.actor, id: 'command line', name: 'command line' } };
}

function isInUse(error: unknown): boolean {
  return error instanceof AppError && (error.code === 'conflict' || error.code === 'unavailable');
}

function serverRuns(cause: unknown): AppError {
  const why = cause instanceof Error ? cause.message : '';
  return new AppError(
    'conflict',
    `${why} To ask the running server instead, set TALLYMAN_URL and TALLYMAN_TOKEN.`,
    { cause },
  );
}
