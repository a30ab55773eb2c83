/** `tallyman admin create-user`: create a user. */
import type { Command } from '../command.ts';
import { UsageError } from '../exit.ts';
import { accountFlags, howItWorks, openAccounts } from './open-accounts.ts';
import { passwordFlags, readPassword, tellGenerated } from './password.ts';

const name = 'admin create-user';

export const createUserCommand: Command = {
  name,
  summary: 'Create a user',
  description: [
    'Creates a user account with its namespace. A random password is made and printed once, unless one is given or --no-password says that the account signs in with tokens only.',
    howItWorks,
  ],
  positionals: [{ name: 'NAME', description: 'The user.' }],
  flags: {
    admin: { description: 'Make the user an administrator.' },
    auditor: { description: 'Make the user an auditor: reads all events, no content.' },
    email: { value: 'ADDRESS', description: 'E-mail address.' },
    'no-password': { description: 'No password.' },
    ...passwordFlags,
    ...accountFlags,
  },
  examples: [
    { line: 'tallyman admin create-user alice --admin', says: 'prints a password for her' },
    { line: 'tallyman admin create-user ci-bot --no-password', says: 'an account that only tokens open' },
  ],
  run: async (input, terminal) => {
    const noPassword = input.on('no-password');
    if (noPassword && input.on('password-stdin'))
      throw new UsageError('--no-password and --password-stdin exclude each other.', name);
    const user = input.positional(0);
    const given = noPassword ? undefined : await readPassword(input, terminal);
    const roles = (['admin', 'auditor'] as const).filter((role) => input.on(role));
    await using accounts = await openAccounts(input, name);
    await accounts.create({ name: user, password: given?.password, email: input.text('email'), roles });
    terminal.err(`created ${user}`);
    if (given !== undefined) tellGenerated(given, terminal);
    return 0;
  },
};
