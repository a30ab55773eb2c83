/**
 * The projection on SQLite, seen from the main thread: one thread writes `search.db`, a small pool of threads answers
 * questions. This thread only passes messages; what waits here is bounded.
 */
import { Worker } from 'node:worker_threads';
import type { StepHook } from '../db/steps.ts';
import type { Db } from '../db/store.ts';
import { AppError } from '../domain/error.ts';
import {
  type AnswerOf,
  beingRebuilt,
  givenUp,
  type Projection,
  projectionLimits,
  type QuestionName,
  type QuestionOf,
  type Run,
  tooManyQuestions,
} from './projection.ts';
import type { ProjectorData, ProjectorNews, ProjectorOrder } from './projector-worker.ts';
import { type QuestionTexts, questionTexts } from './question.ts';
import type { SearchState } from './search-source.ts';
import type { SearcherData, SearcherNews, SearcherOrder } from './search-worker.ts';

export type SqliteProjectionParts = {
  db: Db;
  logPath: string;
  searchPath: string;
  searchers: number;
  eventsPerCounting: number;
  /** Only tests have one. */
  hook?: StepHook | undefined;
  /** What a thread that searches runs, and how long the first that broke is away; only tests have others. */
  searcherModule?: URL;
  retryMs?: number;
};

type Asked = {
  number: number;
  name: QuestionName;
  question: QuestionTexts;
  resolve: (answer: never) => void;
  reject: (error: unknown) => void;
};
/** Waits until events were taken out or projected anew. */
type Changing = { resolve: () => void; reject: (error: Error) => void };
type Searcher = { thread: Worker; cancelled: Int32Array; asked: Asked | undefined; exited: Promise<unknown> };

export class SqliteProjection implements Projection {
  readonly #parts: SqliteProjectionParts;
  #projector: Worker;
  #projectorExited: Promise<unknown>;
  readonly #searchers: Searcher[];
  readonly #listeners = new Set<() => void>();
  readonly #waiting: Asked[] = [];
  #state: SearchState = { next: 0, generation: 0, words: null };
  #failure: string | undefined;
  /** Told to the projector, and when it will next be. */
  #head = 0;
  #telling: NodeJS.Timeout | undefined;
  #asked = 0;
  readonly #changing = new Map<number, Changing>();
  #changes = 0;
  /** Threads that may still read a file that is to be removed, and the number of the last order to let go of it. */
  readonly #holding = new Set<Searcher>();
  #reopens = 0;
  /** Nobody may open the file now. */
  #isUnfit = false;
  /** Starts of the projector since it last came on, and in all. */
  #failedStarts = 0;
  #restarts = 0;
  #restarting: NodeJS.Timeout | undefined;
  /** The same for searchers: since one last answered, and why the last one broke. */
  #failedSearchers = 0;
  #searcherFailure: string | undefined;
  readonly #replacing = new Set<NodeJS.Timeout>();
  #stopListening: () => void = () => {};
  #closed = false;

  private constructor(parts: SqliteProjectionParts, projector: Worker) {
    this.#parts = parts;
    this.#projector = projector;
    this.#projectorExited = exited(projector);
    this.#searchers = Array.from({ length: parts.searchers }, () => this.#startSearcher());
  }

  /** Resolves when `search.db` exists and belongs to the log; it may still be far behind. */
  static async open(parts: SqliteProjectionParts): Promise<SqliteProjection> {
    const projector = startProjector(parts, { isFirst: true });
    const first = await new Promise<ProjectorNews>((resolve, reject) => {
      projector.once('message', resolve);
      projector.once('error', reject);
    });
    const projection = new SqliteProjection(parts, projector);
    projection.#hear(first);
    projection.#listenTo(projector);
    projection.#stopListening = parts.db.onHead((head) => projection.#grown(head));
    projection.#grown(await parts.db.head());
    return projection;
  }

  projected(): number {
    return this.#state.next;
  }

  failure(): string | undefined {
    return this.#failure ?? (this.#searchers.length === 0 ? this.#searcherFailure : undefined);
  }

  onProjected(listener: () => void): () => void {
    this.#listeners.add(listener);
    // Somebody waits for what is committed now.
    if (this.#telling !== undefined) this.#tell();
    return () => this.#listeners.delete(listener);
  }

  ask<N extends QuestionName>(name: N, question: QuestionOf<N>, signal?: AbortSignal): Promise<AnswerOf<N>> {
    if (this.#closed || signal?.aborted) return Promise.reject(givenUp());
    if (this.#waiting.length >= projectionLimits.waitingQuestions) return Promise.reject(tooManyQuestions());
    if (this.#isMute()) return Promise.reject(nobodySearches());
    if (this.#isUnfit) return Promise.reject(beingRebuilt());
    return new Promise<AnswerOf<N>>((resolve, reject) => {
      // Numbers wrap: they are told apart from the one question a thread has, no more.
      this.#asked = (this.#asked + 1) % 0x7fffffff;
      const cancel = (): void => this.#cancel(asked);
      // A tail asks again and again with one signal.
      const settled = (): void => signal?.removeEventListener('abort', cancel);
      const asked: Asked = {
        number: this.#asked,
        name,
        question: questionTexts(question),
        resolve: (answer) => {
          settled();
          resolve(answer);
        },
        reject: (error) => {
          settled();
          reject(error);
        },
      };
      signal?.addEventListener('abort', cancel, { once: true });
      this.#waiting.push(asked);
      this.#hand();
    });
  }

  forget(runs: readonly Run[]): Promise<void> {
    return this.#change((number) => ({ number, forget: runs }));
  }

  reproject(indexes: readonly number[]): Promise<void> {
    return this.#change((number) => ({ number, reproject: indexes }));
  }

  restarts(): number {
    return this.#restarts;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stopListening();
    clearTimeout(this.#telling);
    clearTimeout(this.#restarting);
    for (const timer of this.#replacing) clearTimeout(timer);
    this.#telling = undefined;
    for (const asked of this.#waiting.splice(0)) asked.reject(givenUp());
    this.#order({ end: true });
    for (const searcher of this.#searchers) {
      if (searcher.asked) Atomics.store(searcher.cancelled, 0, searcher.asked.number);
      searcher.thread.postMessage({ end: true } satisfies SearcherOrder);
    }
    await Promise.all([this.#projectorExited, ...this.#searchers.map((searcher) => searcher.exited)]);
  }

  /** Commits come by the thousand a second: the thread is told of many at once, and so projects many in one batch. */
  #grown(head: number): void {
    this.#head = head;
    this.#telling ??= setTimeout(() => this.#tell(), projectionLimits.gatherMs);
  }

  #tell(): void {
    clearTimeout(this.#telling);
    this.#telling = undefined;
    this.#order({ head: this.#head });
  }

  #order(order: ProjectorOrder): void {
    this.#projector.postMessage(order);
  }

  #change(order: (number: number) => ProjectorOrder): Promise<void> {
    if (this.#closed || this.#restarting !== undefined) return Promise.reject(beingRebuilt());
    return new Promise((resolve, reject) => {
      const number = ++this.#changes;
      this.#changing.set(number, { resolve, reject });
      this.#order(order(number));
    });
  }

  #listenTo(projector: Worker): void {
    projector.on('message', (news: ProjectorNews) => this.#hear(news));
    projector.on('error', (error) => this.#restart(error));
  }

  /**
   * The thread broke, with what it did not commit. Another one goes on where the file stands; when each one breaks, the lag
   * grows until writers are held up, and operators read why.
   */
  #restart(error: unknown): void {
    this.#failure = error instanceof Error ? error.message : String(error);
    for (const { reject } of this.#changing.values()) reject(beingRebuilt());
    this.#changing.clear();
    if (this.#closed || this.#failedStarts >= projectionLimits.restarts) return;
    const waitMs = this.#retryMs * 2 ** this.#failedStarts++;
    this.#restarting = setTimeout(() => {
      this.#restarting = undefined;
      this.#restarts++;
      this.#projector = startProjector(this.#parts, { isFirst: false });
      this.#projectorExited = exited(this.#projector);
      this.#listenTo(this.#projector);
      this.#order({ head: this.#head });
    }, waitMs).unref();
  }

  #hear(news: ProjectorNews): void {
    if ('done' in news) {
      const changing = this.#changing.get(news.done);
      this.#changing.delete(news.done);
      this.#reopen();
      if (news.error === undefined) changing?.resolve();
      else changing?.reject(new Error(news.error));
      return;
    }
    if ('unfit' in news) {
      this.#isUnfit = true;
      // They were asked of what is no more.
      for (const asked of this.#waiting.splice(0)) asked.reject(beingRebuilt());
      for (const searcher of this.#searchers) this.#holding.add(searcher);
      this.#reopen();
      this.#tellWhenLetGo();
      return;
    }
    this.#failure = 'failed' in news ? news.failed : undefined;
    if ('failed' in news) return;
    const { next } = this.#state;
    this.#state = news.state;
    if (news.state.next > next) this.#failedStarts = 0;
    this.#isUnfit = false;
    for (const listener of this.#listeners) listener();
  }

  /** Searchers let go of the file, and remember nothing of what was there before. */
  #reopen(): void {
    const reopen = ++this.#reopens;
    for (const { thread } of this.#searchers) thread.postMessage({ reopen } satisfies SearcherOrder);
  }

  #tellWhenLetGo(): void {
    if (this.#isUnfit && this.#holding.size === 0) this.#order({ letGo: true });
  }

  #startSearcher(): Searcher {
    const shared = new SharedArrayBuffer(4);
    const data: SearcherData = {
      logPath: this.#parts.logPath,
      searchPath: this.#parts.searchPath,
      cancelled: shared,
    };
    const module = this.#parts.searcherModule ?? new URL('./search-worker.ts', import.meta.url);
    const thread = new Worker(module, { workerData: data });
    const searcher: Searcher = {
      thread,
      cancelled: new Int32Array(shared),
      asked: undefined,
      exited: exited(thread),
    };
    thread.on('message', (news: SearcherNews) => this.#answer(searcher, news));
    thread.on('error', (error) => this.#replace(searcher, error));
    return searcher;
  }

  /** Hands the oldest question to a thread that has none. */
  #hand(): void {
    const free = this.#searchers.find((searcher) => searcher.asked === undefined);
    const asked = free && this.#waiting.shift();
    if (!free || !asked) return;
    free.asked = asked;
    const { number, name, question } = asked;
    free.thread.postMessage({ number, name, ...question, state: this.#state } satisfies SearcherOrder);
  }

  #answer(searcher: Searcher, news: SearcherNews): void {
    if ('reopened' in news) {
      if (news.reopened === this.#reopens) this.#holding.delete(searcher);
      this.#tellWhenLetGo();
      return;
    }
    const { asked } = searcher;
    searcher.asked = undefined;
    this.#failedSearchers = 0;
    this.#searcherFailure = undefined;
    this.#hand();
    if (!asked) return;
    if ('answer' in news) {
      asked.resolve(news.answer as never);
    } else if ('refused' in news) {
      const { code, message, reason, details, retryAfterSeconds } = news.refused;
      asked.reject(
        new AppError(code, message, {
          details,
          ...(reason && { reason }),
          ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
        }),
      );
    } else {
      if (news.failed.torn) this.#order({ rebuild: true });
      asked.reject(
        news.failed.torn
          ? beingRebuilt()
          : Object.assign(new Error(news.failed.message), { stack: news.failed.stack }),
      );
    }
  }

  #cancel(asked: Asked): void {
    const at = this.#waiting.indexOf(asked);
    if (at >= 0) this.#waiting.splice(at, 1);
    const working = this.#searchers.find((searcher) => searcher.asked === asked);
    if (working) Atomics.store(working.cancelled, 0, asked.number);
    asked.reject(givenUp());
  }

  /**
   * A thread that broke (out of memory, or it cannot be loaded) takes its question with it. Another one is started after a
   * while, longer each time; when none of them comes to answer, questions are refused and operators read why.
   */
  #replace(broken: Searcher, error: unknown): void {
    broken.asked?.reject(error);
    this.#searchers.splice(this.#searchers.indexOf(broken), 1);
    if (this.#holding.delete(broken)) this.#tellWhenLetGo();
    if (this.#closed) return;
    this.#searcherFailure = `a thread that searches broke: ${error instanceof Error ? error.message : String(error)}`;
    if (this.#failedSearchers >= projectionLimits.restarts) {
      if (this.#isMute()) for (const asked of this.#waiting.splice(0)) asked.reject(nobodySearches());
      return;
    }
    const waitMs = this.#retryMs * 2 ** this.#failedSearchers++;
    const timer = setTimeout(() => {
      this.#replacing.delete(timer);
      this.#searchers.push(this.#startSearcher());
      this.#hand();
    }, waitMs).unref();
    this.#replacing.add(timer);
  }

  /** Whether no thread searches, and none will. */
  #isMute(): boolean {
    return this.#searchers.length === 0 && this.#replacing.size === 0;
  }

  get #retryMs(): number {
    return this.#parts.retryMs ?? projectionLimits.retryMs;
  }
}

function startProjector(
  { logPath, searchPath, eventsPerCounting, hook }: SqliteProjectionParts,
  { isFirst }: Pick<ProjectorData, 'isFirst'>,
): Worker {
  const data: ProjectorData = { logPath, searchPath, eventsPerCounting, isFirst, hook };
  // A batch is some megabytes of short-lived objects: with the default they would be moved twice before they die.
  return new Worker(new URL('./projector-worker.ts', import.meta.url), {
    workerData: data,
    resourceLimits: { maxYoungGenerationSizeMb: 64 },
  });
}

function exited(thread: Worker): Promise<unknown> {
  return new Promise((resolve) => thread.once('exit', resolve));
}

function nobodySearches(): AppError {
  return new AppError(
    'unavailable',
    'The trail cannot be searched: no thread that searches can be started. Events are still recorded. The server’s log and readiness say why; an administrator must restart it.',
    { reason: 'unavailable', retryAfterSeconds: 60 },
  );
}
