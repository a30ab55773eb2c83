/** The files driver: the shared suite, and what only it promises. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { digestOf, hexOf } from '../domain/digest.ts';
import { BlobError } from './blob-error.ts';
import type { Bench } from './blobs.suite.ts';
import {
  benchClock,
  blobSuite,
  bytesOf,
  chunked,
  contentOf,
  failsWith,
  newUploadId,
  put,
} from './blobs.suite.ts';
import type { FilesStore } from './files-store.ts';
import { openFilesStore } from './files-store.ts';
import type { AtStep } from './steps.ts';
import { noSteps } from './steps.ts';

async function withFiles(use: (bench: Bench) => Promise<void>, atStep: AtStep = noSteps): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tallyman-blobs-'));
  const clock = benchClock();
  let store: FilesStore = await openFilesStore({ dataDir, clock, atStep });
  const restart = async () => {
    await store.close();
    store = await openFilesStore({ dataDir, clock, atStep });
    return store;
  };
  try {
    await use({ store, dataDir, restart, advanceMs: (ms) => clock.advanceMs(ms) });
  } finally {
    await store.close();
    await rm(dataDir, { recursive: true });
  }
}

blobSuite('files', withFiles);

describe('the files driver', () => {
  it('lays blobs out as drawn, readable by the owner only', () =>
    withFiles(async ({ store, dataDir }) => {
      const digest = await put(store, bytesOf(10));
      const path = join(dataDir, 'blobs/sha256', hexOf(digest).slice(0, 2), hexOf(digest));
      assert.equal((await stat(path)).mode & 0o777, 0o600);
      assert.deepEqual(await readdir(join(dataDir, 'uploads')), []);
    }));

  it('heals a rotten blob when it is stored again', () =>
    withFiles(async ({ store, dataDir }) => {
      const bytes = bytesOf(100);
      const digest = await put(store, bytes);
      await writeFile(join(dataDir, 'blobs/sha256', hexOf(digest).slice(0, 2), hexOf(digest)), 'rotten');
      await put(store, bytes);
      assert.ok((await contentOf(await store.open(digest))).equals(bytes));
    }));

  it('ignores files that are neither uploads nor blobs', () =>
    withFiles(async ({ store, dataDir }) => {
      await put(store, bytesOf(10));
      await writeFile(join(dataDir, 'uploads', 'lost+found'), '');
      const [shard] = await readdir(join(dataDir, 'blobs/sha256'));
      await writeFile(join(dataDir, 'blobs/sha256', shard!, 'note.txt'), '');
      assert.equal((await Array.fromAsync(store.listBlobs())).length, 1);
      assert.equal((await Array.fromAsync(store.listUploads())).length, 0);
    }));

  it('drops an upload whose flush failed, because what can be read of it may not be what the disk holds', () =>
    withFiles(async ({ store, dataDir }) => {
      const bytes = bytesOf(1000);
      const id = newUploadId();
      // This device takes every write and refuses every flush.
      await symlink('/dev/null', join(dataDir, 'uploads', id));
      await store.append(id, chunked(bytes), { offset: 0, limitBytes: 1000 });
      await assert.rejects(store.finish(id, digestOf('sha256', bytes)), failsWith('unavailable'));
      await assert.rejects(store.finish(id, digestOf('sha256', bytes)), failsWith('upload_unknown'));
      assert.equal(await store.find(digestOf('sha256', bytes)), undefined);
    }));

  for (const step of ['checked', 'flushed'] as const) {
    it(`can finish again after a failure at "${step}"`, async () => {
      let failing = true;
      const atStep: AtStep = (reached) => {
        if (failing && reached === step) throw new BlobError('unavailable');
      };
      await withFiles(async ({ store }) => {
        const bytes = bytesOf(1000);
        const id = newUploadId();
        await store.createUpload(id);
        await store.append(id, chunked(bytes), { offset: 0, limitBytes: 1000 });
        await assert.rejects(store.finish(id, digestOf('sha256', bytes)), failsWith('unavailable'));
        assert.equal(await store.find(digestOf('sha256', bytes)), undefined);
        failing = false;
        await store.finish(id, digestOf('sha256', bytes));
        assert.ok(await store.find(digestOf('sha256', bytes)));
      }, atStep);
    });
  }
});
