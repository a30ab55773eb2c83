/** `tallyman admin hold`: legal holds. */
import { type ApiResponse, holdKinds } from '@tallyman/contract';
import { readClientSettings } from '../../config/client.ts';
import { ApiClient } from '../api-client.ts';
import type { Command, Input, Terminal } from '../command.ts';
import { UsageError } from '../exit.ts';
import { jsonFlag, serverFlags } from '../flags.ts';

const name = 'admin hold';
const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
type Hold = ApiResponse<'holds.list'>['items'][number];

export const holdCommand: Command = {
  name,
  summary: 'Show, place or lift legal holds',
  description: [
    'While a hold stands, retention drops no event of that namespace, project or user, and an erasure that would touch one is refused.',
    'Without ACTION it lists the holds. `place KIND WHAT` places one: WHAT is an id, or the name of a namespace, project (namespace/name) or user that lives. `lift ID` lifts one.',
    'Needs TALLYMAN_TOKEN, an administrator’s token with the scope admin.',
  ],
  positionals: [
    { name: 'ACTION', description: 'place or lift; absent = list.', optional: true },
    {
      name: 'KIND',
      description: 'namespace, project or user; with lift, the id of the hold.',
      optional: true,
    },
    { name: 'WHAT', description: 'Id or name.', optional: true },
  ],
  flags: {
    note: { value: 'TEXT', description: 'Why; it stands in the event. Needed to place one.' },
    format: { value: 'FORMAT', description: 'Of a project given by name. Default: container.' },
    ...jsonFlag,
    ...serverFlags,
  },
  examples: [
    { line: 'tallyman admin hold place namespace acme --note "case 2026/7"', says: 'on an organisation' },
    { line: 'tallyman admin hold', says: 'what stands' },
  ],
  run: async (input, terminal) => {
    const client = new ApiClient(readClientSettings(), input.text('url'));
    const action = input.positional(0);
    if (action === '') await list(client, input, terminal);
    else if (action === 'place') await place(client, input, terminal);
    else if (action === 'lift') await lift(client, input.positional(1), terminal);
    else throw new UsageError('ACTION is place or lift.', name);
    return 0;
  },
};

async function list(client: ApiClient, input: Input, terminal: Terminal): Promise<void> {
  for (let cursor: string | undefined; ; ) {
    const page = await client.ask('holds.list', { query: cursor === undefined ? {} : { cursor } });
    for (const hold of page.items) terminal.out(input.on('json') ? JSON.stringify(hold) : lineOf(hold));
    if (page.next === null) return;
    cursor = page.next;
  }
}

function lineOf({ id, kind, subjectId, subjectName, note, placedAt }: Hold): string {
  return `${id}  ${placedAt}  ${kind} ${subjectName ?? subjectId}: ${note}`;
}

async function place(client: ApiClient, input: Input, terminal: Terminal): Promise<void> {
  const kind = holdKinds.find((known) => known === input.positional(1));
  if (kind === undefined) throw new UsageError(`KIND is one of ${holdKinds.join(', ')}.`, name);
  const what = input.positional(2);
  const note = input.text('note');
  if (what === '' || note === undefined) throw new UsageError('"place" needs WHAT and --note.', name);
  const id = uuid.test(what) ? what : await findId(client, { kind, what, input });
  const hold = await client.ask('holds.create', { body: { kind, id, note } });
  terminal.out(hold.id);
}

async function findId(
  client: ApiClient,
  { kind, what, input }: { kind: Hold['kind']; what: string; input: Input },
): Promise<string> {
  if (kind === 'user') return (await client.ask('users.get', { params: { user: what } })).id;
  if (kind === 'namespace') return (await client.ask('namespaces.get', { params: { namespace: what } })).id;
  const format = (input.text('format') ?? 'container') as 'container';
  return (await client.ask('projects.get', { params: { format, path: what } })).id;
}

async function lift(client: ApiClient, hold: string, terminal: Terminal): Promise<void> {
  if (!uuid.test(hold)) throw new UsageError('"lift" needs the id of the hold.', name);
  await client.ask('holds.delete', { params: { hold } });
  terminal.err('the hold is lifted');
}
