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
  tooManyQuestions,
} from './projection.ts';
import { belongs, freshState, projectStretch, selectStretch } from './projector.ts';
import { PostgresSink } from './search-sink.postgres.ts';
import { postgresSource } from './search-source.postgres.ts';
import type { SearchSource } from './search-source.ts';
import { Words } from './select.ts';

export class PostgresProjection implements Projection {
  readonly #db: Db;
  readonly #sink: PostgresSink;
  readonly #source: SearchSource;
  readonly #words = new Words();
  readonly #listeners = new Set<() => void>();
  readonly #waiting: (() => void)[] = [];
  #asking = 0;
  #projected = 0;
  #failure: string | undefined;
  #head = 0;
  #running: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #stopListening: () => void = () => {};
  #closed = false;

  private constructor(db: Db) {
    this.#db = db;
    this.#sink = new PostgresSink(db);
    this.#source = postgresSource(db.read);
  }

  static async open(db: Db): Promise<PostgresProjection> {
    const projection = new PostgresProjection(db);
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
  }

  projected(): number {
    return this.#projected;
  }

  failure(): string | undefined {
    return this.#failure;
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
        { source: this.#source, words: this.#words, requireWanted },
        question,
      )) as AnswerOf<N>;
    } finally {
      this.#asking--;
      this.#waiting.shift()?.();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stopListening();
    clearTimeout(this.#retry);
    await this.#running;
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
      const head = this.#head;
      const events = await this.#source.rows<StoredEvent>({
        text: selectStretch,
        params: [this.#projected, head],
      });
      const { rows, next } = projectStretch(events, head);
      await this.#sink.write(rows, next);
      this.#projected = next;
      this.#failure = undefined;
      for (const listener of this.#listeners) listener();
    }
  }
}
