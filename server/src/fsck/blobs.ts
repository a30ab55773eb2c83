/**
 * Content against the table that says what there is. Each row must have its bytes, of the right size; asked to look
 * deeper, each is read and hashed. Bytes without a row are what crashes leave, and garbage collection removes them.
 */
import { createHash } from 'node:crypto';
import type { BlobReader } from '../blobs/open-reader.ts';
import type { Onlooker } from '../db/onlooker.ts';
import { algorithmOf, type Digest, hexOf, parseDigest } from '../domain/digest.ts';
import { inValues } from '../trail/sql.ts';
import type { Tell } from './findings.ts';
import type { Pace } from './pace.ts';
import type { SecondLook } from './second-look.ts';

export type BlobRun = {
  log: Onlooker;
  blobs: BlobReader;
  tell: Tell;
  pace: Pace;
  secondLook: SecondLook;
  deep: boolean;
};

type BlobRow = { digest: string; sizeBytes: number };

const batchRows = 200;
const selectRows = `SELECT digest, size_bytes AS "sizeBytes" FROM blob WHERE digest > ? ORDER BY digest LIMIT ${batchRows}`;

/** Resolves to how many rows there are. */
export async function checkBlobs(run: BlobRun): Promise<number> {
  let count = 0;
  for (let after = ''; ; ) {
    const rows = await run.log.view((view) => view.rows<BlobRow>(selectRows, [after]));
    for (const row of rows) await run.secondLook('blobs', (tell) => checkRow(run, row, tell));
    count += rows.length;
    await run.pace.rest();
    const last = rows.at(-1);
    if (last === undefined) break;
    after = last.digest;
  }
  await checkStrays(run);
  return count;
}

async function checkRow(run: BlobRun, { digest: text, sizeBytes }: BlobRow, tell: Tell): Promise<void> {
  const digest = parseDigest(text);
  if (digest === undefined) {
    tell.error('blob_malformed', `the table of blobs holds a digest that is none: ${text.slice(0, 100)}`);
    return;
  }
  const found = await run.blobs.find(digest);
  if (found !== undefined && found.sizeBytes === sizeBytes) {
    if (run.deep) await checkContent(run, digest, tell);
    return;
  }
  // Garbage collection takes the row first.
  if (
    !(await run.log.view((view) => view.rows(`SELECT 1 AS there FROM blob WHERE digest = ?`, [text]))).length
  )
    return;
  if (found === undefined)
    tell.error('blob_missing', `blob ${digest} has a row, and its bytes are not there`);
  else tell.error('blob_size', `blob ${digest} has ${found.sizeBytes} bytes, and its row says ${sizeBytes}`);
}

async function checkContent({ blobs }: BlobRun, digest: Digest, tell: Tell): Promise<void> {
  const hasher = createHash(algorithmOf(digest));
  try {
    const content = await blobs.read(digest);
    if (Buffer.isBuffer(content)) hasher.update(content);
    else for await (const chunk of content) hasher.update(chunk as Buffer);
  } catch (error) {
    tell.error('blob_unreadable', `blob ${digest} cannot be read: ${(error as Error).message}`);
    return;
  }
  const hex = hasher.digest('hex');
  if (hex !== hexOf(digest))
    tell.error('blob_changed', `blob ${digest} has other content: it hashes to ${hex}`);
}

async function checkStrays(run: BlobRun): Promise<void> {
  const strays = { count: 0, bytes: 0 };
  let batch: { digest: string; sizeBytes: number }[] = [];
  const look = async (): Promise<void> => {
    const where = inValues(
      'digest',
      batch.map(({ digest }) => digest),
    );
    const rows = await run.log.view((view) =>
      view.rows<{ digest: string }>(`SELECT digest FROM blob WHERE ${where.text}`, where.params),
    );
    const known = new Set(rows.map(({ digest }) => digest));
    for (const { digest, sizeBytes } of batch) {
      if (known.has(digest)) continue;
      strays.count++;
      strays.bytes += sizeBytes;
    }
    batch = [];
    await run.pace.rest();
  };
  for await (const blob of run.blobs.list()) {
    batch.push(blob);
    if (batch.length >= batchRows) await look();
  }
  if (batch.length > 0) await look();
  if (strays.count > 0)
    run.tell.notice(
      'blob_stray',
      `${strays.count} blobs (${strays.bytes} bytes) have no row: garbage, which collection removes`,
    );
}
