/**
 * Uploads: the steps by which a blob arrives (OCI distribution-spec 1.1 §Pushing blobs). The store keeps the bytes, a row
 * keeps whose they are. An upload belongs to its principal and its project's path; to anybody else it is unknown.
 *
 *   POST   row and empty file      a crash leaves either; garbage collection drops what nobody returns to
 *   PATCH  bytes at the end        a crash loses at most what was not answered; GET tells how far it is
 *   PUT    digest, flush, rename   then one unit: link, event, row gone
 */
import type { Namespace } from '../access/model.ts';
import { BlobError } from '../blobs/blob-error.ts';
import { parseUploadId, type UploadId } from '../blobs/upload-id.ts';
import type { Caller } from '../domain/caller.ts';
import type { Digest, DigestAlgorithm } from '../domain/digest.ts';
import { algorithmOf } from '../domain/digest.ts';
import { AppError } from '../domain/error.ts';
import { uuidv7 } from '../stdx/random.ts';
import { announcedBytes, hasBody } from './body.ts';
import { outOfOrder, uploadUnknown, withoutEvent } from './errors.ts';
import { type Admitted, answerBlob, type Exchange, requireDigest } from './exchange.ts';
import { admit } from './gate.ts';
import { linkUpload } from './links.ts';
import { tryMount } from './mounts.ts';
import type { Host } from './parts.ts';
import { parseChunkRange } from './ranges.ts';
import { countUploads, deleteUploadRow, insertUpload, uploadRow } from './rows.ts';

/** end-4a, end-4b, end-4c, end-11. */
export async function startUpload(host: Host, exchange: Exchange): Promise<void> {
  const admitted = await admit(host, exchange);
  const { query } = exchange;
  const mount = query.get('mount');
  if (mount !== null && (await tryMount(host, exchange, { admitted, digest: requireDigest(mount, 'mount') })))
    return;
  const digest = query.get('digest');
  if (digest !== null && mount === null) return uploadAtOnce(host, exchange, admitted, requireDigest(digest));
  const algorithm = requireAlgorithm(query.get('digest-algorithm'));
  const id = newUploadId(host);
  const { caller, project } = admitted;
  await requireRoom(host, caller);
  await host.blobs.createUpload(id, mount === null ? algorithm : algorithmOf(requireDigest(mount, 'mount')));
  await host.db.transact((tx) =>
    tx.run(insertUpload, [id, project?.id ?? null, exchange.path, principalOf(caller), host.clock.nowUs()]),
  );
  answerProgress(exchange, { id, sizeBytes: 0, status: 202 });
}

/** end-4b: nobody else learns of this upload, so it has no row. */
async function uploadAtOnce(
  host: Host,
  exchange: Exchange,
  admitted: Admitted,
  digest: Digest,
): Promise<void> {
  const id = newUploadId(host);
  await host.blobs.createUpload(id, algorithmOf(digest));
  try {
    if (hasBody(exchange.request.raw)) await appendBody(host, exchange, { id, offset: 0 });
    await finish(host, exchange, { admitted, id, digest, withRow: false });
  } catch (error) {
    await tryAbort(host, id);
    throw error;
  }
}

/** end-13. */
export async function getUpload(host: Host, exchange: Exchange): Promise<void> {
  const { id } = await requireUpload(host, exchange);
  answerProgress(exchange, { id, sizeBytes: await host.blobs.sizeOfUpload(id), status: 204 });
}

/** end-5; also without Content-Range, as one stream. */
export async function patchUpload(host: Host, exchange: Exchange): Promise<void> {
  const { id } = await requireUpload(host, exchange);
  const offset = await chunkOffset(host, exchange, id);
  const sizeBytes = hasBody(exchange.request.raw) ? await appendBody(host, exchange, { id, offset }) : offset;
  answerProgress(exchange, { id, sizeBytes, status: 202 });
}

/** end-6, with or without a last chunk. */
export async function finishUpload(host: Host, exchange: Exchange): Promise<void> {
  const { id, admitted } = await requireUpload(host, exchange);
  const digest = requireDigest(exchange.query.get('digest') ?? '');
  const offset = await chunkOffset(host, exchange, id);
  if (hasBody(exchange.request.raw)) await appendBody(host, exchange, { id, offset });
  await finish(host, exchange, { admitted, id, digest, withRow: true });
}

/** end-14. */
export async function cancelUpload(host: Host, exchange: Exchange): Promise<void> {
  const { id } = await requireUpload(host, exchange);
  await host.blobs.abort(id);
  await host.db.transact((tx) => tx.run(deleteUploadRow, [id]));
  exchange.reply.code(204).send();
}

async function requireUpload(host: Host, exchange: Exchange): Promise<{ id: UploadId; admitted: Admitted }> {
  const admitted = await admit(host, exchange);
  const id = parseUploadId(exchange.reference);
  const row = id && (await host.db.read.get(uploadRow, [id]));
  const own = row?.path === exchange.path && row.principalId === principalOf(admitted.caller);
  if (id === undefined || !own) throw uploadUnknown();
  return { id, admitted };
}

/** Where the body goes: where its Content-Range says, which must be the end; without one, at the end. */
async function chunkOffset(host: Host, exchange: Exchange, id: UploadId): Promise<number> {
  const { raw } = exchange.request;
  const sizeBytes = await host.blobs.sizeOfUpload(id);
  const header = raw.headers['content-range'];
  if (header === undefined || !hasBody(raw)) return sizeBytes;
  const range = parseChunkRange(header);
  if (range.start !== sizeBytes) throw atProgress(exchange, id, sizeBytes);
  if ((announcedBytes(raw) ?? range.lengthBytes) !== range.lengthBytes) {
    throw new AppError(
      'invalid',
      `Content-Range speaks of ${range.lengthBytes} bytes, Content-Length of ${announcedBytes(raw)}.`,
      {
        reason: 'size_mismatch',
        details: { field: 'content-range' },
      },
    );
  }
  return sizeBytes;
}

/** 416 with where the upload is, so that the client can go on. */
function atProgress(exchange: Exchange, id: UploadId, sizeBytes: number): AppError {
  exchange.reply.headers(progressHeaders(exchange, id, sizeBytes));
  return withoutEvent(outOfOrder(sizeBytes));
}

async function appendBody(
  host: Host,
  exchange: Exchange,
  at: { id: UploadId; offset: number },
): Promise<number> {
  const { blobBytes } = host.limits;
  const { raw } = exchange.request;
  if (at.offset + (announcedBytes(raw) ?? 0) > blobBytes)
    throw new BlobError('too_large', { limitBytes: blobBytes });
  try {
    return await host.blobs.append(at.id, raw, {
      offset: at.offset,
      limitBytes: blobBytes,
    });
  } catch (error) {
    // Another request added to it between our look and our write.
    if (error instanceof BlobError && error.kind === 'offset_mismatch')
      throw atProgress(exchange, at.id, error.details.sizeBytes ?? 0);
    throw error;
  }
}

async function finish(
  host: Host,
  exchange: Exchange,
  of: { admitted: Admitted; id: UploadId; digest: Digest; withRow: boolean },
): Promise<void> {
  const { id, digest, withRow } = of;
  const { caller, namespace, project } = of.admitted;
  const target: { by: Caller; namespace: Namespace; project: typeof project; path: string } = {
    by: caller,
    namespace,
    project,
    path: exchange.path,
  };
  await host.guard.use(digest, async () => {
    const { sizeBytes } = await host.blobs
      .finish(id, digest)
      .catch((error: unknown) => dropLost(host, id, error, withRow));
    await linkUpload(host, { ...target, digest, sizeBytes, ...(withRow && { uploadId: id }) });
  });
  answerBlob(exchange, digest);
}

/** The store has thrown away bytes that do not match; their row goes too. */
async function dropLost(host: Host, id: UploadId, error: unknown, withRow: boolean): Promise<never> {
  if (withRow && error instanceof BlobError && error.kind === 'digest_mismatch') {
    await host.db.transact((tx) => tx.run(deleteUploadRow, [id]));
  }
  throw error;
}

function answerProgress(
  exchange: Exchange,
  at: { id: UploadId; sizeBytes: number; status: 202 | 204 },
): void {
  exchange.reply
    .code(at.status)
    .headers(progressHeaders(exchange, at.id, at.sizeBytes))
    .send();
}

/** Range names the last byte, so an empty upload can only say 0-0, as every registry does. */
function progressHeaders({ path }: Exchange, id: UploadId, sizeBytes: number): Record<string, string> {
  return {
    location: `/v2/${path}/blobs/uploads/${id}`,
    range: `0-${Math.max(0, sizeBytes - 1)}`,
    'docker-upload-uuid': id,
  };
}

function requireAlgorithm(text: string | null): DigestAlgorithm | undefined {
  if (text === null || text === '' || text === 'sha256') return undefined;
  if (text === 'sha512') return text;
  throw new AppError('invalid', 'digest-algorithm must be sha256 or sha512.', {
    reason: 'digest_invalid',
    details: { field: 'digest-algorithm' },
  });
}

function newUploadId({ clock }: Pick<Host, 'clock'>): UploadId {
  const id = parseUploadId(uuidv7(clock.nowUs()));
  if (id === undefined) throw new Error('unreachable: a UUID is an upload id');
  return id;
}

function principalOf({ actor }: Caller): string {
  return actor.id ?? actor.kind;
}

async function requireRoom({ db, limits }: Host, caller: Caller): Promise<void> {
  const found = await db.read.get(countUploads, [principalOf(caller)]);
  if ((found?.count ?? 0) < limits.uploadsPerPrincipal) return;
  throw new AppError(
    'rate_limited',
    `You have ${limits.uploadsPerPrincipal} uploads under way. Finish or cancel some first.`,
    {
      reason: 'rate_limited',
      retryAfterSeconds: 60,
    },
  );
}

/** Best effort: garbage collection sweeps what stays. */
async function tryAbort({ blobs }: Pick<Host, 'blobs'>, id: UploadId): Promise<void> {
  await blobs.abort(id).catch(() => undefined);
}
