/** `tallyman admin disable-user`: stop every credential of a user at once. */
import type { Command } from '../command.ts';
import { accountFlags, howItWorks, openAccounts } from './open-accounts.ts';

const name = 'admin disable-user';

export const disableUserCommand: Command = {
  name,
  summary: 'Stop every credential of a user at once',
  description: [
    'The account, its tokens and its robots are refused from now on; console sessions end. Nothing is deleted, and enable-user brings it back. The last administrator cannot be disabled.',
    howItWorks,
  ],
  positionals: [{ name: 'NAME', description: 'The user.' }],
  flags: { note: { value: 'TEXT', description: 'Why; it stands in the event.' }, ...accountFlags },
  examples: [
    {
      line: 'tallyman admin disable-user mallory --note "left the company"',
      says: 'with a reason for the trail',
    },
  ],
  run: async (input, terminal) => {
    const user = input.positional(0);
    await using accounts = await openAccounts(input, name);
    await accounts.disable(user, input.text('note'));
    terminal.err(`${user} is disabled`);
    return 0;
  },
};
