/** The console's files: what is served, how long it may be kept, and that nothing else can be reached. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import fastify from 'fastify';
import { createTempFolder } from '../../../tests/support/temp-folder.ts';
import { AppError } from '../domain/error.ts';
import { statusOf } from '../http/problem.ts';
import { consoleFiles } from './console-files.ts';

async function serve(folder: string) {
  const app = fastify();
  app.setErrorHandler((error, _request, reply) =>
    reply.code(error instanceof AppError ? statusOf[error.code] : 500).send(),
  );
  await app.register(consoleFiles({ folder }));
  return app;
}

async function build() {
  const folder = await createTempFolder('console');
  const dist = folder.join('dist');
  await mkdir(folder.join('dist', 'assets'), { recursive: true });
  await writeFile(folder.join('dist', 'index.html'), '<!doctype html><title>Tallyman</title>');
  await writeFile(folder.join('dist', 'assets', 'index-Ab12.js'), 'export {};');
  await writeFile(folder.join('dist', 'favicon.svg'), '<svg/>');
  await writeFile(folder.join('secret.txt'), 'outside');
  return { dist, folder };
}

describe('the console’s files', () => {
  it('serves the page for every place the console has, and files by name', async () => {
    const { dist, folder } = await build();
    await using _folder = folder;
    const app = await serve(dist);
    for (const path of [
      '/',
      '/index.html',
      '/sign-in',
      '/organisations/acme/events',
      '/projects/container/acme%2Fapp.v1',
      '/projects/container/acme%2Fapp.v1/tags/v1.0.0',
      '/organisations/acme.io',
      '/organisations/acme.io/members',
      '/namespaces/ada.js/trail',
    ]) {
      const page = await app.inject(path);
      assert.deepEqual(
        [page.statusCode, page.headers['content-type']],
        [200, 'text/html; charset=utf-8'],
        path,
      );
      assert.equal(page.headers['cache-control'], 'no-cache');
      const policy = String(page.headers['content-security-policy']);
      assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/);
      assert.match(policy, /frame-ancestors 'none'/);
      assert.doesNotMatch(policy, /unsafe/);
      assert.equal(page.headers['x-content-type-options'], 'nosniff');
    }
    const script = await app.inject('/assets/index-Ab12.js');
    assert.equal(script.headers['cache-control'], 'public, max-age=31536000, immutable');
    assert.equal(script.headers['content-type'], 'text/javascript; charset=utf-8');
    const again = await app.inject({
      url: '/',
      headers: { 'if-none-match': String((await app.inject('/')).headers.etag) },
    });
    assert.deepEqual([again.statusCode, again.payload], [304, '']);
    const zipped = await app.inject({ url: '/', headers: { 'accept-encoding': 'gzip' } });
    assert.equal(gunzipSync(zipped.rawPayload).toString(), '<!doctype html><title>Tallyman</title>');
    await app.close();
  });

  it('gives nothing of what is not part of the build', async () => {
    const { dist, folder } = await build();
    await using _folder = folder;
    const app = await serve(dist);
    const paths = [
      '/../secret.txt',
      '/%2e%2e/secret.txt',
      '/..%2fsecret.txt',
      '/assets/../../secret.txt',
      '/assets/%2e%2e%2f%2e%2e%2fsecret.txt',
      '/assets/missing.js',
      '/api/v1/nothing',
      '/v2/nothing',
      '/log/checkpoint',
      '/assets/',
      '/favicon.ico',
      '/%00.txt',
      '/missing.css',
      '/missing.png/more',
    ];
    for (const path of paths) {
      const answer = await app.inject(path);
      assert.ok(!answer.payload.includes('outside'), path);
      assert.equal(answer.statusCode, 404, path);
    }
    for (const headers of [{ accept: 'application/json' }, { accept: '*/*', 'sec-fetch-dest': 'image' }])
      assert.equal((await app.inject({ url: '/page', headers })).statusCode, 404);
    await app.close();
  });

  it('says how to build it when it is not built', async () => {
    await using folder = await createTempFolder('console');
    const app = await serve(folder.join('dist'));
    const answer = await app.inject('/');
    assert.deepEqual([answer.statusCode, answer.headers['content-type']], [503, 'text/plain; charset=utf-8']);
    assert.match(answer.payload, /not built/);
    assert.equal((await app.inject('/api/v1/nothing')).statusCode, 404);
    await app.close();
  });
});
