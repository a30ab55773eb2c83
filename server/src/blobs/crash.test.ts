/** Invariant 13 under kill -9: at whatever step a process dies, the blob is absent or whole, and the upload can go on or is gone. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { digestOf } from '../domain/digest.ts';
import { benchClock, bytesOf, chunked, contentOf, failsWith, idsOf, newUploadId } from './blobs.suite.ts';
import type { FilesStore } from './files-store.ts';
import { openFilesStore } from './files-store.ts';
import type { UploadId } from './upload-id.ts';

const sizeBytes = 5_000_000;
const bytes = bytesOf(sizeBytes);
const digest = digestOf('sha256', bytes);
const unfinished = ['created', 'appending', 'appended', 'checked', 'flushed'];
const finished = ['placed', 'durable', 'answered'];

async function afterKillAt(
  step: string,
  check: (store: FilesStore, id: UploadId) => Promise<void>,
): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tallyman-crash-'));
  try {
    const id = newUploadId();
    const script = join(import.meta.dirname, 'crash-child.fixture.ts');
    const child = spawn(process.execPath, [script, dataDir, id, String(sizeBytes), step], {
      stdio: 'inherit',
    });
    const [code, signal] = await once(child, 'exit');
    assert.deepEqual([code, signal], [null, 'SIGKILL'], `the child reached "${step}"`);
    const store = await openFilesStore({ dataDir, clock: benchClock() });
    try {
      await check(store, id);
    } finally {
      await store.close();
    }
  } finally {
    await rm(dataDir, { recursive: true });
  }
}

describe('a process killed', () => {
  for (const step of unfinished) {
    it(`at "${step}" leaves no blob, and an upload that goes on`, () =>
      afterKillAt(step, async (store, id) => {
        assert.equal(await store.find(digest), undefined);
        assert.deepEqual(await Array.fromAsync(store.listBlobs()), []);
        const offset = await store.sizeOfUpload(id);
        assert.ok(offset <= sizeBytes);
        if (step === 'appending')
          assert.ok(offset > 0 && offset < sizeBytes, `half an upload, not ${offset}`);
        await store.append(id, chunked(bytes.subarray(offset)), { offset, limitBytes: sizeBytes });
        await store.finish(id, digest);
        assert.ok((await contentOf(await store.open(digest))).equals(bytes));
      }));

    it(`at "${step}" leaves an upload that the sweep removes`, () =>
      afterKillAt(step, async (store, id) => {
        assert.equal(await store.sweep(-60_000), 1);
        await assert.rejects(store.sizeOfUpload(id), failsWith('upload_unknown'));
        assert.deepEqual(await idsOf(store.listUploads()), []);
      }));
  }

  for (const step of finished) {
    it(`at "${step}" leaves the whole blob and no upload`, () =>
      afterKillAt(step, async (store, id) => {
        assert.equal((await store.find(digest))?.sizeBytes, sizeBytes);
        assert.ok((await contentOf(await store.open(digest))).equals(bytes));
        await assert.rejects(store.sizeOfUpload(id), failsWith('upload_unknown'));
        assert.deepEqual(await idsOf(store.listUploads()), []);
      }));
  }
});
