/** `tallyman tag history` and `tallyman tag restore`: where a tag pointed at any time, who moved it, and going back. */
import type { TagAct, TagHistoryEntry } from '@tallyman/contract';
import { readClientSettings } from '../config/client.ts';
import { ApiClient } from './api-client.ts';
import type { Command, Input, Terminal } from './command.ts';
import { printable } from './event-lines.ts';
import { UsageError } from './exit.ts';
import { jsonFlag, serverFlags } from './flags.ts';
import { parseTagName, tagPositional } from './tag-name.ts';

const atFlag = (does: string) => ({
  at: { value: 'TIME', description: `${does}, such as 2026-11-22T04:24:43Z.` },
});

export const tagHistory: Command = {
  name: 'tag history',
  summary: 'Show where a tag has pointed, and who moved it',
  description: [
    'Prints every state of the tag, newest first: from when to when it pointed where, who brought it there and how, and who ended it. A tag that was deleted, or that expired, is shown too.',
    'Needs TALLYMAN_TOKEN, an access token with the scope project:read; with events:read too it also tells who, as far as its owner may read the events.',
  ],
  positionals: [tagPositional],
  flags: { ...atFlag('Only the state that held at this time'), ...jsonFlag, ...serverFlags },
  examples: [
    { line: 'tallyman tag history acme/web:latest', says: 'every manifest that latest has pointed to' },
    {
      line: 'tallyman tag history acme/web:latest --at 2026-11-01T12:00:00Z',
      says: 'what was pulled as latest then',
    },
  ],
  run: async (input, terminal) => {
    const params = parseTagName(input.positional(0), tagHistory.name);
    const client = new ApiClient(readClientSettings(), input.text('url'));
    const at = input.text('at');
    let cursor: string | undefined;
    let printed = 0;
    do {
      const query = { ...(at !== undefined && { at }), ...(cursor !== undefined && { cursor }) };
      const { items, next } = await client.ask('tags.history', { params, query });
      for (const state of items)
        terminal.out(input.on('json') ? JSON.stringify(state) : printable(lineOf(state)));
      printed += items.length;
      cursor = next ?? undefined;
    } while (cursor !== undefined);
    if (printed === 0) terminal.err('The tag did not exist at that time.');
    return 0;
  },
};

export const tagRestore: Command = {
  name: 'tag restore',
  summary: 'Point a tag back to where it once pointed',
  description: [
    'A push like any other, and an event: policies judge it, and a locked tag is not moved. It works while the earlier manifest is kept.',
    'Needs TALLYMAN_TOKEN, an access token with the scopes project:read and project:write of somebody who may push to the project.',
  ],
  positionals: [tagPositional],
  flags: {
    digest: { value: 'DIGEST', description: 'The manifest, such as sha256:… as `tag history` shows it.' },
    ...atFlag('Instead of a digest: where it pointed at this time'),
    ...jsonFlag,
    ...serverFlags,
  },
  examples: [
    {
      line: 'tallyman tag restore acme/web:latest --at 2026-11-01T12:00:00Z',
      says: 'back to where it pointed then',
    },
  ],
  run: (input, terminal) => restore(input, terminal),
};

async function restore(input: Input, terminal: Terminal): Promise<number> {
  const params = parseTagName(input.positional(0), tagRestore.name);
  const [typed, at] = [input.text('digest'), input.text('at')];
  if ((typed === undefined) === (at === undefined))
    throw new UsageError('"tag restore" needs either --digest or --at.', tagRestore.name);
  const client = new ApiClient(readClientSettings(), input.text('url'));
  const digest = typed ?? (await digestAt(client, params, String(at)));
  const tag = await client.ask('tags.restore', { params, body: { digest } });
  terminal.out(
    input.on('json')
      ? JSON.stringify(tag)
      : `${params.path}:${params.tag} points to ${tag.digest}  (event ${tag.eventId})`,
  );
  return 0;
}

async function digestAt(
  client: ApiClient,
  params: ReturnType<typeof parseTagName>,
  at: string,
): Promise<string> {
  const { items } = await client.ask('tags.history', { params, query: { at } });
  const [state] = items;
  if (state !== undefined) return state.digest;
  throw new UsageError(
    'The tag did not exist at that time, so there is nothing to go back to.',
    tagRestore.name,
  );
}

const doing = { create: 'created', move: 'moved', delete: 'deleted' } as const;

function lineOf({ digest, from, to, fromEventId, begun, ended, restorable }: TagHistoryEntry): string {
  const until = to === null ? 'now' : `${to}${ended === null ? '' : `, ${actText(ended)}`}`;
  const by = begun === null ? '' : `  ${actText(begun)}`;
  return `${from}  ${digest}  until ${until}${by}  (event ${fromEventId})${restorable ? '' : '  its manifest is gone'}`;
}

function actText({ type, how, by }: TagAct): string {
  const verb = doing[type.slice('container.tag.'.length) as keyof typeof doing];
  return `${verb} by ${by.name ?? by.kind} (${how})`;
}
