/** The kill loop, short and long: load, kill -9, recovery, and then everything that must hold. */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { type DurableState, requireSound } from '../support/durable-state.ts';
import { requireClean } from '../support/fsck.ts';
import { PushLoad, type Step, steps } from '../support/push-load.ts';
import { contentOf } from '../support/registry-client.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import { type Engine, startTestServer, type TestServer } from '../support/server.ts';
import { createWire } from '../support/wire.ts';

const workers = 6;
/** Upload, manifest, tag, pull, deletion. */
const everyKind = 5;

/**
 * Kills a server under load again and again: at a named step of the clients' view, after a random number of steps. Odd
 * rounds let the server recover and serve before its files are looked at, even ones look at what the kill left.
 */
export async function killUnderPush({ engine, kills }: { engine: Engine; kills: number }): Promise<void> {
  const seed = Number(process.env.TALLYMAN_TEST_SEED ?? randomInt(2 ** 31));
  const random = createSeededRandom(seed);
  await using server = await startTestServer({ engine });
  let onStep: (step: Step) => void = () => {};
  const load = new PushLoad({
    random,
    authorization: server.adminAuth.basic,
    namespace: server.adminAuth.username,
    onStep: (step) => onStep(step),
  });
  try {
    // Where the kills come early, some acts are rare: it goes on, within bounds, until each was acknowledged once.
    const kinds = () => new Set(load.acknowledged.flatMap(({ types }) => types)).size;
    for (let round = 0; round < kills || (kinds() < everyKind && round < kills * 4); round++) {
      const aim = steps[round % steps.length] as Step;
      let countdown = random.integer({ min: 1, max: 25 });
      let killed: Promise<unknown> | undefined;
      onStep = (step) => {
        countdown -= 1;
        if (countdown > 0 || killed !== undefined || (step !== aim && countdown > -400)) return;
        killed = server.kill('SIGKILL');
      };
      using wire = createWire(server.url);
      await load.run(wire, workers);
      assert.ok(killed !== undefined, `the load ended before it was killed:\n${server.logs().slice(-2_000)}`);
      await killed;
      if (round % 2 === 1) {
        await server.restart();
        await requireServed(server, load);
        await server.kill('SIGKILL');
      }
      const state = await requireHeld(server, load);
      await requireClean(server);
      await server.restart();
      await requireTagsServed(server, state);
    }
    await requireServed(server, load);
    assert.equal(kinds(), everyKind, 'the load did not do everything');
    assert.ok(load.acknowledged.length > kills * 5, 'the load did not do much');
  } catch (error) {
    throw new Error(`repeat it with TALLYMAN_TEST_SEED=${seed}: ${String(error)}`, { cause: error });
  }
}

/** In the files: a sound state, and every acknowledged request in the log. Nothing in the log that nobody asked for. */
export async function requireHeld(server: TestServer, load: PushLoad): Promise<DurableState> {
  const state = await requireSound(server);
  const { events } = state;
  const byAgent = new Map<string, { type: string; details: unknown }[]>();
  for (const event of events) {
    const agent = event.request.userAgent;
    if (agent === undefined) continue;
    assert.ok(load.sent.has(agent), `${event.type} of ${agent}, which nobody sent`);
    byAgent.set(agent, [...(byAgent.get(agent) ?? []), event]);
  }
  for (const { agent, types, digest, tag } of load.acknowledged) {
    const found = byAgent.get(agent) ?? [];
    for (const alternatives of types) {
      const told = found.some(
        ({ type, details }) =>
          alternatives.split(' ').includes(type) && JSON.stringify(details).includes(digest),
      );
      assert.ok(told, `acknowledged and not in the log: ${alternatives} ${digest} ${tag ?? ''} by ${agent}`);
    }
  }
  return state;
}

/** Over HTTP: whatever was acknowledged, and nobody asked to delete since, is served under its digest. */
export async function requireServed(server: TestServer, load: PushLoad): Promise<void> {
  using wire = createWire(server.url);
  const headers = { authorization: server.adminAuth.basic };
  for (const { types, project, digest } of load.acknowledged) {
    if (types[0] !== 'container.manifest.push' || load.deletionsSent.has(digest)) continue;
    const answer = await wire.send({ method: 'HEAD', path: `/v2/${project}/manifests/${digest}`, headers });
    assert.equal(answer.status, 200, `${project}@${digest} was acknowledged`);
    assert.equal(answer.headers['docker-content-digest'], digest);
  }
}

/** Every tag that the log tells of is served, with its content, and the blobs of one image too. */
export async function requireTagsServed(server: TestServer, { tags, projects }: DurableState): Promise<void> {
  using wire = createWire(server.url);
  const headers = { authorization: server.adminAuth.basic };
  for (const [path, id] of projects) {
    const own = [...tags].filter(([tag]) => tag.startsWith(`${id} `));
    for (const [tag, digest] of own) {
      const manifest = await wire.send({
        path: `/v2/${path}/manifests/${tag.slice(id.length + 1)}`,
        headers,
      });
      assert.equal(manifest.status, 200, `${path} ${tag}`);
      assert.equal(contentOf(manifest.body).digest, digest);
      const { layers } = manifest.json() as { layers: { digest: string }[] };
      const layer = await wire.send({ path: `/v2/${path}/blobs/${layers[0]?.digest}`, headers });
      assert.equal(contentOf(layer.body).digest, layers[0]?.digest);
    }
  }
}
