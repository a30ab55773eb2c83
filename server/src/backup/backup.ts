/**
 * A backup: a folder laid out as a data folder, made beside a running server or a stopped one.
 *
 *   tallyman.db       SQLite: a consistent copy       database.dump   PostgreSQL: pg_dump's own format
 *   blobs/…           hard links, or copies           log/checkpoint  the newest that the copy holds
 *   keys/             without the log's signing key, unless it is asked for
 *   backup.json       written last: a folder without it is not whole
 *
 * Blobs first, then the database, then the blobs that came meanwhile: what the copy of the database names was there in
 * the first pass, or is so young in the second that garbage collection spares it. Both passes and the copy must
 * together take less than its grace time.
 */
import { copyFile, link, mkdir, open, readdir, readFile, rm, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { flushFolder } from '../blobs/durable-folder.ts';
import { type BlobReader, openBlobReader } from '../blobs/open-reader.ts';
import { type Onlooker, openOnlooker } from '../db/onlooker.ts';
import type { DatabaseLocation } from '../db/open.ts';
import { copySqlite, dumpPostgres, type EnvironmentWith } from '../db/snapshot-file.ts';
import { algorithmOf, type Digest, hexOf, parseDigest } from '../domain/digest.ts';
import { AppError } from '../domain/error.ts';
import { type Clock, formatUs } from '../stdx/clock.ts';

export type BackupPlace = {
  location: DatabaseLocation;
  dataDir: string;
  blobsUrl: string | undefined;
  logKeyPath: string;
};

export type BackupOptions = {
  clock: Clock;
  version: string;
  /** Id of the event that tells of it. */
  eventId: string;
  withLogKey: boolean;
  withoutDatabase: boolean;
  /** Never link: the backup then stands on its own when the disk does not. */
  copyBlobs: boolean;
  /** For pg_dump. */
  environment: EnvironmentWith;
};

/** What backup.json says. */
export type BackupReport = {
  version: string;
  madeAt: string;
  eventId: string;
  database: 'tallyman.db' | 'database.dump' | null;
  /** Events in the copy, and the newest checkpoint in it. */
  events: number;
  checkpoint: string | null;
  blobs: { count: number; bytes: number; linked: number } | null;
  withLogKey: boolean;
};

/** Makes the folder, for its owner alone. Throws `conflict` when there is anything in it. */
export async function requireEmptyFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if ((await readdir(folder)).length > 0)
    throw new AppError('conflict', `${folder} is not empty. A backup needs a folder of its own.`);
}

/** The folder must be empty. What a crash leaves has no backup.json: delete it and begin anew. */
export async function makeBackup(
  place: BackupPlace,
  folder: string,
  options: BackupOptions,
): Promise<BackupReport> {
  const { dataDir, blobsUrl, logKeyPath } = place;
  const { clock, version, eventId, withLogKey } = options;
  const madeAt = formatUs(clock.nowUs());
  await using opened = new AsyncDisposableStack();
  const log = await openOnlooker(place.location);
  opened.defer(() => log.close());
  let blobs: Blobs | undefined;
  if (blobsUrl === undefined) {
    const reader = await openBlobReader({ dataDir, clock });
    opened.defer(() => reader.close());
    blobs = new Blobs(reader, join(folder, 'blobs'), options);
    await blobs.takeAll();
  }
  const checkpointBefore = await newestCheckpoint(log);
  const database = await copyDatabase(place.location, folder, options);
  const copy = database === 'tallyman.db' ? await lookAtCopy(folder) : log;
  if (copy !== log) opened.defer(() => copy.close());
  // Of PostgreSQL the one from before the dump: the dump holds it, and a later one it may not.
  const checkpoint = copy === log ? checkpointBefore : await newestCheckpoint(copy);
  if (blobs !== undefined) await blobs.takeOnly(copy);
  await copySmallFiles({ dataDir, logKeyPath, folder, withLogKey, checkpoint });
  const report: BackupReport = {
    version,
    madeAt,
    eventId,
    database,
    events: await countEvents(copy),
    checkpoint,
    blobs: blobs?.taken ?? null,
    withLogKey,
  };
  await writeDurably(join(folder, 'backup.json'), `${JSON.stringify(report, null, 2)}\n`, 0o600);
  return report;
}

async function copyDatabase(
  location: DatabaseLocation,
  folder: string,
  { withoutDatabase, environment }: BackupOptions,
): Promise<BackupReport['database']> {
  if (withoutDatabase) return null;
  if (location.engine === 'sqlite') {
    await copySqlite(location.path, join(folder, 'tallyman.db'));
    return 'tallyman.db';
  }
  await dumpPostgres(location.url, { to: join(folder, 'database.dump'), environment });
  return 'database.dump';
}

function lookAtCopy(folder: string): Promise<Onlooker> {
  return openOnlooker({ engine: 'sqlite', path: join(folder, 'tallyman.db') });
}

async function newestCheckpoint(log: Onlooker): Promise<string | null> {
  const sql = 'SELECT note FROM log_checkpoint ORDER BY size DESC LIMIT 1';
  return (await log.view((view) => view.rows<{ note: string }>(sql)))[0]?.note ?? null;
}

async function countEvents(log: Onlooker): Promise<number> {
  const [edge] = await log.view((view) => view.rows<{ size: number }>('SELECT size FROM log_edge'));
  return edge?.size ?? 0;
}

type SmallFiles = {
  dataDir: string;
  logKeyPath: string;
  folder: string;
  withLogKey: boolean;
  checkpoint: string | null;
};

async function copySmallFiles({
  dataDir,
  logKeyPath,
  folder,
  withLogKey,
  checkpoint,
}: SmallFiles): Promise<void> {
  await copyIfThere(join(dataDir, 'keys', 'registry.key'), join(folder, 'keys', 'registry.key'), 0o600);
  const key = join(folder, 'log', basename(logKeyPath));
  await copyIfThere(`${logKeyPath}.pub`, `${key}.pub`, 0o644);
  if (withLogKey)
    for (const suffix of ['', '.next']) await copyIfThere(logKeyPath + suffix, key + suffix, 0o600);
  if (checkpoint !== null) await writeDurably(join(folder, 'log', 'checkpoint'), checkpoint, 0o644);
}

async function copyIfThere(from: string, to: string, mode: number): Promise<void> {
  const content = await readFile(from).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (content !== undefined) await writeDurably(to, content, mode);
}

async function writeDurably(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const file = await open(path, 'wx', mode);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await flushFolder(dirname(path));
}

const batchRows = 500;

/** The blobs of a data folder, taken in two passes. Files there never change, so a link is as good as a copy until the disk dies. */
class Blobs {
  readonly taken = { count: 0, bytes: 0, linked: 0 };
  readonly #from: BlobReader;
  readonly #folder: string;
  #linking: boolean;

  constructor(from: BlobReader, folder: string, { copyBlobs }: { copyBlobs: boolean }) {
    this.#from = from;
    this.#folder = folder;
    this.#linking = !copyBlobs;
  }

  async takeAll(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    for await (const { digest } of this.#from.list()) await this.#take(digest);
  }

  /** What the copy of the database names and was not there in the first pass; and away with what it does not name. */
  async takeOnly(copy: Onlooker): Promise<void> {
    for (let after = ''; ; ) {
      const rows = await copy.view((view) =>
        view.rows<{ digest: string }>(
          `SELECT digest FROM blob WHERE digest > ? ORDER BY digest LIMIT ${batchRows}`,
          [after],
        ),
      );
      for (const row of rows) {
        const digest = parseDigest(row.digest);
        if (digest !== undefined) await this.#take(digest);
      }
      const last = rows.at(-1);
      if (last === undefined) break;
      after = last.digest;
    }
    await this.#dropUnnamed(copy);
    for (const algorithm of await readdir(this.#folder)) {
      for (const shard of await readdir(join(this.#folder, algorithm)))
        await flushFolder(join(this.#folder, algorithm, shard));
      await flushFolder(join(this.#folder, algorithm));
    }
    await flushFolder(this.#folder);
  }

  async #dropUnnamed(copy: Onlooker): Promise<void> {
    const reader = await openBlobReader({ dataDir: dirname(this.#folder), clock: { nowMs: () => 0 } });
    for await (const { digest, sizeBytes } of reader.list()) {
      const named = await copy.view((view) =>
        view.rows('SELECT 1 AS there FROM blob WHERE digest = ?', [digest]),
      );
      if (named.length > 0) {
        this.taken.count++;
        this.taken.bytes += sizeBytes;
      } else await unlink(this.#pathOf(digest));
    }
  }

  #pathOf(digest: Digest): string {
    const hex = hexOf(digest);
    return join(this.#folder, algorithmOf(digest), hex.slice(0, 2), hex);
  }

  /** One that is gone is left to the second pass, and to fsck. */
  async #take(digest: Digest): Promise<void> {
    const [from, to] = [this.#from.pathOf?.(digest) ?? '', this.#pathOf(digest)];
    if ((await stat(to).catch(() => undefined)) !== undefined) return;
    await mkdir(dirname(to), { recursive: true, mode: 0o700 });
    try {
      if (this.#linking && (await this.#link(from, to))) return;
      await copyFlushed(from, to);
    } catch (error) {
      await rm(to, { force: true });
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }

  async #link(from: string, to: string): Promise<boolean> {
    try {
      await link(from, to);
      this.taken.linked++;
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw error;
      // Another file system, or one without links.
      this.#linking = false;
      return false;
    }
  }
}

async function copyFlushed(from: string, to: string): Promise<void> {
  await copyFile(from, to);
  const file = await open(to, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
