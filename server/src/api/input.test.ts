/** What bad input gets: a 4xx that names the field, never a 500, nothing half stored, and an event when somebody is signed in. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { apiRoute, apiRouteIds, problemSchema, problemStatus } from '@tallyman/contract';
import { type Ask, openApi, openSession, populate } from '../../../tests/support/api.ts';
import { createSeededRandom } from '../../../tests/support/seeded-random.ts';
import { errorCodes } from '../domain/error.ts';
import { statusOf } from '../http/problem.ts';
import { maxBodyBytes } from './routes.ts';

type Case = { method: string; path: string; ask?: Ask; status: number; field?: string; reason: string };

const json = { 'content-type': 'application/json' };
const app = '/api/v1/projects/container/acme%2Fapp';

const cases: Case[] = [
  { method: 'GET', path: '/api/v1/users/ADA', status: 400, field: 'user', reason: 'request_invalid' },
  { method: 'GET', path: '/api/v1/users?limit=0', status: 400, field: 'limit', reason: 'request_invalid' },
  { method: 'GET', path: '/api/v1/users?limit=1e3', status: 400, field: 'limit', reason: 'request_invalid' },
  {
    method: 'GET',
    path: '/api/v1/users?limit=1&limit=2',
    status: 400,
    field: 'limit',
    reason: 'request_invalid',
  },
  {
    method: 'GET',
    path: '/api/v1/users?colour=red',
    status: 400,
    field: 'colour',
    reason: 'request_invalid',
  },
  {
    method: 'GET',
    path: '/api/v1/users?cursor=nonsense',
    status: 400,
    field: 'cursor',
    reason: 'request_invalid',
  },
  { method: 'GET', path: '/api/v1/me/tokens/7', status: 400, field: 'token', reason: 'request_invalid' },
  {
    method: 'GET',
    path: '/api/v1/projects/zip/acme%2Fapp',
    status: 400,
    field: 'format',
    reason: 'request_invalid',
  },
  {
    method: 'GET',
    path: '/api/v1/projects/container/acme',
    status: 400,
    field: 'path',
    reason: 'request_invalid',
  },
  {
    method: 'GET',
    path: '/api/v1/projects/container/..%2F..%2Fetc',
    status: 400,
    field: 'path',
    reason: 'request_invalid',
  },
  {
    method: 'GET',
    path: '/api/v1/projects/container/%00%2Fapp',
    status: 400,
    field: 'path',
    reason: 'request_invalid',
  },
  {
    method: 'GET',
    path: `${app}/manifests/sha256:12`,
    status: 400,
    field: 'digest',
    reason: 'request_invalid',
  },
  { method: 'GET', path: `${app}/tags/.dot`, status: 400, field: 'tag', reason: 'request_invalid' },
  { method: 'GET', path: `${app}/tags/none`, status: 404, field: 'tag', reason: 'tag_unknown' },
  { method: 'DELETE', path: `${app}/tags/none`, status: 404, field: 'tag', reason: 'tag_unknown' },
  {
    method: 'PUT',
    path: `${app}/tags/next`,
    ask: { body: { digest: `sha256:${'9'.repeat(64)}` } },
    status: 404,
    field: 'digest',
    reason: 'manifest_unknown',
  },
  {
    method: 'PATCH',
    path: `${app}/tags/latest`,
    ask: { body: { expiresAt: '2020-01-01T00:00:00Z' } },
    status: 400,
    field: 'expiresAt',
    reason: 'request_invalid',
  },
  {
    method: 'PATCH',
    path: `${app}/tags/latest`,
    ask: { body: { expiresAt: 'tomorrow' } },
    status: 400,
    field: 'expiresAt',
    reason: 'request_invalid',
  },
  {
    method: 'PATCH',
    path: `${app}/tags/latest`,
    ask: { body: { expiresAt: '2027-02-31T00:00:00Z' } },
    status: 400,
    field: 'expiresAt',
    reason: 'request_invalid',
  },
  {
    method: 'POST',
    path: '/api/v1/users',
    ask: { body: {} },
    status: 400,
    field: 'name',
    reason: 'request_invalid',
  },
  {
    method: 'POST',
    path: '/api/v1/users',
    ask: { body: { name: 'zed', admin: true } },
    status: 400,
    field: 'admin',
    reason: 'request_invalid',
  },
  {
    method: 'POST',
    path: '/api/v1/users',
    ask: { body: { name: 'zed', roles: ['king'] } },
    status: 400,
    field: 'roles.0',
    reason: 'request_invalid',
  },
  {
    method: 'POST',
    path: '/api/v1/users',
    ask: { body: { name: 'ada' } },
    status: 409,
    field: 'name',
    reason: 'name_reserved',
  },
  {
    method: 'POST',
    path: '/api/v1/users',
    ask: { body: { name: 'api' } },
    status: 409,
    field: 'name',
    reason: 'name_reserved',
  },
  {
    method: 'POST',
    path: '/api/v1/users',
    ask: { body: [] },
    status: 400,
    field: 'body',
    reason: 'request_invalid',
  },
  {
    method: 'POST',
    path: '/api/v1/users',
    ask: { body: '{"name":', headers: json },
    status: 400,
    field: 'body',
    reason: 'request_invalid',
  },
  {
    method: 'POST',
    path: '/api/v1/users',
    ask: { body: '{"name":"zed","__proto__":{"admin":1}}', headers: json },
    status: 400,
    field: 'body',
    reason: 'request_invalid',
  },
  {
    method: 'POST',
    path: '/api/v1/users',
    ask: { body: 'name=zed', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
    status: 415,
    field: 'content-type',
    reason: 'media_type_unsupported',
  },
  {
    method: 'POST',
    path: '/api/v1/users',
    ask: { body: JSON.stringify({ name: 'z'.repeat(maxBodyBytes) }), headers: json },
    status: 413,
    reason: 'too_large',
  },
  {
    method: 'POST',
    path: '/api/v1/users/ada/enable',
    ask: { body: { now: true } },
    status: 400,
    field: 'body',
    reason: 'request_invalid',
  },
  {
    method: 'POST',
    path: '/api/v1/me/tokens',
    ask: { body: { kind: 'access_token', name: 'x', scopes: [] } },
    status: 400,
    field: 'scopes',
    reason: 'request_invalid',
  },
  {
    method: 'POST',
    path: '/api/v1/me/tokens',
    ask: { body: { kind: 'access_token', name: 'x', scopes: ['admin'], expiresAt: '2020-01-01T00:00:00Z' } },
    status: 400,
    field: 'expiresAt',
    reason: 'request_invalid',
  },
  {
    method: 'PUT',
    path: '/api/v1/namespaces/acme/roles/robot/sid',
    ask: { body: { role: 'reader' } },
    status: 404,
    field: 'subject',
    reason: 'unknown_robot',
  },
  {
    method: 'PUT',
    path: '/api/v1/namespaces/acme/roles/user/a+b+c',
    ask: { body: { role: 'reader' } },
    status: 400,
    field: 'subject',
    reason: 'request_invalid',
  },
  {
    method: 'PUT',
    path: '/api/v1/settings/organisations.create',
    ask: { body: { value: 'nobody' } },
    status: 400,
    field: 'value',
    reason: 'request_invalid',
  },
  {
    method: 'PUT',
    path: '/api/v1/switches/failed_naps',
    ask: { body: { mode: 'on' } },
    status: 400,
    field: 'switch',
    reason: 'request_invalid',
  },
  {
    method: 'GET',
    path: '/api/v1/events?from=yesterday',
    status: 400,
    field: 'from',
    reason: 'request_invalid',
  },
  {
    method: 'GET',
    path: '/api/v1/events?view=namespace',
    status: 400,
    field: 'namespace',
    reason: 'request_invalid',
  },
  {
    method: 'GET',
    path: '/api/v1/events?type=nothing.at.all',
    status: 400,
    field: 'type',
    reason: 'request_invalid',
  },
  { method: 'GET', path: '/api/v1/events?ip=300.1.1.1', status: 400, field: 'ip', reason: 'request_invalid' },
  {
    method: 'GET',
    path: '/api/v1/events?cursor=nonsense',
    status: 400,
    field: 'cursor',
    reason: 'request_invalid',
  },
];

describe('what bad input gets', () => {
  it('names the field, and is one event of whoever sent it', async () => {
    await using api = await openApi('sqlite');
    const { boss } = await populate(api);
    for (const { method, path, ask, status, field, reason } of cases) {
      const name = `${method} ${path} ${JSON.stringify(ask?.body ?? '').slice(0, 80)}`;
      const answer = await api.ask(method, path, { auth: boss.auth, ...ask });
      const problem = problemSchema.parse(answer.json);
      assert.deepEqual([answer.status, problem.field], [status, field], `${name}: ${answer.text}`);
      assert.deepEqual(
        answer.events.map((event) => [
          event.reason,
          event.actor.id,
          event.request.status,
          event.details.message,
        ]),
        [[reason, boss.id, status, problem.detail]],
        name,
      );
    }
  });

  it('records nothing for somebody who is not signed in', async () => {
    await using api = await openApi('sqlite');
    for (const path of ['/api/v1/projects?limit=x', '/api/v1/projects?cursor=x', '/api/v1/nothing']) {
      const answer = await api.ask('GET', path);
      assert.ok(answer.status === 400 || answer.status === 404, path);
      assert.deepEqual(answer.events, [], path);
    }
  });

  it('survives anything in any place', async () => {
    await using api = await openApi('sqlite');
    const { ada } = await populate(api);
    const random = createSeededRandom(2026);
    const odd = [
      '',
      ' ',
      '%00',
      '..',
      '%2e%2e%2f',
      'é',
      '💥',
      '%F0%9F%92%A5',
      'a'.repeat(300),
      '{}',
      "'; --",
      '%25',
      '-1',
      '9e99',
      'null',
      '\\',
    ];
    const bodies = [
      undefined,
      {},
      [],
      'null',
      '""',
      '{"a":{"b":[]}}',
      { name: null },
      { name: ['x'] },
      { role: 'owner' },
      { digest: 1 },
    ];
    for (const id of apiRouteIds) {
      const row = apiRoute(id);
      if (id === 'events.tail') continue;
      for (let round = 0; round < 3; round++) {
        const path = row.path.replace(
          /\{\w+\}/g,
          () => encodeURI(random.pick(odd)).replace(/%25/g, '%') || 'x',
        );
        const query = `?${encodeURIComponent(random.pick(['limit', 'cursor', 'view', 'text', 'ip', 'x']))}=${encodeURIComponent(random.pick(odd))}`;
        const body = random.pick(bodies);
        const answer = await api.ask(row.method, path + query, {
          auth: ada.auth,
          ...(body !== undefined && { body, headers: json }),
        });
        assert.ok(
          answer.status < 500,
          `${row.method} ${path}${query} ${JSON.stringify(body)}: ${answer.text}`,
        );
        if (answer.status >= 400) problemSchema.parse(answer.json);
      }
    }
  });

  it('takes a change of a session only with its proof, and refuses another’s', async () => {
    await using api = await openApi('sqlite');
    await populate(api);
    const ada = await openSession(api, 'ada');
    const sid = await openSession(api, 'sid');
    const body = { email: 'ada@example.org' };
    const send = (headers: Record<string, string>) =>
      api.ask('PUT', '/api/v1/me/email', { body, headers: { cookie: ada.cookie, ...headers } });
    assert.equal((await send({ 'x-tallyman-csrf': sid.csrf })).status, 403);
    assert.equal((await send({ 'x-tallyman-csrf': ada.csrf, origin: 'https://evil.example' })).status, 403);
    assert.equal((await send({ 'x-tallyman-csrf': ada.csrf, 'sec-fetch-site': 'cross-site' })).status, 403);
    assert.equal((await send({ 'x-tallyman-csrf': ada.csrf, 'sec-fetch-site': 'same-origin' })).status, 200);
  });

  it('has the statuses of the contract', () => {
    assert.deepEqual(Object.keys(problemStatus).sort(), [...errorCodes].sort());
    assert.deepEqual({ ...statusOf }, { ...problemStatus });
  });
});
