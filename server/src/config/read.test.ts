import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { createTempFolder } from '../../../tests/support/temp-folder.ts';
import { ConfigError } from './config.ts';
import { type Environment, readConfig } from './read.ts';

async function withFile<T>(yaml: string, then: (path: string) => T): Promise<T> {
  await using folder = await createTempFolder('config');
  const path = folder.join('tallyman.yaml');
  await writeFile(path, yaml);
  return then(path);
}

function problemsOf(env: Environment, file?: string): { key: string; source: string; message: string }[] {
  try {
    readConfig({ env, file });
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return [...error.problems];
  }
  return assert.fail('the configuration was accepted');
}

describe('readConfig', () => {
  it('needs nothing', () => {
    const config = readConfig({ env: {} });
    assert.equal(config.dataDir, resolve('data'));
    assert.equal(config.publicUrl, 'http://127.0.0.1:8080');
    assert.deepEqual(config.http, { host: '127.0.0.1', port: 8080, trustedProxies: [] });
    assert.deepEqual(config.database, { engine: 'sqlite', path: resolve('data/tallyman.db') });
    assert.equal(config.tls, undefined);
    assert.equal(config.firstAdmin, undefined);
    assert.equal(config.metricsToken, undefined);
    assert.equal(config.limits.headerBytes, 16_384);
  });

  it('lets the environment win over the file, and the file over defaults', async () => {
    const yaml =
      'http:\n  port: 9000\n  trusted_proxies: [10.0.0.1, "fd00::/8"]\nlimits:\n  body_bytes: 2MiB\n';
    const config = await withFile(yaml, (file) => readConfig({ env: { TALLYMAN_HTTP_PORT: '9001' }, file }));
    assert.equal(config.http.port, 9001);
    assert.deepEqual(config.http.trustedProxies, ['10.0.0.1', 'fd00::/8']);
    assert.equal(config.limits.bodyBytes, 2 * 1024 * 1024);
  });

  it('reads the file that TALLYMAN_CONFIG names, and says when it is not there', async () => {
    const read = await withFile('http: { port: 9000 }', (file) =>
      readConfig({ env: { TALLYMAN_CONFIG: file } }),
    );
    assert.equal(read.http.port, 9000);
    const [problem] = problemsOf({ TALLYMAN_CONFIG: '/nowhere/tallyman.yaml' });
    assert.match(problem?.message ?? '', /cannot be read/);
  });

  it('takes an empty variable for one that is not set', () => {
    assert.equal(readConfig({ env: { TALLYMAN_HTTP_PORT: '', TALLYMAN_DATABASE_URL: '' } }).http.port, 8080);
  });

  it('makes the public URL from what is served', () => {
    const url = (env: Environment): string => readConfig({ env }).publicUrl;
    assert.equal(url({ TALLYMAN_HTTP_HOST: '0.0.0.0', TALLYMAN_HTTP_PORT: '9000' }), 'http://localhost:9000');
    assert.equal(url({ TALLYMAN_HTTP_HOST: '::1' }), 'http://[::1]:8080');
    const tls = { TALLYMAN_TLS_CERT: 'c.pem', TALLYMAN_TLS_KEY: 'k.pem' };
    assert.equal(url({ ...tls, TALLYMAN_HTTP_PORT: '443' }), 'https://127.0.0.1');
    assert.equal(url({ TALLYMAN_PUBLIC_URL: 'https://r.example.org/' }), 'https://r.example.org');
  });

  it('names the nearest key for one it does not know, with its source', async () => {
    assert.deepEqual(problemsOf({ TALLYMAN_HTTP_PROT: '1' }), [
      {
        key: 'TALLYMAN_HTTP_PROT',
        source: 'environment',
        message: 'is no configuration key; did you mean TALLYMAN_HTTP_PORT?',
      },
    ]);
    const found = await withFile('htpp: {}\nhttp:\n  prot: 1\nlog: loud\n', (file) =>
      problemsOf({}, file).map(({ key, message }) => [key, message]),
    );
    assert.deepEqual(found, [
      ['http.prot', 'is no configuration key; did you mean http.port?'],
      ['log', 'must be a section with keys below it'],
    ]);
    const section = await withFile('htpp: 3\n', (file) => problemsOf({}, file));
    assert.equal(section[0]?.message, 'is no configuration key; did you mean http?');
  });

  it('tells every problem at once, and never a value', () => {
    const env = {
      TALLYMAN_HTTP_PORT: 'hunter2',
      TALLYMAN_HTTP_TRUSTED_PROXIES: '10.0.0.1,nonsense',
      TALLYMAN_METRICS_TOKEN: 'short',
      TALLYMAN_LIMITS_BODY_BYTES: '1 elephant',
      TALLYMAN_LOG_LEVEL: 'loud',
    };
    const problems = problemsOf(env);
    assert.deepEqual(
      problems.map(({ source }) => source),
      ['TALLYMAN_HTTP_PORT', 'TALLYMAN_LOG_LEVEL', 'TALLYMAN_METRICS_TOKEN', 'TALLYMAN_LIMITS_BODY_BYTES'],
    );
    for (const { message } of problems) assert.doesNotMatch(message, /hunter2|short|elephant/);
  });

  it('refuses values that do not belong together', () => {
    const cases: [Environment, string][] = [
      [{ TALLYMAN_TLS_CERT: 'c.pem' }, 'tls.key'],
      [{ TALLYMAN_TLS_KEY: 'k.pem' }, 'tls.cert'],
      [{ TALLYMAN_ADMIN_USER: 'alice' }, 'admin.password'],
      [{ TALLYMAN_ADMIN_PASSWORD: 'secret' }, 'admin.user'],
      [{ TALLYMAN_PUBLIC_URL: 'registry.example.org' }, 'public.url'],
      [{ TALLYMAN_PUBLIC_URL: 'https://r.example.org/path' }, 'public.url'],
      [{ TALLYMAN_PUBLIC_URL: 'ftp://r.example.org' }, 'public.url'],
      [{ TALLYMAN_DATABASE_URL: 'mysql://x/y' }, 'database.url'],
      [{ TALLYMAN_BLOBS_URL: 'ftp://x/y' }, 'blobs.url'],
      [{ TALLYMAN_HTTP_TRUSTED_PROXIES: '10.0.0.1, nonsense' }, 'http.trusted_proxies'],
      [{ TALLYMAN_HTTP_PORT: '0' }, 'http.port'],
      [{ TALLYMAN_HTTP_PORT: '65536' }, 'http.port'],
    ];
    for (const [env, key] of cases)
      assert.deepEqual(
        problemsOf(env).map((problem) => problem.key),
        [key],
        JSON.stringify(env),
      );
  });

  it('refuses a file that is no YAML, or whose aliases would grow without end', async () => {
    for (const yaml of ['a: [', '- 1', 'a: &a [x]\nb: *a', 'just text', 'http: {port: 1}\nhttp: {port: 2}']) {
      const problems = await withFile(yaml, (file) => problemsOf({}, file));
      assert.equal(problems.length > 0, true, yaml);
    }
    const config = await withFile('', (file) => readConfig({ env: {}, file }));
    assert.equal(config.http.port, 8080);
  });

  it('never prints a secret', () => {
    const config = readConfig({
      env: {
        TALLYMAN_DATABASE_URL: 'postgres://u:hunter2@db/x',
        TALLYMAN_ADMIN_USER: 'alice',
        TALLYMAN_ADMIN_PASSWORD: 'hunter2',
        TALLYMAN_METRICS_TOKEN: 'hunter2hunter2hunter2',
      },
    });
    assert.doesNotMatch(JSON.stringify(config) + inspect(config, { depth: 9, showHidden: true }), /hunter2/);
    assert.equal(config.firstAdmin?.password.reveal(), 'hunter2');
  });
});
