/** Kills a server under load exactly at each durable step, and asks every oracle there is. */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDb } from '../../server/src/db/open.ts';
import { type DurableStep, durableSteps } from '../../server/src/db/steps.ts';
import { readPublishedHeads } from '../../server/src/main/published-head.ts';
import { requireClean } from '../support/fsck.ts';
import { PushLoad } from '../support/push-load.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import { type Engine, startTestServer, type TestServer } from '../support/server.ts';
import { createTempFolder } from '../support/temp-folder.ts';
import { createWire } from '../support/wire.ts';
import { requireHeld, requireServed } from './killing.ts';
import { OutsideVerifier } from './outside-verifier.ts';

const workers = 4;
/** At the latest so many times the step is passed before the kill. */
const latest = 3;

/** The steps that this engine takes. */
export function stepsOf(engine: Engine): DurableStep[] {
  const others = engine === 'sqlite' ? /^(unit|append|move)\./ : /^batch\./;
  return durableSteps.filter((step) => !others.test(step));
}

export async function killAtSteps({ engine, rounds }: { engine: Engine; rounds: number }): Promise<void> {
  const seed = Number(process.env.TALLYMAN_TEST_SEED ?? randomInt(2 ** 31));
  const random = createSeededRandom(seed);
  await using folder = await createTempFolder('orders');
  const orders = folder.join('kill');
  await using server = await startTestServer({
    engine,
    program: join(import.meta.dirname, 'serve-with-steps.ts'),
    env: { TALLYMAN_TEST_KILL_ORDERS: orders },
  });
  const { basic, username } = server.adminAuth;
  const load = new PushLoad({ random, authorization: basic, namespace: username, onStep: () => {} });
  const outside = new OutsideVerifier();
  try {
    for (let round = 0; round < rounds; round++) {
      for (const step of stepsOf(engine)) {
        outside.watch(server.url);
        using wire = createWire(server.url);
        writeFileSync(orders, `${step} ${random.integer({ min: 1, max: latest })}`);
        await load.run(wire, workers);
        await server.ended();
        await outside.rest();
        rmSync(orders);
        await requireWhole(server, { load, outside, step });
        await server.restart();
      }
    }
    await requireServed(server, load);
    await requireClean(server, { beside: true });
    assert.ok(outside.seen.size > 0, 'no checkpoint was seen');
  } catch (error) {
    throw new Error(`repeat it with TALLYMAN_TEST_SEED=${seed}: ${String(error)}`, { cause: error });
  }
}

type Oracles = { load: PushLoad; outside: OutsideVerifier; step: DurableStep };

/** In the files, as the kill left them. */
async function requireWhole(server: TestServer, { load, outside, step }: Oracles): Promise<void> {
  try {
    const { engine, dataDir, databaseUrl } = server;
    for (const note of await readPublishedHeads(dataDir)) outside.keep(note);
    await requireHeld(server, load);
    await requireClean(server);
    const db = await openDb(
      engine === 'sqlite'
        ? { engine, path: join(dataDir, 'tallyman.db') }
        : { engine, url: databaseUrl ?? '' },
    );
    try {
      await outside.requireContinued(db);
    } finally {
      await db.close();
    }
  } catch (error) {
    throw new Error(`killed at ${step}: ${String(error)}`, { cause: error });
  }
}
