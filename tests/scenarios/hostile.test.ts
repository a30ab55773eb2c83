/**
 * Hostile input, on a server that runs: whatever is malformed gets a 4xx in the form of its protocol that names what is
 * wrong; nothing is a 5xx, nothing is half stored, and a flood costs bounded rows with exact counts. Every property
 * prints its seed when it fails.
 */
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { type ApiMethod, apiRoute, apiRouteIds, type Problem, type ShownEvent } from '@tallyman/contract';
import { requireSound } from '../support/durable-state.ts';
import { manifestType } from '../support/registry-client.ts';
import { createSeededRandom, forAll, type SeededRandom } from '../support/seeded-random.ts';
import { testEngines } from '../support/server.ts';
import { basicAuth, sendBytes, type WireAnswer, type WireRequest } from '../support/wire.ts';
import { openWorld, type World } from '../support/world.ts';

const traversals = [
  '..',
  '../..',
  '..%2f..%2fetc%2fpasswd',
  '%2e%2e/%2e%2e/etc/passwd',
  '....//....//etc/passwd',
  '..\\..\\windows',
  '/etc/passwd',
  '%00',
  'a%00b',
  '%252e%252e%252f',
  'acme/../olivia',
  'acme/./app',
  'acme//app',
];
const oddities = [
  '',
  '-',
  '.',
  '_',
  'A',
  'ä',
  '%F0%9F%90%B3',
  '%ff',
  '%',
  '%zz',
  'a'.repeat(300),
  'a/'.repeat(130),
  "' OR 1=1 --",
  '<script>alert(1)</script>',
  '${jndi:ldap://x}',
  '{{7*7}}',
  'sha256:',
  `sha256:${'G'.repeat(64)}`,
  `sha256:${'0'.repeat(63)}`,
  `sha512:${'0'.repeat(64)}`,
  `md5:${'0'.repeat(32)}`,
  '__proto__',
  'constructor',
  'null',
  '0',
  '-1',
  '1e309',
  'NaN',
  '9'.repeat(40),
];

/** What a person might type, and worse. Never empty. */
function nasty(random: SeededRandom): string {
  const drawn = random.next();
  if (drawn < 0.3) return random.pick(traversals);
  if (drawn < 0.7) return random.pick(oddities) || 'x';
  if (drawn < 0.85)
    return random.text(random.integer({ min: 1, max: 40 }), 'abcAB01./_-:+%@#&=;,\\"\'<>{}[]|^`~!$*() ');
  return random.text(random.integer({ min: 1, max: 20 }));
}

/** What is not printable ASCII is no HTTP and never reaches a route; everything else goes as it is. */
function inPath(text: string): string {
  return text.replace(/[^\x21-\x7e]/gu, (char) => {
    const isLone = /\p{Surrogate}/u.test(char);
    return isLone ? '%ED%A0%80' : encodeURIComponent(char);
  });
}

for (const { engine, skip } of testEngines()) {
  describe(`hostile input on ${engine}`, { skip }, () => {
    let world: World;
    before(async () => {
      world = await openWorld({
        engine,
        env: { TALLYMAN_HTTP_TRUSTED_PROXIES: '127.0.0.1', TALLYMAN_LIMITS_MANIFEST_BYTES: '65536' },
      });
    });
    after(() => world[Symbol.asyncDispose]());

    let sources = 0;
    const send = (asked: WireRequest): Promise<WireAnswer> => {
      sources += 1;
      const ip = `2001:db8:${(sources >> 8).toString(16)}:${(sources & 255).toString(16)}::1`;
      return world.wire.send({ ...asked, headers: { 'x-forwarded-for': ip, ...asked.headers } });
    };
    const mara = (): Record<string, string> => ({ authorization: world.people.mara.key.basic });

    const requireOci = (asked: WireRequest, answer: WireAnswer): void => {
      const told = `${asked.method ?? 'GET'} ${asked.path} answered ${answer.status}: ${answer.text.slice(0, 300)}`;
      assert.ok(answer.status >= 400 && answer.status < 500, told);
      if (asked.method === 'HEAD') return;
      assert.match(answer.text, /^\{"errors":\[/, told);
      const { errors } = answer.json() as { errors: { code: string; message: string; detail: unknown }[] };
      assert.ok(errors.length === 1 && /^[A-Z_]+$/.test(errors[0]?.code ?? ''), told);
      assert.ok((errors[0]?.message.length ?? 0) > 10, told);
      assert.equal(answer.headers['content-type'], 'application/json', told);
    };

    test('registry: names, references, methods and queries', async () => {
      await forAll(150, async (random) => {
        const word = inPath(nasty(random));
        const method = random.pick(['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE']);
        const shape = random.pick([
          `/v2/${word}/manifests/v1`,
          `/v2/acme/${word}/manifests/none`,
          `/v2/acme/app/manifests/${word.replaceAll('/', '%2F')}?x=${word}`,
          `/v2/acme/app/blobs/${word}`,
          `/v2/acme/app/blobs/uploads/${word}`,
          `/v2/acme/app/referrers/${word}`,
          `/v2/${word}/tags/list?n=${word}&last=${word}`,
          `/v2/${word}`,
        ]);
        const asked: WireRequest = {
          method,
          path: shape,
          headers: mara(),
          ...(method !== 'GET' && method !== 'HEAD' && { body: word }),
        };
        const answer = await send(asked);
        const stored = method === 'PUT' || method === 'POST' || method === 'PATCH' || method === 'DELETE';
        // A reading may go well: `/v2/acme/app/tags/list` with a strange `last` is a list.
        if (!stored && answer.status < 300) return;
        // Where a text happens to be a good name of nothing, an upload may begin, and shows nothing.
        if (method === 'POST' && answer.status === 202) return;
        requireOci(asked, answer);
      });
    });

    test('registry: digests, mounts, chunk ranges and blob ranges', async () => {
      const begun = await send({ method: 'POST', path: '/v2/acme/app/blobs/uploads/', headers: mara() });
      const location = begun.headers.location ?? '';
      const layer = world.image.layers[0]?.digest ?? '';
      await forAll(60, async (random) => {
        const word = encodeURIComponent(nasty(random).replace(/\p{Surrogate}/gu, 'x'));
        const range = random.pick([
          'bytes=',
          'bytes=a-b',
          `bytes=${word}`,
          'bytes=5-1',
          '0-0',
          'bytes=-',
          'bytes=99999999-',
          'items=0-1',
        ]);
        const chunk = random.pick([
          '',
          'a-b',
          '5-1',
          '-1-0',
          `${word}`,
          '0-99999999999999999999',
          'bytes 0-1/2',
        ]);
        for (const asked of [
          { method: 'PUT', path: `${location}?digest=${word}` },
          { method: 'POST', path: `/v2/acme/app/blobs/uploads/?digest=${word}`, body: 'x' },
          { method: 'POST', path: `/v2/acme/app/blobs/uploads/?mount=${word}&from=acme/open` },
          { method: 'PATCH', path: location, body: 'xyz', type: chunk },
        ]) {
          const { type, ...request } = asked as WireRequest & { type?: string };
          const headers = { ...mara(), ...(type && { 'content-range': type }) };
          const answer = await send({ ...request, headers });
          if (request.method === 'PATCH' && answer.status === 202) continue;
          requireOci(request, answer);
        }
        const read = await send({ path: `/v2/acme/app/blobs/${layer}`, headers: { ...mara(), range } });
        // RFC 9110 §14.2: a range that makes no sense is passed over.
        assert.ok([200, 206, 400, 416].includes(read.status), `${range}: ${read.status}`);
      });
    });

    test('registry: manifests of every wrong shape store nothing', async () => {
      const good = JSON.parse(world.image.manifest.bytes.toString('utf8')) as Record<string, unknown>;
      const values: readonly unknown[] = [
        null,
        0,
        -1,
        1e308,
        '',
        'x',
        [],
        {},
        [null],
        [{}],
        true,
        { digest: 'x' },
        [[[]]],
      ];
      await forAll(100, async (random) => {
        const changed = structuredClone(good);
        const key = random.pick([
          ...Object.keys(good),
          'subject',
          'annotations',
          'manifests',
          'artifactType',
        ]);
        const odd = random.boolean() ? random.pick(values) : nasty(random);
        if (random.boolean()) changed[key] = odd;
        else
          changed.layers = [
            { ...(good.layers as object[])[0], [random.pick(['digest', 'size', 'mediaType', 'urls'])]: odd },
          ];
        const text = JSON.stringify(changed);
        const cut =
          random.next() < 0.2 ? text.slice(0, random.integer({ min: 0, max: text.length - 1 })) : text;
        const asked = {
          method: 'PUT',
          path: '/v2/acme/app/manifests/hostile',
          headers: {
            ...mara(),
            'content-type': random.pick([manifestType, 'text/html', 'application/json', '']),
          },
          body: cut,
        };
        const answer = await send(asked);
        // Some changes leave a good manifest: an annotation, an artifact type.
        if (answer.status === 201) return;
        requireOci(asked, answer);
        const [error] = (answer.json() as { errors: { detail: { field?: string } }[] }).errors;
        assert.ok(error?.detail.field !== undefined, `it names no field: ${answer.text}`);
      });
      const deep = `{"schemaVersion":2,"annotations":${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}}`;
      const asked = {
        method: 'PUT',
        path: '/v2/acme/app/manifests/deep',
        headers: mara(),
        body: deep.slice(0, 60_000),
      };
      requireOci(asked, await send(asked));
    });

    test('registry: token scopes and forms', async () => {
      await forAll(80, async (random) => {
        const word = nasty(random).replace(/\p{Surrogate}/gu, 'x');
        const scope = random.pick([
          word,
          `repository:${word}:pull`,
          `repository:acme/app:${word}`,
          `${word}:acme/app:pull`,
          'a b c '.repeat(20),
        ]);
        const asked = { path: `/v2/auth?scope=${encodeURIComponent(scope)}`, headers: mara() };
        const answer = await send(asked);
        if (answer.status !== 200) requireOci(asked, answer);
        const form = {
          method: 'POST',
          path: '/v2/auth',
          headers: mara(),
          body: `grant_type=${encodeURIComponent(word)}&scope=${encodeURIComponent(scope)}`,
        };
        const posted = await send(form);
        if (posted.status !== 200) requireOci(form, posted);
      });
    });

    test('API: every endpoint, with names, queries and bodies of every wrong kind', async () => {
      await forAll(150, async (random) => {
        const id = random.pick(apiRouteIds.filter((known) => known !== 'events.tail'));
        const row = apiRoute(id);
        const path = row.path.replace(/\{\w+\}/g, () =>
          encodeURIComponent(nasty(random).replace(/\p{Surrogate}/gu, 'x')),
        );
        const query = random.boolean()
          ? `?${encodeURIComponent(random.pick(['cursor', 'limit', 'from', 'to', 'type', 'ip', 'view', 'x']))}=${encodeURIComponent(nasty(random).replace(/\p{Surrogate}/gu, 'x'))}`
          : '';
        const json = random.pick<unknown>([
          undefined,
          null,
          [],
          {},
          'x',
          { name: nasty(random) },
          { name: { $ne: 1 } },
          { __proto__: { admin: true } },
          { roles: ['admin', 'god'], name: 'x', password: 'y'.repeat(9) },
        ]);
        const asked = {
          method: row.method satisfies ApiMethod,
          path: `${path}${query}`,
          headers: mara(),
          ...(json !== undefined && row.method !== 'GET' && { json }),
        };
        // What would be an accepted change of her own account is none of this test's.
        if (path === row.path && row.method !== 'GET' && row.body === undefined) return;
        const answer = await send(asked);
        if (answer.status < 300) {
          assert.ok(row.method === 'GET' || id === 'session.create', `${id} took ${JSON.stringify(json)}`);
          return;
        }
        requireProblem(asked, answer);
      });
    });

    test('API: cursors, dates, addresses and limits that are none name their field', async () => {
      for (const [query, field] of [
        ['cursor=x', 'cursor'],
        ['cursor=AAAA', 'cursor'],
        ['cursor=%00', 'cursor'],
        ['limit=0', 'limit'],
        ['limit=501', 'limit'],
        ['limit=1.5', 'limit'],
        ['limit=many', 'limit'],
        ['from=yesterday', 'from'],
        ['from=2026-02-30T00:00:00Z', 'from'],
        ['to=2026-11-22', 'to'],
        ['to=01/01/2026', 'to'],
        ['ip=300.1.1.1', 'ip'],
        ['ip=10.0.0.0/33', 'ip'],
        ['outcome=good', 'outcome'],
        ['reason=because', 'reason'],
        ['type=no.such.type', 'type'],
        ['view=everything', 'view'],
        ['view=namespace', 'namespace'],
        ['surprise=1', 'surprise'],
        [`text=${'x'.repeat(600)}`, 'text'],
      ] as const) {
        const asked = { path: `/api/v1/events?${query}`, headers: mara() };
        const answer = await send(asked);
        const problem = requireProblem(asked, answer);
        assert.deepEqual([problem.status, problem.code, problem.field], [400, 'invalid', field], query);
      }
    });

    test('texts that no event or no database can hold: lone surrogates, NUL, control characters', async () => {
      const { mara: maker, olivia } = world.people;
      let made = 0;
      for (const odd of ['\ud800', 'x\ud83d', 'a\u0000b', '\u0007', '\u202e', '\uffff']) {
        made += 1;
        const encoded = encodeURIComponent(odd.toWellFormed());
        const typed = JSON.parse(world.image.manifest.bytes.toString('utf8')) as { config: object };
        const manifest = (change: object): string => JSON.stringify({ ...typed, ...change });
        const put = {
          method: 'PUT',
          path: `/v2/acme/app/manifests/odd-${made}`,
          headers: { 'content-type': manifestType },
        };
        const asks: (WireRequest & { as?: World['people']['mara'] })[] = [
          {
            method: 'POST',
            path: '/api/v1/me/tokens',
            json: { kind: 'access_token', name: odd, scopes: ['project:read'] },
          },
          { method: 'PUT', path: '/api/v1/me/email', json: { email: `a${odd}@example.org` } },
          {
            method: 'PUT',
            path: '/api/v1/me/password',
            json: { current: odd, password: 'a long enough one' },
          },
          {
            as: olivia,
            method: 'POST',
            path: '/api/v1/organisations/acme/applications',
            json: { name: `${odd}${made}`, description: odd },
          },
          {
            as: olivia,
            method: 'PUT',
            path: '/api/v1/projects/container/acme%2Fapp/description',
            json: { description: `${made}${odd}` },
          },
          {
            as: olivia,
            method: 'POST',
            path: '/api/v1/robots/acme',
            json: { name: `odd-${made}`, description: odd },
          },
          { method: 'POST', path: '/api/v1/session', json: { username: odd, password: odd } },
          { path: `/api/v1/events?text=${encoded}` },
          {
            path: `/api/v1/events?actor=${encoded}&userAgent=${encoded}&target=${encoded}&credential=${encoded}`,
          },
          { path: `/api/v1/projects/container/acme%2Fapp/tags?text=${encoded}` },
          { path: `/api/v1/projects/container/acme%2Fapp/tags?cursor=${encoded}` },
          { path: `/v2/acme/app/tags/list?last=${encoded}` },
          { path: `/v2/_catalog?last=${encoded}` },
          {
            path: `/v2/acme/app/referrers/${world.image.manifest.digest}?artifactType=${encoded}&last=${encoded}`,
          },
          { path: '/v2/', headers: { authorization: basicAuth(odd, odd) } },
          { ...put, body: manifest({ artifactType: odd }) },
          { ...put, body: manifest({ config: { ...typed.config, mediaType: odd } }) },
          { ...put, body: manifest({ annotations: { [odd]: odd } }) },
          { ...put, path: `${put.path}?tag=${encoded}`, body: manifest({}) },
        ];
        for (const { as = maker, ...asked } of asks) {
          const answer = await send({ ...asked, headers: { authorization: as.key.basic, ...asked.headers } });
          assert.ok(
            answer.status < 500,
            `${asked.path} ${JSON.stringify(asked.json)} ${asked.body}: ${answer.text}`,
          );
        }
      }
    });

    test('bytes that are no HTTP, or two readings of it, are refused and leave nothing', async () => {
      const authorization = `Authorization: ${world.people.mara.key.basic}`;
      for (const bytes of [
        'GET / HTTP/9.9\r\n\r\n',
        'not http at all\r\n\r\n',
        'GET /v2/ HTTP/1.1\r\n\r\n',
        `GET /v2/ HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`,
        `GET /${'x'.repeat(70_000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
        `PUT /v2/acme/app/manifests/smuggled HTTP/1.1\r\nHost: a\r\n${authorization}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
        `PUT /v2/acme/app/manifests/smuggled HTTP/1.1\r\nHost: a\r\n${authorization}\r\nContent-Length: 2\r\nContent-Length: 4\r\n\r\n{}xx`,
        `PUT /v2/acme/app/manifests/smuggled HTTP/1.1\r\nHost: a\r\n${authorization}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`,
      ]) {
        const answer = await sendBytes(world.server.url, bytes);
        assert.match(answer, /^HTTP\/1\.1 4\d\d /, bytes.slice(0, 60));
      }
      const tags = await send({ path: '/v2/acme/app/tags/list', headers: mara() });
      assert.ok(!tags.text.includes('smuggled'));
    });

    test('endless bodies are cut off: manifest, form, JSON', async () => {
      const endless = (): Readable => Readable.from(forever());
      for (const asked of [
        { method: 'PUT', path: '/v2/acme/app/manifests/endless', type: manifestType },
        { method: 'POST', path: '/v2/auth', type: 'application/x-www-form-urlencoded' },
        { method: 'POST', path: '/api/v1/session', type: 'application/json' },
        { method: 'POST', path: '/api/v1/organisations', type: 'application/json' },
      ]) {
        const { type, ...request } = asked;
        const headers = { ...mara(), 'content-type': type };
        // The server answers 413 or, when bytes keep coming after that, ends the connection.
        const answer = await send({ ...request, headers, body: endless() }).catch(
          (error: NodeJS.ErrnoException) => error.code ?? 'ended',
        );
        if (typeof answer === 'string') assert.match(answer, /ECONNRESET|EPIPE|ended/, request.path);
        else assert.equal(answer.status, 413, `${request.path}: ${answer.text}`);
      }
    });

    test('a spray of names, tokens, projects and addresses: bounded rows, exact counts, and others are served', async () => {
      await world.trail.mark();
      const random = createSeededRandom(7);
      const network = (at: number): string =>
        `2001:db8:ffff:${at}:${random.integer({ min: 0, max: 65_535 }).toString(16)}::${random.integer({ min: 1, max: 65_535 }).toString(16)}`;
      const sprayed: WireRequest[] = [];
      for (let at = 0; at < 600; at++) {
        const name = random.text(10, 'abcdefghijklmnopqrstuvwxyz');
        const ip = network(at % 3);
        const headers = { 'x-forwarded-for': ip };
        sprayed.push({ path: '/v2/', headers: { ...headers, authorization: basicAuth(`${name}+ci`, 'x') } });
        sprayed.push({ path: '/v2/', headers: { ...headers, authorization: basicAuth('$app', name) } });
      }
      const strangers = Array.from({ length: 600 }, () => random.text(10, 'abcdefghijklmnopqrstuvwxyz'));
      for (const name of strangers)
        sprayed.push({
          path: `/v2/acme/${name}/manifests/v1`,
          headers: { 'x-forwarded-for': network(9), authorization: world.people.sam.key.basic },
        });
      const statuses = new Map<number, number>();
      const lane = async (): Promise<void> => {
        for (let asked = sprayed.pop(); asked !== undefined; asked = sprayed.pop()) {
          const { status } = await world.wire.send(asked);
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
        }
      };
      const pull = async (): Promise<number> =>
        (
          await world.wire.send({
            path: '/v2/acme/app/manifests/v1',
            headers: { authorization: world.people.rita.key.basic },
          })
        ).status;
      const lanes = Promise.all(Array.from({ length: 16 }, lane));
      assert.equal(await pull(), 200, 'somebody else is served meanwhile');
      await lanes;
      assert.deepEqual([...statuses.keys()].sort(), [401, 404, 429]);
      assert.equal(statuses.get(404), 600);
      await world.server.restart();
      const found = (await world.trail.since()).filter(({ type }) => type.endsWith('.refuse'));
      const signIns = found.filter(({ type }) => type === 'account.sign_in.refuse');
      const pulls = found.filter(({ type }) => type === 'container.pull.refuse');
      assert.equal(counted(signIns), 1_200);
      assert.equal(counted(pulls), 600);
      // Three networks of 20 keys and one fold, each with one closing event at most; and one of pulls.
      assert.ok(signIns.length <= 3 * 2 * 21, `${signIns.length} rows for 1200 sign-ins`);
      assert.ok(pulls.length <= 2 * 21, `${pulls.length} rows for 600 pulls`);
    });

    test('after all of it the log and the tables tell the same story, and nothing went wrong inside', async () => {
      const unknown = world.server.logLines().filter(({ level }) => level === 'error' || level === 'fatal');
      assert.deepEqual(unknown, []);
      await world.server.stop();
      const { tags } = await requireSound(world.server);
      assert.ok([...tags.keys()].every((tag) => !/smuggled|endless|deep/.test(tag)));
    });
  });
}

function requireProblem(asked: WireRequest, answer: WireAnswer): Problem {
  const told = `${asked.method ?? 'GET'} ${asked.path} ${JSON.stringify(asked.json)} answered ${answer.status}: ${answer.text.slice(0, 300)}`;
  assert.ok(answer.status >= 400 && answer.status < 500, told);
  assert.match(answer.headers['content-type'] ?? '', /^application\/problem\+json/, told);
  const problem = answer.json() as Problem;
  assert.equal(problem.status, answer.status, told);
  assert.ok(problem.detail.length > 10, told);
  if (problem.code === 'invalid') assert.ok((problem.field ?? '').length > 0, `it names no field: ${told}`);
  return problem;
}

async function* forever(): AsyncGenerator<Buffer> {
  const chunk = Buffer.alloc(64 * 1024, 'x');
  for (;;) yield chunk;
}

/** Refusals told once, and those that a closing event counts. */
function counted(events: readonly ShownEvent[]): number {
  return events.reduce((sum, { details }) => {
    const repeats = details.repeats as { count: number } | undefined;
    return sum + (repeats?.count ?? 1);
  }, 0);
}
