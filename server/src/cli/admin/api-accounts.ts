/** `tallyman admin` by asking a running server. */
import type { ApiClient } from '../api-client.ts';
import type { Accounts } from './accounts.ts';

export function apiAccounts(client: ApiClient): Accounts {
  const of = (user: string) => ({ params: { user } });
  return {
    create: async ({ name, password, email, roles }) => {
      const body = {
        name,
        roles,
        ...(password !== undefined && { password }),
        ...(email !== undefined && { email }),
      };
      await client.ask('users.create', { body });
    },
    putPassword: async (name, password) =>
      client.ask('users.put_password', { ...of(name), body: { password } }),
    disable: async (name, note) => {
      await client.ask('users.disable', { ...of(name), body: note === undefined ? {} : { note } });
    },
    enable: async (name) => void (await client.ask('users.enable', of(name))),
    changeRole: async (name, { role, held }) => {
      const { roles } = await client.ask('users.get', of(name));
      const others = roles.filter((one) => one !== role);
      await client.ask('users.put_roles', {
        ...of(name),
        body: { roles: held ? [...others, role] : others },
      });
    },
    endLockout: async (name) => client.ask('users.end_lockout', of(name)),
    freeName: async (kind, name) => client.ask('reserved_names.free', { params: { kind, name } }),
    [Symbol.asyncDispose]: async () => undefined,
  };
}
