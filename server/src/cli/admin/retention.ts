/** `tallyman admin retention`: how long events are kept. Asks a running server: what it means is done there, as a job. */
import { type ApiResponse, settableRetention } from '@tallyman/contract';
import { readClientSettings } from '../../config/client.ts';
import { ApiClient } from '../api-client.ts';
import type { Command, Input, Terminal } from '../command.ts';
import { UsageError } from '../exit.ts';
import { jsonFlag, serverFlags } from '../flags.ts';

const name = 'admin retention';
type Rule = ApiResponse<'retention.list'>['items'][number];
type NamespaceRule = ApiResponse<'namespaces.retention.list'>['items'][number];

export const retentionCommand: Command = {
  name,
  summary: 'Show or set how long events are kept',
  description: [
    'Without CLASS it shows the rules: of the server, or with --namespace of one namespace. With CLASS it sets one: for the server, together with the bounds within which owners of namespaces may choose (without --shortest and --longest they may not); or with --namespace for that namespace.',
    'Events whose time has passed are dropped once a day; --run does it now. What explains a present state, and what stands under a legal hold, is kept. Nothing that was dropped comes back.',
    'Needs TALLYMAN_TOKEN, an administrator’s token with the scope admin; an owner’s with project:admin for a namespace.',
  ],
  positionals: [
    { name: 'CLASS', description: `${settableRetention.join(', ')}; absent = show.`, optional: true },
  ],
  flags: {
    days: { value: 'N', description: 'Keep for so many days.' },
    'for-ever': { description: 'Keep for ever.' },
    shortest: { value: 'N', description: 'The fewest days an owner of a namespace may choose.' },
    longest: { value: 'N', description: 'The most days; without it an owner may choose for ever.' },
    namespace: { value: 'NAME', description: 'The rules of one namespace.' },
    follow: { description: 'With --namespace: follow the server again.' },
    run: { description: 'Drop now what is past its time.' },
    ...jsonFlag,
    ...serverFlags,
  },
  examples: [
    { line: 'tallyman admin retention', says: 'the rules of the server' },
    {
      line: 'tallyman admin retention routine --days 30 --shortest 30 --longest 365',
      says: 'pulls for 30 days, unless an owner keeps them longer',
    },
    {
      line: 'tallyman admin retention account --for-ever --namespace acme',
      says: 'what the bounds allow, for one organisation',
    },
  ],
  run: async (input, terminal) => {
    const client = new ApiClient(readClientSettings(), input.text('url'));
    const typed = input.positional(0);
    if (input.on('run')) await runNow(client, terminal);
    else if (typed !== '') await set(client, input, classOf(typed));
    if (!input.on('run') || typed !== '') await show(client, input, terminal);
    return 0;
  },
};

function classOf(typed: string): Rule['class'] {
  const found = settableRetention.find((known) => known === typed);
  if (found === undefined) throw new UsageError(`CLASS is one of ${settableRetention.join(', ')}.`, name);
  return found;
}

async function set(client: ApiClient, input: Input, of: Rule['class']): Promise<void> {
  const namespace = input.text('namespace');
  if (namespace === undefined) {
    if (input.on('follow')) throw new UsageError('--follow needs --namespace.', name);
    const body = { days: daysOf(input), namespaces: boundsOf(input) };
    await client.ask('retention.put', { params: { class: of }, body });
    return;
  }
  if (input.on('shortest') || input.on('longest'))
    throw new UsageError('--shortest and --longest are the server’s, not a namespace’s.', name);
  const params = { namespace, class: of };
  if (input.on('follow')) await client.ask('namespaces.retention.delete', { params });
  else await client.ask('namespaces.retention.put', { params, body: { days: daysOf(input) } });
}

function daysOf(input: Input): number | null {
  if (input.on('for-ever') === input.on('days'))
    throw new UsageError('Give either --days or --for-ever.', name);
  return input.on('for-ever') ? null : numberOf(input, 'days');
}

function boundsOf(input: Input): { shortestDays: number; longestDays: number | null } | null {
  if (!input.on('shortest')) {
    if (input.on('longest')) throw new UsageError('--longest needs --shortest.', name);
    return null;
  }
  const longestDays = input.on('longest') ? numberOf(input, 'longest') : null;
  return { shortestDays: numberOf(input, 'shortest'), longestDays };
}

function numberOf(input: Input, flag: string): number {
  const text = input.text(flag) ?? '';
  if (!/^[1-9]\d{0,4}$/.test(text)) throw new UsageError(`--${flag} needs a number of days.`, name);
  return Number(text);
}

async function show(client: ApiClient, input: Input, terminal: Terminal): Promise<void> {
  const namespace = input.text('namespace');
  const { items } =
    namespace === undefined
      ? await client.ask('retention.list')
      : await client.ask('namespaces.retention.list', { params: { namespace } });
  for (const item of items) terminal.out(input.on('json') ? JSON.stringify(item) : lineOf(item));
}

function lineOf(rule: Rule | NamespaceRule): string {
  const bounds = 'bounds' in rule ? rule.bounds : rule.namespaces;
  const choice =
    bounds === null
      ? 'namespaces follow the server'
      : `namespaces choose from ${spell(bounds.shortestDays)} to ${spell(bounds.longestDays)}`;
  return `${rule.class.padEnd(8)}  ${spell(rule.days).padEnd(10)}  ${choice}`;
}

function spell(days: number | null): string {
  return days === null ? 'for ever' : `${days} days`;
}

async function runNow(client: ApiClient, terminal: Terminal): Promise<void> {
  for (let cursor: string | undefined; ; ) {
    const page = await client.ask('jobs.list', { query: cursor === undefined ? {} : { cursor } });
    const job = page.items.find(({ kind, state }) => kind === 'retention' && state === 'waiting');
    if (job !== undefined) {
      await client.ask('jobs.run', { params: { job: job.id } });
      terminal.err(`asked for; GET /api/v1/jobs/${job.id} tells how far it has come`);
      return;
    }
    if (page.next === null) break;
    cursor = page.next;
  }
  terminal.err('a retention run is under way already');
}
