/** The live tail: reads on from an index whenever the projection has moved. */
import type { EventFilter, ShownEvent } from '@tallyman/contract';
import { AppError } from '../domain/error.ts';
import { formatCursor, parseCursor } from './cursor.ts';
import type { AnswerOf, Projection, QuestionOf } from './projection.ts';
import type { ReaderRights, View } from './reader.ts';

/** `cursor` goes on after this item; a heartbeat tells that the connection lives and how far it was read. */
export type TailItem = { cursor: string; event: ShownEvent } | { cursor: string; heartbeat: true };

export type TailOptions = {
  signal?: AbortSignal;
  /** Longest silence. */
  heartbeatMs?: number;
};

type Tail = {
  projection: Projection;
  /** Where a tail without a cursor begins. */
  head: number;
  view: View;
  filter: EventFilter;
  /** The question's text, to which cursors are bound. */
  text: string;
  cursor: string | undefined;
  reader: () => Promise<ReaderRights | undefined>;
};

const eventsPerReading = 200;
const defaultHeartbeatMs = 15_000;
const retryMs = 500;

export function tailEvents(tail: Tail, options: TailOptions): AsyncIterable<TailItem> {
  const place = tail.cursor === undefined ? undefined : parseCursor(tail.cursor, tail.text);
  // A cursor of older events begins with the event it stands on: none is left out between the two.
  const low = place === undefined ? tail.head : place.index + (place.direction === 'newer' ? 1 : 0);
  return follow(tail, low, options);
}

async function* follow(
  tail: Tail,
  from: number,
  { signal, heartbeatMs = defaultHeartbeatMs }: TailOptions,
): AsyncGenerator<TailItem> {
  const { projection, view } = tail;
  // The closing event of a refusal comes later than the refusal: it is an item of its own, with its cause.
  const filter: EventFilter = { ...tail.filter, repeats: 'rows' };
  const cursorAfter = (index: number): string => formatCursor({ direction: 'newer', index }, tail.text);
  const silence = startSilence(heartbeatMs);
  try {
    for (let low = from; ; ) {
      const reader = await tail.reader();
      if (!reader || signal?.aborted) return;
      const high = projection.projected();
      const question = { view, reader, filter, low, high, limit: eventsPerReading };
      const read = high > low && (await readOrLater(projection, question, signal));
      if (read) {
        for (const event of read.events) yield { cursor: cursorAfter(event.index), event };
        low = read.next;
        if (read.events.length > 0) silence.broken();
      } else {
        await moved(projection, Math.max(low, high), { signal, waitMs: high > low ? retryMs : heartbeatMs });
      }
      if (!silence.isLong() || signal?.aborted) continue;
      yield { cursor: cursorAfter(low - 1), heartbeat: true };
      silence.broken();
    }
  } finally {
    silence.end();
  }
}

/** Undefined when it cannot be read now: too many questions wait, the projection is being made anew, nobody listens. */
async function readOrLater(
  projection: Projection,
  question: QuestionOf<'stretch'>,
  signal: AbortSignal | undefined,
): Promise<AnswerOf<'stretch'> | undefined> {
  try {
    return await projection.ask('stretch', question, signal);
  } catch (error) {
    if (error instanceof AppError && error.code === 'unavailable') return undefined;
    throw error;
  }
}

/** Much may happen that the tail does not show, so silence is timed by itself. */
function startSilence(longMs: number): { isLong(): boolean; broken(): void; end(): void } {
  let long = false;
  const start = (): NodeJS.Timeout =>
    setTimeout(() => {
      long = true;
    }, longMs).unref();
  let timer = start();
  return {
    isLong: () => long,
    broken: () => {
      clearTimeout(timer);
      long = false;
      timer = start();
    },
    end: () => clearTimeout(timer),
  };
}

/** Whether the projection passed `low` within the time. */
function moved(
  projection: Projection,
  low: number,
  { signal, waitMs }: { signal: AbortSignal | undefined; waitMs: number },
): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      stop();
      signal?.removeEventListener('abort', end);
      resolve(signal?.aborted === true || projection.projected() > low);
    };
    const timer = setTimeout(end, waitMs);
    const stop = projection.onProjected(() => projection.projected() > low && end());
    signal?.addEventListener('abort', end, { once: true });
    if (signal?.aborted) end();
  });
}
