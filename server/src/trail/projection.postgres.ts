/** The projection on PostgreSQL: an asynchronous loop follows the log, and questions are statements on the pool. */
import type { Db } from '../db/store.ts';
import { answers } from './answer.ts';
import type { StoredEvent } from './projected-row.ts';
import {
  type AnswerOf,
  givenUp,
  type Projection,
  projectionLimits,
  type QuestionName,
  type QuestionOf,
  type Run,
  tooManyQuestions,
} from './projection.ts';
import { belongs, eventsPerBatch, freshState, projectStretch } from './projector.ts';
import { QuestionReader, questionTexts } from './question.ts';
import { PostgresSink, type SinkOptions } from './search-sink.postgres.ts';
import { NamesLeft } from './search-sink.ts';
import { postgresSource } from './search-source.postgres.ts';
import type { SearchSource } from './search-source.ts';
import { Words } from './select.ts';
import { ShownTexts } from './shown-texts.ts';
import { stretchSql } from './stretch.ts';

/** A stretch of the log that was read before it was wanted. */
type Ahead = { from: number; to: number; events: Promise<StoredEvent[]> };

export class PostgresProjection implements Projection {
  readonly #db: Db;
  readonly #sink: PostgresSink;
  readonly #source: SearchSource;
  readonly #words = new Words();
  readonly #shown = new ShownTexts();
  readonly #questions = new QuestionReader();
  readonly #listeners = new Set<() => void>();
  readonly #waiting: (() => void)[] = [];
  #asking = 0;
  #projected = 0;
  #lastWord = 0;
  /** Another one after names were forgotten: what is remembered of words is then asked anew. */
  #generation = 0;
  #failure: string | undefined;
  #head = 0;
  #running: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #ahead: Ahead | undefined;
  /** The sink has one writer: what is written next waits for it. */
  #written: Promise<unknown> = Promise.resolve();
  #stopListening: () => void = () => {};
  #closed = false;

  private constructor(db: Db, options: SinkOptions) {
    this.#db = db;
    this.#sink = new PostgresSink(db, options);
    const state = () => ({
      next: this.#projected,
      generation: this.#generation,
      words: this.#lastWord,
    });
    this.#source = postgresSource(db.read, state);
  }

  static async open(db: Db, options: SinkOptions): Promise<PostgresProjection> {
    const projection = new PostgresProjection(db, options);
    await projection.#recover();
    projection.#stopListening = db.onHead((head) => projection.#follow(head));
    projection.#follow(await db.head());
    return projection;
  }

  /** A projection of another version, or of another log, is made anew. */
  async #recover(): Promise<void> {
    const found = { state: await this.#sink.state(), last: await this.#sink.last() };
    const [at] = found.last ? await this.#source.events([found.last.idx]) : [];
    if (found.state && belongs(found, { head: await this.#db.head(), lastBody: at?.body }))
      this.#projected = found.state.next;
    else await this.#sink.begin(freshState());
    this.#lastWord = await this.#sink.lastWord();
  }

  projected(): number {
    return this.#projected;
  }

  failure(): string | undefined {
    return this.#failure;
  }

  /** The loop cannot break: it is tried again for as long as the server runs. */
  restarts(): number {
    return 0;
  }

  onProjected(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async ask<N extends QuestionName>(
    name: N,
    question: QuestionOf<N>,
    signal?: AbortSignal,
  ): Promise<AnswerOf<N>> {
    await this.#turn();
    try {
      const requireWanted = (): void => {
        if (signal?.aborted || this.#closed) throw givenUp();
      };
      requireWanted();
      const answer = answers[name] as (work: unknown, asked: unknown) => Promise<unknown>;
      return (await answer(
        { source: this.#source, words: this.#words, shown: this.#shown, requireWanted },
        this.#questions.read(questionTexts(question)),
      )) as AnswerOf<N>;
    } finally {
      this.#asking--;
      this.#waiting.shift()?.();
    }
  }

  async forget(runs: readonly Run[]): Promise<void> {
    const left = new NamesLeft();
    const most = projectionLimits.eventsPerForgetting;
    for (const { first, last } of runs)
      for (let low = first; low <= last; low += most)
        await this.#write(() =>
          this.#sink.forget({ first: low, last: Math.min(last, low + most - 1) }, left),
        );
    await this.#write(() => this.#sink.forgetNames(left));
    this.#generation++;
  }

  async reproject(indexes: readonly number[]): Promise<void> {
    const left = new NamesLeft();
    for (let at = 0; at < indexes.length; at += projectionLimits.eventsPerForgetting) {
      const some = indexes.slice(at, at + projectionLimits.eventsPerForgetting);
      await this.#write(async () => this.#sink.exchange(await this.#source.events(some), left));
    }
    await this.#write(() => this.#sink.forgetNames(left));
    this.#generation++;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stopListening();
    clearTimeout(this.#retry);
    await this.#running;
    await this.#written;
    await this.#ahead?.events.catch(() => {});
  }

  /** One after another. What was read ahead may hold what is being forgotten. */
  async #write(work: () => Promise<void>): Promise<void> {
    const mine = this.#written.then(() => {
      if (this.#closed) throw givenUp();
      this.#ahead = undefined;
      return work();
    });
    this.#written = mine.catch(() => {});
    await mine;
  }

  /** Resolves when the caller may use a connection; it then counts as one that does. */
  async #turn(): Promise<void> {
    if (this.#asking >= projectionLimits.connections) {
      if (this.#waiting.length >= projectionLimits.waitingQuestions) throw tooManyQuestions();
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#asking++;
  }

  #follow(head: number): void {
    this.#head = Math.max(head, this.#head);
    if (this.#closed || this.#running !== undefined) return;
    clearTimeout(this.#retry);
    this.#running = this.#catchUp()
      .catch((error: Error) => {
        this.#failure = error.message;
        // The database is away: the lag grows, the gate tells writers, and this is tried again.
        if (!this.#closed)
          this.#retry = setTimeout(() => this.#follow(this.#head), projectionLimits.retryMs).unref();
      })
      .finally(() => {
        this.#running = undefined;
      });
  }

  async #catchUp(): Promise<void> {
    while (this.#projected < this.#head && !this.#closed) {
      const step = this.#written.then(() => this.#step());
      this.#written = step.catch(() => {});
      await step;
      this.#failure = undefined;
      for (const listener of this.#listeners) listener();
    }
  }

  /** While the database stores one batch, the next is read. */
  async #step(): Promise<void> {
    const { events, to } = this.#stretchFrom(this.#projected);
    this.#ahead = undefined;
    const { rows, next } = projectStretch(await events, to, eventsPerBatch);
    if (next < this.#head) this.#ahead = this.#stretchFrom(next);
    await this.#sink.write(rows, next);
    this.#lastWord = await this.#sink.lastWord();
    this.#projected = next;
  }

  #stretchFrom(from: number): Ahead {
    if (this.#ahead?.from === from) return this.#ahead;
    const to = this.#head;
    const events = this.#source.rows<StoredEvent>(stretchSql({ low: from, high: to, most: eventsPerBatch }));
    // Looked at when it is its turn.
    events.catch(() => {});
    return { from, to, events };
  }
}
