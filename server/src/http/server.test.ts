import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { get as httpsGet } from 'node:https';
import { after, before, describe, it } from 'node:test';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import { createTempFolder, type TempFolder } from '../../../tests/support/temp-folder.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { AppError, FatalError } from '../domain/error.ts';
import { systemClock } from '../stdx/clock.ts';
import { Secret } from '../stdx/secret.ts';
import { addHealthRoutes, createReadiness } from './health.ts';
import { exchange, type Running, runHttp, smallLimits } from './http-server.fixture.ts';
import { createLog } from './log.ts';
import { addMetricsRoute, HttpMetrics } from './metrics.ts';
import { createHttpServer } from './server.ts';

describe('the HTTP server', () => {
  let running: Running;
  before(async () => {
    running = await runHttp((app) => {
      app.get('/echo/:name', async (request) => ({
        facts: request.facts,
        source: request.source,
        presented: request.presented.kind,
      }));
      app.get('/conflict', async () => {
        throw new AppError('conflict', 'It is taken.', { reason: 'conflict', details: { field: 'name' } });
      });
      app.get('/busy', async () => {
        throw new AppError('rate_limited', 'Slow down.', { retryAfterSeconds: 7 });
      });
      app.get('/closed', async () => {
        throw new AppError('unauthenticated', 'Sign in.');
      });
      app.get('/broken', async () => {
        throw new Error('the secret of alice is hunter2');
      });
      app.get('/fatal', async () => {
        throw new FatalError('the disk lied');
      });
    });
  });
  after(() => running.http.stop());

  it('gives each request an id, its facts and who presented what', async () => {
    const response = await fetch(`${running.url}/echo/x?q=1`, {
      headers: { 'x-forwarded-for': '1.2.3.4', 'x-request-id': 'mine', authorization: 'Bearer t' },
    });
    const { facts, source, presented } = (await response.json()) as {
      facts: Record<string, unknown>;
      source: string;
      presented: string;
    };
    assert.equal(response.headers.get('x-request-id'), facts.id);
    assert.deepEqual(
      { ...facts, id: '', userAgent: '' },
      { id: '', ip: '127.0.0.1', method: 'GET', protocol: 'http', route: '/echo/:name', userAgent: '' },
    );
    assert.deepEqual([source, presented], ['127.0.0.1', 'bearer']);
  });

  it('sends security headers with every answer', async () => {
    for (const path of ['/echo/x', '/nowhere', '/broken']) {
      const { headers } = await fetch(running.url + path);
      assert.equal(headers.get('x-content-type-options'), 'nosniff', path);
      assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'/, path);
    }
  });

  it('answers errors as problem+json with a status of their code', async () => {
    const response = await fetch(`${running.url}/conflict`);
    assert.equal(response.status, 409);
    assert.match(response.headers.get('content-type') ?? '', /^application\/problem\+json/);
    assert.deepEqual(await response.json(), {
      type: 'urn:tallyman:error:conflict',
      title: 'The present state does not allow it',
      status: 409,
      detail: 'It is taken.',
      code: 'conflict',
      reason: 'conflict',
      field: 'name',
      requestId: response.headers.get('x-request-id'),
    });
    assert.equal((await fetch(`${running.url}/busy`)).headers.get('retry-after'), '7');
    const closed = await fetch(`${running.url}/closed`);
    assert.deepEqual(
      [closed.status, closed.headers.get('www-authenticate')],
      [401, 'Bearer realm="tallyman"'],
    );
    const missing = await fetch(`${running.url}/nowhere`, { method: 'POST', body: 'x' });
    assert.deepEqual([missing.status, ((await missing.json()) as { code: string }).code], [404, 'not_found']);
  });

  it('gives an id for what it did not expect, and the whole of it to the log only', async () => {
    const response = await fetch(`${running.url}/broken`);
    const text = await response.text();
    const id = response.headers.get('x-request-id') ?? '';
    assert.equal(response.status, 500);
    assert.doesNotMatch(text, /hunter2/);
    assert.match(text, new RegExp(id.slice(-8)));
    const line = running.lines.find((entry) => entry.requestId === id && entry.msg === 'request failed');
    assert.match(JSON.stringify(line), /hunter2/);
  });

  it('reports that the durable state is unknown', async () => {
    assert.equal((await fetch(`${running.url}/fatal`)).status, 503);
    assert.deepEqual(
      running.fatal.map(({ message }) => message),
      ['the disk lied'],
    );
  });

  it('logs no path, name or address', async () => {
    await fetch(`${running.url}/echo/alice-private?token=hunter3`);
    assert.doesNotMatch(JSON.stringify(running.lines), /alice-private|hunter3|127\.0\.0\.1|user-agent/);
  });
});

describe('stop', () => {
  it('lets requests under way finish and accepts nothing new', async () => {
    const gate = Promise.withResolvers<void>();
    const entered = Promise.withResolvers<void>();
    const running = await runHttp((app) => {
      app.get('/slow', async () => {
        entered.resolve();
        await gate.promise;
        return { done: true };
      });
    });
    const answer = fetch(`${running.url}/slow`);
    await entered.promise;
    const stopped = running.http.stop();
    await waitFor('new connections to be refused', () =>
      fetch(`${running.url}/slow`).then(
        () => false,
        () => true,
      ),
    );
    gate.resolve();
    assert.deepEqual(await (await answer).json(), { done: true });
    await stopped;
  });

  it('cuts what does not finish before the deadline', async () => {
    const entered = Promise.withResolvers<void>();
    const running = await runHttp(
      (app) => {
        app.get('/never', () => {
          entered.resolve();
          return new Promise(() => undefined);
        });
      },
      { limits: { ...smallLimits, stopSeconds: 0.05 } },
    );
    const answer = fetch(`${running.url}/never`);
    await entered.promise;
    await Promise.all([running.http.stop(), assert.rejects(answer)]);
  });
});

describe('health', () => {
  it('says alive always, and ready only while every probe passes', async () => {
    let works = true;
    let probed = 0;
    const told: string[] = [];
    const readiness = createReadiness({
      clock: { nowUs: () => 0, nowMs: () => probed * 10_000 },
      tell: (check) => void told.push(check),
      probes: {
        steady: async () => undefined,
        shaky: async () => {
          probed++;
          if (!works) throw new Error('down');
        },
      },
    });
    const running = await runHttp((app) => addHealthRoutes(app, readiness));
    const ask = async (path: string) => {
      const response = await fetch(running.url + path);
      return [response.status, await response.json()];
    };
    assert.deepEqual(await ask('/readyz'), [200, { status: 'ready', checks: { steady: 'ok', shaky: 'ok' } }]);
    works = false;
    probed++;
    assert.deepEqual(await ask('/readyz'), [
      503,
      { status: 'not ready', checks: { steady: 'ok', shaky: 'failed' } },
    ]);
    assert.deepEqual(await ask('/healthz'), [200, { status: 'ok' }]);
    const before = probed;
    await Promise.all([ask('/readyz'), ask('/readyz'), ask('/readyz')]);
    assert.equal(probed, before, 'a second question within a second is answered from the first');
    assert.deepEqual(told, ['shaky']);
    await running.http.stop();
  });
});

describe('metrics', () => {
  const start = (token: Secret | undefined) => {
    const metrics = new HttpMetrics();
    return runHttp((app) => addMetricsRoute(app, { registry: metrics.registry, token }), { metrics });
  };

  it('are for this machine alone, and not for a proxy on it', async () => {
    const running = await start(undefined);
    await fetch(`${running.url}/some/private/path`);
    const text = await (await fetch(`${running.url}/metrics`)).text();
    assert.match(text, /tallyman_http_requests_total\{method="GET",route="none",status="404"\} 1/);
    assert.match(text, /process_cpu_seconds_total/);
    assert.doesNotMatch(text, /private/);
    for (const header of ['x-forwarded-for', 'forwarded', 'via']) {
      assert.equal(
        (await fetch(`${running.url}/metrics`, { headers: { [header]: 'x' } })).status,
        403,
        header,
      );
    }
    await running.http.stop();
  });

  it('are for the bearer of the token when there is one', async () => {
    const running = await start(new Secret('0123456789abcdef'));
    const ask = async (authorization?: string) =>
      (
        await fetch(`${running.url}/metrics`, {
          headers: authorization === undefined ? {} : { authorization },
        })
      ).status;
    assert.equal(await ask(), 401);
    assert.equal(await ask('Bearer 0123456789abcdee'), 401);
    assert.equal(await ask('Bearer 0123456789abcdef'), 200);
    await running.http.stop();
  });
});

describe('TLS', () => {
  let folder: TempFolder;
  before(async () => {
    folder = await createTempFolder('tls');
  });
  after(() => folder[Symbol.asyncDispose]());

  function makeCertificate(name: string): void {
    const files = ['-keyout', folder.join('key.pem'), '-out', folder.join('cert.pem')];
    const what = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        ...files,
        ...what,
      ],
      { stdio: 'ignore' },
    );
  }

  async function nameOf(port: number): Promise<string> {
    const socket: TLSSocket = tlsConnect({ port, host: '127.0.0.1', rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    const name = String(socket.getPeerCertificate().subject.CN);
    socket.destroy();
    return name;
  }

  it('serves HTTPS only, and takes a new certificate without a restart', async () => {
    makeCertificate('first.example');
    const tls = { certPath: folder.join('cert.pem'), keyPath: folder.join('key.pem') };
    const running = await runHttp((app) => void app.get('/x', async () => 'ok'), { tls });
    const [response] = await once(
      httpsGet(`https://127.0.0.1:${running.port}/x`, { rejectUnauthorized: false, agent: false }),
      'response',
    );
    assert.equal(response.statusCode, 200);
    assert.match(response.headers['strict-transport-security'], /max-age/);
    response.resume();
    assert.equal(await exchange(running.port, 'GET /x HTTP/1.1\r\nhost: x\r\n\r\n'), '');
    assert.equal(await nameOf(running.port), 'first.example');
    makeCertificate('second.example');
    running.http.reload();
    assert.equal(await nameOf(running.port), 'second.example');
    await running.http.stop();
  });

  it('does not start with a certificate that is not there', () => {
    assert.throws(
      () =>
        createHttpServer({
          clock: systemClock(),
          log: createLog({ level: 'fatal' }),
          metrics: new HttpMetrics(),
          limits: smallLimits,
          trustedProxies: [],
          logAll: false,
          onFatal: () => undefined,
          tls: { certPath: folder.join('none.pem'), keyPath: folder.join('none.pem') },
        }),
      /ENOENT/,
    );
  });
});
