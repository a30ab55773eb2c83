/** The trail over HTTP: exports, the live tail with its resumption and its end, and who sees which view. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ShownEvent } from '@tallyman/contract';
import { type Api, openApi, populate, type World } from '../../../tests/support/api.ts';
import { findFreePort } from '../../../tests/support/free-port.ts';
import { engines, root } from '../../../tests/support/house.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { changeDefaultRole } from '../access/organisations.ts';
import { createRobot } from '../identity/robots.ts';
import { revokeToken } from '../identity/tokens.ts';
import { streamLimits } from './events.ts';

const ofAcme = '/api/v1/events?view=namespace&namespace=acme';

for (const { engine, skip } of engines) {
  describe(`the trail over HTTP on ${engine}`, { skip }, () => {
    it('exports everything that matches, as NDJSON and as CSV, and says so before the first byte', async () => {
      await using api = await openApi(engine);
      const { ada, scope } = await populate(api);
      const pages = await pagesOf(api, ada.auth, `${ofAcme}&repeats=rows&limit=2`);
      for (const [type, format, query, accept] of [
        ['application/x-ndjson', 'ndjson', '', 'application/x-ndjson'],
        ['text/csv', 'csv', '', 'text/csv'],
        // A link in a browser cannot say what it accepts.
        ['application/x-ndjson', 'ndjson', '&export=ndjson', 'text/html,*/*;q=0.8'],
        ['text/csv', 'csv', '&export=csv', 'text/html,*/*;q=0.8'],
      ] as const) {
        const answer = await api.ask('GET', ofAcme + query, { auth: ada.auth, headers: { accept } });
        assert.equal(answer.status, 200);
        assert.match(String(answer.headers['content-type']), new RegExp(`^${type}`));
        assert.equal(
          answer.headers['content-disposition'],
          `attachment; filename="tallyman-events.${format}"`,
        );
        const lines = answer.text.trimEnd().split('\n');
        if (format === 'ndjson')
          assert.deepEqual(lines.map((line) => (JSON.parse(line) as ShownEvent).id).reverse(), pages);
        else assert.equal(lines.length, pages.length + 1);
        assert.deepEqual(
          answer.events.map((event) => [event.type, event.scope, event.actor.id, event.details.format]),
          [['trail.events.export', { namespace: scope.namespace }, ada.id, format]],
        );
        // The export itself is an event of the namespace from now on.
        pages.unshift(answer.events[0]!.id);
      }
    });

    it('shows each their own, and hides what they have nothing to do with', async () => {
      await using api = await openApi(engine);
      const { ada, max, rita, sid, audrey, boss } = await populate(api);
      const status = async (auth: string, query: string) =>
        (await api.ask('GET', `/api/v1/events?${query}`, { auth })).status;
      for (const person of [ada, max, rita, sid])
        assert.equal(await status(person.auth, 'view=administration'), 403);
      for (const person of [audrey, boss])
        assert.equal(await status(person.auth, 'view=administration'), 200);
      const project = 'view=project&project=acme/app';
      assert.deepEqual(
        await Promise.all([ada, max, rita, sid].map((person) => status(person.auth, project))),
        [200, 200, 404, 404],
      );
      const missing = await api.ask('GET', '/api/v1/events?view=namespace&namespace=nowhere', {
        auth: sid.auth,
      });
      const hidden = await api.ask('GET', ofAcme, { auth: sid.auth });
      const { requestId: _one, ...first } = missing.json;
      const { requestId: _two, ...second } = hidden.json;
      assert.deepEqual(first, second);
      assert.deepEqual(
        hidden.events.map((event) => [event.type, event.reason, event.scope.namespace?.name]),
        [['api.action.refuse', 'not_permitted', 'acme']],
      );
    });

    it('tells a person why they were refused when they may read the project, and else only that they were', async () => {
      await using api = await openApi(engine);
      const { rita, sid, mia, acme, project } = await populate(api);
      const refusedOf = async (auth: string) => {
        const tried = await api.ask('DELETE', '/api/v1/projects/container/acme%2Fapp/tags/latest', { auth });
        assert.ok(tried.status === 403 || tried.status === 404, tried.text);
        const answer = await api.ask('GET', '/api/v1/events?view=me&outcome=denied', { auth });
        const [event] = answer.json.items as ShownEvent[];
        return { reason: event?.reason, project: event?.scope.project?.id, held: event?.details.roleHeld };
      };
      const nothing = { reason: undefined, project: undefined, held: undefined };
      assert.deepEqual(await refusedOf(rita.auth), {
        reason: 'not_permitted',
        project: project.id,
        held: 'reader',
      });
      assert.deepEqual(await refusedOf(sid.auth), nothing);
      // A plain member holds the default role of the organisation.
      assert.deepEqual(await refusedOf(mia.auth), nothing);
      await changeDefaultRole(api, { by: root, organisationId: acme.id, role: 'reader' });
      assert.deepEqual(await refusedOf(mia.auth), {
        reason: 'not_permitted',
        project: project.id,
        held: 'reader',
      });
    });

    it('follows what comes, and goes on where it was', async () => {
      await using api = await openApi(engine);
      const world = await populate(api);
      const url = await listen(api);
      const tail = await openTail(`${url}/api/v1/events/tail?view=namespace&namespace=acme`, {
        authorization: world.ada.auth,
      });
      assert.equal(tail.status, 200);
      assert.match(tail.type, /^text\/event-stream/);
      const made = [await robot(api, world, 'one'), await robot(api, world, 'two')];
      await waitFor('two robots', () => namesIn(tail).length >= 2);
      assert.deepEqual(namesIn(tail), made);
      const [firstId] = tail.messages
        .filter(({ data }) => data?.type === 'robot.account.create')
        .map(({ id }) => id);
      tail.close();
      const third = await robot(api, world, 'three');
      const resumed = await openTail(`${url}/api/v1/events/tail?view=namespace&namespace=acme`, {
        authorization: world.ada.auth,
        'last-event-id': firstId ?? '',
      });
      await waitFor('what was missed', () => namesIn(resumed).length >= 2);
      assert.deepEqual(namesIn(resumed), [made[1], third]);
      resumed.close();
    });

    it('ends when the token that reads is revoked', async () => {
      await using api = await openApi(engine);
      const world = await populate(api);
      const url = await listen(api);
      const tail = await openTail(`${url}/api/v1/events/tail?view=namespace&namespace=acme`, {
        authorization: world.ada.auth,
      });
      const { db, trail, clock } = api;
      await revokeToken(
        { db, trail, clock },
        { by: root, userId: world.ada.id, tokenId: world.ada.token.id },
      );
      await robot(api, world, 'unseen');
      await tail.ended;
      assert.deepEqual(namesIn(tail), []);
    });

    it('keeps a bounded number of streams open', async () => {
      await using api = await openApi(engine);
      const world = await populate(api);
      const url = await listen(api);
      const open = () => openTail(`${url}/api/v1/events/tail`, { authorization: world.sid.auth });
      const tails = await Promise.all(Array.from({ length: streamLimits.streamsPerPrincipal }, open));
      assert.deepEqual(
        tails.map(({ status }) => status),
        tails.map(() => 200),
      );
      const refused = await api.ask('GET', '/api/v1/events/tail', { auth: world.sid.auth });
      assert.deepEqual(
        [refused.status, refused.events.map((event) => event.reason)],
        [429, ['rate_limited']],
      );
      for (const tail of tails) tail.close();
      await waitFor('a free place', async () => {
        const again = await open();
        again.close();
        return again.status === 200;
      });
    });
  });
}

async function pagesOf(api: Api, auth: string, path: string): Promise<string[]> {
  const ids: string[] = [];
  for (let cursor = ''; ; ) {
    const { json } = await api.ask(
      'GET',
      cursor === '' ? path : `${path}&cursor=${encodeURIComponent(cursor)}`,
      { auth },
    );
    const page = json as { items: ShownEvent[]; next: string | null };
    ids.push(...page.items.map(({ id }) => id));
    if (page.next === null) return ids;
    cursor = page.next;
  }
}

async function listen({ http }: Api): Promise<string> {
  const port = await findFreePort();
  await http.listen({ host: '127.0.0.1', port });
  return `http://127.0.0.1:${port}`;
}

async function robot({ db, trail, clock }: Api, { acme }: World, name: string): Promise<string> {
  const made = await createRobot({ db, trail, clock }, { by: root, namespaceId: acme.id, name });
  return made.robot.name;
}

type Message = { id?: string; data?: ShownEvent };

/** Reads server-sent events as they come. */
async function openTail(url: string, headers: Record<string, string>) {
  const gone = new AbortController();
  const answer = await fetch(url, { headers, signal: gone.signal });
  const messages: Message[] = [];
  const ended = (async () => {
    let text = '';
    const decoder = new TextDecoder();
    for await (const piece of answer.body ?? []) {
      text += decoder.decode(piece as Uint8Array, { stream: true });
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      messages.push(...blocks.map(parseMessage));
    }
  })().catch((error: unknown) => {
    if (!gone.signal.aborted) throw error;
  });
  return {
    status: answer.status,
    type: String(answer.headers.get('content-type')),
    messages,
    ended,
    close: () => gone.abort(),
  };
}

function parseMessage(block: string): Message {
  const fields = new Map(
    block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
  );
  const [id, data] = [fields.get('id'), fields.get('data')];
  return {
    ...(id !== undefined && { id }),
    ...(data !== undefined && { data: JSON.parse(data) as ShownEvent }),
  };
}

function namesIn({ messages }: { messages: Message[] }): (string | undefined)[] {
  return messages
    .filter(({ data }) => data?.type === 'robot.account.create')
    .map(({ data }) => data?.target?.name);
}
