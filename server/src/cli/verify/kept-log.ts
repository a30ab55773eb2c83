/**
 * What an auditor keeps of a log between visits: key, checkpoint, rotations and tiles, one folder per log, laid out as the
 * log itself serves them. Proofs of a fork lie beside and are never overwritten.
 */
import { hash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditVerdict } from '@tallyman/verifier';
import { type FolderLock, tryLockFile } from '../../db/folder-lock.ts';
import { AppError } from '../../domain/error.ts';
import { readOptional } from './log-source.ts';

type Contradiction = Extract<AuditVerdict, { verdict: 'fork' | 'rollback' }>;
type Continuation = Extract<AuditVerdict, { keep: unknown }>;

/** The kept checkpoint; empty before there is one. */
export type KeptHead = Uint8Array;

const lookMs = 10;

export class KeptLog {
  readonly folder: string;
  /** A visit that keeps something holds the lock no longer than its files take. */
  readonly #longestWriteMs: number;

  constructor(stateDir: string, origin: string, { longestWriteMs = 30_000 } = {}) {
    this.#longestWriteMs = longestWriteMs;
    this.folder = join(stateDir, 'logs', folderName(origin));
  }

  read(path: string): Promise<Uint8Array | undefined> {
    return readOptional(join(this.folder, path));
  }

  async findKey(): Promise<string | undefined> {
    const bytes = await this.read('key');
    return bytes && Buffer.from(bytes).toString('utf8').trim();
  }

  /**
   * False, and nothing is kept, when another visit kept something since `before` was read. A crash in between leaves the
   * earlier state, with tiles of the later one that nobody reads yet.
   */
  async keep(
    { keep, drop }: Continuation,
    { vkey, before }: { vkey: string; before: KeptHead },
  ): Promise<boolean> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    const lock = await this.#lock();
    try {
      if (!(await this.isStill(before))) return false;
      await this.#write('key', `${vkey}\n`);
      for (const { path, bytes } of keep) await this.#write(path, bytes);
      for (const path of drop) await rm(join(this.folder, path), { force: true });
      return true;
    } finally {
      lock.release();
    }
  }

  /** The last thing that a visit writes, and so what tells whether another one kept something meanwhile. */
  async readHead(): Promise<KeptHead> {
    return (await this.read('checkpoint')) ?? new Uint8Array();
  }

  async isStill(before: KeptHead): Promise<boolean> {
    return Buffer.compare(await this.readHead(), before) === 0;
  }

  /** Both checkpoints, as they were signed. Returns the folder. */
  async keepProof({ kept, checkpoint, differing, verdict }: Contradiction): Promise<string> {
    const root = Buffer.from(checkpoint.root).toString('hex').slice(0, 16);
    const name = `${verdict}s/${kept.size}-${checkpoint.size}-${root}`;
    await this.#write(`${name}/kept.checkpoint`, kept.note);
    await this.#write(`${name}/found.checkpoint`, checkpoint.note);
    await this.#write(`${name}/differing.json`, `${JSON.stringify(differing)}\n`);
    return join(this.folder, name);
  }

  async #lock(): Promise<FolderLock> {
    for (let waitedMs = 0; waitedMs < this.#longestWriteMs; waitedMs += lookMs) {
      const lock = tryLockFile(join(this.folder, 'lock'));
      if (lock !== undefined) return lock;
      await sleep(lookMs);
    }
    throw new AppError(
      'conflict',
      `Another visit has been writing to ${this.folder} for ${this.#longestWriteMs / 1000} seconds. Wait until it ends, or give this one a folder of its own with --state.`,
    );
  }

  async #write(path: string, content: string | Uint8Array): Promise<void> {
    const file = join(this.folder, path);
    const before = await readFile(file).catch(() => undefined);
    if (before?.equals(Buffer.from(content))) return;
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(`${file}.part`, content, { mode: 0o600, flush: true });
    await rename(`${file}.part`, file);
  }
}

/** A name of one folder, whatever the origin. */
function folderName(origin: string): string {
  const name = encodeURIComponent(origin).replaceAll('.', (dot, at: number) => (at === 0 ? '%2E' : dot));
  return name.length <= 200 ? name : hash('sha256', origin);
}
