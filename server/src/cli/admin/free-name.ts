/** `tallyman admin free-name`: free a name that a rename or deletion left reserved. */
import { reservedKindSchema } from '@tallyman/contract';
import type { Command } from '../command.ts';
import { UsageError } from '../exit.ts';
import { accountFlags, howItWorks, openAccounts } from './open-accounts.ts';

const name = 'admin free-name';

export const freeNameCommand: Command = {
  name,
  summary: 'Free a name that a rename or deletion left reserved',
  description: [
    'Former names stay reserved, so that nobody else can take them and get what old links and pull commands still ask for. Freed, anybody may take the name.',
    howItWorks,
  ],
  positionals: [
    { name: 'KIND', description: 'namespace, container, python or git.' },
    { name: 'NAME', description: 'The name; of a project namespace/name.' },
  ],
  flags: { ...accountFlags },
  examples: [
    { line: 'tallyman admin free-name namespace old-team', says: 'the name of a user or organisation' },
    { line: 'tallyman admin free-name container team/old-app', says: 'the path of a project' },
  ],
  run: async (input, terminal) => {
    const kind = reservedKindSchema.safeParse(input.positional(0));
    if (!kind.success) throw new UsageError(`KIND is one of ${reservedKindSchema.options.join(', ')}.`, name);
    await using accounts = await openAccounts(input, name);
    await accounts.freeName(kind.data, input.positional(1));
    terminal.err(`${input.positional(1)} is free`);
    return 0;
  },
};
