/** The times of garbage collection come from the configuration, and each does what its description says. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { postgresSkip } from '../../../tests/support/postgres.ts';
import { type Config, ConfigError } from '../config/config.ts';
import { readConfig } from '../config/read.ts';
import { pushBlob, pushImage, type Registry, startRegistry } from '../containers/registry.fixture.ts';
import { manualClock } from '../stdx/clock.ts';
import { upkeepChores } from './upkeep.ts';

const hourMs = 3_600_000;

function garbageOf(env: Record<string, string>): Config['garbage'] {
  return readConfig({ env }).garbage;
}

async function run(registry: Registry, name: string, env: Record<string, string> = {}): Promise<unknown> {
  const chore = upkeepChores(registry, garbageOf(env)).find((known) => known.name === name);
  assert.ok(chore);
  return chore.run();
}

describe('the times of upkeep', () => {
  it('are those of the configuration', () => {
    const everyMs = (env: Record<string, string>) =>
      upkeepChores({ clock: manualClock() } as never, garbageOf(env)).map((chore) => [
        chore.name,
        chore.everyMs,
      ]);
    assert.deepEqual(everyMs({}), [
      ['account deletion', 60_000],
      ['tag expiry', 60_000],
      ['garbage collection', hourMs],
    ]);
    const env = { TALLYMAN_GARBAGE_INTERVAL_MINUTES: '5', TALLYMAN_GARBAGE_EXPIRY_SECONDS: '2' };
    assert.deepEqual(everyMs(env), [
      ['account deletion', 60_000],
      ['tag expiry', 2_000],
      ['garbage collection', 300_000],
    ]);
  });

  it('have bounds', () => {
    for (const [variable, value, problem] of [
      ['TALLYMAN_GARBAGE_GRACE_HOURS', '0', /1 to 8760/],
      ['TALLYMAN_GARBAGE_UPLOAD_HOURS', '8761', /1 to 8760/],
      ['TALLYMAN_GARBAGE_UNTAGGED_DAYS', 'never', /1 to 36500/],
      ['TALLYMAN_GARBAGE_INTERVAL_MINUTES', '0', /1 to 10080/],
      ['TALLYMAN_GARBAGE_EXPIRY_SECONDS', '-1', /1 to 86400/],
    ] as const) {
      assert.throws(
        () => garbageOf({ [variable]: value }),
        (error) => error instanceof ConfigError && problem.test(error.message),
      );
    }
  });
});

for (const [engine, skip] of [
  ['sqlite', false],
  ['postgres', postgresSkip()],
] as const) {
  describe(`upkeep as configured, on ${engine}`, { skip }, () => {
    it('keeps what no manifest names for the hours of grace', async () => {
      await using registry = await startRegistry(engine);
      const alice = await registry.addUser('alice');
      const to = { path: 'alice/app', auth: alice.auth };
      await pushImage(registry, { ...to, tag: 'v1' }, { config: 'kept', layers: ['kept too'] });
      const lost = await pushBlob(registry, to, 'left over');
      registry.clock.advanceMs(30 * hourMs);
      await run(registry, 'garbage collection', { TALLYMAN_GARBAGE_GRACE_HOURS: '48' });
      assert.ok(await registry.blobs.find(lost));
      await run(registry, 'garbage collection');
      assert.equal(await registry.blobs.find(lost), undefined);
    });

    it('removes manifests without a tag only when told to, and not before their days are over', async () => {
      await using registry = await startRegistry(engine);
      const alice = await registry.addUser('alice');
      const to = { path: 'alice/app', auth: alice.auth };
      const old = await pushImage(registry, { ...to, tag: 'v1' }, { config: 'first', layers: [] });
      await pushImage(registry, { ...to, tag: 'v1' }, { config: 'second', layers: [] });
      const status = async () =>
        (await registry.ask(`/v2/alice/app/manifests/${old}`, { auth: alice.auth })).status;
      registry.clock.advanceMs(10 * 24 * hourMs);
      await run(registry, 'garbage collection');
      await run(registry, 'garbage collection', { TALLYMAN_GARBAGE_UNTAGGED_DAYS: '11' });
      assert.equal(await status(), 200);
      await run(registry, 'garbage collection', { TALLYMAN_GARBAGE_UNTAGGED_DAYS: '9' });
      assert.equal(await status(), 404);
    });
  });
}
