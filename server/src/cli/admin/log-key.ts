/** `tallyman admin log-key`: show, rotate or replace the key that signs the log. */

import { readClientSettings } from '../../config/client.ts';
import { AppError } from '../../domain/error.ts';
import { ApiClient } from '../api-client.ts';
import type { Command, Input, Terminal } from '../command.ts';
import { UsageError } from '../exit.ts';
import type { LogKeeper, LogKeyState } from './log-keeper.ts';
import { accountFlags, howItWorks } from './open-accounts.ts';

const name = 'admin log-key';
const actions = ['show', 'rotate', 'create'] as const;
type Action = (typeof actions)[number];

export const logKeyCommand: Command = {
  name,
  summary: 'Show, rotate or replace the key that signs the log',
  description: [
    'show prints the verifier key that auditors need. rotate makes a new key: the old one signs for it, so whoever has the old verifier key follows by themselves. Do it from time to time, and at once when the key may be in other hands.',
    'create is for when the key is lost, or signed events are: a new log begins under another name, over the same events. Auditors need its verifier key from you, and see that the former log ended. The server must be stopped.',
    howItWorks,
  ],
  positionals: [{ name: 'ACTION', description: 'show, rotate or create.' }],
  flags: {
    origin: {
      value: 'NAME',
      description: 'For create: the name of the new log, such as registry.example.org/log-2.',
    },
    ...accountFlags,
  },
  examples: [
    { line: 'tallyman admin log-key show', says: 'the verifier key, for auditors' },
    { line: 'tallyman admin log-key rotate', says: 'announced by an event that the old key signs for' },
    {
      line: 'tallyman admin log-key create --origin registry.example.org/log-2',
      says: 'after the key was lost for good',
    },
  ],
  run: async (input, terminal) => {
    const action = actions.find((one) => one === input.positional(0));
    if (action === undefined) throw new UsageError('ACTION is show, rotate or create.', name);
    const origin = input.text('origin');
    if ((action === 'create') !== (origin !== undefined))
      throw new UsageError('create needs --origin, and nothing else takes it.', name);
    await using keeper = await openKeeper(input);
    tell(terminal, action, await act(keeper, action, origin));
    return 0;
  },
};

function act(keeper: LogKeeper, action: Action, origin: string | undefined): Promise<LogKeyState> {
  if (action === 'show') return keeper.show();
  return action === 'rotate' ? keeper.rotate() : keeper.create(origin ?? '');
}

function tell(terminal: Terminal, action: Action, { origin, key }: LogKeyState): void {
  if (action === 'rotate') terminal.err(`the log ${origin} has a new key`);
  if (action === 'create') terminal.err(`the log ${origin} begins; give auditors its verifier key`);
  terminal.out(key);
}

async function openKeeper(input: Input): Promise<LogKeeper> {
  const settings = readClientSettings();
  if (settings.token === undefined) {
    if (input.text('url') !== undefined) throw new UsageError('To ask a server, set TALLYMAN_TOKEN.', name);
    // Loaded here, so that asking a server does not first load one.
    const { openFolderLog } = await import('./folder-log.ts');
    return openFolderLog(input.text('config'));
  }
  if (input.text('config') !== undefined)
    throw new UsageError('--config is for work on the data folder; TALLYMAN_TOKEN asks a server.', name);
  const client = new ApiClient(settings, input.text('url'));
  return {
    show: () => client.ask('log.get'),
    rotate: () => client.ask('log.rotate_key'),
    create: async () => {
      throw new AppError(
        'conflict',
        'A log gets a new name only while its server is stopped: stop it, and leave TALLYMAN_TOKEN out.',
      );
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}
