/** `tallyman why`: which policy or person made a tag immutable, and how that came to be. */
import type { WhyImmutable } from '@tallyman/contract';
import { readClientSettings } from '../config/client.ts';
import { ApiClient } from './api-client.ts';
import type { Command } from './command.ts';
import { printable } from './event-lines.ts';
import { jsonFlag, serverFlags } from './flags.ts';
import { parseTagName, tagPositional } from './tag-name.ts';

const name = 'why';

export const why: Command = {
  name,
  summary: 'Tell why a tag is immutable, or that it is not',
  description: [
    'Prints one sentence, and below it the steps that led there, each with the id of its event: how the policy was created and changed, and when it locked the tag.',
    'Needs TALLYMAN_TOKEN, an access token with the scope project:read of a maintainer or owner of the project.',
  ],
  positionals: [tagPositional],
  flags: { ...jsonFlag, ...serverFlags },
  examples: [{ line: 'tallyman why acme/web:v1.0.0', says: 'which policy or person locked it' }],
  run: async (input, terminal) => {
    const params = parseTagName(input.positional(0), name);
    const client = new ApiClient(readClientSettings(), input.text('url'));
    const answer = await client.ask('tags.immutability', { params });
    if (input.on('json')) terminal.out(JSON.stringify(answer));
    else for (const line of linesOf(answer)) terminal.out(printable(line));
    return 0;
  },
};

const doing = { create: 'created', change: 'changed', delete: 'deleted' } as const;

function linesOf({ because, policy, trigger, since, eventId, by, unlockedEventId }: WhyImmutable): string[] {
  const steps = (policy?.steps ?? []).map(
    (step) =>
      `  ${step.at}  ${step.by.name ?? 'somebody'} ${doing[step.what]} the policy as ${step.pattern}${step.matches ? '' : ' (all that does not match)'}, version ${step.version}  (event ${step.eventId})`,
  );
  const who = trigger === 'manual' ? (by?.name ?? 'somebody') : 'the policy';
  if (since !== null) steps.push(`  ${since}  ${who} locked the tag  (event ${eventId})`);
  if (unlockedEventId !== null) steps.push(`  it was unlocked by the event ${unlockedEventId}`);
  return [because, ...steps.sort()];
}
