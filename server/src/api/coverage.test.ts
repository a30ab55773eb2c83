/**
 * Invariant 2: every route with every outcome has an event or a written reason why not. The matrix is made from the
 * hosts' own tables; this test sees to it that it has no gap, and that the real server binds no route beside it.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { apiRoute, apiRouteIds, declarationOf, eventTypes, isEventType } from '@tallyman/contract';
import fastify from 'fastify';
import { openApi } from '../../../tests/support/api.ts';
import { coverage } from '../main/coverage.gen.ts';
import { type CoverageRow, coverageGaps } from './coverage.ts';
import { bindRoutes, routerPath } from './routes.ts';

const rows = coverage();

/** Types that no request brings about, and what does. */
const ofTheServer: Record<string, string> = {
  'account.lockout.start': 'wrong passwords, behind the refusal of the last one',
  'container.garbage.collect': 'the collector',
  'log.checkpoint.withhold': 'the checkpointer, when the log was altered',
  'log.key.create': 'the first start, or the command line',
  'policy.run.finish': 'the run of a policy',
  'system.inconsistency.find': 'the self-audit, when something stored is not what was recorded',
  'system.limit.reach': 'a protection of the whole server',
  'system.server.start': 'the process',
  'system.server.stop': 'the process',
  'trail.erasure.finish': 'an erasure that was confirmed, when it is done',
  'trail.erasure.remove': 'an erasure that was confirmed',
  'trail.retention.drop': 'the retention run',
  'trail.reads.omit': 'the trail, when it can be written again',
};

describe('the coverage matrix', () => {
  it('has an event or a reason for every outcome of every route', () => {
    assert.ok(rows.length > 100);
    assert.deepEqual(coverageGaps(rows), []);
  });

  it('would show a gap', () => {
    const silent: CoverageRow = {
      surface: 'x',
      method: 'GET',
      path: '/x',
      outcomes: [{ outcome: '200', events: [], silent: ' ' }],
    };
    assert.equal(coverageGaps([silent]).length, 1);
    assert.equal(coverageGaps([{ ...silent, outcomes: [] }]).length, 1);
  });

  it('names only types that exist, and every type there is', () => {
    const named = new Set(rows.flatMap((row) => row.outcomes.flatMap((outcome) => outcome.events)));
    assert.deepEqual(
      [...named].filter((type) => !isEventType(type)),
      [],
    );
    assert.deepEqual(
      eventTypes.filter((type) => !named.has(type)),
      Object.keys(ofTheServer).sort(),
    );
  });

  it('records a refusal with a type that can tell why', () => {
    for (const id of apiRouteIds) {
      const { refusal } = apiRoute(id);
      for (const reason of ['unavailable', 'rate_limited', 'csrf_failed'] as const) {
        assert.ok(declarationOf(refusal).reasons.includes(reason), `${refusal} does not know ${reason}`);
      }
    }
  });

  it('covers every route that the management API binds', async () => {
    await using api = await openApi('sqlite');
    const app = fastify();
    const bound: { method: string; path: string }[] = [];
    app.addHook('onRoute', ({ method, url }) => {
      for (const one of [method].flat()) bound.push({ method: one, path: url });
    });
    await app.register(bindRoutes({ ...api, handlers: {} as never }));
    await app.ready();
    const known = new Set(rows.map((row) => `${row.method} ${routerPath(row.path)}`));
    const paths = new Set(rows.map((row) => routerPath(row.path)));
    // HEAD is its GET without a body; any other method of a known path is the 405 of the matrix.
    assert.deepEqual(
      bound.filter(({ method, path }) => !known.has(`${method} ${path}`) && !paths.has(path)),
      [],
    );
    assert.ok(bound.length > apiRouteIds.length);
    await app.close();
  });
});
