/**
 * Somebody known, refused by the management API: each is a problem document and exactly one event, of the kind of what was
 * attempted.
 */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { ShownEvent } from '@tallyman/contract';
import { facts, performer } from '../support/expected.ts';
import { testEngines } from '../support/server.ts';
import type { PlainEvent } from '../support/trail-reader.ts';
import type { WireRequest } from '../support/wire.ts';
import { type Key, openWorld, type World } from '../support/world.ts';

const agent = 'denials/1';
const missing = `sha256:${'0'.repeat(64)}`;

for (const { engine, skip } of testEngines()) {
  describe(`denials of the management API on ${engine}`, { skip }, () => {
    let world: World;
    before(async () => {
      world = await openWorld({ engine, env: { TALLYMAN_HTTP_TRUSTED_PROXIES: '127.0.0.1' } });
    });
    after(() => world[Symbol.asyncDispose]());
    beforeEach(() => world.trail.mark());

    let sources = 0;
    const nextIp = (): string => {
      sources += 1;
      return `198.51.100.${sources}`;
    };
    /** The first use of a basic credential from a source is a sign-in; here it is over before. */
    const signedIn = async (key: Key, ip: string): Promise<void> => {
      await world.wire.send({ path: '/v2/', headers: { authorization: key.basic, 'x-forwarded-for': ip } });
      await world.trail.mark();
    };

    test('hidden, forbidden, wrong state', async () => {
      const { sam, rita, mara } = world.people;
      const { app } = world.projects;
      const rest = async (
        key: Key,
        asked: Pick<WireRequest, 'method' | 'path' | 'json'>,
        expected: Partial<PlainEvent> & { status: number; route: string },
      ) => {
        const ip = nextIp();
        const { status, route, ...event } = expected;
        const headers = { authorization: key.basic, 'x-forwarded-for': ip, 'user-agent': agent };
        // Every first basic use from a source is a sign-in of its own.
        await world.wire.send({ path: '/v2/', headers });
        await world.trail.mark();
        const answer = await world.wire.send({ ...asked, path: `/api/v1${asked.path}`, headers });
        assert.equal(answer.status, status, answer.text);
        const { detail } = answer.json() as { detail: string };
        await world.trail.expect([
          {
            ...performer({ key }),
            type: 'api.action.refuse',
            outcome: 'denied',
            scope: app.scope,
            ...event,
            request: facts({ agent: 'denials', ip }, { method: asked.method ?? 'GET', route, status }),
            details: { ...event.details, message: detail },
          },
        ]);
      };
      const tags = '/projects/container/acme%2Fapp/tags';
      const tagRoute = '/api/v1/projects/:format/:path/tags/:tag';
      const { digest } = world.image.manifest;
      const attempted = (action: string, reference?: string) => ({
        attempted: { action, project: 'acme/app', ...(reference !== undefined && { reference }) },
      });
      await rest(
        sam.key,
        { path: tags },
        {
          status: 404,
          route: '/api/v1/projects/:format/:path/tags',
          type: 'container.pull.refuse',
          reason: 'not_permitted',
          details: { ...attempted('pull'), roleHeld: 'none', roleNeeded: 'reader' },
        },
      );
      await rest(
        rita.key,
        { method: 'PUT', path: `${tags}/new`, json: { digest } },
        {
          status: 403,
          route: tagRoute,
          type: 'container.push.refuse',
          reason: 'not_permitted',
          details: { ...attempted('push', 'new'), roleHeld: 'reader', roleNeeded: 'maintainer' },
        },
      );
      await rest(
        rita.key,
        { method: 'DELETE', path: `${tags}/v1` },
        {
          status: 403,
          route: tagRoute,
          type: 'container.delete.refuse',
          reason: 'not_permitted',
          details: { ...attempted('delete', 'v1'), roleHeld: 'reader', roleNeeded: 'maintainer' },
        },
      );
      await rest(
        mara.key,
        { method: 'DELETE', path: `${tags}/none` },
        {
          status: 404,
          route: tagRoute,
          type: 'container.delete.refuse',
          outcome: 'failed',
          reason: 'tag_unknown',
          details: attempted('delete', 'none'),
        },
      );
      await rest(
        mara.key,
        { method: 'PUT', path: `${tags}/new`, json: { digest: missing } },
        {
          status: 404,
          route: tagRoute,
          type: 'container.push.refuse',
          outcome: 'failed',
          reason: 'manifest_unknown',
          details: attempted('push', 'new'),
        },
      );
      await rest(
        mara.key,
        { method: 'DELETE', path: '/projects/container/acme%2Fapp' },
        {
          status: 403,
          route: '/api/v1/projects/:format/:path',
          type: 'container.delete.refuse',
          reason: 'not_permitted',
          details: { ...attempted('delete'), roleHeld: 'maintainer', roleNeeded: 'owner' },
        },
      );
      await rest(
        sam.key,
        { method: 'GET', path: '/users' },
        {
          status: 403,
          route: '/api/v1/users',
          scope: {},
          reason: 'not_permitted',
          details: { attempted: { action: 'users.list' }, roleHeld: 'none', roleNeeded: 'admin' },
        },
      );
    });

    test('a wrong present password, when changing it, is a refused sign-in', async () => {
      const { mara } = world.people;
      const ip = nextIp();
      await signedIn(mara.key, ip);
      const answer = await world.wire.send({
        method: 'PUT',
        path: '/api/v1/me/password',
        headers: { authorization: mara.key.basic, 'x-forwarded-for': ip, 'user-agent': agent },
        json: { current: 'not it', password: 'another long one' },
      });
      assert.equal(answer.status, 403, answer.text);
      await world.trail.expect([
        {
          ...performer({ key: { ...mara.key, actor: { ...mara.key.actor, proven: false } } }),
          type: 'account.sign_in.refuse',
          outcome: 'denied',
          reason: 'wrong_password',
          scope: mara.home,
          request: facts(
            { agent: 'denials', ip },
            { method: 'PUT', route: '/api/v1/me/password', status: 403 },
          ),
          details: { attempted: { action: 'me.put_password' }, surface: 'console', typedName: 'mara' },
        },
      ]);
    });

    test('a change with a session and without the proof of origin, or from another site', async () => {
      const { rita } = world.people;
      const begun = await world.wire.send({
        method: 'POST',
        path: '/api/v1/session',
        json: { username: 'rita', password: rita.password },
      });
      const secret = /tallyman_session=([^;]+)/.exec(String(begun.headers['set-cookie']))?.[1];
      const { csrfToken } = begun.json() as { csrfToken: string };
      await world.trail.mark();
      for (const forged of [
        {},
        { 'x-tallyman-csrf': 'guessed' },
        { 'x-tallyman-csrf': csrfToken, origin: 'https://elsewhere.example' },
        { 'x-tallyman-csrf': csrfToken, 'sec-fetch-site': 'cross-site' },
      ]) {
        const ip = nextIp();
        const headers = { cookie: `tallyman_session=${secret}`, 'x-forwarded-for': ip, 'user-agent': agent };
        const asked = { method: 'PUT', path: '/api/v1/me/email', json: { email: 'rita@elsewhere.example' } };
        const answer = await world.wire.send({ ...asked, headers: { ...headers, ...forged } });
        assert.equal(answer.status, 403, answer.text);
        const [event] = (await world.trail.since()) as [ShownEvent];
        const { detail } = answer.json() as { detail: string };
        await world.trail.expect([
          {
            ...performer({ key: rita.key }),
            credential: event.credential,
            type: 'api.action.refuse',
            outcome: 'denied',
            reason: 'csrf_failed',
            scope: rita.home,
            request: facts(
              { agent: 'denials', ip },
              { method: 'PUT', route: '/api/v1/me/email', status: 403 },
            ),
            details: { attempted: { action: 'me.put_email' }, message: detail },
          },
        ]);
        assert.equal(event.credential.kind, 'session');
      }
    });
  });
}
