/**
 * A folder whose entries are named, answered and removed durably. A renamed file is in the folder at once but survives loss of
 * power only after the folder's own flush; `settle` makes a reader wait for that, so that nobody builds on a name that may vanish.
 */
import type { FileHandle } from 'node:fs/promises';
import { mkdir, open, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BlobError, errnoOf, toBlobError } from './blob-error.ts';

export class DurableFolder {
  readonly #path: string;
  readonly #onRenamed: () => void | Promise<void>;
  #handle: Promise<FileHandle> | undefined;
  #closed = false;
  #renaming = 0;
  /** Counts changes; the names are durable when the flushed count has caught up. A new process begins behind: its predecessor may have been killed before its flush. */
  #changes = 1;
  #flushedChanges = 0;

  constructor(path: string, onRenamed: () => void | Promise<void>) {
    this.#path = path;
    this.#onRenamed = onRenamed;
  }

  /** Moves a flushed file here, over one of the same name if there is one. Durable when it resolves. */
  async place(from: string, name: string): Promise<void> {
    await this.#opened();
    this.#renaming++;
    try {
      await rename(from, join(this.#path, name));
    } catch (cause) {
      throw toBlobError(cause);
    } finally {
      this.#renaming--;
      this.#changes++;
    }
    // Crash here: the blob is whole under its name or, after loss of power, the upload under its own; never half.
    await this.#onRenamed();
    await this.#flush();
  }

  /** Durable when it resolves; false when there was no such file. */
  async remove(name: string): Promise<boolean> {
    try {
      await unlink(join(this.#path, name));
    } catch (cause) {
      if (errnoOf(cause) === 'ENOENT') return false;
      throw toBlobError(cause);
    }
    await this.#flush();
    return true;
  }

  /** Call after having seen an entry, before telling anyone: resolves when what was seen is durable. */
  async settle(): Promise<void> {
    if (this.#renaming > 0 || this.#flushedChanges < this.#changes) await this.#flush();
  }

  /** What is still under way fails from here on: a handle opened later would never be closed. */
  async close(): Promise<void> {
    this.#closed = true;
    const handle = await this.#handle?.catch(() => undefined);
    await handle?.close();
  }

  async #flush(): Promise<void> {
    const handle = await this.#opened();
    // A rename under way may or may not be in this flush, so it can only be counted by a later one.
    const covered = this.#renaming === 0 ? this.#changes : this.#flushedChanges;
    try {
      await handle.sync();
    } catch (cause) {
      throw toBlobError(cause);
    }
    this.#flushedChanges = Math.max(this.#flushedChanges, covered);
  }

  #opened(): Promise<FileHandle> {
    if (this.#closed) return Promise.reject(new BlobError('unavailable'));
    this.#handle ??= openDurably(this.#path).catch((cause: unknown) => {
      this.#handle = undefined;
      throw toBlobError(cause);
    });
    return this.#handle;
  }
}

/** Makes the folder if it is not there; its own name is durable in the parent in either case. */
async function openDurably(path: string): Promise<FileHandle> {
  await mkdir(path, { mode: 0o700 }).catch((cause: unknown) => {
    if (errnoOf(cause) !== 'EEXIST') throw cause;
  });
  await flushFolder(dirname(path));
  return open(path, 'r');
}

export async function flushFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
