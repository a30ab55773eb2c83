/** The audit trail over HTTP: pages, exports, the live tail, one event, and the catalogue for filters. */
import { Readable } from 'node:stream';
import {
  bundleMediaType,
  declarationOf,
  type EventQuery,
  type EventTypeInfo,
  eventTypes,
  exportTotalHeader,
  exportUntilHeader,
  leftOutHeader,
} from '@tallyman/contract';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../domain/caller.ts';
import { AppError, invalid } from '../domain/error.ts';
import { surfaceOf } from '../http/presented.ts';
import type { Identity } from '../identity/identity.ts';
import type { ExportFormat } from '../trail/export-format.ts';
import { openBundle } from '../trail/log/bundle.ts';
import type { Log } from '../trail/log/log.ts';
import type { Search } from '../trail/search.ts';
import type { TailItem } from '../trail/tail.ts';
import { type ApiCall, type ApiHandlers, sent } from './call.ts';
import { type ReaderParts, readerOf, windowOf } from './reader.ts';

export type EventParts = ReaderParts & {
  search: Pick<
    Search,
    | 'searchText'
    | 'histogram'
    | 'facets'
    | 'getEvent'
    | 'exportEvents'
    | 'getEvidence'
    | 'exportEvidence'
    | 'tail'
  >;
  eventLog: Log;
  identity: Pick<Identity, 'authenticate'>;
};

export const streamLimits = {
  /** Tails and exports under way at once, of everybody and of one principal. */
  streams: 500,
  streamsPerPrincipal: 10,
} as const;

export function eventHandlers(
  parts: EventParts,
): ApiHandlers<`events.${'list' | 'histogram' | 'facets' | 'tail' | 'types' | 'get' | 'proof'}`> {
  const streams = new Streams();
  const types = eventTypes.map(typeInfo);
  return {
    'events.list': async (call) => {
      const format = call.query.export ?? exportFormat(call.request);
      if (format === 'bundle') {
        refuseParts(call.query);
        return sendBundle(parts, streams, call);
      }
      if (format !== undefined) return sendExport(parts, streams, call, format);
      refuseParts(call.query);
      const { question, reader } = await ask(parts, call);
      const page = await parts.search.searchText(question, reader, whenClosed(call));
      void call.reply.code(200).type('application/json; charset=utf-8').send(page);
      return sent;
    },
    'events.histogram': async (call) => {
      const { by, interval, ...query } = call.query;
      const { question, reader } = await ask(parts, { ...call, query });
      return parts.search.histogram({ ...question, by, interval }, reader, whenClosed(call));
    },
    'events.facets': async (call) => {
      const { facet: facets = ['type', 'outcome', 'reason'], values, ...query } = call.query;
      const { question, reader } = await ask(parts, { ...call, query });
      return parts.search.facets({ ...question, facets, values }, reader, whenClosed(call));
    },
    'events.tail': async (call) => sendTail(parts, streams, call),
    'events.types': async () => ({ items: types, next: null }),
    'events.get': async ({ caller, params }) =>
      parts.search.getEvent(params.event, await readerOf(parts, caller)),
    'events.proof': async (call) => sendProof(parts, streams, call),
  };
}

type Asking = Pick<ApiCall<'events.list'>, 'caller' | 'visit'> & {
  query: Omit<EventQuery, 'limit'> & { limit?: number; export?: unknown; after?: unknown; until?: unknown };
};

async function ask(parts: EventParts, { caller, visit, query }: Asking) {
  const { view: kind, cursor, limit, export: _format, after: _after, until: _until, ...filter } = query;
  const reader = await readerOf(parts, caller);
  const window = await windowOf(parts, { kind, filter, reader, visit });
  return { reader, question: { ...window, cursor, ...(limit !== undefined && { limit }) } };
}

function refuseParts(query: ApiCall<'events.list'>['query']): void {
  for (const field of ['after', 'until'] as const)
    if (query[field] !== undefined)
      throw invalid(field, `"${field}" is for exports as NDJSON or CSV. Pages go on by "cursor".`);
}

function exportFormat({ headers }: Pick<FastifyRequest, 'headers'>): ExportFormat | 'bundle' | undefined {
  const accept = headers.accept ?? '';
  if (accept.includes(bundleMediaType)) return 'bundle';
  if (accept.includes('application/x-ndjson')) return 'ndjson';
  return accept.includes('text/csv') ? 'csv' : undefined;
}

async function sendExport(
  parts: EventParts,
  streams: Streams,
  call: ApiCall<'events.list'>,
  format: ExportFormat,
): Promise<typeof sent> {
  const { reply, query } = call;
  if (query.cursor !== undefined) throw invalid('cursor', 'An export has no pages: leave "cursor" out.');
  const { question, reader } = await ask(parts, call);
  using place = streams.take(call.caller);
  const wanted = { ...question, after: query.after, until: query.until };
  const { pieces, until, total } = await parts.search.exportEvents(wanted, reader, format, whenClosed(call));
  reply.header(exportUntilHeader, String(until));
  if (total !== undefined) reply.header(exportTotalHeader, String(total));
  const type = format === 'csv' ? 'text/csv; charset=utf-8' : 'application/x-ndjson';
  reply.header('content-disposition', `attachment; filename="tallyman-events.${format}"`).type(type);
  return stream(reply, pieces, place);
}

async function sendBundle(
  parts: EventParts,
  streams: Streams,
  call: ApiCall<'events.list'>,
): Promise<typeof sent> {
  const { reply, query } = call;
  if (query.cursor !== undefined) throw invalid('cursor', 'An export has no pages: leave "cursor" out.');
  const { question, reader } = await ask(parts, call);
  using place = streams.take(call.caller);
  const evidence = await parts.search.exportEvidence(question, reader, whenClosed(call));
  const pieces = await openBundle(parts.eventLog, evidence);
  reply.header(leftOutHeader, evidence.hidden);
  reply.header('content-disposition', 'attachment; filename="tallyman-events.bundle"').type(bundleMediaType);
  return stream(reply, pieces, place);
}

/** A bundle of one event. */
async function sendProof(
  parts: EventParts,
  streams: Streams,
  { reply, caller, params }: ApiCall<'events.proof'>,
): Promise<typeof sent> {
  using place = streams.take(caller);
  const entry = await parts.search.getEvidence(params.event, await readerOf(parts, caller));
  const source = { indexes: [entry.index], read: async () => [entry] };
  const pieces = await openBundle(parts.eventLog, source);
  const name = `event-${params.event}.bundle`;
  reply.header('content-disposition', `attachment; filename="${name}"`).type(bundleMediaType);
  return stream(reply, pieces, place);
}

/** Server-sent events (HTML §9.2). Each id is a cursor, so a browser that comes back goes on where it was. */
async function sendTail(
  parts: EventParts,
  streams: Streams,
  call: ApiCall<'events.tail'>,
): Promise<typeof sent> {
  const { request, reply, caller, visit } = call;
  const last = request.headers['last-event-id'];
  const query = { ...call.query, ...(typeof last === 'string' && last !== '' && { cursor: last }) };
  const { question } = await ask(parts, { caller, visit, query });
  using place = streams.take(caller);
  const items = await parts.search.tail(question, () => readAgain(parts, call), { signal: whenClosed(call) });
  reply.header('x-accel-buffering', 'no').type('text/event-stream');
  return stream(reply, messages(items), place);
}

/** Asked before each reading: whoever was disabled, revoked or lost the scope gets nothing more. */
async function readAgain(parts: EventParts, { request, caller }: ApiCall<'events.tail'>) {
  const context = {
    surface: surfaceOf(request.presented),
    request: request.facts,
    source: request.source,
    attempted: { action: 'events.tail' },
  };
  const still = await parts.identity.authenticate(request.presented, context).catch((error: unknown) => {
    if (error instanceof AppError && error.code === 'unauthenticated') return undefined;
    throw error;
  });
  if (still?.actor.id !== caller.actor.id || still === undefined) return undefined;
  return readerOf(parts, still);
}

async function* messages(items: AsyncIterable<TailItem>): AsyncGenerator<string> {
  yield 'retry: 3000\n\n';
  for await (const item of items) {
    const data = 'event' in item ? `event: event\ndata: ${JSON.stringify(item.event)}\n` : '';
    yield `id: ${item.cursor}\n${data}\n`;
  }
}

function stream(reply: FastifyReply, pieces: AsyncIterable<string>, place: Place): typeof sent {
  const body = Readable.from(pieces);
  place.keepUntil(body);
  void reply.code(200).send(body);
  return sent;
}

/** Aborts when the client is gone or the server stops. */
function whenClosed({ reply, closing }: Pick<ApiCall<'events.list'>, 'reply' | 'closing'>): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  return AbortSignal.any([gone.signal, closing]);
}

type Place = { keepUntil(body: Readable): void } & Disposable;

/** Bounds what stays open for long. */
class Streams {
  readonly #open = new Map<string, number>();
  #all = 0;

  /** Given back when disposed, unless it is kept until a body has ended. */
  take(caller: Caller): Place {
    const who = caller.actor.id ?? caller.source;
    const own = this.#open.get(who) ?? 0;
    if (own >= streamLimits.streamsPerPrincipal || this.#all >= streamLimits.streams) {
      throw new AppError(
        'rate_limited',
        'Too many exports and tails are open. Close some, or try again later.',
        {
          reason: 'rate_limited',
          retryAfterSeconds: 10,
        },
      );
    }
    this.#open.set(who, own + 1);
    this.#all++;
    let kept = false;
    const giveBack = (): void => {
      this.#all--;
      const left = (this.#open.get(who) ?? 1) - 1;
      if (left > 0) this.#open.set(who, left);
      else this.#open.delete(who);
    };
    return {
      keepUntil: (body) => {
        kept = true;
        body.once('close', giveBack);
      },
      [Symbol.dispose]: () => {
        if (!kept) giveBack();
      },
    };
  }
}

function typeInfo(type: (typeof eventTypes)[number]): EventTypeInfo {
  const { title, sentence, description, severity, reasons, group } = declarationOf(type);
  return {
    type,
    family: type.slice(0, type.indexOf('.')),
    title,
    sentence,
    description,
    severity,
    outcomes: reasons.length === 0 ? ['success'] : ['denied', 'failed'],
    reasons: [...reasons],
    group: group ?? null,
  };
}
