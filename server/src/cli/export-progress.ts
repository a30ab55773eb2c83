/** What a person who waits for an export is told, on standard error: how much came, and how much of the log was gone through. */
import { Transform, type TransformCallback } from 'node:stream';
import type { Clock } from '../stdx/clock.ts';

export type ProgressParts = {
  /** The export holds what is below this index. */
  until: number | undefined;
  /** How many events come, where the server knows. */
  total: number | undefined;
  tell: (line: string) => void;
  clock: Pick<Clock, 'nowMs'>;
};

const everyMs = 1_000;

/** Passes everything on as it is. */
export class ExportProgress extends Transform {
  readonly #parts: ProgressParts;
  #bytes = 0;
  #events = 0;
  #index = 0;
  #toldMs: number;
  /** The end of a line that is not whole yet. */
  #rest = '';

  constructor(parts: ProgressParts) {
    super();
    this.#parts = parts;
    this.#toldMs = parts.clock.nowMs();
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#bytes += chunk.length;
    this.#look(chunk);
    if (this.#parts.clock.nowMs() - this.#toldMs >= everyMs) {
      this.#toldMs = this.#parts.clock.nowMs();
      this.#parts.tell(this.line());
    }
    done(null, chunk);
  }

  line(): string {
    const { until, total } = this.#parts;
    const size = `${(this.#bytes / 1e6).toFixed(1)} MB`;
    const count = total === undefined ? `${this.#events} events` : `${this.#events} of ${total} events`;
    const share =
      until === undefined || until === 0
        ? ''
        : `, ${Math.floor((100 * (this.#index + 1)) / until)} % of the log`;
    return `${count}, ${size}${share}`;
  }

  /** Each event's line begins with its index: `{"index":7,…` or `7,…`. A line that a CSV cell holds does so hardly ever. */
  #look(chunk: Buffer): void {
    const lines = (this.#rest + chunk.toString('latin1')).split('\n');
    this.#rest = (lines.pop() ?? '').slice(0, longestHead);
    for (const line of lines) {
      const index = indexOfLine(line);
      if (index === undefined) continue;
      this.#events++;
      this.#index = index;
    }
  }
}

const longestHead = 40;

/** The index a line of an export begins with. */
export function indexOfLine(line: string): number | undefined {
  const found = /^(?:\{"index":)?(\d{1,16}),/.exec(line)?.[1];
  return found === undefined ? undefined : Number(found);
}
