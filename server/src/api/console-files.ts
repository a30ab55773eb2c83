/**
 * The console's built files. They are read once at start and served from memory by exact name, so no path a client sends
 * ever reaches the disk. Every other path below a place of the console gets index.html: the console has its own router.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join, sep } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../domain/error.ts';

const compress = promisify(gzip);

/** Only what the bundle's own files need; no inline script or style, no other origin, no frame. */
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

const mediaTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.webmanifest': 'application/manifest+json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
};
const compressible = /^(text|application\/(json|manifest|wasm)|image\/svg)/;

type StoredFile = {
  bytes: Buffer;
  type: string;
  etag: string;
  cacheControl: string;
  zipped?: Promise<Buffer>;
};

/** Vite puts what carries a hash in its name here. */
const hashedFolder = '/assets/';
const oneYear = 'public, max-age=31536000, immutable';

/** First segments that belong to others: what they do not know is missing, not a page. */
const notPages: ReadonlySet<string> = new Set([
  'api',
  'v2',
  'v1',
  'log',
  'legacy',
  'simple',
  'pypi',
  'assets',
  'healthz',
  'readyz',
  'metrics',
  'oauth2',
]);

const notBuilt =
  'The console is not built yet. Run "npm start" from the repository, which builds it, or "npm run build --workspace=console".\nThe API is at /api/v1/, the registry at /v2/.\n';

/** `folder`: the console's build, `console/dist`. Register it last: it answers GET for whatever nobody else does. */
export function consoleFiles({ folder }: { folder: string }): FastifyPluginAsync {
  const files = existsSync(join(folder, 'index.html')) ? readFiles(folder) : undefined;
  return async (app) => {
    app.get('/*', async (request, reply) => {
      const path = pathOf(request);
      const file = files?.get(path) ?? (isPage(request, path) ? files?.get('/index.html') : undefined);
      if (file !== undefined) return send(file, { request, reply });
      if (files === undefined && isPage(request, path))
        return reply.code(503).type('text/plain; charset=utf-8').send(notBuilt);
      throw new AppError('not_found', 'There is nothing at this address.');
    });
  };
}

/** Every file of the build by its path from the root, `/assets/index-abc.js`. */
function readFiles(folder: string): Map<string, StoredFile> {
  const files = new Map<string, StoredFile>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const onDisk = join(entry.parentPath, entry.name);
    const path = `/${onDisk.slice(folder.length).split(sep).filter(Boolean).join('/')}`;
    const bytes = readFileSync(onDisk);
    files.set(path, {
      bytes,
      type: mediaTypes[extname(path)] ?? 'application/octet-stream',
      etag: `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 27)}"`,
      cacheControl: path.startsWith(hashedFolder) ? oneYear : 'no-cache',
    });
  }
  return files;
}

/** Decoded; a name that cannot be decoded is no file's. */
function pathOf(request: FastifyRequest): string {
  const [raw = '/'] = request.url.split('?');
  try {
    return decodeURIComponent(raw);
  } catch {
    return raw;
  }
}

/**
 * Places begin with a plain word, and below it come names as people chose them: `/organisations/acme.io` is a page. Files
 * of the build stand at the root or under /assets/, so a dot in the first word, like a browser that wants a script or a
 * picture, asks for a file that is missing.
 */
function isPage(request: FastifyRequest, path: string): boolean {
  const { accept = '*/*', 'sec-fetch-dest': wanted = 'document' } = request.headers;
  const [, first = ''] = path.split('/');
  const isPlace = /^[a-z0-9-]*$/.test(first) && !notPages.has(first);
  return isPlace && wanted === 'document' && /text\/html|\*\/\*/.test(accept);
}

async function send(
  file: StoredFile,
  { request, reply }: { request: FastifyRequest; reply: FastifyReply },
): Promise<FastifyReply> {
  reply.headers({
    'cache-control': file.cacheControl,
    'content-security-policy': pagePolicy,
    'cross-origin-opener-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    etag: file.etag,
    vary: 'accept-encoding',
  });
  if (request.headers['if-none-match'] === file.etag) return reply.code(304).send();
  reply.type(file.type);
  const accepts = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
  if (!accepts || !compressible.test(file.type)) return reply.send(file.bytes);
  file.zipped ??= compress(file.bytes, { level: 9 });
  return reply.header('content-encoding', 'gzip').send(await file.zipped);
}
