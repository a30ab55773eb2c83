/** Retention and an erasure, each killed once on the way. `kill-while-forgetting.long.ts` kills each twice. */
import { test } from 'node:test';
import { testEngines } from '../support/server.ts';
import { forgetUnderKills } from './forgetting.ts';

for (const { engine, skip } of testEngines())
  test(`kill -9 in the middle of retention and of an erasure, on ${engine}`, { skip }, () =>
    forgetUnderKills({ engine, twice: false }),
  );
