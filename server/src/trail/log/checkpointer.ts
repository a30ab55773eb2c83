/**
 * Signs the head of the log. In this order, each step complete before the next:
 *
 *   1. the edge is read: what it covers is durable, because rows and edge commit together (db/)
 *   2. it is shown to continue the checkpoint signed before
 *   3. signed                 crash: nobody has seen it; the same or a larger head is signed after the restart
 *   4. stored, durable        crash: it is published by the restart, before anything else is signed
 *   5. published: in memory, in the data folder, and to the copies
 *
 * So nothing that was published can be contradicted by what is signed later, unless the database itself was changed or
 * rolled back; then nothing is signed any more, and the trail and a metric say why.
 */
import type { EventDetails } from '@tallyman/contract';
import {
  equalHashes,
  formatCheckpoint,
  LogError,
  type NoteSigner,
  openCheckpoint,
  parseCheckpoint,
  parseNote,
  signNote,
  verifyConsistency,
} from '@tallyman/verifier';
import type { AtStep } from '../../db/steps.ts';
import type { Db } from '../../db/store.ts';
import type { Clock } from '../../stdx/clock.ts';
import { nodeSha256 } from '../seal.ts';
import { type Head, readHead } from './edge.ts';
import { proveConsistency, rootAt } from './proofs.ts';
import { findNewestCheckpoint, insertCheckpoint, type StoredCheckpoint } from './rows.ts';
import { readVkey, verifyEd25519 } from './signing-key.ts';
import { DamagedLog, type LogTiles } from './tiles.ts';

export type Withholding = EventDetails<'log.checkpoint.withhold'>;

/** Why the head was not signed. */
export class Withheld extends Error {
  readonly details: Withholding;

  constructor(details: Withholding, cause?: unknown) {
    super(`no checkpoint was signed: ${details.why}`, { cause });
    this.name = 'Withheld';
    this.details = details;
  }
}

/** A signed head as it is published. */
export type Published = { size: number; root: Uint8Array; note: string; signedAtUs: number };

export type CheckpointerParts = {
  db: Db;
  clock: Clock;
  tiles: LogTiles;
  origin: string;
  atStep: AtStep;
};

export class Checkpointer {
  readonly #parts: CheckpointerParts;
  #last: Published | undefined;
  /** Of the newest row, which may be of a log of another name that these events had. */
  #storedSize: number | undefined;
  /** The answer to the last store was an error: it may have been stored all the same. */
  #uncertain = false;

  constructor(parts: CheckpointerParts) {
    this.#parts = parts;
  }

  /** The last one stored of this log, from this process or one before it. */
  get last(): Published | undefined {
    return this.#last;
  }

  /** Reads what was signed last. */
  async load(): Promise<void> {
    const row = await findNewestCheckpoint(this.#parts.db.read);
    this.#storedSize = row?.size;
    this.#last = row && publishedOf(row, this.#parts.origin);
    this.#uncertain = false;
  }

  /**
   * Signs and stores the durable head when there is news; `last` is then the new one. Throws Withheld, and what the
   * database throws; then nothing was stored or, when the answer was lost, a checkpoint that the next call finds.
   */
  async sign(signers: readonly NoteSigner[]): Promise<void> {
    const { db, clock, origin, atStep } = this.#parts;
    if (this.#uncertain) await this.load();
    const head = await readHead(db.read);
    const last = this.#last;
    if (head.size === (last?.size ?? 0)) {
      if (last && !equalHashes(last.root, head.root)) throw inconsistent(head, last);
      return;
    }
    const signedAtUs = clock.nowUs();
    const behindUs = (last?.signedAtUs ?? 0) - signedAtUs;
    // A clock that was set back a little is waited for; one that was set back far is told.
    if (behindUs > 0 && behindUs < shortWaitUs) return;
    await this.#requireContinues(head, signedAtUs);
    const text = formatCheckpoint({ origin, ...head, extensions: [] });
    const timeSec = Math.floor(signedAtUs / 1_000_000);
    const checkpoint = { ...head, note: signNote(text, { signers, timeSec }), signedAtUs };
    atStep('checkpoint.signed');
    await this.#store(checkpoint);
    this.#last = checkpoint;
    atStep('checkpoint.stored');
  }

  /**
   * Compares a checkpoint found outside of the database with the log. Throws Withheld when this database is not, or not
   * any more, the one it was signed for; what is not a checkpoint of this log by one of its keys counts as a fork.
   */
  async compare(
    note: string,
    { keys, place }: { keys: readonly string[]; place: Withholding['place'] },
  ): Promise<void> {
    const { db, origin, tiles } = this.#parts;
    const head = await readHead(db.read);
    let found: Head;
    try {
      found = openCheckpoint(note, { keys: keys.map(readVkey), verify: verifyEd25519, sha256: nodeSha256 });
      if (parseCheckpoint(parseNote(note).text).origin !== origin) throw new LogError('wrong_origin');
    } catch (cause) {
      throw forked({ size: head.size, place }, cause);
    }
    const details = { size: head.size, signedSize: found.size, place };
    if (found.size > head.size) throw new Withheld({ why: 'rollback', ...details });
    await requireConsistent(tiles, found, head).catch((cause: unknown) => {
      throw isWrong(cause) ? forked(details, cause) : cause;
    });
  }

  async #requireContinues(head: Head, signedAtUs: number): Promise<void> {
    const last = this.#last;
    const { tiles } = this.#parts;
    if (last === undefined) {
      // The first one: the edge is checked against the tiles and bodies themselves.
      const root = await rootAt(tiles, head.size);
      if (!equalHashes(root, head.root)) throw inconsistent(head, undefined);
      return;
    }
    if (head.size < last.size) throw inconsistent(head, last);
    if (signedAtUs < last.signedAtUs)
      throw new Withheld({ why: 'time', size: head.size, signedSize: last.size, place: 'database' });
    await requireConsistent(tiles, last, head).catch((cause: unknown) => {
      throw isWrong(cause) ? inconsistent(head, last, cause) : cause;
    });
  }

  /** Only on top of the one this process knows as the last: no two are ever signed from one place. */
  async #store(checkpoint: Published): Promise<void> {
    this.#uncertain = true;
    await this.#parts.db.transact(
      async (tx) => {
        await tx.lock('log checkpoint');
        const newest = await findNewestCheckpoint(tx);
        if (newest?.size !== this.#storedSize) throw inconsistent(checkpoint, this.#last);
        await insertCheckpoint(tx, checkpoint);
      },
      { ungated: true },
    );
    this.#storedSize = checkpoint.size;
    this.#uncertain = false;
  }
}

const shortWaitUs = 10_000_000;

async function requireConsistent(tiles: LogTiles, before: Head, after: Head): Promise<void> {
  const proof = await proveConsistency(tiles, { oldSize: before.size, newSize: after.size });
  const sides = { oldSize: before.size, oldRoot: before.root, newSize: after.size, newRoot: after.root };
  verifyConsistency({ ...sides, proof }, nodeSha256);
}

/** Rows that are missing or wrong; a database that cannot be reached is neither. */
function isWrong(cause: unknown): boolean {
  return cause instanceof LogError || cause instanceof DamagedLog;
}

function forked(details: Omit<Withholding, 'why'>, cause: unknown): Withheld {
  return new Withheld({ why: 'fork', ...details }, cause);
}

function inconsistent(head: Head, last: Published | undefined, cause?: unknown): Withheld {
  const signed = last === undefined ? {} : { signedSize: last.size };
  return new Withheld({ why: 'inconsistent', size: head.size, ...signed, place: 'database' }, cause);
}

/** Undefined when it is of a log of another name: a new log is not bound by what the one before it signed. */
function publishedOf({ size, signedAtUs, note }: StoredCheckpoint, origin: string): Published | undefined {
  const checkpoint = parseCheckpoint(parseNote(note).text);
  return checkpoint.origin === origin ? { size, root: checkpoint.root, note, signedAtUs } : undefined;
}
