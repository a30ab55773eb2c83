/** `tallyman admin grant-admin`, `revoke-admin`, `grant-auditor`, `revoke-auditor`: one act, four names. */
import type { Command } from '../command.ts';
import type { SystemRole } from './accounts.ts';
import { accountFlags, howItWorks, openAccounts } from './open-accounts.ts';

const means: Readonly<Record<SystemRole, string>> = {
  admin: 'An administrator manages users, organisations and settings, and reads every event.',
  auditor: 'An auditor reads every event and no content, and changes nothing.',
};

function roleCommand(role: SystemRole, held: boolean): Command {
  const name = `admin ${held ? 'grant' : 'revoke'}-${role}`;
  const noun = role === 'admin' ? 'administrator' : 'auditor';
  return {
    name,
    summary: held ? `Make a user ${noun}` : `Take the role of ${noun} from a user`,
    description: [`${means[role]}${held ? '' : ' The last administrator cannot be revoked.'}`, howItWorks],
    positionals: [{ name: 'NAME', description: 'The user.' }],
    flags: { ...accountFlags },
    examples: [
      {
        line: `tallyman ${name} alice`,
        says: held ? `alice is ${noun} from now on` : `alice is ${noun} no more`,
      },
    ],
    run: async (input, terminal) => {
      const user = input.positional(0);
      await using accounts = await openAccounts(input, name);
      await accounts.changeRole(user, { role, held });
      terminal.err(`${user} is ${held ? noun : `no ${noun}`} now`);
      return 0;
    },
  };
}

export const systemRoleCommands: readonly Command[] = [
  roleCommand('admin', true),
  roleCommand('admin', false),
  roleCommand('auditor', true),
  roleCommand('auditor', false),
];
