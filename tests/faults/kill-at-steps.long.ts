/** Each durable step thirty times on each database; a fresh server for every ten. */
import { test } from 'node:test';
import { testEngines } from '../support/server.ts';
import { killAtSteps } from './killing-at-steps.ts';

for (const { engine, skip } of testEngines()) {
  for (let part = 1; part <= 3; part++) {
    test(`ten kills at each durable step on ${engine}, part ${part}`, { skip }, async () => {
      await killAtSteps({ engine, rounds: 10 });
    });
  }
}
