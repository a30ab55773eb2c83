/** The contract of store.ts as tests; each driver's test file runs it on stores over real folders or a real protocol. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readdir, readlink, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { describe, it } from 'node:test';
import type { Digest } from '../domain/digest.ts';
import { digestOf } from '../domain/digest.ts';
import { manualClock } from '../stdx/clock.ts';
import type { BlobErrorKind } from './blob-error.ts';
import { BlobError } from './blob-error.ts';
import type { BlobStore, BlobUpkeep, OpenBlob } from './store.ts';
import { smallBytes } from './store.ts';
import type { UploadId } from './upload-id.ts';
import { parseUploadId } from './upload-id.ts';

export type Store = BlobStore & BlobUpkeep;

export interface Bench {
  readonly store: Store;
  /** Where this store keeps its uploads. */
  readonly dataDir: string;
  /** Closes the store and opens another over the same content, as a restart does. */
  readonly restart: () => Promise<Store>;
  /** Moves the store's clock. */
  readonly advanceMs: (ms: number) => void;
}

const noLimit = Number.MAX_SAFE_INTEGER;

export function newUploadId(): UploadId {
  const id = parseUploadId(randomUUID());
  assert.ok(id);
  return id;
}

/** Repeatable bytes that no two offsets share. */
export function bytesOf(length: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let state = seed * 2654435761;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

export async function* chunked(bytes: Uint8Array, chunkBytes = 65536): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}

export async function put(
  store: BlobStore,
  bytes: Uint8Array,
  digest = digestOf('sha256', bytes),
): Promise<Digest> {
  const id = newUploadId();
  await store.createUpload(id);
  await store.append(id, chunked(bytes), { offset: 0, limitBytes: noLimit });
  await store.finish(id, digest);
  return digest;
}

export async function contentOf({ content }: OpenBlob): Promise<Buffer> {
  return Buffer.isBuffer(content) ? content : Buffer.concat(await content.toArray());
}

export function failsWith(kind: BlobErrorKind, details = {}): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof BlobError, String(error));
    assert.equal(error.kind, kind);
    assert.deepEqual({ ...error.details, ...details }, error.details);
    return true;
  };
}

export async function idsOf(uploads: AsyncIterable<{ id: UploadId }>): Promise<UploadId[]> {
  return (await Array.fromAsync(uploads)).map(({ id }) => id);
}

export function blobSuite(
  driver: string,
  withBench: (use: (bench: Bench) => Promise<void>) => Promise<void>,
): void {
  const test: TestOf = (name, use) => void it(name, () => withBench(use));
  describe(`blobs on ${driver}`, () => {
    uploads(test);
    failures(test);
    reading(test);
    upkeep(test);
  });
}

type TestOf = (name: string, use: (bench: Bench) => Promise<void>) => void;

function uploads(test: TestOf): void {
  test('stores blobs of every size around its buffers', async ({ store }) => {
    for (const size of [0, 1, 1000, smallBytes, smallBytes + 1, 1 << 20, (1 << 20) + 1, 5_000_001]) {
      const bytes = bytesOf(size);
      const digest = await put(store, bytes);
      assert.equal((await store.find(digest))?.sizeBytes, size);
      const opened = await store.open(digest);
      assert.deepEqual([opened.sizeBytes, opened.start, opened.lengthBytes], [size, 0, size]);
      assert.equal(Buffer.isBuffer(opened.content), size <= smallBytes);
      assert.ok((await contentOf(opened)).equals(bytes), `content of ${size} bytes`);
    }
    assert.deepEqual(await idsOf(store.listUploads()), []);
  });

  test('takes an upload in chunks and says where it stands', async ({ store }) => {
    const bytes = bytesOf(300_000);
    const id = newUploadId();
    await store.createUpload(id);
    assert.equal(await store.sizeOfUpload(id), 0);
    for (const [from, to] of [
      [0, 1],
      [1, 100_000],
      [100_000, 300_000],
    ] as const) {
      assert.equal(
        await store.append(id, chunked(bytes.subarray(from, to), 999), { offset: from, limitBytes: noLimit }),
        to,
      );
      assert.equal(await store.sizeOfUpload(id), to);
    }
    assert.equal(await store.find(digestOf('sha256', bytes)), undefined);
    assert.equal((await store.finish(id, digestOf('sha256', bytes))).sizeBytes, 300_000);
    await assert.rejects(store.sizeOfUpload(id), failsWith('upload_unknown'));
  });

  test('takes sha512, announced or not', async ({ store }) => {
    for (const announced of ['sha512', undefined] as const) {
      const bytes = bytesOf(70_000, announced ? 2 : 3);
      const id = newUploadId();
      await store.createUpload(id, announced);
      await store.append(id, chunked(bytes), { offset: 0, limitBytes: noLimit });
      await store.finish(id, digestOf('sha512', bytes));
      assert.ok((await contentOf(await store.open(digestOf('sha512', bytes)))).equals(bytes));
      assert.equal(await store.find(digestOf('sha256', bytes)), undefined);
    }
  });

  test('goes on with an upload after a restart', async ({ store, restart }) => {
    const bytes = bytesOf(2_500_000);
    const id = newUploadId();
    await store.createUpload(id);
    await store.append(id, chunked(bytes.subarray(0, 1_200_000)), { offset: 0, limitBytes: noLimit });
    const again = await restart();
    assert.equal(await again.sizeOfUpload(id), 1_200_000);
    await again.append(id, chunked(bytes.subarray(1_200_000)), { offset: 1_200_000, limitBytes: noLimit });
    await again.finish(id, digestOf('sha256', bytes));
    assert.ok((await contentOf(await again.open(digestOf('sha256', bytes)))).equals(bytes));
  });

  test('keeps more uploads going than it keeps open', async ({ store }) => {
    const ids = Array.from({ length: 200 }, newUploadId);
    for (const id of ids) await store.createUpload(id);
    for (const [at, id] of ids.entries()) {
      await store.append(id, chunked(bytesOf(10, at)), { offset: 0, limitBytes: noLimit });
    }
    for (const [at, id] of ids.entries()) {
      const rest = bytesOf(10, at + 1000);
      await store.append(id, chunked(rest), { offset: 10, limitBytes: noLimit });
      await store.finish(id, digestOf('sha256', Buffer.concat([bytesOf(10, at), rest])));
    }
    assert.equal((await Array.fromAsync(store.listBlobs())).length, 200);
  });

  test('finishes the same blob many times at once', async ({ store }) => {
    const bytes = bytesOf(50_000);
    const digests = await Promise.all(Array.from({ length: 16 }, () => put(store, bytes)));
    assert.ok((await contentOf(await store.open(digests[0]!))).equals(bytes));
    assert.equal((await Array.fromAsync(store.listBlobs())).length, 1);
  });
}

function failures(test: TestOf): void {
  test('refuses a second upload of one id and every call on an unknown one', async ({ store }) => {
    const id = newUploadId();
    const where = { offset: 0, limitBytes: noLimit };
    const unknown = failsWith('upload_unknown');
    await assert.rejects(store.append(id, chunked(bytesOf(1)), where), unknown);
    await assert.rejects(store.finish(id, digestOf('sha256', '')), unknown);
    await assert.rejects(store.abort(id), unknown);
    await assert.rejects(store.sizeOfUpload(id), unknown);
    await store.createUpload(id);
    await assert.rejects(store.createUpload(id), failsWith('upload_exists'));
  });

  test('refuses a wrong offset, names the right one and reads nothing', async ({ store }) => {
    const id = newUploadId();
    await store.createUpload(id);
    await store.append(id, chunked(bytesOf(10)), { offset: 0, limitBytes: noLimit });
    for (const offset of [0, 9, 11]) {
      const source = Readable.from([bytesOf(5)]);
      await assert.rejects(
        store.append(id, source, { offset, limitBytes: noLimit }),
        failsWith('offset_mismatch', { sizeBytes: 10 }),
      );
      assert.equal(source.readableDidRead, false);
    }
    assert.equal(await store.sizeOfUpload(id), 10);
  });

  test('removes an upload whose digest is wrong, and shows no blob', async ({ store }) => {
    const bytes = bytesOf(100);
    const id = newUploadId();
    await store.createUpload(id);
    await store.append(id, chunked(bytes), { offset: 0, limitBytes: noLimit });
    const wrong = digestOf('sha256', 'something else');
    await assert.rejects(
      store.finish(id, wrong),
      failsWith('digest_mismatch', { digest: digestOf('sha256', bytes) }),
    );
    assert.equal(await store.find(wrong), undefined);
    assert.equal(await store.find(digestOf('sha256', bytes)), undefined);
    await assert.rejects(store.finish(id, digestOf('sha256', bytes)), failsWith('upload_unknown'));
    assert.deepEqual(await idsOf(store.listUploads()), []);
  });

  test('keeps what arrived before the source broke, and leaves the source alone', async ({ store }) => {
    const bytes = bytesOf(1_500_000);
    const id = newUploadId();
    await store.createUpload(id);
    const broken = Readable.from(
      (async function* () {
        yield* chunked(bytes.subarray(0, 1_200_000));
        throw new Error('connection reset');
      })(),
    );
    await assert.rejects(
      store.append(id, broken, { offset: 0, limitBytes: noLimit }),
      failsWith('interrupted', { sizeBytes: 1_200_000 }),
    );
    assert.equal(await store.sizeOfUpload(id), 1_200_000);
    await store.append(id, chunked(bytes.subarray(1_200_000)), { offset: 1_200_000, limitBytes: noLimit });
    await store.finish(id, digestOf('sha256', bytes));
  });

  test('stops at the limit without destroying the source', async ({ store }) => {
    const id = newUploadId();
    await store.createUpload(id);
    const source = new PassThrough({ highWaterMark: 64 });
    source.write(bytesOf(10));
    source.write(bytesOf(10));
    await assert.rejects(
      store.append(id, source, { offset: 0, limitBytes: 15 }),
      failsWith('too_large', { limitBytes: 15 }),
    );
    assert.equal(source.destroyed, false);
    assert.ok((await store.sizeOfUpload(id)) <= 15);
    const endless = (async function* () {
      for (;;) yield bytesOf(65536);
    })();
    const offset = await store.sizeOfUpload(id);
    await assert.rejects(
      store.append(id, endless, { offset, limitBytes: 3_000_000 }),
      failsWith('too_large'),
    );
    assert.ok((await store.sizeOfUpload(id)) <= 3_000_000);
  });

  test('lets one call at a time change an upload', async ({ store }) => {
    const id = newUploadId();
    await store.createUpload(id);
    const source = new PassThrough();
    const first = store.append(id, source, { offset: 0, limitBytes: noLimit });
    const busy = failsWith('busy');
    await assert.rejects(store.append(id, chunked(bytesOf(1)), { offset: 0, limitBytes: noLimit }), busy);
    await assert.rejects(store.finish(id, digestOf('sha256', '')), busy);
    await assert.rejects(store.abort(id), busy);
    assert.equal(await store.sizeOfUpload(id), 0);
    source.end(bytesOf(7));
    assert.equal(await first, 7);
    await store.abort(id);
    await assert.rejects(store.sizeOfUpload(id), failsWith('upload_unknown'));
  });

  test('says that the disk is full, and goes on when it is not', async ({ store, dataDir }) => {
    const id = newUploadId();
    await symlink('/dev/full', join(dataDir, 'uploads', id));
    await assert.rejects(
      store.append(id, chunked(bytesOf(3_000_000)), { offset: 0, limitBytes: noLimit }),
      failsWith('no_space'),
    );
    await store.abort(id);
    await put(store, bytesOf(10));
  });

  test('leaves no descriptor open, whatever broke', async ({ store, dataDir, restart }) => {
    const digest = await put(store, bytesOf(200_000));
    const id = newUploadId();
    await store.createUpload(id);
    const source = new PassThrough();
    const append = store.append(id, source, { offset: 0, limitBytes: noLimit });
    source.write(bytesOf(10));
    source.destroy(new Error('client gone'));
    await assert.rejects(append, failsWith('interrupted'));
    const { content } = await store.open(digest);
    assert.ok(content instanceof Readable);
    const closed = new Promise((resolve) => content.once('close', resolve));
    content.destroy();
    await closed;
    await assert.rejects(store.open(digest, { start: 200_000 }));
    await (await restart()).close();
    assert.deepEqual(await openPathsUnder(dataDir), []);
  });
}

function reading(test: TestOf): void {
  test('reads ranges', async ({ store }) => {
    const bytes = bytesOf(200_000);
    const digest = await put(store, bytes);
    const ranges = [
      [0, 0],
      [5, 9],
      [199_999, 199_999],
      [0, 199_999],
      [100, 5_000_000],
      [70_000, undefined],
    ] as const;
    for (const [start, end] of ranges) {
      const opened = await store.open(digest, end === undefined ? { start } : { start, end });
      const expected = bytes.subarray(start, end === undefined ? undefined : end + 1);
      assert.deepEqual(
        [opened.sizeBytes, opened.start, opened.lengthBytes],
        [200_000, start, expected.length],
      );
      assert.ok((await contentOf(opened)).equals(expected), `${start}-${end}`);
    }
    for (const range of [{ start: 200_000 }, { start: 200_000, end: 200_001 }, { start: 500, end: 0 }]) {
      await assert.rejects(
        store.open(digest, range),
        failsWith('range_unsatisfiable', { sizeBytes: 200_000 }),
      );
    }
    await assert.rejects(
      store.open(await put(store, bytesOf(0)), { start: 0 }),
      failsWith('range_unsatisfiable', { sizeBytes: 0 }),
    );
  });

  test('knows missing blobs', async ({ store }) => {
    const missing = digestOf('sha512', 'missing');
    assert.equal(await store.find(missing), undefined);
    await assert.rejects(store.open(missing), failsWith('blob_unknown'));
    assert.equal(await store.delete(missing), false);
  });

  test('deletes, while a reader reads on', async ({ store }) => {
    const bytes = bytesOf(3_000_000);
    const digest = await put(store, bytes);
    const opened = await store.open(digest);
    assert.equal(await store.delete(digest), true);
    assert.equal(await store.find(digest), undefined);
    assert.equal(await store.delete(digest), false);
    assert.ok((await contentOf(opened)).equals(bytes));
    await put(store, bytes);
    assert.ok((await contentOf(await store.open(digest))).equals(bytes));
  });
}

function upkeep(test: TestOf): void {
  test('lists every blob with its size, before and after a restart', async ({ store, restart }) => {
    const expected = new Map<string, number>();
    for (let size = 1; size <= 20; size++) {
      const bytes = bytesOf(size);
      const digest = digestOf(size % 2 ? 'sha256' : 'sha512', bytes);
      expected.set(await put(store, bytes, digest), size);
    }
    for (const each of [store, await restart()]) {
      const listed = await Array.fromAsync(each.listBlobs());
      assert.deepEqual(new Map(listed.map(({ digest, sizeBytes }) => [digest, sizeBytes])), expected);
    }
  });

  test('sweeps only uploads nobody has added to for long', async ({ store, advanceMs }) => {
    const [old, active] = [newUploadId(), newUploadId()];
    await store.createUpload(old);
    await store.createUpload(active);
    const source = new PassThrough();
    const append = store.append(active, source, { offset: 0, limitBytes: noLimit });
    assert.equal(await store.sweep(60_000), 0);
    advanceMs(120_000);
    assert.equal(await store.sweep(60_000), 1);
    assert.deepEqual(await idsOf(store.listUploads()), [active]);
    source.end(bytesOf(3));
    assert.equal(await append, 3);
    await assert.rejects(store.sizeOfUpload(old), failsWith('upload_unknown'));
  });

  test('moves storedAt forward when a blob is stored again', async ({ store }) => {
    const digest = await put(store, bytesOf(10));
    const first = await store.find(digest);
    await put(store, bytesOf(10));
    const second = await store.find(digest);
    assert.ok(first && second && second.storedAt >= first.storedAt);
  });
}

async function openPathsUnder(folder: string): Promise<string[]> {
  const paths = [];
  for (const fd of await readdir('/proc/self/fd').catch(() => [])) {
    const path = await readlink(`/proc/self/fd/${fd}`).catch(() => '');
    if (path.startsWith(folder)) paths.push(path);
  }
  return paths;
}

/** A clock that starts at the machine's time, because a file's times are the kernel's. */
export function benchClock(): ReturnType<typeof manualClock> {
  return manualClock(Date.now());
}
