/**
 * Unfinished uploads on the local disk, for both drivers. One file per upload, one changer at a time, and a bounded number
 * of open ones; whatever is not remembered here (restart, eviction, a failed write) is learnt again from the file.
 *
 *   <data>/uploads/<uuid>     bytes so far; its length is the upload's size, its mtime the last addition
 *
 * A crash leaves such a file with any prefix of what was acknowledged; it can be continued, or `sweep` removes it.
 */
import type { FileHandle } from 'node:fs/promises';
import { mkdir, open, readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest, DigestAlgorithm } from '../domain/digest.ts';
import { algorithmOf } from '../domain/digest.ts';
import { BlobError, errnoOf, toBlobError } from './blob-error.ts';
import type { AtStep } from './steps.ts';
import type { AppendWhere, ChunkSource, StoredUpload } from './store.ts';
import { UploadFile } from './upload-file.ts';
import type { UploadId } from './upload-id.ts';
import { parseUploadId } from './upload-id.ts';

/** Each idle open upload costs a descriptor and a running digest; the one idle longest is closed first. */
const maxIdle = 128;

export interface CheckedUpload {
  readonly path: string;
  readonly sizeBytes: number;
}

export class Staging {
  readonly #folder: string;
  readonly #atStep: AtStep;
  readonly #busy = new Set<UploadId>();
  readonly #idle = new Map<UploadId, UploadFile>();

  private constructor(folder: string, atStep: AtStep) {
    this.#folder = folder;
    this.#atStep = atStep;
  }

  static async open(folder: string, atStep: AtStep): Promise<Staging> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return new Staging(folder, atStep);
  }

  async create(id: UploadId, algorithm?: DigestAlgorithm): Promise<void> {
    await this.#alone(id, async () => {
      // The name is not flushed: an upload that is lost before its first byte is begun again at no cost.
      const handle = await open(this.#path(id), 'wx+', 0o600).catch((cause: unknown) => {
        throw errnoOf(cause) === 'EEXIST' ? new BlobError('upload_exists') : toBlobError(cause);
      });
      await this.#keep(id, new UploadFile(handle, 0, algorithm));
    });
  }

  async append(id: UploadId, source: ChunkSource, { offset, limitBytes }: AppendWhere): Promise<number> {
    return this.#alone(id, async () => {
      const file = await this.#take(id);
      try {
        if (offset !== file.sizeBytes) throw new BlobError('offset_mismatch', { sizeBytes: file.sizeBytes });
        await file.append(source, limitBytes);
        return file.sizeBytes;
      } finally {
        await this.#keep(id, file);
      }
    });
  }

  async sizeOf(id: UploadId): Promise<number> {
    const idle = this.#idle.get(id);
    if (idle) return idle.sizeBytes;
    return (await stat(this.#path(id)).catch(unknownUpload)).size;
  }

  /**
   * Checks the digest and makes the bytes durable; then `place` puts them where blobs are. The upload ends when `place`
   * resolves. If it rejects, the file is looked at afresh by the next call: continued if there, unknown if not.
   */
  async finish(
    id: UploadId,
    digest: Digest,
    place: (upload: CheckedUpload) => Promise<void>,
  ): Promise<number> {
    return this.#alone(id, async () => {
      const file = await this.#take(id);
      try {
        // Crash before or here: the upload is as it was, and the client may finish again.
        const found = await file.digest(algorithmOf(digest));
        if (found !== digest) {
          await unlink(this.#path(id)).catch(rethrow);
          throw new BlobError('digest_mismatch', { digest: found });
        }
        await this.#atStep('checked');
        await file.flush();
        // Crash here: a whole, durable upload under its upload name; invisible as a blob.
        await this.#atStep('flushed');
        await place({ path: this.#path(id), sizeBytes: file.sizeBytes });
        return file.sizeBytes;
      } finally {
        await this.#close(id, file);
      }
    });
  }

  async abort(id: UploadId): Promise<void> {
    await this.#alone(id, () => this.#drop(id));
  }

  async *list(): AsyncGenerator<StoredUpload> {
    for (const name of await readdir(this.#folder).catch(rethrow)) {
      const id = parseUploadId(name);
      const found = id && (await stat(this.#path(id)).catch(goneMeanwhile));
      if (id && found) yield { id, sizeBytes: found.size, changedAt: found.mtimeMs };
    }
  }

  /** Removes uploads not added to since `beforeMs`; those being changed right now stay. */
  async sweep(beforeMs: number): Promise<number> {
    let swept = 0;
    for await (const upload of this.list()) {
      if (upload.changedAt >= beforeMs || this.#busy.has(upload.id)) continue;
      // It may have been finished while its folder was read.
      swept += await this.abort(upload.id).then(() => 1, unknownIsNone);
    }
    return swept;
  }

  async close(): Promise<void> {
    const idle = [...this.#idle];
    this.#idle.clear();
    await Promise.all(idle.map(([id, file]) => this.#close(id, file)));
  }

  #path(id: UploadId): string {
    return join(this.#folder, id);
  }

  async #alone<T>(id: UploadId, work: () => Promise<T>): Promise<T> {
    if (this.#busy.has(id)) throw new BlobError('busy');
    this.#busy.add(id);
    try {
      return await work();
    } finally {
      this.#busy.delete(id);
    }
  }

  /** While taken, a file is in nobody else's reach: not evicted, not closed. */
  async #take(id: UploadId): Promise<UploadFile> {
    const idle = this.#idle.get(id);
    if (idle) {
      this.#idle.delete(id);
      return idle;
    }
    const handle = await open(this.#path(id), 'r+').catch(unknownUpload);
    return new UploadFile(handle, await sizeOrClose(handle));
  }

  async #keep(id: UploadId, file: UploadFile): Promise<void> {
    if (file.broken || file.lost) return this.#close(id, file);
    this.#idle.set(id, file);
    if (this.#idle.size <= maxIdle) return;
    for (const [oldest, evicted] of this.#idle) {
      this.#idle.delete(oldest);
      return this.#close(oldest, evicted);
    }
  }

  async #close(id: UploadId, file: UploadFile): Promise<void> {
    await file.close();
    if (file.lost) await unlink(this.#path(id)).catch(goneMeanwhile);
  }

  async #drop(id: UploadId): Promise<void> {
    const idle = this.#idle.get(id);
    this.#idle.delete(id);
    await idle?.close();
    await unlink(this.#path(id)).catch(unknownUpload);
  }
}

async function sizeOrClose(handle: FileHandle): Promise<number> {
  try {
    return (await handle.stat()).size;
  } catch (cause) {
    await handle.close();
    throw toBlobError(cause);
  }
}

function unknownUpload(cause: unknown): never {
  throw errnoOf(cause) === 'ENOENT' ? new BlobError('upload_unknown') : toBlobError(cause);
}

function goneMeanwhile(cause: unknown): undefined {
  if (errnoOf(cause) !== 'ENOENT') throw toBlobError(cause);
}

function unknownIsNone(cause: unknown): number {
  if (cause instanceof BlobError && cause.kind === 'upload_unknown') return 0;
  throw cause;
}

function rethrow(cause: unknown): never {
  throw toBlobError(cause);
}
