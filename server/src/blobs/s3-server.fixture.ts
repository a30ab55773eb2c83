/**
 * A small S3 server for tests: the calls that the driver makes, with the checks a real one makes (signatures, exact
 * content length, checksums, part order, tags and least size, paged lists), plus faults on demand. One bucket, in memory.
 */
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { type Credentials, refusalOfSignature } from './s3-signature.fixture.ts';

/**
 * `refused`: 503 before anything happens. `lost_write`: the connection ends first. `lost_reply`: it happens, then the
 * connection ends. `changed`: a bit of the body turns on the way.
 */
export type Fault = 'refused' | 'lost_write' | 'lost_reply' | 'changed';

/** The protocol's least size of every part but the last. */
const leastPartBytes = 5 * 1024 * 1024;

interface StoredObject {
  readonly bytes: Buffer;
  readonly modified: Date;
}

interface Multipart {
  readonly key: string;
  readonly initiated: Date;
  readonly parts: Map<number, Buffer>;
}

interface Call {
  readonly method: string;
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

interface Answer {
  readonly status: number;
  readonly headers?: Record<string, string | number>;
  readonly body?: string | Buffer;
}

export class S3TestServer {
  readonly bucket: string;
  readonly objects = new Map<string, StoredObject>();
  readonly multiparts = new Map<string, Multipart>();
  /** What was asked, such as `PUT` or `PUT part`, in order. */
  readonly calls: string[] = [];
  /** Set, a range is answered with the last byte this much further: as a storage does that misreads ranges. */
  beyondRange = 0;
  readonly #faults: { call: string; fault: Fault; times: number }[] = [];
  readonly #pageSize: number;
  /** As the SDK reads them from the environment, when the server is made. */
  readonly #credentials: Credentials = {
    id: process.env.AWS_ACCESS_KEY_ID ?? '',
    secret: process.env.AWS_SECRET_ACCESS_KEY ?? '',
  };
  #server: Server | undefined;

  constructor(bucket: string, pageSize = 7) {
    this.bucket = bucket;
    this.#pageSize = pageSize;
  }

  async listen(): Promise<string> {
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch((cause: unknown) => response.destroy(cause as Error));
    });
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return `http://127.0.0.1:${address.port}`;
  }

  async close(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise((resolve) => this.#server?.close(resolve));
  }

  /** The next calls of that name go wrong. */
  failNext(call: string, fault: Fault, times = 1): void {
    this.#faults.push({ call, fault, times });
  }

  endFaults(): void {
    this.#faults.length = 0;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const [, bucket = '', ...rest] = url.pathname.split('/');
    const method = request.method ?? '';
    const query = url.searchParams;
    const name = callName(method, rest.join('/'), query);
    this.calls.push(name);
    const fault = this.#takeFault(name);
    if (fault === 'lost_write') return void request.socket.destroy();
    const chunks = await request.toArray().catch(() => undefined);
    // The client went away within its body: nothing happens, as on a real storage.
    if (!chunks) return;
    const body = Buffer.concat(chunks);
    if (fault === 'changed' && body.length > 0)
      body[body.length >> 1] = (body[body.length >> 1] as number) ^ 1;
    const call = { method, query, key: decodeURIComponent(rest.join('/')), headers: request.headers, body };
    if (fault === 'refused') return send(response, failure(503, 'SlowDown'));
    const signed = { method, path: url.pathname, query, headers: request.headers };
    const wrong = refusalOfSignature(signed, this.#credentials);
    const answer =
      wrong !== undefined
        ? failure(403, wrong)
        : bucket === this.bucket
          ? (refuse(call) ?? this.#answer(name, call))
          : failure(404, 'NoSuchBucket');
    if (fault === 'lost_reply') return void request.socket.destroy();
    send(response, answer);
  }

  #takeFault(call: string): Fault | undefined {
    const found = this.#faults.find((each) => each.call === call && each.times > 0);
    if (found) found.times--;
    return found?.fault;
  }

  #answer(name: string, call: Call): Answer {
    switch (name) {
      case 'HEAD bucket':
        return { status: 200 };
      case 'PUT':
        if (call.headers['if-none-match'] === '*' && this.objects.has(call.key))
          return failure(412, 'PreconditionFailed');
        this.objects.set(call.key, { bytes: call.body, modified: new Date() });
        return { status: 200, headers: { etag: tagOf(call.body) } };
      case 'GET':
      case 'HEAD':
        return this.#read(call);
      case 'DELETE':
        this.objects.delete(call.key);
        return { status: 204 };
      case 'LIST':
        return this.#list(call.query);
      case 'LIST parts':
        return this.#listMultiparts(call.query);
      default:
        return this.#multipart(name, call);
    }
  }

  #read({ key, headers, method }: Call): Answer {
    const found = this.objects.get(key);
    if (!found) return failure(404, 'NoSuchKey');
    const common = { 'last-modified': found.modified.toUTCString(), etag: tagOf(found.bytes) };
    const size = found.bytes.length;
    const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '') ?? [];
    if (from === undefined)
      return { status: 200, headers: { ...common, 'content-length': size }, body: found.bytes };
    const start = Number(from);
    const end = Math.min(to ? Number(to) + this.beyondRange : size - 1, size - 1);
    if (start >= size) return failure(416, 'InvalidRange');
    const part = found.bytes.subarray(start, end + 1);
    const range = { 'content-range': `bytes ${start}-${end}/${size}`, 'content-length': part.length };
    return { status: 206, headers: { ...common, ...range }, ...(method === 'GET' && { body: part }) };
  }

  #list(query: URLSearchParams): Answer {
    const after = query.get('continuation-token') ?? '';
    const prefix = query.get('prefix') ?? '';
    const delimiter = query.get('delimiter');
    // Keys that go on after the delimiter are one entry together.
    const shortened = (key: string): string => {
      const end = delimiter === null ? -1 : key.indexOf(delimiter, prefix.length);
      return end < 0 ? key : key.slice(0, end + 1);
    };
    const names = new Set([...this.objects.keys()].filter((key) => key.startsWith(prefix)).map(shortened));
    const sorted = [...names].filter((name) => name > after).sort();
    const page = sorted.slice(0, this.#pageSize);
    const more = sorted.length > page.length;
    const entries = page.map((name) => {
      const found = this.objects.get(name);
      if (!found) return `<CommonPrefixes><Prefix>${name}</Prefix></CommonPrefixes>`;
      const { bytes, modified } = found;
      return `<Contents><Key>${name}</Key><LastModified>${modified.toISOString()}</LastModified><Size>${bytes.length}</Size></Contents>`;
    });
    const token = more ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : '';
    return xml('ListBucketResult', `<IsTruncated>${more}</IsTruncated>${token}${entries.join('')}`);
  }

  #listMultiparts(query: URLSearchParams): Answer {
    const after = query.get('upload-id-marker') ?? '';
    const ids = [...this.multiparts.keys()].filter((id) => id > after).sort();
    const page = ids.slice(0, this.#pageSize);
    const more = ids.length > page.length;
    const uploads = page.map((id) => {
      const { key, initiated } = this.multiparts.get(id) as Multipart;
      return `<Upload><Key>${key}</Key><UploadId>${id}</UploadId><Initiated>${initiated.toISOString()}</Initiated></Upload>`;
    });
    const markers = more
      ? `<NextKeyMarker>k</NextKeyMarker><NextUploadIdMarker>${page.at(-1)}</NextUploadIdMarker>`
      : '';
    return xml(
      'ListMultipartUploadsResult',
      `<IsTruncated>${more}</IsTruncated>${markers}${uploads.join('')}`,
    );
  }

  #multipart(name: string, { key, query, body }: Call): Answer {
    if (name === 'POST begin') {
      const id = randomUUID();
      this.multiparts.set(id, { key, initiated: new Date(), parts: new Map() });
      return xml('InitiateMultipartUploadResult', `<UploadId>${id}</UploadId>`);
    }
    const id = query.get('uploadId') ?? '';
    const upload = this.multiparts.get(id);
    if (upload?.key !== key) return failure(404, 'NoSuchUpload');
    if (name === 'PUT part') {
      upload.parts.set(Number(query.get('partNumber')), body);
      return { status: 200, headers: { etag: tagOf(body) } };
    }
    if (name === 'POST complete') return this.#complete(id, upload, body.toString());
    if (name !== 'DELETE parts') return failure(501, 'NotImplemented');
    this.multiparts.delete(id);
    return { status: 204 };
  }

  #complete(id: string, { key, parts }: Multipart, body: string): Answer {
    const named = [...body.matchAll(/<Part>(.*?)<\/Part>/gs)].map(([, part = '']) => ({
      number: Number(/<PartNumber>(\d+)</.exec(part)?.[1]),
      tag: /<ETag>(.*?)</.exec(part)?.[1]?.replaceAll('&quot;', '"'),
    }));
    const bytes: Buffer[] = [];
    for (const [at, { number, tag }] of named.entries()) {
      const part = parts.get(number);
      if (!part || tagOf(part) !== tag) return failure(400, 'InvalidPart');
      if (at > 0 && number <= (named[at - 1]?.number ?? 0)) return failure(400, 'InvalidPartOrder');
      if (at < named.length - 1 && part.length < leastPartBytes) return failure(400, 'EntityTooSmall');
      bytes.push(part);
    }
    if (bytes.length === 0) return failure(400, 'MalformedXML');
    this.objects.set(key, { bytes: Buffer.concat(bytes), modified: new Date() });
    this.multiparts.delete(id);
    return xml('CompleteMultipartUploadResult', `<Key>${key}</Key>`);
  }
}

function callName(method: string, key: string, query: URLSearchParams): string {
  if (key === '') return method === 'HEAD' ? 'HEAD bucket' : query.has('uploads') ? 'LIST parts' : 'LIST';
  if (method === 'POST') return query.has('uploads') ? 'POST begin' : 'POST complete';
  if (!query.has('uploadId')) return method;
  return method === 'PUT' ? 'PUT part' : 'DELETE parts';
}

/** What a real storage checks before it looks at its objects. */
function refuse({ headers, method, body }: Call): Answer | undefined {
  if (method === 'PUT' && headers['content-length'] === undefined)
    return failure(411, 'MissingContentLength');
  if (method === 'PUT' && Number(headers['content-length']) !== body.length)
    return failure(400, 'IncompleteBody');
  if (headers['content-encoding']?.includes('aws-chunked')) return failure(501, 'NotImplemented');
  const sha256 = createHash('sha256').update(body);
  const stated = headers['x-amz-content-sha256'];
  if (typeof stated === 'string' && /^[0-9a-f]{64}$/.test(stated) && sha256.copy().digest('hex') !== stated) {
    return failure(400, 'XAmzContentSHA256Mismatch');
  }
  const checksum = headers['x-amz-checksum-sha256'];
  if (checksum !== undefined && sha256.digest('base64') !== checksum) return failure(400, 'BadDigest');
  const md5 = headers['content-md5'];
  if (md5 !== undefined && createHash('md5').update(body).digest('base64') !== md5)
    return failure(400, 'BadDigest');
  return undefined;
}

function tagOf(bytes: Buffer): string {
  return `"${createHash('md5').update(bytes).digest('hex')}"`;
}

function xml(root: string, inner: string): Answer {
  const body = `<?xml version="1.0" encoding="UTF-8"?><${root} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${inner}</${root}>`;
  return { status: 200, headers: { 'content-type': 'application/xml' }, body };
}

function failure(status: number, code: string): Answer {
  return { ...xml('Error', `<Code>${code}</Code><Message>${code}</Message>`), status };
}

function send(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, headers);
  // Node leaves the body out of an answer to HEAD by itself.
  response.end(body);
}
