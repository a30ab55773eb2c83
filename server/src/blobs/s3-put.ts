/**
 * Puts one checked file into object storage as one immutable object: in one request, or in parts when it is long. An object
 * appears only when its last request has succeeded, whole. Sending is repeated here because the SDK cannot rewind a stream.
 */
import { createHash } from 'node:crypto';
import type { ReadStream } from 'node:fs';
import { createReadStream } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import type { CompletedPart, S3Client } from '@aws-sdk/client-s3';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import type { Digest } from '../domain/digest.ts';
import { algorithmOf, hexOf } from '../domain/digest.ts';

const mebibyte = 1024 * 1024;
export const singlePutBytes = 64 * mebibyte;
const minPartBytes = 16 * mebibyte;
/** The protocol's bound. */
const maxParts = 10_000;
const partsAtOnce = 4;
const attempts = 3;
const firstWaitMs = 100;

export interface ObjectPlace {
  readonly client: S3Client;
  readonly Bucket: string;
  readonly Key: string;
}

export interface CheckedFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly digest: Digest;
}

export async function putFile(place: ObjectPlace, file: CheckedFile): Promise<void> {
  await (file.sizeBytes > singlePutBytes ? putInParts(place, file) : putAtOnce(place, file));
}

async function putAtOnce(
  { client, Bucket, Key }: ObjectPlace,
  { path, sizeBytes, digest }: CheckedFile,
): Promise<void> {
  const whole = { start: 0, lengthBytes: sizeBytes };
  // The storage compares this with what it received, so a bit lost on the way is no object.
  const checksum =
    algorithmOf(digest) === 'sha256'
      ? { ChecksumSHA256: Buffer.from(hexOf(digest), 'hex').toString('base64') }
      : { ContentMD5: await md5Of(path, whole) };
  await repeated(() =>
    sent(path, whole, (Body) =>
      client.send(
        new PutObjectCommand({
          Bucket,
          Key,
          Body,
          ContentLength: sizeBytes,
          ...checksum,
        }),
      ),
    ),
  );
}

async function putInParts(place: ObjectPlace, file: CheckedFile): Promise<void> {
  const { client, Bucket, Key } = place;
  // A crash from here on leaves parts that no object names; `sweep` removes them.
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }));
  try {
    const Parts = await sendParts(place, UploadId, file);
    await client.send(
      new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }),
    );
  } catch (cause) {
    // Completed, but the answer was lost and the repetition found no upload: the object says so.
    if (statusOf(cause) === 404 && (await sizeOfObject(place)) === file.sizeBytes) return;
    await tryAbort(place, UploadId);
    throw cause;
  }
}

async function sendParts(
  place: ObjectPlace,
  UploadId: string | undefined,
  file: CheckedFile,
): Promise<CompletedPart[]> {
  const { client, Bucket, Key } = place;
  const partBytes = Math.max(minPartBytes, Math.ceil(file.sizeBytes / maxParts));
  const count = Math.ceil(file.sizeBytes / partBytes);
  const parts: CompletedPart[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const at = next++;
      const start = at * partBytes;
      const lengthBytes = Math.min(partBytes, file.sizeBytes - start);
      // Known to every storage, and needs no word at the beginning of the upload, as the newer checksums do.
      const ContentMD5 = await md5Of(file.path, { start, lengthBytes });
      const part = { Bucket, Key, UploadId, PartNumber: at + 1, ContentLength: lengthBytes, ContentMD5 };
      const send = (Body: ReadStream) => client.send(new UploadPartCommand({ ...part, Body }));
      parts[at] = {
        ETag: (await repeated(() => sent(file.path, { start, lengthBytes }, send))).ETag,
        PartNumber: at + 1,
      };
    }
  };
  const stopOthers = (cause: unknown): never => {
    next = count;
    throw cause;
  };
  // All have ended before this does, so that no part is sent after the abort.
  const ends = await Promise.allSettled(
    Array.from({ length: partsAtOnce }, () => worker().catch(stopOthers)),
  );
  const failure = ends.find((end) => end.status === 'rejected');
  if (failure) throw failure.reason;
  return parts;
}

async function sizeOfObject({ client, Bucket, Key }: ObjectPlace): Promise<number | undefined> {
  return (await client.send(new HeadObjectCommand({ Bucket, Key }))).ContentLength;
}

export async function tryAbort(
  { client, Bucket, Key }: ObjectPlace,
  UploadId: string | undefined,
): Promise<boolean> {
  return client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId })).then(
    () => true,
    () => false,
  );
}

type Stretch = { start: number; lengthBytes: number };

function readStretch(path: string, { start, lengthBytes }: Stretch): ReadStream {
  // `end` is inside the stretch, so nothing at all has to be asked for differently.
  const stretch = lengthBytes === 0 ? { start: 0, end: 0 } : { start, end: start + lengthBytes - 1 };
  return createReadStream(path, { ...stretch, highWaterMark: 256 * 1024 });
}

/** Of what is about to be sent, in the form of the header. Read twice: the second time from memory, most likely. */
async function md5Of(path: string, stretch: Stretch): Promise<string> {
  const md5 = createHash('md5');
  for await (const piece of readStretch(path, stretch)) md5.update(piece as Buffer);
  return md5.digest('base64');
}

/** Sends a stretch of a file; its descriptor is closed however the request ends. */
async function sent<T>(path: string, stretch: Stretch, send: (body: ReadStream) => Promise<T>): Promise<T> {
  const body = readStretch(path, stretch);
  const closed = new Promise((resolve) => body.once('close', resolve));
  // Without a listener a read error before the SDK has attached its own would end the process; the request fails by it too.
  body.on('error', () => {});
  try {
    return await send(body);
  } finally {
    body.destroy();
    await closed;
  }
}

async function repeated<T>(send: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await send();
    } catch (cause) {
      const status = statusOf(cause);
      const refused =
        status !== undefined && status >= 400 && status < 500 && status !== 408 && status !== 429;
      // What arrived was not what was sent: the next time it may be.
      const changed = cause instanceof Error && cause.name === 'BadDigest';
      if ((refused && !changed) || attempt === attempts) throw cause;
    }
    await wait(firstWaitMs * 2 ** attempt);
  }
}

/** The HTTP status behind an SDK error; undefined when there was no answer. */
export function statusOf(cause: unknown): number | undefined {
  if (!(cause instanceof Error) || !('$metadata' in cause)) return undefined;
  const metadata = cause.$metadata;
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return undefined;
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined;
}
