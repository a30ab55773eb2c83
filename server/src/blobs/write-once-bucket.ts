/** Texts written once, as objects: `s3://<bucket>/<prefix><name>`. Rights to put, get and list are enough. */
import {
  GetObjectCommand,
  HeadBucketCommand,
  PutObjectCommand,
  paginateListObjectsV2,
  type S3Client,
} from '@aws-sdk/client-s3';
import { createS3Client } from './s3-client.ts';
import { statusOf } from './s3-put.ts';
import { parseS3Url, type S3Location } from './s3-url.ts';
import { maxListed, maxTextBytes, requireSame, unavailable, type WriteOnce } from './write-once.ts';

/** Throws `unavailable` when the bucket cannot be reached: a missing one would look like an empty one. */
export async function openWriteOnceBucket(url: string): Promise<WriteOnceBucket> {
  const location = parseS3Url(url);
  const client = createS3Client(location);
  try {
    await client.send(new HeadBucketCommand({ Bucket: location.bucket }));
  } catch (cause) {
    client.destroy();
    throw unavailable(placeOf(location), cause);
  }
  return new WriteOnceBucket(client, location);
}

/** Without the parameters of its URL. */
function placeOf({ bucket, prefix }: S3Location): string {
  return `s3://${bucket}/${prefix}`;
}

export class WriteOnceBucket implements WriteOnce {
  readonly #client: S3Client;
  readonly #location: S3Location;

  constructor(client: S3Client, location: S3Location) {
    this.#client = client;
    this.#location = location;
  }

  async put(name: string, text: string): Promise<void> {
    try {
      // A storage that does not know the condition ignores it or answers 501; the text of a name is the same anyway.
      await this.#send(name, text, { IfNoneMatch: '*' });
    } catch (cause) {
      const status = statusOf(cause);
      if (status === 501) return this.#putUnconditionally(name, text);
      if (status !== 412 && status !== 409) throw unavailable(placeOf(this.#location), cause);
      await requireSame(await this.find(name), { name, text });
    }
  }

  async find(name: string): Promise<string | undefined> {
    try {
      const answer = await this.#client.send(new GetObjectCommand(this.#object(name)));
      if ((answer.ContentLength ?? 0) > maxTextBytes) throw new Error('an object is too large to be ours');
      return await answer.Body?.transformToString();
    } catch (cause) {
      if (statusOf(cause) === 404) return undefined;
      throw unavailable(placeOf(this.#location), cause);
    }
  }

  async list(folder: string): Promise<string[]> {
    const { bucket: Bucket, prefix } = this.#location;
    const Prefix = `${prefix}${folder}`;
    const names: string[] = [];
    try {
      const pages = paginateListObjectsV2({ client: this.#client }, { Bucket, Prefix, Delimiter: '/' });
      for await (const { Contents = [], CommonPrefixes = [] } of pages) {
        names.push(
          ...Contents.map(({ Key = '' }) => Key),
          ...CommonPrefixes.map((common) => common.Prefix ?? ''),
        );
        if (names.length > maxListed) throw new Error('too many objects');
      }
    } catch (cause) {
      throw unavailable(placeOf(this.#location), cause);
    }
    return names.map((name) => name.slice(Prefix.length)).filter((name) => name !== '');
  }

  close(): void {
    this.#client.destroy();
  }

  async #putUnconditionally(name: string, text: string): Promise<void> {
    const found = await this.find(name);
    if (found !== undefined) return requireSame(found, { name, text });
    await this.#send(name, text, {}).catch((cause: unknown) => {
      throw unavailable(placeOf(this.#location), cause);
    });
  }

  async #send(name: string, text: string, condition: { IfNoneMatch?: string }): Promise<void> {
    const Body = Buffer.from(text);
    const ContentType = 'text/plain; charset=utf-8';
    await this.#client.send(new PutObjectCommand({ ...this.#object(name), ...condition, Body, ContentType }));
  }

  #object(name: string): { Bucket: string; Key: string } {
    return { Bucket: this.#location.bucket, Key: `${this.#location.prefix}${name}` };
  }
}
