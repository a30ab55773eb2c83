import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { AppError } from '../domain/error.ts';
import { benchClock, bytesOf, failsWith, put } from './blobs.suite.ts';
import { openBlobs } from './open-blobs.ts';

describe('openBlobs', () => {
  it('keeps files without a URL, and speaks S3 with one', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'tallyman-open-'));
    const options = { dataDir, clock: benchClock() };
    try {
      const store = await openBlobs(options);
      assert.ok(await store.find(await put(store, bytesOf(10))));
      await store.close();
      await assert.rejects(openBlobs({ ...options, url: 'ftp://quay' }), AppError);
      const nobodyThere = 's3://quay?endpoint=http://127.0.0.1:1&region=x&forcePathStyle=true';
      await assert.rejects(openBlobs({ ...options, url: nobodyThere }), failsWith('unavailable'));
    } finally {
      await rm(dataDir, { recursive: true });
    }
  });
});
