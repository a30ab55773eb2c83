/**
 * The S3 driver: the shared suite over the S3 protocol, then faults on the way. TALLYMAN_TEST_S3_URL (`s3://bucket/prefix?…`,
 * an empty place) runs the suite against another storage as well.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { digestOf, hexOf } from '../domain/digest.ts';
import type { Bench } from './blobs.suite.ts';
import {
  benchClock,
  blobSuite,
  bytesOf,
  chunked,
  contentOf,
  failsWith,
  idsOf,
  newUploadId,
  put,
} from './blobs.suite.ts';
import type { Fault } from './s3-server.fixture.ts';
import { S3TestServer } from './s3-server.fixture.ts';
import type { S3Store } from './s3-store.ts';
import { openS3Store } from './s3-store.ts';
import { parseS3Url } from './s3-url.ts';
import type { AtStep } from './steps.ts';
import { noSteps } from './steps.ts';

process.env.AWS_ACCESS_KEY_ID ??= 'tallyman-test';
process.env.AWS_SECRET_ACCESS_KEY ??= 'tallyman-test';

/** More than one put takes: five parts. */
const longBytes = bytesOf(65 * 1024 * 1024);

type S3Bench = Bench & { readonly server: S3TestServer; readonly endpoint: string };

async function withUrl(
  url: string,
  use: (bench: Bench) => Promise<void>,
  atStep: AtStep = noSteps,
): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tallyman-s3-'));
  const clock = benchClock();
  const location = parseS3Url(url);
  let store: S3Store | undefined;
  const restart = async () => {
    await store?.close();
    store = await openS3Store({ location, dataDir, clock, atStep });
    return store;
  };
  try {
    await use({ store: await restart(), dataDir, restart, advanceMs: (ms) => clock.advanceMs(ms) });
  } finally {
    await store?.close();
    await rm(dataDir, { recursive: true });
  }
}

async function withServer(use: (bench: S3Bench) => Promise<void>, atStep: AtStep = noSteps): Promise<void> {
  const server = new S3TestServer('quay');
  const endpoint = await server.listen();
  try {
    const url = `s3://quay/some/prefix?endpoint=${endpoint}&region=eu-central-1&forcePathStyle=true`;
    await withUrl(url, (bench) => use({ ...bench, server, endpoint }), atStep);
  } finally {
    await server.close();
  }
}

blobSuite('S3', withServer);

const elsewhere = process.env.TALLYMAN_TEST_S3_URL;
if (elsewhere) {
  blobSuite('another S3 storage', (use) => withUrl(elsewhere.replace('?', `/${randomUUID()}?`), use));
}

describe('the S3 driver', () => {
  it('puts a blob as one object at its digest, and only after the digest was checked', () =>
    withServer(async ({ store, server }) => {
      const digest = await put(store, bytesOf(1000));
      const hex = hexOf(digest);
      assert.deepEqual([...server.objects.keys()], [`some/prefix/sha256/${hex.slice(0, 2)}/${hex}`]);
      server.calls.length = 0;
      await assert.rejects(put(store, bytesOf(10), digest), failsWith('digest_mismatch'));
      assert.deepEqual(server.calls, []);
    }));

  it('puts a long blob in parts', () =>
    withServer(async ({ store, server }) => {
      const digest = await put(store, longBytes);
      assert.equal(server.calls.filter((call) => call === 'PUT part').length, 5);
      assert.equal(server.multiparts.size, 0);
      assert.ok((await contentOf(await store.open(digest))).equals(longBytes));
    }));

  for (const fault of ['refused', 'lost_write', 'lost_reply'] as const satisfies readonly Fault[]) {
    it(`goes on after a request that was ${fault}`, () =>
      withServer(async ({ store, server }) => {
        for (const call of ['PUT', 'PUT part', 'POST complete', 'HEAD', 'GET']) server.failNext(call, fault);
        const digests = [await put(store, bytesOf(100_000)), await put(store, longBytes)];
        assert.equal((await store.find(digests[0]!))?.sizeBytes, 100_000);
        assert.ok((await contentOf(await store.open(digests[1]!))).equals(longBytes));
      }));
  }

  it('gives no bytes of a range that the storage misread', () =>
    withServer(async ({ store, server }) => {
      const digest = await put(store, bytesOf(1_000));
      server.beyondRange = 5;
      const refused = await store
        .open(digest, { start: 0, end: 0 })
        .catch((error: Error) => String(error.cause));
      assert.match(String(refused), /another range/);
      assert.equal((await contentOf(await store.open(digest, { start: 990, end: 999 }))).length, 10);
    }));

  it('sends again what arrived changed, in parts and at once, whatever the digest', () =>
    withServer(async ({ store, server }) => {
      for (const [bytes, algorithm, call] of [
        [bytesOf(100_000), 'sha256', 'PUT'],
        [bytesOf(100_001), 'sha512', 'PUT'],
        [longBytes, 'sha256', 'PUT part'],
      ] as const) {
        server.calls.length = 0;
        server.failNext(call, 'changed');
        const digest = await put(store, bytes, digestOf(algorithm, bytes));
        assert.ok((await contentOf(await store.open(digest))).equals(bytes), `${algorithm} ${call}`);
        const sentOnce = call === 'PUT' ? 1 : 5;
        assert.equal(server.calls.filter((one) => one === call).length, sentOnce + 1);
      }
    }));

  it('signs what it asks: a storage that checks refuses another secret and a changed request', () =>
    withServer(async ({ store, server, endpoint }) => {
      const digest = await put(store, bytesOf(1000));
      const url = `${endpoint}/quay/some/prefix/sha256/${hexOf(digest).slice(0, 2)}/${hexOf(digest)}`;
      const unsigned = await fetch(url);
      assert.deepEqual(
        [unsigned.status, /<Code>(.*)<\/Code>/.exec(await unsigned.text())?.[1]],
        [403, 'AccessDenied'],
      );
      const { AWS_SECRET_ACCESS_KEY: secret } = process.env;
      process.env.AWS_SECRET_ACCESS_KEY = 'another';
      try {
        const place = `s3://quay/some/prefix?endpoint=${endpoint}&region=eu-central-1&forcePathStyle=true`;
        await assert.rejects(
          withUrl(place, async () => {}),
          failsWith('unavailable'),
        );
      } finally {
        process.env.AWS_SECRET_ACCESS_KEY = secret;
      }
      assert.equal(server.objects.size, 1);
    }));

  for (const call of ['PUT', 'PUT part', 'POST begin', 'POST complete']) {
    it(`keeps the upload when the storage never answers ${call}, and finishes it later`, () =>
      withServer(async ({ store, server, dataDir }) => {
        const bytes = call === 'PUT' ? bytesOf(1000) : longBytes;
        const id = newUploadId();
        await store.createUpload(id);
        await store.append(id, chunked(bytes), { offset: 0, limitBytes: bytes.length });
        server.failNext(call, 'lost_write', Number.POSITIVE_INFINITY);
        await assert.rejects(store.finish(id, digestOf('sha256', bytes)), failsWith('unavailable'));
        assert.equal(await store.find(digestOf('sha256', bytes)), undefined);
        assert.equal(await store.sizeOfUpload(id), bytes.length);
        assert.equal(server.multiparts.size, 0);
        server.endFaults();
        await store.finish(id, digestOf('sha256', bytes));
        assert.equal((await store.find(digestOf('sha256', bytes)))?.sizeBytes, bytes.length);
        assert.deepEqual(await readdir(join(dataDir, 'uploads')), []);
      }));
  }

  it('sweeps parts that a crash left', () =>
    withServer(async ({ store, server, advanceMs }) => {
      for (let left = 0; left < 20; left++) {
        server.multiparts.set(randomUUID(), {
          key: 'some/prefix/sha256/ab/abc',
          initiated: new Date(),
          parts: new Map(),
        });
      }
      assert.equal(await store.sweep(60_000), 0);
      advanceMs(120_000);
      assert.equal(await store.sweep(60_000), 20);
      assert.equal(server.multiparts.size, 0);
    }));

  it('after a stop between object and upload can finish again or sweep', () => {
    let failing = true;
    const atStep: AtStep = (step) => {
      if (failing && step === 'placed') throw new Error('stopped');
    };
    return withServer(async ({ store, restart }) => {
      const bytes = bytesOf(1000);
      const id = newUploadId();
      await store.createUpload(id);
      await store.append(id, chunked(bytes), { offset: 0, limitBytes: 1000 });
      await assert.rejects(store.finish(id, digestOf('sha256', bytes)));
      failing = false;
      const again = await restart();
      assert.equal((await again.find(digestOf('sha256', bytes)))?.sizeBytes, 1000);
      await again.finish(id, digestOf('sha256', bytes));
      assert.deepEqual(await idsOf(again.listUploads()), []);
    }, atStep);
  });

  it('does not start on a bucket that is not there', async () => {
    await assert.rejects(
      withServer(async ({ endpoint }) => {
        await withUrl(
          `s3://no-such-bucket?endpoint=${endpoint}&region=x&forcePathStyle=true`,
          async () => {},
        );
      }),
      failsWith('unavailable'),
    );
  });
});
