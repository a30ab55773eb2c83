/**
 * Killed exactly at each durable step, under load, once: nothing acknowledged is missing, `tallyman fsck` finds nothing,
 * and no checkpoint that anybody saw is ever contradicted. `kill-at-steps.long.ts` does it again and again.
 */
import { test } from 'node:test';
import { testEngines } from '../support/server.ts';
import { killAtSteps } from './killing-at-steps.ts';

for (const { engine, skip } of testEngines()) {
  test(`kill -9 at each durable step under push load, on ${engine}`, { skip }, async () => {
    await killAtSteps({ engine, rounds: 1 });
  });
}
