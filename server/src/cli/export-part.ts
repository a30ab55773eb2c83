/**
 * The part of an export that a broken connection left: FILE.part. What is not a whole event is cut off, and the export goes
 * on after the last one. Beside it, FILE.part.until keeps where the export was to end, so that both parts are one export.
 */
import { open, readFile, rm, writeFile } from 'node:fs/promises';
import { AppError } from '../domain/error.ts';
import { indexOfLine } from './export-progress.ts';

export type Part = { after: number | undefined; until: number | undefined };

const chunkBytes = 1 << 20;

export function partPath(file: string): string {
  return `${file}.part`;
}

function untilPath(file: string): string {
  return `${file}.part.until`;
}

export async function keepUntil(file: string, until: number): Promise<void> {
  await writeFile(untilPath(file), `${until}\n`, { mode: 0o600 });
}

export async function forgetUntil(file: string): Promise<void> {
  await rm(untilPath(file), { force: true });
}

/** Cuts the part to whole NDJSON lines. Throws `not_found` when there is none. */
export async function resumePart(file: string): Promise<Part> {
  const until = Number(await readFile(untilPath(file), 'utf8').catch(() => Number.NaN));
  const handle = await open(partPath(file), 'r+').catch(() => undefined);
  if (!handle || !Number.isSafeInteger(until)) {
    await handle?.close();
    throw new AppError('not_found', `There is no ${partPath(file)} to go on with. Leave --resume out.`);
  }
  try {
    const { size } = await handle.stat();
    const end = await endOfLastLine(handle, size);
    await handle.truncate(end.bytes);
    return { after: end.index, until };
  } finally {
    await handle.close();
  }
}

/** Read from the end: a line is at most some ten kilobytes. */
async function endOfLastLine(
  handle: Awaited<ReturnType<typeof open>>,
  size: number,
): Promise<{ bytes: number; index: number | undefined }> {
  for (let want = chunkBytes; ; want *= 2) {
    const from = Math.max(0, size - want);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(size - from), 0, size - from, from);
    const text = buffer.subarray(0, bytesRead);
    const end = text.lastIndexOf(10) + 1;
    const start = end < 2 ? 0 : text.lastIndexOf(10, end - 2) + 1;
    if (start === 0 && from > 0) continue;
    const index = end === 0 ? undefined : indexOfLine(text.subarray(start, end).toString('latin1'));
    return index === undefined ? { bytes: 0, index } : { bytes: from + end, index };
  }
}
