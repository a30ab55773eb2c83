/**
 * The log over all events as the rest of the server sees it: its published head, tiles, proofs, and the rotation of its
 * key. What a start does is what every second does: compare, sign, hand over, publish, each only if it is not done yet;
 * so recovery is the ordinary way.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeEntries, type HashTile, LogError, parseCheckpoint, parseNote } from '@tallyman/verifier';
import { type AtStep, noSteps } from '../../db/steps.ts';
import type { Db } from '../../db/store.ts';
import { AppError } from '../../domain/error.ts';
import type { Clock } from '../../stdx/clock.ts';
import type { Performer } from '../draft.ts';
import type { Trail } from '../trail.ts';
import { Checkpointer, type Published, Withheld, type Withholding } from './checkpointer.ts';
import { type Copy, CopyPlace } from './copies.ts';
import { KeyFiles, writeDurably } from './key-files.ts';
import { type KeyStep, LogKeys, originOf } from './keys.ts';
import { rangeHashes } from './proofs.ts';
import { selectRotations, thinCheckpoints } from './rows.ts';
import { hasTile, LogTiles } from './tiles.ts';

export type LogSettings = {
  dataDir: string;
  publicUrl: string;
  checkpoint: { origin: string | undefined; keyPath: string; copies: readonly string[] };
};

export type LogParts = {
  db: Db;
  clock: Clock;
  trail: Pick<Trail, 'record'>;
  /** Who acts when nobody asked. */
  server: () => Performer;
  settings: LogSettings;
  atStep?: AtStep;
  atKeyStep?: (step: KeyStep) => void;
};

/** For metrics. */
export type LogState = {
  published: Published | undefined;
  /** Why nothing is signed now. */
  withholding: Withholding['why'] | undefined;
  /** How often nothing was signed although there was news, since the start, by why. */
  withheld: ReadonlyMap<Withholding['why'], number>;
  copyFailures: number;
};

/** Who altered the log's past is not forgiven because the next look finds nothing: only a new start looks again. */
const lasting: ReadonlySet<Withholding['why']> = new Set(['inconsistent', 'fork', 'rollback']);
const compareAgainMs = 10_000;

export class Log {
  readonly #parts: LogParts;
  readonly #tiles: LogTiles;
  readonly #keys: LogKeys;
  readonly #checkpointer: Checkpointer;
  readonly #copies: readonly CopyPlace[];
  /** Places whose newest copy was not looked at since the start. */
  #uncompared: readonly CopyPlace[];
  #compareAtMs = 0;
  #published: Published | undefined;
  #withholding: Withheld | undefined;
  readonly #withheld = new Map<Withholding['why'], number>();
  #fileFailures = 0;
  /** One at a time signs or rotates. */
  #working: Promise<unknown> = Promise.resolve();
  #waiting: Promise<void> | undefined;

  private constructor(parts: LogParts, tiles: LogTiles, keys: LogKeys) {
    const { db, clock, settings, atStep = noSteps } = parts;
    const { origin } = keys.current;
    this.#parts = parts;
    this.#tiles = tiles;
    this.#keys = keys;
    this.#checkpointer = new Checkpointer({ db, clock, tiles, origin, atStep });
    const onConflict = (found: string, written: Copy): Promise<void> => this.#judgeCopy(found, written);
    this.#copies = settings.checkpoint.copies.map((place) => new CopyPlace({ origin, place, onConflict }));
    this.#uncompared = this.#copies;
  }

  /** Throws `conflict` when the key is missing or not the log's. Signs nothing yet. */
  static async open(parts: LogParts): Promise<Log> {
    const { db, clock, trail, server, settings, atKeyStep } = parts;
    const tiles = new LogTiles(db.read, db);
    const { origin, keyPath } = settings.checkpoint;
    const keys = await LogKeys.open({
      ...{ db, clock, trail, tiles, server, origin },
      files: new KeyFiles(keyPath),
      defaultOrigin: originOf(settings.publicUrl),
      atStep: atKeyStep,
    });
    const log = new Log(parts, tiles, keys);
    await log.#checkpointer.load();
    // It was signed and may have been seen: to serve it contradicts nothing, whatever the comparisons find.
    log.#published = log.#checkpointer.last;
    await log.#alone(() => log.#orWithhold(() => log.#compareFile()));
    return log;
  }

  /** The name of the log. */
  get origin(): string {
    return this.#keys.current.origin;
  }

  /** The verifier key that auditors are given now. */
  get vkey(): string {
    return this.#keys.current.vkey;
  }

  /** Every verifier key the log had, oldest first. */
  get vkeys(): readonly string[] {
    return this.#keys.known;
  }

  /** The head that everybody may see; undefined before the first. */
  get published(): Published | undefined {
    return this.#published;
  }

  state(): LogState {
    const failures = this.#copies.map((copy) => copy.failures);
    return {
      published: this.#published,
      withholding: this.#withholding?.details.why,
      withheld: this.#withheld,
      copyFailures: failures.reduce((sum, count) => sum + count, this.#fileFailures),
    };
  }

  /** Signs and publishes the durable head, if there is news. Calls that wait share one pass. Rejects as the database does. */
  checkpoint(): Promise<void> {
    this.#waiting ??= this.#alone(async () => {
      this.#waiting = undefined;
      await this.#pass();
    });
    return this.#waiting;
  }

  /** A published checkpoint that covers the event. Throws `unavailable` when there is none and none can be signed. */
  async covering(index: number): Promise<Published> {
    if (index >= (this.#published?.size ?? 0)) await this.checkpoint();
    const published = this.#published;
    if (published && index < published.size) return published;
    throw new AppError(
      'unavailable',
      'No signed checkpoint covers this event yet. Try again in a moment; if it stays so, the log’s checkpoints are withheld, and the administrator finds out why in the trail.',
      { reason: 'unavailable', retryAfterSeconds: 2 },
    );
  }

  /** The hashes of the compact range of these leaves (docs/spec/log.md section 1). */
  rangeHashes(
    range: { start: number; end: number },
    { size }: Pick<Published, 'size'>,
  ): Promise<Uint8Array[]> {
    return rangeHashes(this.#tiles, range, size);
  }

  /** Undefined for what the published head does not have. */
  async findTile(tile: HashTile): Promise<Uint8Array | undefined> {
    return hasTile(tile, this.#published?.size ?? 0) ? this.#tiles.read(tile) : undefined;
  }

  /** The entry bundle; an empty entry where retention dropped the body. Undefined as with tiles. */
  async findEntries({ n, width }: { n: number; width: number }): Promise<Uint8Array | undefined> {
    if (!hasTile({ level: 'entries', n, width }, this.#published?.size ?? 0)) return undefined;
    const bodies = await this.#tiles.readBodies({ n, width });
    return encodeEntries(bodies.map((body) => Buffer.from(body ?? '')));
  }

  /** The text of every rotation of the key, oldest first. */
  rotations(): Promise<string[]> {
    return selectRotations(this.#parts.db.read);
  }

  /**
   * Announces a new key in the log and has the next checkpoint signed by both; returns the new verifier key. Throws
   * `conflict` while a rotation is under way or nothing is signed. What a crash leaves is completed by the next start.
   */
  async rotateKey(by: Performer): Promise<string> {
    await this.#alone(async () => {
      if (this.#withholding) throw notSigning(this.#withholding);
      await this.#keys.announce(by);
      await this.#pass();
    });
    if (this.#keys.changing)
      throw new AppError(
        'unavailable',
        'The new key is announced, but no checkpoint could be signed yet. The rotation goes on by itself with the next one.',
      );
    return this.vkey;
  }

  /** See rows.ts: all of the last day, one an hour for ever. */
  async thin(): Promise<number> {
    const { db, clock } = this.#parts;
    return db.transact(async (tx) => thinCheckpoints(tx, clock.nowUs()));
  }

  /** Writes the newest checkpoint to each copy that has not got it. */
  async tryWriteCopies(): Promise<void> {
    await Promise.all(this.#copies.map((copy) => copy.tryWrite()));
  }

  /** The last checkpoint of a server that stops: signed and copied if that can be done in time. */
  async tryFinish(longestMs: number): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const deadline = setTimeout(resolve, longestMs);
    const finish = this.checkpoint().then(() => this.tryWriteCopies());
    await Promise.race([finish.catch(() => {}), late]);
    clearTimeout(deadline);
  }

  close(): void {
    for (const copy of this.#copies) copy.close();
  }

  async #pass(): Promise<void> {
    await this.#orWithhold(async () => {
      await this.#compareCopies();
      // Everything acknowledged is covered: on PostgreSQL it may still wait for its index.
      await this.#parts.db.head();
      // What a crash or an error left; a handover is completed before anything else is signed.
      await this.#publish();
      await this.#checkpointer.sign(this.#keys.signers());
      await this.#publish();
    });
  }

  /** What was stored and not published: signed just now, or before a crash. */
  async #publish(): Promise<void> {
    const { last } = this.#checkpointer;
    if (last === undefined) return;
    await this.#keys.handOver(last);
    const isNew = last !== this.#published;
    this.#published = last;
    for (const copy of this.#copies) copy.offer(last);
    if (!isNew) return;
    await this.#writeFile(last.note);
    this.#parts.atStep?.('checkpoint.published');
  }

  /** `<data>/log/checkpoint`, outside of the database: it finds out a database that was restored alone. */
  get #filePath(): string {
    return join(this.#parts.settings.dataDir, 'log', 'checkpoint');
  }

  async #writeFile(note: string): Promise<void> {
    try {
      await mkdir(join(this.#filePath, '..'), { recursive: true, mode: 0o700 });
      await writeDurably(this.#filePath, note, 0o644);
    } catch {
      this.#fileFailures++;
    }
  }

  async #compareFile(): Promise<void> {
    const note = await readFile(this.#filePath, 'utf8').catch(() => undefined);
    if (note === undefined || originIn(note) !== this.origin) return;
    await this.#checkpointer.compare(note, { keys: this.#keys.known, place: 'data_folder' });
  }

  /** Nothing is signed before every copy was looked at: a signature cannot be taken back. */
  async #compareCopies(): Promise<void> {
    if (this.#uncompared.length === 0) return;
    const { clock } = this.#parts;
    const details = { size: this.#checkpointer.last?.size ?? 0, place: 'copy' } as const;
    if (clock.nowMs() < this.#compareAtMs) throw new Withheld({ why: 'unchecked', ...details });
    for (const copy of this.#uncompared) {
      const newest = await copy.newest().catch((cause: unknown) => {
        this.#compareAtMs = clock.nowMs() + compareAgainMs;
        throw new Withheld({ why: 'unchecked', ...details }, cause);
      });
      if (newest !== undefined)
        await this.#checkpointer.compare(newest, { keys: this.#keys.known, place: 'copy' });
      this.#uncompared = this.#uncompared.filter((other) => other !== copy);
    }
  }

  async #judgeCopy(found: string, written: Copy): Promise<void> {
    if (textOf(found) === textOf(written.note)) return;
    const fork = new Withheld({ why: 'fork', size: written.size, signedSize: written.size, place: 'copy' });
    await this.#alone(() => this.#orWithhold(() => Promise.reject(fork)));
  }

  /** Tells why nothing is signed: once in the trail for each reason, each time in the metric. */
  async #orWithhold(work: () => Promise<void>): Promise<void> {
    const before = this.#withholding;
    let now: Withheld;
    try {
      if (before && lasting.has(before.details.why)) throw before;
      await work();
      this.#withholding = undefined;
      return;
    } catch (error) {
      if (!(error instanceof Withheld)) throw error;
      now = error;
    }
    const { why } = now.details;
    this.#withheld.set(why, (this.#withheld.get(why) ?? 0) + 1);
    this.#withholding = now;
    if (before?.details.why === why) return;
    const { db, trail, server } = this.#parts;
    const { details } = now;
    await db.transact(async (tx) => {
      trail.record(tx, { type: 'log.checkpoint.withhold', by: server(), scope: {}, details });
    });
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#working.then(work);
    this.#working = run.catch(() => {});
    return run;
  }
}

/** Undefined when it is no checkpoint: then it says nothing. */
function originIn(note: string): string | undefined {
  try {
    return parseCheckpoint(parseNote(note).text).origin;
  } catch (error) {
    if (error instanceof LogError) return undefined;
    throw error;
  }
}

/** What was signed, whoever signed it and when. */
function textOf(note: string): string {
  return note.slice(0, note.indexOf('\n\n'));
}

function notSigning({ details }: Withheld): AppError {
  return new AppError(
    'conflict',
    `Checkpoints are withheld now (${details.why}), so no key can be handed over. See docs/operating/log.md.`,
  );
}
