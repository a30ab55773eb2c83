/**
 * The log's keys: the first one, and how one follows another (docs/spec/log.md section 5).
 *
 *   1. <key>.next is written              crash: it was announced to nobody, and the next start drops it
 *   2. the event that announces it, with a row that says so, in one unit
 *                                         crash: the next start goes on from here
 *   3. the next checkpoint is signed by both keys: the handover
 *                                         crash: the next start finds it among the stored ones and goes on
 *   4. its rotation is stored and the new key is the log's, in one unit
 *                                         crash: the next start does step 5
 *   5. <key>.next becomes <key>
 */
import { configuration } from '@tallyman/contract';
import { formatProofText, formatRotation, type NoteSigner, openCheckpoint } from '@tallyman/verifier';
import { statement } from '../../db/statement.ts';
import type { Db } from '../../db/store.ts';
import { AppError } from '../../domain/error.ts';
import type { Clock } from '../../stdx/clock.ts';
import type { Performer } from '../draft.ts';
import { nodeSha256 } from '../seal.ts';
import type { Trail } from '../trail.ts';
import type { Published } from './checkpointer.ts';
import { readHead } from './edge.ts';
import type { KeyFiles } from './key-files.ts';
import { proveInclusion } from './proofs.ts';
import {
  type Announced,
  deleteAnnounced,
  deleteCheckpointsBeyond,
  deleteRotations,
  findAnnounced,
  findNewestCheckpoint,
  putAnnounced,
  putKeys,
  putRotation,
  selectKeys,
} from './rows.ts';
import { readVkey, SigningKey, verifyEd25519 } from './signing-key.ts';
import { DamagedLog, type LogTiles } from './tiles.ts';

/** Named so that tests can stop the process after each. */
export const keySteps = [
  'key.written',
  'key.announced',
  'key.handed_over',
  'key.stored',
  'key.promoted',
] as const;
export type KeyStep = (typeof keySteps)[number];

export type KeyParts = {
  db: Db;
  clock: Clock;
  trail: Pick<Trail, 'record'>;
  tiles: LogTiles;
  files: KeyFiles;
  /** Who acts when the first key is made. */
  server: () => Performer;
  /** As configured. */
  origin: string | undefined;
  /** Of the first key, when nothing is configured. */
  defaultOrigin: string;
  atStep?: ((step: KeyStep) => void) | undefined;
};

type Next = { key: SigningKey; announced: Announced };

export class LogKeys {
  readonly #parts: KeyParts;
  #current: SigningKey;
  /** Announced, and not yet alone. */
  #next: Next | undefined;
  /** Verifier keys, oldest first; the last is the current one. */
  #known: readonly string[];

  private constructor(
    parts: KeyParts,
    current: SigningKey,
    known: readonly string[],
    next: Next | undefined,
  ) {
    this.#parts = parts;
    this.#current = current;
    this.#known = known;
    this.#next = next;
  }

  /** Makes a new log's key, goes on with a rotation. Throws `conflict` when the key of a log that has one is not there. */
  static async open(parts: KeyParts): Promise<LogKeys> {
    const { db, files, origin } = parts;
    const known = await selectKeys(db.read);
    const found = await files.current();
    const next = await files.next();
    if (found === undefined) {
      if (known.length > 0 || (await findNewestCheckpoint(db.read))) throw keyMissing(files.path);
      return LogKeys.#createFirst(parts);
    }
    if (origin !== undefined && origin !== found.origin) throw otherOrigin(files.path, found.origin);
    // A crash between making the key and telling of it; or an operator brought a key along.
    if (known.length === 0) return LogKeys.#adopt(parts, found);
    const keys = await LogKeys.#goOn(parts, { found, next, known });
    await files.writePublic(keys.#current);
    return keys;
  }

  static async #createFirst(parts: KeyParts): Promise<LogKeys> {
    const key = SigningKey.create(parts.origin ?? parts.defaultOrigin);
    await parts.files.create(key);
    return LogKeys.#adopt(parts, key);
  }

  static async #adopt(parts: KeyParts, key: SigningKey): Promise<LogKeys> {
    await recordCreated(parts, key);
    await parts.files.writePublic(key);
    return new LogKeys(parts, key, [key.vkey], undefined);
  }

  static async #goOn(
    parts: KeyParts,
    { found, next, known }: { found: SigningKey; next: SigningKey | undefined; known: readonly string[] },
  ): Promise<LogKeys> {
    const { files, db } = parts;
    const last = known.at(-1);
    if (next !== undefined && next.vkey === last) {
      await files.promoteNext(next);
      return new LogKeys(parts, next, known, undefined);
    }
    if (found.vkey !== last) throw otherKey(files.path);
    const announced = await findAnnounced(db.read);
    if (announced !== undefined && announced.vkey !== next?.vkey) throw keyMissing(`${files.path}.next`);
    if (announced === undefined && next !== undefined) await files.dropNext();
    const goingOn = announced !== undefined && next !== undefined ? { key: next, announced } : undefined;
    return new LogKeys(parts, found, known, goingOn);
  }

  get current(): SigningKey {
    return this.#current;
  }

  /** The verifier keys of this log, oldest first; with the one announced, if any. */
  get known(): readonly string[] {
    return this.#next === undefined ? this.#known : [...this.#known, this.#next.key.vkey];
  }

  /** Whether a new key was announced that does not sign alone yet. */
  get changing(): boolean {
    return this.#next !== undefined;
  }

  signers(): NoteSigner[] {
    return [...this.#current.signers(), ...(this.#next?.key.signers() ?? [])];
  }

  /** Steps 1 and 2. No checkpoint may be signed meanwhile: it could cover the event without the new key. */
  async announce(by: Performer): Promise<void> {
    const { db, clock, files, trail, atStep } = this.#parts;
    if (this.#next !== undefined)
      throw new AppError('conflict', 'A rotation is under way: the new key signs with the next checkpoint.');
    const { origin, vkey: from } = this.#current;
    const key = SigningKey.create(origin);
    const { vkey } = key;
    await files.putNext(key);
    atStep?.('key.written');
    const low = await db.head();
    const announced = await db.transact(async (tx) => {
      await tx.lock('log keys');
      const eventId = trail.record(tx, {
        type: 'log.key.rotate',
        by,
        scope: {},
        details: { origin, from, to: vkey },
      });
      await putAnnounced(tx, { vkey, eventId, low }, clock.nowUs());
      return { vkey, eventId, low };
    });
    this.#next = { key, announced };
    atStep?.('key.announced');
  }

  /** Steps 4 and 5, when this checkpoint is a handover; nothing when it is not. Idempotent after a crash. */
  async handOver(checkpoint: Published): Promise<void> {
    const next = this.#next;
    if (next === undefined || !isSignedBy(checkpoint, next.key.vkey)) return;
    const { db, clock, files, atStep } = this.#parts;
    atStep?.('key.handed_over');
    const text = await this.#rotationText(next.announced, checkpoint);
    const known = [...this.#known, next.key.vkey];
    await db.transact(
      async (tx) => {
        await tx.lock('log keys');
        const nowUs = clock.nowUs();
        await putRotation(tx, { number: this.#known.length, text, nowUs });
        await putKeys(tx, known, nowUs);
        await deleteAnnounced(tx);
      },
      { ungated: true },
    );
    atStep?.('key.stored');
    await files.promoteNext(next.key);
    this.#current = next.key;
    this.#known = known;
    this.#next = undefined;
    atStep?.('key.promoted');
  }

  async #rotationText({ eventId, low }: Announced, { size, note }: Published): Promise<string> {
    const { index, body } = await this.#findEvent(eventId, { low, high: size });
    const proof = await proveInclusion(this.#parts.tiles, { index, size });
    return formatRotation({ body, proof: formatProofText({ index, proof, note }) });
  }

  /** The event was recorded at `low` or soon after it, as many events later as were waiting to be committed. */
  async #findEvent(
    id: string,
    { low, high }: { low: number; high: number },
  ): Promise<{ index: number; body: string }> {
    for (let from = low; from < high; from += bodiesPerLook) {
      const rows = await this.#parts.db.read.all(selectBodies, [from, Math.min(high, from + bodiesPerLook)]);
      const row = rows.find(({ body }) => body.includes(`"id":"${id}"`) && body.includes('"log.key.rotate"'));
      if (row) return { index: row.idx, body: row.body };
    }
    throw new DamagedLog('the event that announces the log’s new key is not in the log');
  }
}

/**
 * Begins a new log over the same events, with a name and a key of its own: after the key was lost, or signed events were.
 * Throws `conflict` for a name the log had and for one that has no key yet. Broken off anywhere, it is done again.
 */
export async function replaceKey(
  parts: Pick<KeyParts, 'db' | 'clock' | 'trail' | 'server' | 'files'>,
  origin: string,
): Promise<SigningKey> {
  const { db, files } = parts;
  const known = await selectKeys(db.read);
  if (known.length === 0)
    throw new AppError('conflict', 'The log has no key yet. Set checkpoint.origin and start the server.');
  if (known.some((vkey) => readVkey(vkey).name === origin)) throw nameTaken(origin);
  const former = await files.current().catch(() => undefined);
  if (former !== undefined) await files.putAside(former);
  if ((await files.next().catch(() => undefined)) !== undefined) await files.dropNext();
  const key = SigningKey.create(origin);
  await files.create(key);
  // Signed heads that the database has not got any more would stand in the way of new ones of their size.
  const { size } = await readHead(db.read);
  await db.transact((tx) => deleteCheckpointsBeyond(tx, size));
  await recordCreated(parts, key);
  return key;
}

const bodiesPerLook = 1_000;
const selectBodies = statement<{ idx: number; body: string }>(
  'SELECT idx, body FROM event WHERE idx >= ? AND idx < ? ORDER BY idx',
);

/** The key is the log's, and the trail says so, in one unit. */
export async function recordCreated(
  { db, clock, trail, server }: Pick<KeyParts, 'db' | 'clock' | 'trail' | 'server'>,
  { vkey, origin }: SigningKey,
): Promise<void> {
  await db.transact(async (tx) => {
    await tx.lock('log keys');
    await putKeys(tx, [vkey], clock.nowUs());
    // Of the log of another name, if there was one.
    await deleteAnnounced(tx);
    await deleteRotations(tx);
    trail.record(tx, { type: 'log.key.create', by: server(), scope: {}, details: { origin, key: vkey } });
  });
}

function isSignedBy({ note }: Published, vkey: string): boolean {
  try {
    openCheckpoint(note, { keys: [readVkey(vkey)], verify: verifyEd25519, sha256: nodeSha256 });
    return true;
  } catch {
    return false;
  }
}

function nameTaken(origin: string): AppError {
  return new AppError(
    'conflict',
    `${origin} is the name of the log that was. Give the new one another, such as ${origin}-2: auditors must be able to tell them apart.`,
  );
}

/** Whether it may be a log's name: what the configuration accepts, too. */
export function isOrigin(text: string): boolean {
  return configuration.checkpoint.keys.origin.schema.safeParse(text).success && text.trim() === text;
}

/** `registry.example.org/log`: where the log is served, without the scheme. */
export function originOf(publicUrl: string): string {
  return `${new URL(publicUrl).host}/log`;
}

const newName =
  'If it is lost for good, stop the server and give the log a new name and key with `tallyman admin log-key create`: auditors then see that a new log began.';

function keyMissing(path: string): AppError {
  return new AppError(
    'conflict',
    `The log’s signing key ${path} is missing, but checkpoints were signed with it. Put it back from its backup, or set checkpoint.key to where it is. ${newName}`,
  );
}

function otherKey(path: string): AppError {
  return new AppError(
    'conflict',
    `The signing key ${path} is not the one that signs this database’s log. Either the key or the database was exchanged or restored: put the one back that belongs to the other. ${newName}`,
  );
}

function otherOrigin(path: string, origin: string): AppError {
  return new AppError(
    'conflict',
    `checkpoint.origin is not the name that the log has: ${path} was made for ${origin}, and a log keeps its name. Set checkpoint.origin to it, or remove the setting.`,
  );
}
