/**
 * For tests: whether a request is signed as AWS Signature Version 4 wants it (Signature calculations for the Authorization
 * header, "Transferring payload in a single chunk"), with the credentials that tests use. Written from the specification,
 * not with the code that signs.
 */
import { createHash, createHmac } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

export type Credentials = { id: string; secret: string };

const longestSkewMs = 15 * 60_000;

export type Signed = {
  method: string;
  /** As it was sent, escapes and all. */
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
};

/** The protocol's code for what is wrong with it; undefined when it is right. */
export function refusalOfSignature(
  { method, path, query, headers }: Signed,
  credentials: Credentials,
): string | undefined {
  const form =
    /^AWS4-HMAC-SHA256 Credential=([^/,]+)\/(\d{8})\/([^/,]+)\/s3\/aws4_request, ?SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})$/;
  const match = form.exec(headers.authorization ?? '');
  if (!match) return 'AccessDenied';
  const [, id, day, region, names, signature] = match as unknown as string[];
  if (id !== credentials.id) return 'InvalidAccessKeyId';
  const time = String(headers['x-amz-date'] ?? '');
  const at = Date.parse(time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  if (!(Math.abs(Date.now() - at) < longestSkewMs) || !time.startsWith(day as string))
    return 'RequestTimeTooSkewed';
  const signedNames = (names as string).split(';');
  // Whatever the storage acts on must be under the signature.
  const needed = [
    'host',
    ...Object.keys(headers).filter((name) => name.startsWith('x-amz-') || name === 'content-md5'),
  ];
  if (needed.some((name) => !signedNames.includes(name))) return 'AccessDenied';
  const canonical = [
    method,
    path,
    canonicalQuery(query),
    ...signedNames.map(
      (name) =>
        `${name}:${String(headers[name] ?? '')
          .trim()
          .replace(/ +/g, ' ')}`,
    ),
    '',
    names,
    headers['x-amz-content-sha256'] ?? '',
  ].join('\n');
  const scope = `${day}/${region}/s3/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', time, scope, sha256(canonical)].join('\n');
  const key = [day, region, 's3', 'aws4_request'].reduce<string | Buffer>(
    (secret, part) => hmac(secret, part as string),
    `AWS4${credentials.secret}`,
  );
  return hmac(key, text).toString('hex') === signature ? undefined : 'SignatureDoesNotMatch';
}

function canonicalQuery(query: URLSearchParams): string {
  const escaped = [...query].map(([name, value]) => [percent(name), percent(value)] as const);
  return escaped
    .sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

/** RFC 3986: only unreserved characters stay. */
function percent(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
