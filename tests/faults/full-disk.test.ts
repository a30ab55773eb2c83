/**
 * A disk that is really full: a small file system of its own, filled to the last byte. Writes are refused with 503 and
 * what to do, nothing is half done, and with room again the same process goes on. Needs the right to mount.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { test } from 'node:test';
import { requireSound } from '../support/durable-state.ts';
import { skipWhenMissing } from '../support/missing-tools.ts';
import {
  contentOf,
  getManifest,
  pushBlob,
  pushImage,
  putManifest,
  smallImage,
} from '../support/registry-client.ts';
import { startTestServer, testEngines } from '../support/server.ts';
import { createTempFolder } from '../support/temp-folder.ts';
import { waitFor } from '../support/wait-for.ts';
import { createWire, type WireAnswer } from '../support/wire.ts';

const sizeMib = 48;

/** Mounts the smallest file system; undefined where that is not allowed. */
async function mountSmall(): Promise<({ path: string } & AsyncDisposable) | undefined> {
  await using owned = new AsyncDisposableStack();
  const folder = owned.use(await createTempFolder('small'));
  const path = folder.join('disk');
  await mkdir(path);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMib}m`, 'tmpfs', path], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  owned.defer(() => void execFileSync('umount', ['-l', path]));
  const held = owned.move();
  return { path, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

async function mountSkip(): Promise<string | false> {
  await using disk = await mountSmall();
  return skipWhenMissing(disk === undefined ? ['the right to mount a tmpfs'] : []);
}

/** Leaves not one byte. */
function fill(path: string): void {
  const file = openSync(path, 'w');
  try {
    for (let sizeBytes = 1024 * 1024; sizeBytes > 0; ) {
      try {
        if (writeSync(file, Buffer.alloc(sizeBytes)) < sizeBytes) sizeBytes = Math.floor(sizeBytes / 2);
      } catch {
        sizeBytes = Math.floor(sizeBytes / 2);
      }
    }
  } finally {
    closeSync(file);
  }
  assert.equal(statfsSync(path).bavail, 0);
}

const mayNot = await mountSkip();

for (const { engine, skip } of testEngines()) {
  test(`a full disk refuses writes and loses nothing, on ${engine}`, { skip: skip || mayNot }, async () => {
    await using disk = (await mountSmall()) as NonNullable<Awaited<ReturnType<typeof mountSmall>>>;
    await using server = await startTestServer({ engine, env: { TALLYMAN_DATA_DIR: `${disk.path}/data` } });
    using wire = createWire(server.url);
    const as = { authorization: server.adminAuth.basic };
    const project = `${server.adminAuth.username}/app`;
    const image = smallImage();
    await pushImage(wire, { project, tag: 'v1', image }, as);
    const filler = `${disk.path}/filler`;
    fill(filler);

    const refused = (answer: WireAnswer, what: string): void => {
      assert.equal(answer.status, 503, `${what}: ${answer.text}`);
      assert.match(String(answer.headers['retry-after']), /^\d+$/, what);
      const { errors } = answer.json() as { errors: { code: string; message: string }[] };
      assert.equal(errors[0]?.code, 'UNAVAILABLE', what);
      assert.ok((errors[0]?.message.length ?? 0) > 20, what);
    };
    // Larger than what a file system keeps back, so that no page already there can take it.
    const blob = contentOf(randomBytes(300_000));
    refused(await pushBlob(wire, project, blob, as), 'a blob');
    if (engine === 'sqlite') {
      // A page of the log that is there already may take some more events: push until it is full.
      const answer = await waitFor('a manifest to be refused', async () => {
        const next = JSON.parse(image.manifest.bytes.toString('utf8')) as Record<string, unknown>;
        const annotations = { filler: randomBytes(20_000).toString('base64') };
        const manifest = contentOf(JSON.stringify({ ...next, annotations }));
        const put = await putManifest(wire, { project, reference: 'more', manifest }, as);
        return put.status === 201 ? undefined : put;
      });
      refused(answer, 'a manifest');
      // Many in one batch, each large enough to meet the end of the disk in the middle of its unit.
      const many = await Promise.all(
        Array.from({ length: 20 }, (_, at) => {
          const annotations = { filler: randomBytes(40_000 + at).toString('base64') };
          const next = JSON.parse(image.manifest.bytes.toString('utf8')) as Record<string, unknown>;
          const manifest = contentOf(JSON.stringify({ ...next, annotations }));
          return putManifest(wire, { project, reference: `many-${at}`, manifest }, as);
        }),
      );
      for (const put of many) refused(put, 'one of many');
      const ready = await wire.send({ path: '/readyz' });
      assert.equal(ready.status, 503, `it says that it is not ready: ${ready.text}`);
    }
    const health = await wire.send({ path: '/healthz' });
    assert.equal(health.status, 200, 'it lives');
    const head = await wire.send({ method: 'HEAD', path: `/v2/${project}/manifests/v1`, headers: as });
    assert.equal(head.status, 200, 'what needs no record goes on');
    const list = await wire.send({ path: `/v2/${project}/tags/list`, headers: as });
    assert.equal(list.status, 200);
    const pull = await getManifest(wire, project, 'v1', as);
    if (pull.status !== 200) refused(pull, 'a pull that cannot be recorded');

    rmSync(filler);
    await waitFor('it to be ready again', async () => (await wire.send({ path: '/readyz' })).status === 200);
    assert.equal((await pushBlob(wire, project, blob, as)).status, 201);
    await pushImage(wire, { project, tag: 'v2', image: smallImage() }, as);
    assert.equal((await getManifest(wire, project, 'v1', as)).status, 200);
    assert.equal((await getManifest(wire, project, 'v2', as)).status, 200);
    assert.ok(!server.logs().includes('FatalError'), server.logs());
    await server.stop();
    await requireSound(server);
  });
}

test('with the setting, pulls go on while the disk is full, and one event tells how many', {
  skip: mayNot,
}, async () => {
  await using disk = (await mountSmall()) as NonNullable<Awaited<ReturnType<typeof mountSmall>>>;
  const env = { TALLYMAN_DATA_DIR: `${disk.path}/data`, TALLYMAN_TRAIL_READS_WHEN_UNWRITABLE: 'allow' };
  await using server = await startTestServer({ engine: 'sqlite', env });
  using wire = createWire(server.url);
  const as = { authorization: server.adminAuth.basic };
  const project = `${server.adminAuth.username}/app`;
  const image = smallImage();
  await pushImage(wire, { project, tag: 'v1', image }, as);
  const unrecorded = async (): Promise<number> => {
    const { text } = await wire.send({ path: '/metrics' });
    return Number(/^tallyman_trail_unrecorded_reads_total (\d+)$/m.exec(text)?.[1]);
  };
  const omitted = async (): Promise<{ details: Record<string, unknown> }[]> => {
    const path = '/api/v1/events?view=administration&type=trail.reads.omit';
    const answer = await wire.send({ path, headers: as });
    return answer.status === 200
      ? (answer.json() as { items: { details: Record<string, unknown> }[] }).items
      : [];
  };
  const filler = `${disk.path}/filler`;
  fill(filler);
  // Pages that are there already take some more events.
  const pulled = await waitFor('pulls to go unrecorded', async () => {
    const answer = await getManifest(wire, project, 'v1', as);
    assert.equal(answer.status, 200, answer.text);
    return (await unrecorded()) > 0 ? answer : undefined;
  });
  assert.equal(contentOf(pulled.body).digest, image.manifest.digest);
  const refused = await pushBlob(wire, project, contentOf(randomBytes(300_000)), as);
  assert.equal(refused.status, 503, 'a change');
  const whole = await unrecorded();

  rmSync(filler);
  const [told, ...more] = await waitFor('the event', async () => {
    const events = await omitted();
    return events.length > 0 ? events : undefined;
  });
  assert.deepEqual([told?.details.count, more], [whole, []]);
  assert.equal((await getManifest(wire, project, 'v1', as)).status, 200);
  assert.equal(await unrecorded(), whole);
  await server.stop();
  await requireSound(server);
});
