/** A credential that calls without end is told to wait: one event, its like folded, and nobody else slowed. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openApi, populate } from '../../../tests/support/api.ts';
import { readEvents } from '../../../tests/support/events.ts';
import { engines } from '../../../tests/support/house.ts';

for (const { engine, skip } of engines) {
  describe(`the rate of calls on ${engine}`, { skip }, () => {
    it('is bounded for each credential, by one refusal and one closing event', async () => {
      await using api = await openApi(engine, { callsPerMinute: 3 });
      const { rita, sid } = await populate(api);
      const me = (auth: string, path = '/api/v1/me') => api.ask('GET', path, { auth, ip: '10.9.9.9' });
      for (let call = 0; call < 3; call++) assert.equal((await me(rita.auth)).status, 200);
      const refused = await me(rita.auth);
      assert.deepEqual(
        [refused.status, refused.json.code, refused.json.reason, refused.headers['retry-after']],
        [429, 'rate_limited', 'rate_limited', '60'],
      );
      assert.deepEqual(
        refused.events.map(({ type, outcome, reason, actor, credential, request, details }) => [
          type,
          outcome,
          reason,
          [actor.id, actor.proven],
          credential.id,
          request.status,
          details.attempted,
        ]),
        [
          [
            'api.action.refuse',
            'denied',
            'rate_limited',
            [rita.id, true],
            rita.token.id,
            429,
            { action: 'me.get' },
          ],
        ],
      );
      for (let call = 0; call < 2; call++) {
        const again = await me(rita.auth);
        assert.deepEqual([again.status, again.events], [429, []]);
      }
      assert.equal((await me(sid.auth)).status, 200, 'another credential from the same address');
      const from = await api.db.head();
      api.clock.advanceMs(60_000);
      await api.trail.trySweep();
      const closing = await readEvents(api.db, from);
      assert.deepEqual(
        closing.map(({ type, details }) => [type, (details.repeats as { count: number }).count]),
        [['api.action.refuse', 2]],
      );
      assert.equal((await me(rita.auth)).status, 200);
    });

    it('is bounded by source where nobody signs in, and what is refused counts, too', async () => {
      await using api = await openApi(engine, { callsPerMinute: 2 });
      const { sid } = await populate(api);
      const types = (ip: string) => api.ask('GET', '/api/v1/events/types', { ip });
      const statuses: number[] = [];
      for (let call = 0; call < 3; call++) statuses.push((await types('10.9.9.1')).status);
      assert.deepEqual(statuses, [200, 200, 429]);
      assert.equal((await types('10.9.9.2')).status, 200);
      const hidden = (): Promise<{ status: number }> =>
        api.ask('GET', '/api/v1/projects/container/acme%2Fapp', { auth: sid.auth });
      assert.deepEqual(
        [(await hidden()).status, (await hidden()).status, (await hidden()).status],
        [404, 404, 429],
      );
    });
  });
}
