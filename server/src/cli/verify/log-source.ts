/** Where the files of a log are read from (docs/spec/log.md §6): a server from outside, a folder, or a database. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type HashTile,
  leafHash,
  maxNoteBytes,
  parseTilePath,
  rootOfPerfect,
  tileHashes,
} from '@tallyman/verifier';
import { openOnlooker, type View } from '../../db/onlooker.ts';
import type { DatabaseLocation } from '../../db/open.ts';
import { AppError } from '../../domain/error.ts';
import { nodeSha256 } from '../../trail/seal.ts';
import { unreachable } from '../api-client.ts';

export interface LogSource {
  /** For people. */
  readonly name: string;
  /** A file below the log's prefix; undefined when it has none of that path. Rejects when it cannot be asked. */
  read(path: string): Promise<Uint8Array | undefined>;
  close(): Promise<void>;
}

const answerTimeoutMs = 30_000;
const maxRotationsBytes = 8_388_608;

function maxBytesOf(path: string): number {
  if (path === 'checkpoint') return maxNoteBytes;
  return path === 'rotations' ? maxRotationsBytes : tileHashes * 32;
}

/** `url`: the server's, or that of a log's prefix. Nothing is believed of what it answers; each answer has a bound and a time limit. */
export function overHttp(url: string): LogSource {
  const prefix = new URL(url);
  const path = prefix.pathname.replace(/\/+$/, '');
  const base = `${prefix.origin}${path === '' ? '/log' : path}`;
  return {
    name: base,
    read: async (file) => {
      const request = { redirect: 'error', signal: AbortSignal.timeout(answerTimeoutMs) } as const;
      const response = await fetch(`${base}/${file}`, request).catch((cause: unknown) => {
        throw unreachable(prefix.origin, cause);
      });
      if (response.status === 404) return undefined;
      if (!response.ok) {
        throw new AppError('unavailable', `${base}/${file} answered with status ${response.status}.`);
      }
      return readBounded(response, { maxBytes: maxBytesOf(file), what: `${base}/${file}` });
    },
    close: async () => {},
  };
}

async function readBounded(
  response: Response,
  { maxBytes, what }: { maxBytes: number; what: string },
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  try {
    for await (const piece of response.body ?? []) {
      sizeBytes += piece.length;
      if (sizeBytes > maxBytes) break;
      pieces.push(piece);
    }
  } catch (cause) {
    throw cutShort(what, cause);
  }
  if (sizeBytes > maxBytes) {
    throw new AppError('too_large', `${what} is larger than such a file can be (${maxBytes} bytes).`);
  }
  return Buffer.concat(pieces);
}

function cutShort(what: string, cause: unknown): AppError {
  return new AppError('unavailable', `The connection ended before ${what} was whole.`, { cause });
}

/** A folder with the files as a log serves them. */
export function inFolder(folder: string): LogSource {
  return {
    name: folder,
    read: (path) => readOptional(join(folder, path)),
    close: async () => {},
  };
}

/** Undefined when there is no such file. */
export async function readOptional(file: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** Read-only, beside whoever writes. Tiles that are not stored are made from what they are of, as the log makes them. */
export async function inDatabase(location: DatabaseLocation, name: string): Promise<LogSource> {
  const onlooker = await openOnlooker(location);
  return {
    name,
    read: (path) => onlooker.view((view) => readFromDatabase(view, path)),
    close: () => onlooker.close(),
  };
}

async function readFromDatabase(view: View, path: string): Promise<Uint8Array | undefined> {
  if (path === 'checkpoint') {
    const [row] = await view.rows<{ note: string }>(
      'SELECT note FROM log_checkpoint ORDER BY size DESC LIMIT 1',
    );
    return row && Buffer.from(row.note);
  }
  if (path === 'rotations') {
    const rows = await view.rows<{ value: string }>(
      "SELECT value FROM setting WHERE namespace_id = '' AND key LIKE 'log.rotation.%' ORDER BY key",
    );
    return Buffer.from(rows.map(({ value }) => `${value}\n`).join(''));
  }
  return readTile(view, parseTilePath(path) as HashTile);
}

async function readTile(view: View, tile: HashTile): Promise<Uint8Array | undefined> {
  const { level, n, width } = tile;
  const [row] = await view.rows<{ hashes: Uint8Array }>(
    'SELECT hashes FROM log_tile WHERE level = ? AND n = ?',
    [level, n],
  );
  if (row) return row.hashes.subarray(0, width * 32);
  if (width === tileHashes) return undefined;
  const hashes = level === 0 ? await leavesOf(view, tile) : await rootsBelow(view, tile);
  return hashes.length === width ? Buffer.concat(hashes) : undefined;
}

async function leavesOf(view: View, { n, width }: HashTile): Promise<Uint8Array[]> {
  const rows = await view.rows<{ body: string }>(
    'SELECT body FROM event WHERE idx >= ? AND idx < ? ORDER BY idx',
    [n * tileHashes, n * tileHashes + width],
  );
  return rows.map(({ body }) => leafHash(Buffer.from(body), nodeSha256));
}

async function rootsBelow(view: View, { level, n, width }: HashTile): Promise<Uint8Array[]> {
  const rows = await view.rows<{ hashes: Uint8Array }>(
    'SELECT hashes FROM log_tile WHERE level = ? AND n >= ? AND n < ? ORDER BY n',
    [level - 1, n * tileHashes, n * tileHashes + width],
  );
  return rows.map(({ hashes }) => rootOfPerfect(hashes, nodeSha256));
}
