import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BoundedCache } from './bounded-cache.ts';

describe('BoundedCache', () => {
  it('forgets what was used longest ago', () => {
    const cache = new BoundedCache<number>(2);
    cache.set('a', 1);
    cache.set('b', 2);
    cache.get('a');
    cache.set('c', 3);
    assert.deepEqual([cache.get('a'), cache.get('b'), cache.get('c'), cache.size], [1, undefined, 3, 2]);
  });

  it('never stores what was read before a deletion', async () => {
    const cache = new BoundedCache<string>(2);
    const reading = Promise.withResolvers<string>();
    const late = cache.load('a', () => reading.promise);
    cache.delete('a');
    const fresh = await cache.load('a', async () => 'new');
    reading.resolve('old');
    assert.deepEqual([await late, fresh, cache.get('a')], ['old', 'new', 'new']);
  });

  it('shares one read between loads of one moment, and remembers neither failures nor what is missing', async () => {
    const cache = new BoundedCache<object>(2);
    const [first, second] = await Promise.all([
      cache.load('a', async () => ({})),
      cache.load('a', async () => ({})),
    ]);
    assert.equal(first, second);
    await assert.rejects(
      cache.load('b', async () => Promise.reject(new Error('gone'))),
      /gone/,
    );
    assert.equal(await cache.load('b', async () => undefined), undefined);
    assert.equal(cache.get('b'), undefined);
  });
});
