/** One million tags under one new policy; the server is killed three times on the way. */
import { test } from 'node:test';
import { testEngines } from '../support/server.ts';
import { lockUnderKills } from './locking.ts';

const hourMs = 3_600_000;

for (const { engine, skip } of testEngines()) {
  test(`a policy locks a million tags over kills on ${engine}`, { skip, timeout: 3 * hourMs }, async () => {
    await lockUnderKills({ engine, tags: 1_000_000, kills: 3, timeoutMs: hourMs });
  });
}
