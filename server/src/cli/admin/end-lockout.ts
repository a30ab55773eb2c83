/** `tallyman admin end-lockout`: end the lock-out of a user before its time. */
import type { Command } from '../command.ts';
import { accountFlags, howItWorks, openAccounts } from './open-accounts.ts';

const name = 'admin end-lockout';

export const endLockoutCommand: Command = {
  name,
  summary: 'End the lock-out of a user before its time',
  description: [
    'Too many wrong passwords lock an account’s password out for a while. This ends it now.',
    howItWorks,
  ],
  positionals: [{ name: 'NAME', description: 'The user.' }],
  flags: { ...accountFlags },
  examples: [{ line: 'tallyman admin end-lockout alice', says: 'she may try her password again' }],
  run: async (input, terminal) => {
    const user = input.positional(0);
    await using accounts = await openAccounts(input, name);
    await accounts.endLockout(user);
    terminal.err(`${user} may sign in again`);
    return 0;
  },
};
