/**
 * What `tallyman admin` does, over either of two ways: straight on the data folder while no server uses it, or by asking
 * a running server. Which one is chosen by TALLYMAN_TOKEN; the lock of the data folder keeps the first from happening
 * beside a server, whose caches would know nothing of it.
 */
import { readClientSettings } from '../../config/client.ts';
import { ApiClient } from '../api-client.ts';
import type { FlagDeclaration, Input } from '../command.ts';
import { UsageError } from '../exit.ts';
import { configFlag, serverFlags } from '../flags.ts';
import type { Accounts } from './accounts.ts';
import { apiAccounts } from './api-accounts.ts';

export const accountFlags = { ...configFlag, ...serverFlags } as const satisfies Record<
  string,
  FlagDeclaration
>;

/** For the end of each description. */
export const howItWorks =
  'Without TALLYMAN_TOKEN it works on the data folder itself, and the server must be stopped. With TALLYMAN_TOKEN, an administrator’s token with the scope admin, it asks the running server. Either way what was done is an event.';

export async function openAccounts(input: Input, command: string): Promise<Accounts> {
  const settings = readClientSettings();
  if (settings.token !== undefined) {
    if (input.text('config') !== undefined)
      throw new UsageError('--config is for work on the data folder; TALLYMAN_TOKEN asks a server.', command);
    return apiAccounts(new ApiClient(settings, input.text('url')));
  }
  if (input.text('url') !== undefined) throw new UsageError('To ask a server, set TALLYMAN_TOKEN.', command);
  // Loaded here, so that asking a server does not first load one.
  const { openFolderAccounts } = await import('./folder-accounts.ts');
  return openFolderAccounts(input.text('config'));
}
