/** Several hundred kills under load on each database; a fresh server for every fifty. */
import { test } from 'node:test';
import { testEngines } from '../support/server.ts';
import { killUnderPush } from './killing.ts';

for (const { engine, skip } of testEngines()) {
  for (let part = 1; part <= 6; part++) {
    test(`fifty kills under push load on ${engine}, part ${part}`, { skip }, async () => {
      await killUnderPush({ engine, kills: 50 });
    });
  }
}
