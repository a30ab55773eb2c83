/**
 * Copies of checkpoints in places with rights of their own, by which a database that was rolled back is found out. Each
 * is written once, under its size: `<origin>/000/000/012/345/678`, so that the newest is found by looking at five short
 * folders. A place that is slow or away holds nothing up: only the newest checkpoint waits for it.
 */
import { openWriteOnce } from '../../blobs/open-write-once.ts';
import type { WriteOnce } from '../../blobs/write-once.ts';
import { AppError } from '../../domain/error.ts';

/** Digits of the largest size that can be written. */
const sizeDigits = 15;

export function copyName(origin: string, size: number): string {
  const groups = String(size).padStart(sizeDigits, '0').match(/\d{3}/g) as string[];
  return `${origin}/${groups.join('/')}`;
}

/** The newest copy of this log, whatever it says; undefined when there is none. */
export async function findNewestCopy(place: WriteOnce, origin: string): Promise<string | undefined> {
  const walk = async (folder: string, depth: number): Promise<string | undefined> => {
    const isLast = depth === sizeDigits / 3 - 1;
    const form = isLast ? /^\d{3}$/ : /^\d{3}\/$/;
    const names = (await place.list(folder)).filter((name) => form.test(name)).sort();
    for (const name of names.reverse()) {
      const found = isLast ? await place.find(`${folder}${name}`) : await walk(`${folder}${name}`, depth + 1);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return walk(`${origin}/`, 0);
}

export type Copy = { size: number; note: string };

export type CopyPlaceParts = {
  origin: string;
  /** Folder, or `s3://…`. */
  place: string;
  /** A copy of the same size says something else: it is for whoever signs to judge. */
  onConflict(found: string, written: Copy): Promise<void>;
};

export class CopyPlace {
  readonly place: string;
  readonly #parts: CopyPlaceParts;
  #store: WriteOnce | undefined;
  #waiting: Copy | undefined;
  #writing: Promise<void> | undefined;
  /** Since the start. */
  failures = 0;
  /** The last that was written. */
  written: number | undefined;

  constructor(parts: CopyPlaceParts) {
    this.place = parts.place;
    this.#parts = parts;
  }

  /** Throws `unavailable` when the place cannot be read. */
  async newest(): Promise<string | undefined> {
    return findNewestCopy(await this.#open(), this.#parts.origin);
  }

  /** Takes the place of what waits to be written. */
  offer(copy: Copy): void {
    if (copy.size !== this.written) this.#waiting = copy;
  }

  /** Writes what waits, if anything. What fails waits on, unless something newer came. Never throws. */
  async tryWrite(): Promise<void> {
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  close(): void {
    this.#store?.close();
  }

  async #write(): Promise<void> {
    const copy = this.#waiting;
    if (copy === undefined) return;
    this.#waiting = undefined;
    const name = copyName(this.#parts.origin, copy.size);
    try {
      const store = await this.#open();
      try {
        await store.put(name, copy.note);
      } catch (error) {
        if (!(error instanceof AppError && error.code === 'conflict')) throw error;
        await this.#parts.onConflict((await store.find(name)) ?? '', copy);
      }
      this.written = copy.size;
    } catch {
      this.failures++;
      this.#waiting ??= copy;
    }
  }

  async #open(): Promise<WriteOnce> {
    this.#store ??= await openWriteOnce(this.#parts.place);
    return this.#store;
  }
}
