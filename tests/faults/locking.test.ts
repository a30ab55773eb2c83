/** Small version of locking.long.ts. */
import { test } from 'node:test';
import { testEngines } from '../support/server.ts';
import { lockUnderKills } from './locking.ts';

for (const { engine, skip } of testEngines()) {
  test(`a policy locks thousands of tags over a kill on ${engine}`, { skip }, async () => {
    await lockUnderKills({ engine, tags: 3_000, kills: 1, timeoutMs: 60_000 });
  });
}
