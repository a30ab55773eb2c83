/** `tallyman events`: looks into the trail. */
import { maxEventsPerPage } from '@tallyman/contract';
import { readClientSettings } from '../config/client.ts';
import { ApiClient } from './api-client.ts';
import type { Command, Terminal } from './command.ts';
import { filterFlags, parseFilterFlags } from './event-flags.ts';
import { eventLine, headLine } from './event-lines.ts';
import { UsageError } from './exit.ts';
import { jsonFlag, serverFlags } from './flags.ts';

const name = 'events';
const defaultLimit = 50;

export const events: Command = {
  name,
  summary: 'Look into the trail: who did what, and who was turned away',
  description: [
    'Prints the newest events first, as far as the token’s owner may see them. Filters of different kinds must all match; one that is given several times matches any of its values.',
    'Needs TALLYMAN_TOKEN, an access token with the scope events:read.',
  ],
  positionals: [],
  flags: {
    ...filterFlags,
    limit: { value: 'N', description: `How many at most. Default: ${defaultLimit}.` },
    ...jsonFlag,
    ...serverFlags,
  },
  examples: [
    {
      line: 'tallyman events --outcome denied --limit 20',
      says: 'what was refused of late, on my account and in my name',
    },
    {
      line: 'tallyman events --view project --project team/app --type container.tag.',
      says: 'every change of a tag of one project',
    },
    {
      line: 'tallyman events --view administration --reason wrong_password --ip 203.0.113.0/24 --json',
      says: 'wrong passwords from one network, for a program',
    },
  ],
  run: async (input, terminal) => {
    const filter = parseFilterFlags(input, name);
    const limit = limitOf(input.text('limit'));
    const client = new ApiClient(readClientSettings(), input.text('url'));
    await printPages({ client, filter, limit, json: input.on('json') }, terminal);
    return 0;
  },
};

function limitOf(text: string | undefined): number {
  if (text === undefined) return defaultLimit;
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new UsageError(
    '--limit needs a number from 1 to 9999999. For everything use `tallyman export`.',
    name,
  );
}

type Pages = { client: ApiClient; filter: ReturnType<typeof parseFilterFlags>; limit: number; json: boolean };

async function printPages({ client, filter, limit, json }: Pages, terminal: Terminal): Promise<void> {
  let cursor: string | undefined;
  for (let left = limit; left > 0; ) {
    const query = {
      ...filter,
      limit: Math.min(left, maxEventsPerPage),
      ...(cursor !== undefined && { cursor }),
    };
    const page = await client.ask('events.list', { query });
    if (!json && cursor === undefined && page.items.length > 0) terminal.out(headLine);
    for (const event of page.items) terminal.out(json ? JSON.stringify(event) : eventLine(event));
    if (page.completeTo !== undefined)
      terminal.err('The newest events may be missing: the search index is behind. Ask again in a moment.');
    left -= page.items.length;
    if (page.next === null) return;
    cursor = page.next;
  }
}
