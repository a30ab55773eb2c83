import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchUrl } from './match.ts';

const digest = `sha256:${'a'.repeat(64)}`;

const matches: [url: string, resource: string, name: string, reference: string][] = [
  ['/v2/', 'base', '', ''],
  ['/v2', 'base', '', ''],
  ['/v2/auth', 'token', '', ''],
  ['/v2/_catalog', 'catalog', '', ''],
  ['/v2/a/b/tags/list', 'tags', 'a/b', ''],
  ['/v2/a/b/c/d/manifests/latest', 'manifest', 'a/b/c/d', 'latest'],
  [`/v2/a/b/blobs/${digest}`, 'blob', 'a/b', digest],
  [`/v2/a/b/blobs/${digest.replace(':', '%3A')}`, 'blob', 'a/b', digest],
  ['/v2/a/b/blobs/uploads/', 'uploads', 'a/b', ''],
  ['/v2/a/b/blobs/uploads', 'uploads', 'a/b', ''],
  ['/v2/a/b/blobs/uploads/123', 'upload', 'a/b', '123'],
  [`/v2/a/b/referrers/${digest}`, 'referrers', 'a/b', digest],
  // Names may hold the words of routes.
  ['/v2/a/blobs/uploads/manifests/latest', 'manifest', 'a/blobs/uploads', 'latest'],
  ['/v2/a/blobs/uploads/tags/list', 'tags', 'a/blobs/uploads', ''],
  ['/v2/a/manifests/blobs/uploads/', 'uploads', 'a/manifests', ''],
  ['/v2/a/tags/list/manifests/tags', 'manifest', 'a/tags/list', 'tags'],
  ['/v2/one/manifests/latest', 'manifest', 'one', 'latest'],
  // Not decoded: no name holds a percent sign, so the grammar refuses it.
  ['/v2/a%2Fb/manifests/latest', 'manifest', 'a%2Fb', 'latest'],
  ['/v2/a/../b/manifests/latest', 'manifest', 'a/../b', 'latest'],
];

test('a path is read from its right end', () => {
  for (const [url, resource, name, reference] of matches) {
    assert.deepEqual(matchUrl(url), { resource, name, reference, query: '' }, url);
  }
  assert.equal(matchUrl('/v2/a/b/tags/list?n=3&last=x')?.query, 'n=3&last=x');
});

test('what is no route is none', () => {
  for (const url of [
    '/v2/a',
    '/v2/a/b',
    '/v2//manifests/x',
    '/v2/manifests/x',
    '/v2/a/b/tags/other',
    '/v2/a/uploads/x',
  ]) {
    assert.equal(matchUrl(url), undefined, url);
  }
});
