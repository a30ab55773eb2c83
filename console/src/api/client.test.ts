import { afterEach, describe, expect, test, vi } from 'vitest';
import { apiUrl, callApi, setCsrfToken } from './client.ts';
import { ApiError, NoAnswerError } from './problem.ts';

function answer(status: number, body: unknown, type = 'application/json', headers = {}) {
  const fetched = vi.fn(
    async (_url: string, _init: RequestInit) =>
      new Response(body === undefined ? null : JSON.stringify(body), {
        status,
        headers: { 'content-type': type, ...headers },
      }),
  );
  vi.stubGlobal('fetch', fetched);
  return fetched;
}

afterEach(() => {
  vi.unstubAllGlobals();
  setCsrfToken(undefined);
});

describe('the client', () => {
  test('makes an address of the row, each parameter one segment, each list repeated', () => {
    expect(apiUrl('projects.get', { params: { format: 'container', path: 'acme/app' } })).toBe(
      '/api/v1/projects/container/acme%2Fapp',
    );
    expect(apiUrl('events.list', { query: { type: ['a.', 'b.c'], text: 'x & y' } })).toBe(
      '/api/v1/events?type=a.&type=b.c&text=x+%26+y',
    );
  });

  test('sends the proof of origin with every change, and with nothing else', async () => {
    setCsrfToken('proof');
    const fetched = answer(200, { needed: false });
    await callApi('setup.get', {});
    const sent = () => new Headers(fetched.mock.lastCall?.[1].headers).get('x-tallyman-csrf');
    expect(sent()).toBeNull();
    const change = answer(204, undefined);
    await callApi('session.delete', {});
    expect(new Headers(change.mock.lastCall?.[1].headers).get('x-tallyman-csrf')).toBe('proof');
  });

  test('a refusal becomes an error that says what the server said', async () => {
    const problem = {
      type: 't',
      title: 'Too many',
      status: 429,
      detail: 'Wait.',
      code: 'rate_limited',
      requestId: 'r',
    };
    answer(429, problem, 'application/problem+json', { 'retry-after': '30' });
    const error = await callApi('me.get', {}).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ message: 'Wait.', retryAfterSeconds: 30, problem: { requestId: 'r' } });
  });

  test('an answer of another form, and no answer at all, are told apart from refusals', async () => {
    answer(200, { needed: 'perhaps' });
    await expect(callApi('setup.get', {})).rejects.toBeInstanceOf(NoAnswerError);
    vi.stubGlobal('fetch', async () => Promise.reject(new TypeError('refused')));
    await expect(callApi('setup.get', {})).rejects.toThrow('cannot be reached');
  });
});
