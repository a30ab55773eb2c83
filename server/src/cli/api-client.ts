/** Asks a server over the management API, typed by the contract's table, and turns its problems back into errors. */
import {
  type ApiBody,
  type ApiParams,
  type ApiQuery,
  type ApiResponse,
  type ApiRouteId,
  apiRoute,
} from '@tallyman/contract';
import type { ClientSettings } from '../config/client.ts';
import { AppError, type ErrorCode, errorCodes } from '../domain/error.ts';
import type { Secret } from '../stdx/secret.ts';
import { UsageError } from './exit.ts';

export type Ask<Id extends ApiRouteId> = {
  params?: ApiParams<Id>;
  query?: ApiQuery<Id>;
  body?: ApiBody<Id>;
  accept?: string;
  headers?: Readonly<Record<string, string>>;
  signal?: AbortSignal;
};

const defaultUrl = 'http://127.0.0.1:8080';

export class ApiClient {
  readonly #origin: string;
  readonly #token: Secret;

  /** A flag wins over the environment. */
  constructor(settings: ClientSettings, urlFlag?: string) {
    const url = urlFlag ?? settings.url ?? defaultUrl;
    if (!URL.canParse(url) || !/^https?:/.test(url))
      throw new UsageError('The server must be an http or https URL, in TALLYMAN_URL or --url.');
    if (settings.token === undefined) {
      throw new AppError(
        'unauthenticated',
        'Set TALLYMAN_TOKEN to an access token. The console makes them under your account, "Tokens".',
      );
    }
    this.#origin = new URL(url).origin;
    this.#token = settings.token;
  }

  /** The parsed answer. */
  async ask<Id extends ApiRouteId>(id: Id, ask: Ask<Id> = {}): Promise<ApiResponse<Id>> {
    const response = await this.open(id, { accept: 'application/json', ...ask });
    return (response.status === 204 ? undefined : await response.json()) as ApiResponse<Id>;
  }

  /** An answer that is read as it comes. Throws what the server says when it is no success. */
  async open<Id extends ApiRouteId>(id: Id, ask: Ask<Id>): Promise<Response> {
    const { method } = apiRoute(id);
    const url =
      this.#origin + pathOf(id, ask.params as Words | undefined) + queryOf(ask.query as Query | undefined);
    const request: RequestInit = {
      method,
      redirect: 'error',
      headers: {
        authorization: `Bearer ${this.#token.reveal()}`,
        accept: ask.accept ?? 'application/json',
        ...(ask.body !== undefined && { 'content-type': 'application/json' }),
        ...ask.headers,
      },
      ...(ask.body !== undefined && { body: JSON.stringify(ask.body) }),
      ...(ask.signal !== undefined && { signal: ask.signal }),
    };
    const response = await fetch(url, request).catch((cause: unknown) => {
      throw unreachable(this.#origin, cause);
    });
    if (!response.ok) throw await problemOf(response);
    return response;
  }
}

type Words = Readonly<Record<string, string>>;
type Query = Readonly<Record<string, string | number | readonly string[] | undefined>>;

function pathOf(id: ApiRouteId, params: Words = {}): string {
  return apiRoute(id).path.replace(/\{(\w+)\}/g, (_whole, name: string) =>
    encodeURIComponent(params[name] ?? ''),
  );
}

function queryOf(query: Query = {}): string {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value])
      if (one !== undefined) words.append(name, String(one));
  }
  return words.size === 0 ? '' : `?${words}`;
}

export function unreachable(origin: string, cause: unknown): AppError {
  const inner = (cause as { cause?: { code?: string; message?: string } }).cause;
  const why = inner?.code ?? inner?.message ?? (cause instanceof Error ? cause.message : 'unknown');
  return new AppError(
    'unavailable',
    `${origin} cannot be reached (${why}). Is it running, and is TALLYMAN_URL right?`,
    { cause },
  );
}

/** Bounded: an answer that is no problem of ours may be a page of some proxy. */
async function problemOf(response: Response): Promise<AppError> {
  const problem: unknown = await response.json().catch(() => undefined);
  const { code, detail, requestId } = (problem ?? {}) as {
    code?: string;
    detail?: string;
    requestId?: string;
  };
  const known = errorCodes.find((one) => one === code);
  if (known === undefined || detail === undefined) {
    return new AppError(
      codeOfStatus(response.status),
      `The answer was ${response.status} and is not from Tallyman. Is TALLYMAN_URL right?`,
    );
  }
  return new AppError(known, requestId === undefined ? detail : `${detail} (request ${requestId})`);
}

function codeOfStatus(status: number): ErrorCode {
  if (status === 401) return 'unauthenticated';
  if (status === 403) return 'forbidden';
  return status >= 500 ? 'unavailable' : 'invalid';
}
