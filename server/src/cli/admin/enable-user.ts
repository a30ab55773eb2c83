/** `tallyman admin enable-user`: let a disabled user in again. */
import type { Command } from '../command.ts';
import { accountFlags, howItWorks, openAccounts } from './open-accounts.ts';

const name = 'admin enable-user';

export const enableUserCommand: Command = {
  name,
  summary: 'Let a disabled user in again',
  description: [
    'The account, its tokens and its robots work as before; console sessions do not come back.',
    howItWorks,
  ],
  positionals: [{ name: 'NAME', description: 'The user.' }],
  flags: { ...accountFlags },
  examples: [{ line: 'tallyman admin enable-user alice', says: 'after a disable-user' }],
  run: async (input, terminal) => {
    const user = input.positional(0);
    await using accounts = await openAccounts(input, name);
    await accounts.enable(user);
    terminal.err(`${user} is enabled`);
    return 0;
  },
};
