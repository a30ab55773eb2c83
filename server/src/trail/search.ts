/**
 * The trail's reading side: search, one event, export, live tail. Who may see what is decided here and nowhere else, by
 * the catalogue's audiences and the reader's rights; the caller says who reads and through which view.
 *
 * Everything is read from the projection, which follows the log; a search waits until it has passed everything committed
 * when it arrived, for at most a second, and else says how far its answer is complete.
 */
import {
  type EventFacets,
  type EventFilter,
  type EventHistogram,
  type EventPage,
  type FacetName,
  maxBuckets,
  type ShownEvent,
} from '@tallyman/contract';
import type { DatabaseLocation } from '../db/open.ts';
import { loadSteps, type StepHook } from '../db/steps.ts';
import type { Db } from '../db/store.ts';
import { AppError, invalid } from '../domain/error.ts';
import { type Clock, formatUs } from '../stdx/clock.ts';
import { questionText } from './answer.ts';
import { readsAsStaff } from './audience.ts';
import type { EvidenceEntry } from './evidence.ts';
import { type ExportFormat, formatHead } from './export-format.ts';
import { checkFilter } from './filter.ts';
import { uuidBytes } from './projected-row.ts';
import { PostgresProjection } from './projection.postgres.ts';
import { SqliteProjection } from './projection.sqlite.ts';
import type { AnswerOf, Projection, QuestionOf, Run } from './projection.ts';
import type { Question } from './question.ts';
import { type Reader, type ReaderRights, scopeOfView, type View } from './reader.ts';
import { Readings } from './readings.ts';
import { eventsPerCounting, grainUs } from './rollup.ts';
import { type TailItem, type TailOptions, tailEvents } from './tail.ts';
import type { Trail } from './trail.ts';

export type SearchParts = {
  db: Db;
  location: DatabaseLocation;
  clock: Clock;
  trail: Pick<Trail, 'read'>;
  limits?: Partial<SearchLimits>;
  /** Only tests have one: it is told of each durable step. */
  hook?: StepHook | undefined;
};

export type SearchLimits = {
  /** How long a search waits for the projection. */
  waitMs: number;
  /** The same for an export, which must be whole. */
  exportWaitMs: number;
  /** From so many events behind on, each write waits for the projection, but no longer than `paceMs`. */
  pacedBehind: number;
  paceMs: number;
  /** From so many on it waits for `gateMs`, and is refused then. */
  mostBehind: number;
  gateMs: number;
  /** Threads that search, on SQLite. */
  searchers: number;
  exportPageSize: number;
  /** Most events in one bundle: their indexes are held in memory. */
  evidenceEvents: number;
  /** Events gathered before they are counted (rollup.ts). */
  eventsPerCounting: number;
};

const defaults: SearchLimits = {
  waitMs: 1_000,
  exportWaitMs: 30_000,
  // Under two seconds of what a small machine projects.
  pacedBehind: 30_000,
  paceMs: 250,
  mostBehind: 500_000,
  gateMs: 5_000,
  searchers: 2,
  exportPageSize: 500,
  evidenceEvents: 100_000,
  eventsPerCounting,
};

export type SearchQuery = { view: View; filter: EventFilter; cursor?: string | undefined; limit?: number };

/** What a bundle is made of: indexes of matching events, ascending, and how to read them. */
export type EvidenceExport = {
  indexes: readonly number[];
  /** How many matched whose body says more than the reader may know: they are left out. */
  hidden: number;
  /** In the order asked for; rejects when one of them is not there any more. */
  read(indexes: readonly number[]): Promise<EvidenceEntry[]>;
};

/** `after`, `until`: the part of an export that is missing; see the contract. */
export type ExportQuery = {
  view: View;
  filter: EventFilter;
  after?: number | undefined;
  until?: number | undefined;
};
/** `total`: how many events come, where that is known; what is recorded at that moment may be counted in. */
export type EventExport = { pieces: AsyncIterable<string>; until: number; total: number | undefined };

export type HistogramQuery = { view: View; filter: EventFilter } & Pick<EventHistogram, 'by' | 'interval'>;
export type FacetsQuery = { view: View; filter: EventFilter; facets: readonly FacetName[]; values: number };

const maxFilterText = 2_000;

export class Search {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #trail: Pick<Trail, 'read'>;
  readonly #projection: Projection;
  readonly #limits: SearchLimits;
  /** It was once as near as writers need not wait for. */
  #hasFollowed = false;
  readonly #readings: Readings;
  #head = 0;
  readonly #closing = new AbortController();
  readonly #stopListening: () => void;

  private constructor(parts: SearchParts, projection: Projection, head: number) {
    this.#db = parts.db;
    this.#clock = parts.clock;
    this.#readings = new Readings(parts.clock);
    this.#trail = parts.trail;
    this.#projection = projection;
    this.#limits = { ...defaults, ...parts.limits };
    this.#head = head;
    this.#stopListening = parts.db.onHead((grown) => {
      this.#head = grown;
    });
    parts.db.setGate(() => this.#gate());
  }

  /** On SQLite the projection is `search.db` beside the main file. Resolves before it has caught up. */
  static async open(parts: SearchParts): Promise<Search> {
    const { db, location, hook } = parts;
    const { searchers, eventsPerCounting } = { ...defaults, ...parts.limits };
    const projection =
      location.engine === 'sqlite'
        ? await SqliteProjection.open({
            db,
            logPath: location.path,
            searchPath: searchPathOf(location.path),
            searchers,
            eventsPerCounting,
            hook,
          })
        : await PostgresProjection.open(db, { eventsPerCounting, atStep: await loadSteps(hook) });
    return new Search(parts, projection, await db.head());
  }

  /** Why the projection does not come on, when it does not: for /readyz and operators. */
  failure(): string | undefined {
    return this.#projection.failure();
  }

  /** Events committed and not yet to be found. */
  lag(): number {
    return Math.max(0, this.#head - this.#projection.projected());
  }

  /** How often a projector that broke was started again, for metrics. */
  restarts(): number {
    return this.#projection.restarts();
  }

  /** For retention and erasure, after the log itself has forgotten: see projection.ts. */
  forget(runs: readonly Run[]): Promise<void> {
    return this.#projection.forget(runs);
  }

  reproject(indexes: readonly number[]): Promise<void> {
    return this.#projection.reproject(indexes);
  }

  /** One page, newest first. Throws `invalid` naming the field, `forbidden` for a view that is not the reader's. */
  async search(query: SearchQuery, reader: Reader, signal?: AbortSignal): Promise<EventPage> {
    return JSON.parse(await this.searchText(query, reader, signal)) as EventPage;
  }

  /** The same as JSON, for who only passes it on. */
  async searchText(
    { view, filter, cursor, limit = 50 }: SearchQuery,
    reader: Reader,
    signal?: AbortSignal,
  ): Promise<string> {
    const completeTo = await this.#settle(this.#limits.waitMs);
    const page = await this.#projection.ask(
      'page',
      { view, reader: rightsAlone(reader), filter, cursor, limit },
      signal,
    );
    if (readsAsStaff(view, reader)) await this.#recordReading(view, reader, questionText(view, filter));
    return completeTo === undefined ? page : `${page.slice(0, -1)},"completeTo":${completeTo}}`;
  }

  /** How many events a list with the same filter has, by hour or day. Throws as `search` does. */
  async histogram(
    { view, filter, by, interval }: HistogramQuery,
    reader: Reader,
    signal?: AbortSignal,
  ): Promise<EventHistogram> {
    const within = withBegin(filter, interval, this.#clock.nowUs());
    const question = { view, reader: rightsAlone(reader), filter: within, by, interval };
    return this.#count('histogram', question, { asked: filter, reader, signal });
  }

  /** Which values the events of a list with the same filter have, and how often. Throws as `search` does. */
  async facets(
    { view, filter, facets, values }: FacetsQuery,
    reader: Reader,
    signal?: AbortSignal,
  ): Promise<EventFacets> {
    const question = { view, reader: rightsAlone(reader), filter, facets, values };
    return this.#count('facets', question, { asked: filter, reader, signal });
  }

  async #count<N extends 'histogram' | 'facets'>(
    name: N,
    question: QuestionOf<N>,
    { asked, reader, signal }: { asked: EventFilter; reader: Reader; signal: AbortSignal | undefined },
  ): Promise<AnswerOf<N>> {
    requireView(question.view, reader);
    const completeTo = await this.#settle(this.#limits.waitMs);
    const counts = await this.#projection.ask(name, question, signal);
    await this.#recordReading(question.view, reader, questionText(question.view, asked));
    return completeTo === undefined ? counts : { ...counts, completeTo };
  }

  /** Missing and hidden look the same: `not_found`. `view`: `administration` for staff, else `me` or what one asks within. */
  async getEvent(id: string, reader: Reader, view: View = viewOfOne(reader)): Promise<ShownEvent> {
    await this.#settle(this.#limits.waitMs);
    const known = uuidBytes(id) !== undefined;
    const event = known
      ? await this.#projection.ask('event', { id, view, reader: rightsAlone(reader) })
      : undefined;
    if (!event)
      throw new AppError('not_found', 'There is no such event, or it is not for you to read.', {
        details: { field: 'event' },
      });
    if (!concerns(event, reader)) await this.#recordReading(view, reader, JSON.stringify({ id }));
    return event;
  }

  /**
   * Those of the events that the reader may read, by id; missing and hidden look the same. For answers that tell who
   * brought about what they show. `text`: what was asked, where the reading itself is an event.
   */
  async findEvents(
    { ids, view, text }: { ids: Iterable<string>; view: View; text: string },
    reader: Reader,
  ): Promise<Map<string, ShownEvent>> {
    await this.#settle(this.#limits.waitMs);
    const found = new Map<string, ShownEvent>();
    for (const id of ids) {
      if (uuidBytes(id) === undefined) continue;
      const event = await this.#projection.ask('event', { id, view, reader: rightsAlone(reader) });
      if (event) found.set(id, event);
    }
    if ([...found.values()].some((event) => !concerns(event, reader)))
      await this.#recordReading(view, reader, text);
    return found;
  }

  /**
   * Every event that matches when it is called, oldest first, in pieces of text. The export is recorded before this
   * resolves. Each event is a row unless the filter asks for merged repeats.
   */
  async exportEvents(
    { view, filter, after, until: wanted }: ExportQuery,
    reader: Reader,
    format: ExportFormat,
    signal?: AbortSignal,
  ): Promise<EventExport> {
    checkFilter(filter);
    requireView(view, reader);
    const head = await this.#db.head();
    const until = wanted ?? head;
    if (until > head)
      throw invalid('until', `The log has only ${head} events: take "until" from the export that broke off.`);
    await this.#requireWhole();
    const question = { view, filter: { repeats: 'rows' as const, ...filter }, reader: rightsAlone(reader) };
    const low = after === undefined ? 0 : after + 1;
    const total = low === 0 && until === head ? await this.#totalOf(question, signal) : undefined;
    await this.#recordExport({ view, reader, format, text: questionText(view, filter) });
    return {
      until,
      total,
      pieces: this.#chunks({ ...question, format, low, high: until, signal }),
    };
  }

  /** How many events there are, when that is known without looking at all of them. */
  async #totalOf(question: Question, signal: AbortSignal | undefined): Promise<number | undefined> {
    const { facets } = await this.#projection.ask(
      'facets',
      { ...question, facets: ['outcome'], values: 10 },
      signal,
    );
    const [outcomes] = facets;
    if (!outcomes || outcomes.countedFrom !== undefined) return undefined;
    return outcomes.values.reduce((sum, { events }) => sum + events, 0);
  }

  /** One event as evidence. Throws as getEvent, and `forbidden` when its body says more than the reader may know. */
  async getEvidence(id: string, reader: Reader, view: View = viewOfOne(reader)): Promise<EvidenceEntry> {
    const { index } = await this.getEvent(id, reader, view);
    const question = { view, reader: rightsAlone(reader), indexes: [index] };
    const [evidence] = await this.#projection.ask('evidence', question);
    if (typeof evidence === 'object') return evidence;
    throw new AppError(
      'forbidden',
      'You may read this refusal, but not where it stands, and its public body tells that. Its project’s owner or an administrator can prove it.',
      { reason: 'not_permitted' },
    );
  }

  /**
   * Every event that matches when it is called and that the reader may have the body of, as exportEvents does. Throws
   * `invalid` when they are more than one bundle holds.
   */
  async exportEvidence(
    { view, filter }: SearchQuery,
    reader: Reader,
    signal?: AbortSignal,
  ): Promise<EvidenceExport> {
    checkFilter(filter);
    requireView(view, reader);
    const high = await this.#db.head();
    await this.#requireWhole();
    const asking = { view, reader: rightsAlone(reader) };
    const { indexes, hidden } = await this.#provable(
      { ...asking, filter: { ...filter, repeats: 'rows' } },
      high,
      signal,
    );
    await this.#recordExport({ view, reader, format: 'bundle', text: questionText(view, filter) });
    return {
      indexes,
      hidden,
      read: async (some) => {
        const read = await this.#projection.ask('evidence', { ...asking, indexes: some }, signal);
        const entries = read.filter((one) => typeof one === 'object');
        if (entries.length === some.length) return entries;
        throw new AppError('conflict', 'An event was dropped by retention while the bundle was made.');
      },
    };
  }

  async #provable(
    question: { view: View; reader: ReaderRights; filter: EventFilter },
    high: number,
    signal: AbortSignal | undefined,
  ): Promise<{ indexes: number[]; hidden: number }> {
    const { exportPageSize: limit, evidenceEvents } = this.#limits;
    const indexes: number[] = [];
    let hidden = 0;
    for (let low = 0; low < high; ) {
      const found = await this.#projection.ask('provable', { ...question, low, high, limit }, signal);
      for (const index of found.indexes) indexes.push(index);
      if (indexes.length > evidenceEvents)
        throw invalid(
          'export',
          `A bundle holds at most ${evidenceEvents} events. Narrow the search, with "from" and "to" for instance, and make several.`,
        );
      hidden += found.hidden;
      low = found.next;
    }
    return { indexes, hidden };
  }

  async *#chunks({
    format,
    low: from,
    high,
    signal,
    ...question
  }: Question & {
    format: ExportFormat;
    low: number;
    high: number;
    signal: AbortSignal | undefined;
  }): AsyncGenerator<string> {
    if (from === 0) yield formatHead(format);
    for (let low = from; low < high; ) {
      const chunk = await this.#projection.ask(
        'chunk',
        { ...question, format, low, high, limit: this.#limits.exportPageSize },
        signal,
      );
      if (chunk.text !== '') yield chunk.text;
      low = chunk.next;
    }
  }

  /**
   * Events after a cursor (`previous` of a page, or of another item of a tail; without one: from now on), oldest first,
   * without end: history and what comes are read in the same way, by index, so nothing is lost or doubled between them.
   * Nothing is buffered: who reads slowly is read for later. `reader` is asked again before each reading; when it gives
   * nobody, or one who may not read the view any more, the tail ends.
   */
  async tail(
    query: SearchQuery,
    reader: () => Promise<Reader | undefined>,
    options: TailOptions = {},
  ): Promise<AsyncIterable<TailItem>> {
    const { view, filter } = query;
    checkFilter(filter);
    const first = await reader();
    if (!first)
      throw new AppError('forbidden', 'You may not read these events any more.', { reason: 'not_permitted' });
    requireView(view, first);
    const text = questionText(view, filter);
    const tail = tailEvents(
      {
        projection: this.#projection,
        head: await this.#db.head(),
        view,
        filter,
        text,
        cursor: query.cursor,
        reader: async () => mayStill(view, await reader()),
      },
      {
        ...options,
        signal: AbortSignal.any([this.#closing.signal, ...(options.signal ? [options.signal] : [])]),
      },
    );
    if (view.kind !== 'me')
      await this.#readings.once(first.by, `tail ${text}`, () =>
        this.#recordExport({ view, reader: first, format: 'tail', text }),
      );
    return tail;
  }

  /** Ends tails, gives up what is under way and stops projecting. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#stopListening();
    this.#db.setGate(() => undefined);
    await this.#projection.close();
  }

  async #requireWhole(): Promise<void> {
    if ((await this.#settle(this.#limits.exportWaitMs)) === undefined) return;
    throw new AppError(
      'unavailable',
      'The search index is still being built, so an export would not be whole. Try again later.',
      { reason: 'unavailable', retryAfterSeconds: 30 },
    );
  }

  /** Waits for the projection; returns how far it has come when that was not far enough. */
  async #settle(waitMs: number): Promise<number | undefined> {
    const head = await this.#db.head();
    const there = await this.#until(() => this.#projection.projected() >= head, waitMs);
    return there ? undefined : this.#projection.projected();
  }

  /** Who writes faster than the projection follows is slowed to its pace; but not while it is first being built. */
  #gate(): Promise<void> | undefined {
    const { pacedBehind, paceMs, mostBehind } = this.#limits;
    const lag = this.lag();
    if (lag > mostBehind) return this.#held();
    if (lag <= pacedBehind) {
      this.#hasFollowed = true;
      return undefined;
    }
    return this.#hasFollowed
      ? this.#until(() => this.lag() <= pacedBehind, paceMs).then(() => {})
      : undefined;
  }

  async #held(): Promise<void> {
    if (await this.#until(() => this.lag() <= this.#limits.mostBehind, this.#limits.gateMs)) return;
    throw new AppError(
      'unavailable',
      'More happens than the search index can follow. Try again in a moment.',
      { reason: 'unavailable', retryAfterSeconds: 2 },
    );
  }

  #until(condition: () => boolean, waitMs: number): Promise<boolean> {
    if (condition()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const end = (reached: boolean): void => {
        clearTimeout(timer);
        stop();
        resolve(reached);
      };
      const timer = setTimeout(() => end(condition()), waitMs);
      const stop = this.#projection.onProjected(() => condition() && end(true));
    });
  }

  async #recordReading(view: View, reader: Reader, text: string): Promise<void> {
    if (!readsAsStaff(view, reader)) return;
    await this.#readings.once(reader.by, text, () =>
      this.#trail.read({
        type: 'trail.events.read',
        by: performerOf(reader),
        scope: scopeOfView(view),
        details: { view: view.kind === 'me' ? 'account' : view.kind, filter: cut(text) },
      }),
    );
  }

  async #recordExport({
    view,
    reader,
    format,
    text,
  }: {
    view: View;
    reader: Reader;
    format: ExportFormat | 'bundle' | 'tail';
    text: string;
  }): Promise<void> {
    await this.#trail.read({
      type: 'trail.events.export',
      by: performerOf(reader),
      scope: scopeOfView(view),
      details: { format, filter: cut(text) },
    });
  }
}

/** `data/tallyman.db` -> `data/search.db`. */
export function searchPathOf(logPath: string): string {
  return logPath.replace(/[^/]*$/, 'search.db');
}

/** A histogram begins somewhere: without `from`, some days or hours before its end. Throws `invalid` when it is too long. */
function withBegin(filter: EventFilter, interval: EventHistogram['interval'], nowUs: number): EventFilter {
  const { fromUs, toUs = nowUs } = checkFilter(filter);
  const us = grainUs[interval];
  if (fromUs === undefined) {
    const begin = Math.floor(toUs / us) * us - (bucketsByDefault[interval] - 1) * us;
    return { ...filter, from: formatUs(begin) };
  }
  if ((toUs - fromUs) / us > maxBuckets) {
    const other = interval === 'hour' ? 'Ask for days, or for less time.' : 'Ask for less time.';
    throw invalid('from', `A histogram has at most ${maxBuckets} ${interval}s. ${other}`);
  }
  return filter;
}

const bucketsByDefault = { hour: 48, day: 30 } as const;

function viewOfOne(reader: Reader): View {
  return reader.role === 'person' ? { kind: 'me' } : { kind: 'administration' };
}

function requireView(view: View, reader: ReaderRights): void {
  if (mayStill(view, reader)) return;
  throw new AppError(
    'forbidden',
    'Only administrators and auditors may read all events. Ask for those of your account, or of a namespace or project of yours.',
    { reason: 'not_permitted' },
  );
}

function mayStill(view: View, reader: ReaderRights | undefined): ReaderRights | undefined {
  return view.kind === 'administration' && reader?.role === 'person'
    ? undefined
    : reader && rightsAlone(reader);
}

/** Staff who look at what they themselves did use no right of their role. */
function concerns(event: ShownEvent, { principalId }: Reader): boolean {
  return principalId !== undefined && event.actor.proven && event.actor.id === principalId;
}

/** Only what rights depend on crosses to another thread; a caller may carry more. */
function rightsAlone(reader: ReaderRights): ReaderRights {
  const { role, principalId, accountId, owned, memberOf, ownedProjects, maintainedProjects } = reader;
  const { readableProjects } = reader;
  return {
    role,
    owned,
    memberOf,
    ownedProjects,
    maintainedProjects,
    ...(readableProjects && { readableProjects }),
    ...(principalId !== undefined && { principalId }),
    ...(accountId !== undefined && { accountId }),
  };
}

function performerOf({ by }: Reader): Reader['by'] {
  const { actor, onBehalfOf, credential, request } = by;
  return { actor, ...(onBehalfOf && { onBehalfOf }), credential, request };
}

function cut(text: string): string {
  return text.length > maxFilterText ? `${text.slice(0, maxFilterText)}…` : text;
}
