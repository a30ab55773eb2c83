/** The filters of the trail as flags: one for each filter of the contract; a new one does not compile without its text. */
import { type EventFilter, eventTailQuerySchema } from '@tallyman/contract';
import type { z } from 'zod';
import type { FlagDeclaration, Input } from './command.ts';
import { UsageError } from './exit.ts';

type FilterText = { value: string; description: string; single?: true };

const texts: Readonly<Record<keyof EventFilter, FilterText>> = {
  type: { value: 'TYPE', description: 'Event type, or a family with its dot: container.tag.' },
  actor: { value: 'NAME', description: 'Id or name of who did it.' },
  actorKind: { value: 'KIND', description: 'user, robot, system, anonymous, …' },
  onBehalfOf: { value: 'NAME', description: 'Id or name of whoever it was done for.' },
  credential: { value: 'ID', description: 'Id of the credential presented.' },
  credentialKind: {
    value: 'KIND',
    description: 'password, session, access_token, app_token, oauth_token, robot_token, none, …',
  },
  namespace: { value: 'NAME', description: 'Id or name of the namespace it happened in.' },
  project: { value: 'PATH', description: 'Id or namespace/name of the project.' },
  target: { value: 'NAME', description: 'Id or name of what it was done to: a tag, a user, a token.' },
  targetKind: { value: 'KIND', description: 'What kind of thing that is.' },
  outcome: { value: 'OUTCOME', description: 'success, denied or failed.' },
  reason: { value: 'REASON', description: 'Why it was refused: wrong_password, not_permitted, …' },
  ip: { value: 'ADDRESS', description: 'Address or range: 203.0.113.7, 2001:db8::/32.' },
  userAgent: { value: 'TEXT', description: 'Any part of the user agent.' },
  requestId: { value: 'ID', description: 'The request, as x-request-id named it.' },
  cause: { value: 'ID', description: 'Id of the event that brought it about.' },
  from: { value: 'TIME', description: 'From this time on: 2026-11-22T04:24:43Z.', single: true },
  to: { value: 'TIME', description: 'Before this time.', single: true },
  text: { value: 'WORDS', description: 'Words that all stand somewhere in the event.', single: true },
  repeats: {
    value: 'HOW',
    description:
      'merged (default): a refusal and the count of its repeats are one row; rows: each event is a row.',
    single: true,
  },
};

const keys = Object.keys(texts) as (keyof EventFilter)[];

export function flagOf(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

export const filterFlags: Readonly<Record<string, FlagDeclaration>> = {
  view: {
    value: 'VIEW',
    description:
      'Whose events: me (default), namespace (with --namespace), project (with --project), administration.',
  },
  ...Object.fromEntries(
    keys.map((key) => [
      flagOf(key),
      {
        value: texts[key].value,
        description: texts[key].description,
        ...(texts[key].single !== true && { many: true }),
      },
    ]),
  ),
};

export type FilterQuery = z.input<typeof eventTailQuerySchema>;

/** Checked here already, so that a misspelt word is told before anything is asked. */
export function parseFilterFlags(input: Input, command: string): FilterQuery {
  const query: Record<string, unknown> = {};
  const view = input.text('view');
  if (view !== undefined) query.view = view;
  for (const key of keys) {
    const given = input.texts(flagOf(key));
    if (given.length > 0) query[key] = texts[key].single === true || given.length === 1 ? given[0] : given;
  }
  const parsed = eventTailQuerySchema.safeParse(query);
  if (!parsed.success) throw wrongValue(parsed.error, command);
  return query as FilterQuery;
}

/** Of a value that may also be a list, what is wrong with the value says more than that it is no list either. */
function wrongValue(error: z.ZodError, command: string): UsageError {
  const [issue] = error.issues;
  const inner = issue?.code === 'invalid_union' ? issue.errors[0]?.[0] : issue;
  return new UsageError(
    `--${flagOf(String(issue?.path[0] ?? 'view'))}: ${inner?.message ?? 'not valid'}`,
    command,
  );
}
