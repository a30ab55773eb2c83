/** `tallyman admin erase`: forget a person or an address, for good. Two steps, so that nobody does it by a slip. */
import { setTimeout as delay } from 'node:timers/promises';
import type { ApiBody, ApiResponse } from '@tallyman/contract';
import { readClientSettings } from '../../config/client.ts';
import { AppError } from '../../domain/error.ts';
import { ApiClient } from '../api-client.ts';
import type { Command, Input, Terminal } from '../command.ts';
import { UsageError } from '../exit.ts';
import { jsonFlag, serverFlags } from '../flags.ts';

const name = 'admin erase';
const lookMs = 1_000;
type Erasure = ApiResponse<'erasures.get'>;

export const eraseCommand: Command = {
  name,
  summary: 'Erase a person or an address from the trail and the account tables',
  description: [
    'First --preview with --user, --name or --address: it looks through the whole trail, prints what would go and what cannot be reached, and an id. Nothing is removed. Then --confirm with that id: it removes it, for good, and waits until it is done. A preview that nobody confirms is thrown away after a week; --cancel does it at once.',
    'A user is given by id, and the account must have been deleted before. What others did and said stays, proofs stay valid, and the name stays reserved without being readable. While a legal hold stands on any of it, nothing is removed.',
    'The name or address is read from standard input with "-", so that it stands in no list of processes and no history of the shell. Needs TALLYMAN_TOKEN, an administrator’s token with the scope admin.',
  ],
  positionals: [],
  flags: {
    preview: { description: 'Find out what would be removed.' },
    user: { value: 'ID', description: 'A deleted user, by id.' },
    name: {
      value: 'TEXT',
      description: 'What somebody typed or wrote: a user name tried, an e-mail address; or -.',
    },
    address: { value: 'IP', description: 'An IP address; or -.' },
    confirm: {
      value: 'ID',
      description: 'Begin the erasure that was previewed, or go on with one that failed.',
    },
    cancel: { value: 'ID', description: 'Throw a preview away.' },
    ...jsonFlag,
    ...serverFlags,
  },
  examples: [
    {
      line: 'tallyman admin erase --preview --user 019ab1f0-1c2d-7e3f-8a4b-5c6d7e8f9a0b',
      says: 'what is known of a deleted user',
    },
    {
      line: 'tallyman admin erase --preview --name - < address.txt',
      says: 'an e-mail address that was tried',
    },
    { line: 'tallyman admin erase --confirm 019ab1f2-2b3c-7d4e-9f5a-6b7c8d9e0f1a', says: 'and now for good' },
  ],
  run: async (input, terminal) => {
    const steps = ['preview', 'confirm', 'cancel'].filter((flag) => input.on(flag));
    if (steps.length !== 1) throw new UsageError('Give one of --preview, --confirm and --cancel.', name);
    const client = new ApiClient(readClientSettings(), input.text('url'));
    if (input.on('preview')) await preview(client, input, terminal);
    else if (input.on('confirm')) await confirm(client, input, terminal);
    else {
      await client.ask('erasures.cancel', { params: { erasure: input.text('cancel') ?? '' } });
      terminal.err('the preview is thrown away');
    }
    return 0;
  },
};

async function preview(client: ApiClient, input: Input, terminal: Terminal): Promise<void> {
  const made = await client.ask('erasures.create', { body: await subjectOf(input, terminal) });
  const erasure = await follow(client, made, terminal);
  if (input.on('json')) {
    terminal.out(JSON.stringify(erasure));
    return;
  }
  const { found, holds, unreachable } = erasure;
  terminal.out(`${found?.entries ?? 0} entries of ${found?.events ?? 0} events would be removed:`);
  for (const { type, events, entries } of found?.byType ?? [])
    terminal.out(`  ${type.padEnd(32)} ${String(entries).padStart(8)} entries of ${events} events`);
  if (holds.length > 0) terminal.out(`Legal holds stand in the way: ${holds.map(({ id }) => id).join(', ')}`);
  terminal.out('It cannot reach:');
  for (const line of unreachable) terminal.out(`  ${line}`);
  terminal.out(`To erase for good: tallyman ${name} --confirm ${erasure.id}`);
}

async function subjectOf(input: Input, terminal: Terminal): Promise<ApiBody<'erasures.create'>> {
  const given = ['user', 'name', 'address'].filter((flag) => input.on(flag));
  if (given.length !== 1) throw new UsageError('--preview needs one of --user, --name and --address.', name);
  const read = async (flag: string): Promise<string> => {
    const text = input.text(flag) ?? '';
    return text === '-' ? (await terminal.readInput()).trim() : text;
  };
  if (input.on('user')) return { kind: 'user', id: input.text('user') ?? '' };
  if (input.on('name')) return { kind: 'name', name: await read('name') };
  return { kind: 'address', address: await read('address') };
}

async function confirm(client: ApiClient, input: Input, terminal: Terminal): Promise<void> {
  const params = { erasure: input.text('confirm') ?? '' };
  const erasure = await follow(client, await client.ask('erasures.confirm', { params }), terminal);
  if (input.on('json')) terminal.out(JSON.stringify(erasure));
  else {
    const { entries, events } = erasure.removed;
    terminal.out(`erased: ${entries} entries of ${events} events`);
  }
}

/** It goes on without us: who interrupts this only stops looking. */
async function follow(client: ApiClient, begun: Erasure, terminal: Terminal): Promise<Erasure> {
  let told = '';
  for (let erasure = begun; ; ) {
    if (erasure.state === 'failed')
      throw new AppError('conflict', `${erasure.error ?? 'It failed.'} (erasure ${erasure.id})`);
    if (erasure.state !== 'previewing' && erasure.state !== 'erasing') return erasure;
    const line = `${erasure.state}: ${erasure.looked.events} of ${erasure.looked.of} events`;
    if (line !== told && erasure.looked.of > 0) terminal.err(line);
    told = line;
    await delay(lookMs);
    erasure = await client.ask('erasures.get', { params: { erasure: erasure.id } });
  }
}
