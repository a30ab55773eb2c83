/** `tallyman admin reset-password`: give a user a new password. */
import type { Command } from '../command.ts';
import { accountFlags, howItWorks, openAccounts } from './open-accounts.ts';
import { passwordFlags, readPassword, tellGenerated } from './password.ts';

const name = 'admin reset-password';

export const resetPassword: Command = {
  name,
  summary: 'Give a user a new password',
  description: [
    'Replaces the password, ends the sessions of the user and a lock-out. A random password is made and printed once, unless one is given. Tokens and robots are not touched.',
    howItWorks,
  ],
  positionals: [{ name: 'NAME', description: 'The user.' }],
  flags: { ...passwordFlags, ...accountFlags },
  examples: [
    { line: 'tallyman admin reset-password alice', says: 'prints the new password' },
    { line: 'tallyman admin reset-password alice --password-stdin < new-password', says: 'one of your own' },
  ],
  run: async (input, terminal) => {
    const user = input.positional(0);
    const given = await readPassword(input, terminal);
    await using accounts = await openAccounts(input, name);
    await accounts.putPassword(user, given.password);
    terminal.err(`the password of ${user} was replaced`);
    tellGenerated(given, terminal);
    return 0;
  },
};
