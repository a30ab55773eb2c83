/** What metrics tell of jobs, retention and erasures, on both engines; and that they fail nothing. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import { engines } from '../../../tests/support/house.ts';
import { confirmErasure, requestErasure } from '../jobs/erasures.ts';
import { retentionItself } from '../trail/forget/retention.ts';
import { addAuditMetrics } from './audit-metrics.ts';
import { openForgetting } from './forgetting.fixture.ts';
import { addJobMetrics } from './job-metrics.ts';

const dayMs = 86_400_000;

async function linesOf(registry: Registry): Promise<string[]> {
  return (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

for (const { engine, skip } of engines) {
  describe(`job metrics on ${engine}`, { skip }, () => {
    it('tell of runs and erasures', async () => {
      await using house = await openForgetting(engine);
      const registry = new Registry();
      addJobMetrics(registry, house);
      assert.deepEqual(await linesOf(registry), []);
      await house.jobs.putRecurring();
      const by = retentionItself(house);
      const { id } = await requestErasure(house.erasures, by, { kind: 'name', name: 'nobody' });
      assert.ok((await linesOf(registry)).includes('tallyman_erasures{state="previewing"} 1'));
      await house.caughtUp();
      await house.jobs.settle();
      assert.ok((await linesOf(registry)).includes('tallyman_erasures{state="previewed"} 1'));
      await confirmErasure(house.erasures, by, id);
      assert.ok((await linesOf(registry)).includes('tallyman_jobs{kind="erasure",state="waiting"} 1'));
      house.clock.advanceMs(dayMs + 1_000);
      await house.jobs.settle();
      const lines = await linesOf(registry);
      assert.ok(!lines.some((line) => /^tallyman_erasures|kind="erasure"/.test(line)), 'it is done');
      assert.ok(lines.includes('tallyman_jobs{kind="retention",state="waiting"} 1'));
      assert.ok(lines.includes('tallyman_retention_dropped_events 0'));
      assert.ok(lines.includes('tallyman_retention_kept_events 0'));
      const last = lines.find((line) => line.startsWith('tallyman_retention_last_run_timestamp_seconds '));
      const ageSeconds = house.clock.nowUs() / 1e6 - Number((last ?? '').split(' ')[1]);
      assert.ok(ageSeconds >= 0 && ageSeconds < 60, String(last));
    });
  });
}

describe('metrics of what is not known', () => {
  it('are left out', async () => {
    const registry = new Registry();
    addAuditMetrics(registry, { last: undefined });
    const away = async (): Promise<never> => {
      throw new Error('away');
    };
    addJobMetrics(registry, { db: { read: { all: away, get: away } } as never });
    assert.deepEqual(await linesOf(registry), []);
  });
});
