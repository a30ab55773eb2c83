/** Texts written once: the same promises in a folder and in a bucket. */
import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { createTempFolder } from '../../../tests/support/temp-folder.ts';
import { openWriteOnce } from './open-write-once.ts';
import { S3TestServer } from './s3-server.fixture.ts';
import { maxTextBytes } from './write-once.ts';

type Place = AsyncDisposable & { url: string; names(): Promise<string[]>; server?: S3TestServer };

const places: Record<'folder' | 'bucket', () => Promise<Place>> = {
  folder: async () => {
    const folder = await createTempFolder('write-once');
    return {
      url: folder.join('made/when/missing'),
      names: async () =>
        (await readdir(folder.join('made/when/missing'), { recursive: true, withFileTypes: true }))
          .filter((entry) => entry.isFile())
          .map((entry) =>
            `${entry.parentPath}/${entry.name}`.slice(folder.join('made/when/missing/').length),
          ),
      [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
    };
  },
  bucket: async () => {
    process.env.AWS_ACCESS_KEY_ID = 'test';
    process.env.AWS_SECRET_ACCESS_KEY = 'test';
    // It knows whoever the environment names now.
    const server = new S3TestServer('texts');
    const endpoint = await server.listen();
    return {
      url: `s3://texts/some/where?endpoint=${endpoint}&region=test&forcePathStyle=true`,
      names: async () => [...server.objects.keys()].map((key) => key.slice('some/where/'.length)),
      server,
      [Symbol.asyncDispose]: () => server.close(),
    };
  },
};

for (const [kind, open] of Object.entries(places)) {
  describe(`texts written once in a ${kind}`, () => {
    it('are found under their name, and listed level by level', async () => {
      await using place = await open();
      const store = await openWriteOnce(place.url);
      assert.deepEqual(
        [await store.find('a/1'), await store.list(''), await store.list('a/')],
        [undefined, [], []],
      );
      for (const name of ['a/1', 'a/2', 'b/c/3', ...Array.from({ length: 9 }, (_, at) => `b/${at}`)])
        await store.put(name, `text of ${name}`);
      assert.equal(await store.find('b/c/3'), 'text of b/c/3');
      assert.deepEqual((await store.list('')).sort(), ['a/', 'b/']);
      assert.deepEqual((await store.list('a/')).sort(), ['1', '2']);
      assert.deepEqual((await store.list('b/')).sort(), [...'012345678'.split(''), 'c/']);
      assert.equal((await place.names()).length, 12, 'nothing else is left');
      store.close();
    });

    it('are never replaced; the same once more is no error', async () => {
      await using place = await open();
      const store = await openWriteOnce(place.url);
      await store.put('a', 'first');
      await store.put('a', 'first');
      await assert.rejects(store.put('a', 'second'), { code: 'conflict' });
      assert.equal(await store.find('a'), 'first');
      store.close();
    });

    it('say when something is there that cannot be theirs', async () => {
      await using place = await open();
      const store = await openWriteOnce(place.url);
      await store.put('large', 'x'.repeat(maxTextBytes + 1));
      await assert.rejects(store.find('large'), { code: 'unavailable' });
      store.close();
    });
  });
}

describe('texts in a bucket', () => {
  it('are refused when the bucket is not there, and when it does not answer', async () => {
    await using place = await places.bucket();
    await assert.rejects(openWriteOnce(place.url.replace('texts', 'other')), { code: 'unavailable' });
    const store = await openWriteOnce(place.url);
    place.server?.failNext('PUT', 'refused', 10);
    await assert.rejects(store.put('a', 'text'), { code: 'unavailable' });
    place.server?.endFaults();
    place.server?.failNext('PUT', 'lost_reply', 1);
    // The SDK sends it again, finds it there, and it is the same.
    await store.put('b', 'text');
    assert.equal(await store.find('b'), 'text');
    store.close();
  });

  it('may be reached with credentials of their own', async () => {
    await using place = await places.bucket();
    await using folder = await createTempFolder('credentials');
    process.env.AWS_SHARED_CREDENTIALS_FILE = folder.join('credentials');
    await writeFile(
      folder.join('credentials'),
      '[witness]\naws_access_key_id = test\naws_secret_access_key = test\n',
    );
    process.env.AWS_ACCESS_KEY_ID = 'other';
    await assert.rejects(openWriteOnce(place.url), { code: 'unavailable' });
    const store = await openWriteOnce(`${place.url}&profile=witness`);
    await store.put('a', 'text');
    assert.equal(await store.find('a'), 'text');
    store.close();
  });
});
