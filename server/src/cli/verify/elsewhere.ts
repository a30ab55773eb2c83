/** Checkpoints of the log that were kept in another place: a file, or a folder as the server writes its copies. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { maxNoteBytes } from '@tallyman/verifier';
import { AppError } from '../../domain/error.ts';
import { readOptional } from './log-source.ts';

const mostCheckpoints = 1_000_000;

/** Paths of checkpoints, oldest first: a copy is named by its size with leading zeros, so its name orders it. */
export async function listCheckpoints(places: readonly string[]): Promise<string[]> {
  const found: { path: string; size: number }[] = [];
  for (const place of places) {
    for (const path of await filesOf(place)) {
      found.push({ path, size: await sizeOf(path) });
      if (found.length > mostCheckpoints)
        throw new AppError('too_large', `${place} holds too many checkpoints.`);
    }
  }
  if (places.length > 0 && found.length === 0) {
    throw new AppError('not_found', `There is no checkpoint in ${places.join(', ')}.`);
  }
  return found.sort((left, right) => left.size - right.size).map(({ path }) => path);
}

async function filesOf(place: string): Promise<string[]> {
  const about = await stat(place).catch((cause: unknown) => {
    throw new AppError('not_found', `There is no file or folder ${place}.`, { cause });
  });
  if (!about.isDirectory()) return [place];
  const entries = await readdir(place, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** From the name of a copy, so that not every file is opened; else from the note, which is verified later. */
async function sizeOf(path: string): Promise<number> {
  const digits = /(?:^|\/)(\d{3}\/\d{3}\/\d{3}\/\d{3}\/\d{3})$/.exec(path)?.[1];
  if (digits !== undefined) return Number(digits.replaceAll('/', ''));
  const bytes = await readOptional(path);
  if (bytes === undefined || bytes.length > maxNoteBytes) return 0;
  return Number(/^[^\n]*\n(\d{1,16})\n/.exec(Buffer.from(bytes).toString('utf8'))?.[1] ?? 0);
}
