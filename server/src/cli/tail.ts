/** `tallyman tail`: events as they come, without gap or double over broken connections. */

import { setTimeout as delay } from 'node:timers/promises';
import type { ShownEvent } from '@tallyman/contract';
import { readClientSettings } from '../config/client.ts';
import { AppError } from '../domain/error.ts';
import { jitter } from '../stdx/random.ts';
import { ApiClient } from './api-client.ts';
import type { Command, Terminal } from './command.ts';
import { filterFlags, parseFilterFlags } from './event-flags.ts';
import { eventLine } from './event-lines.ts';
import { jsonFlag, serverFlags } from './flags.ts';
import { readSentEvents } from './sse.ts';

const name = 'tail';
const longestWaitMs = 30_000;

export const tail: Command = {
  name,
  summary: 'Follow the trail: events as they come',
  description: [
    'Prints each event that matches as soon as it can be found, oldest first, until it is interrupted. A broken connection is made anew and goes on after the last event printed, so nothing is missing and nothing comes twice.',
    'Needs TALLYMAN_TOKEN, an access token with the scope events:read.',
  ],
  positionals: [],
  flags: {
    ...filterFlags,
    after: {
      value: 'CURSOR',
      description: 'Go on after this place: the last "cursor" that --json printed. Default: from now on.',
    },
    ...jsonFlag,
    ...serverFlags,
  },
  examples: [
    {
      line: 'tallyman tail --view administration --outcome denied',
      says: 'everybody who is turned away, as it happens',
    },
    { line: 'tallyman tail --view namespace --namespace team --json | jq .sentence', says: 'for a program' },
  ],
  run: async (input, terminal) => {
    const filter = parseFilterFlags(input, name);
    const client = new ApiClient(readClientSettings(), input.text('url'));
    const interrupted = new AbortController();
    process.once('SIGINT', () => interrupted.abort());
    process.once('SIGTERM', () => interrupted.abort());
    await follow(
      { client, filter, json: input.on('json'), signal: interrupted.signal, after: input.text('after') },
      terminal,
    );
    return 0;
  },
};

type Following = {
  client: ApiClient;
  filter: ReturnType<typeof parseFilterFlags>;
  json: boolean;
  signal: AbortSignal;
  after: string | undefined;
};

async function follow(following: Following, terminal: Terminal): Promise<void> {
  const { client, filter, json, signal } = following;
  let after = following.after;
  for (let failures = 0; !signal.aborted; failures++) {
    try {
      const headers: Record<string, string> = after === undefined ? {} : { 'last-event-id': after };
      const response = await client.open('events.tail', {
        query: filter,
        accept: 'text/event-stream',
        headers,
        signal,
      });
      if (response.body === null) throw new AppError('unavailable', 'The server sent no stream.');
      for await (const message of readSentEvents(response.body)) {
        failures = 0;
        after = message.id ?? after;
        if (message.data !== undefined)
          print(JSON.parse(message.data) as ShownEvent, { json, after }, terminal);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!isPassing(error)) throw error;
      terminal.err(`${error instanceof Error ? error.message : String(error)} Trying again.`);
    }
    const waitMs = Math.min(longestWaitMs, 500 * 2 ** Math.min(failures, 10)) * (0.5 + jitter() / 2);
    await delay(waitMs, undefined, { signal }).catch(() => undefined);
  }
}

/** What a next attempt may mend; a token that was revoked is not. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof AppError))
    return error instanceof TypeError || (error as { name?: string }).name === 'AbortError';
  return error.code === 'unavailable' || error.code === 'rate_limited';
}

function print(
  event: ShownEvent,
  { json, after }: { json: boolean; after: string | undefined },
  terminal: Terminal,
): void {
  terminal.out(json ? JSON.stringify({ ...event, cursor: after }) : eventLine(event));
}
