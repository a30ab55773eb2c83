/** Blobs of a project: whoever may pull reads them, but only through the project's link. */
import type { OutgoingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import type { Scope } from '@tallyman/contract';
import { FileContent } from '../blobs/file-content.ts';
import type { Caller } from '../domain/caller.ts';
import type { Digest } from '../domain/digest.ts';
import { deleteBlobLink } from './deletion.ts';
import { blobUnknown, withoutEvent } from './errors.ts';
import { type Exchange, requireDigest } from './exchange.ts';
import { admit, requireProject } from './gate.ts';
import type { Host } from './parts.ts';
import { parseRange } from './ranges.ts';
import { linkRow, touch } from './rows.ts';

/** end-2. The event, when the pull of a manifest does not cover it, is durable before the first byte. */
export async function getBlob(host: Host, exchange: Exchange): Promise<void> {
  const { caller, project, scope } = await admit(host, exchange);
  const { request, reply, reference } = exchange;
  const digest = requireDigest(reference);
  const link = project && (await host.db.read.get(linkRow, [project.id, digest]));
  if (project === undefined || link === undefined) throw withoutEvent(blobUnknown(digest));
  const range = parseRange(request.headers.range, link.sizeBytes);
  const status = range === undefined ? 200 : 206;
  const { content, start, lengthBytes, sizeBytes } = await host.blobs.open(digest, range);
  try {
    if (!host.pulls.covers(caller, project.id)) {
      await recordPull(host, { caller, scope, digest, sizeBytes, status });
    }
  } catch (error) {
    if (content instanceof Readable) content.destroy();
    throw error;
  }
  reply.code(status).header('docker-content-digest', digest).header('accept-ranges', 'bytes');
  reply.header('content-type', 'application/octet-stream').header('content-length', lengthBytes);
  if (range !== undefined)
    reply.header('content-range', `bytes ${start}-${start + lengthBytes - 1}/${sizeBytes}`);
  if (content instanceof FileContent) await sendFile(exchange, content);
  else reply.send(content);
}

/** Past the framework, which would make a buffer of every piece. */
async function sendFile({ reply }: Exchange, content: FileContent): Promise<void> {
  reply.hijack();
  reply.raw.writeHead(reply.statusCode, reply.getHeaders() as OutgoingHttpHeaders);
  try {
    await content.sendTo(reply.raw);
    reply.raw.end();
  } catch {
    // The head is sent, so a reader that is still there can only be told by a broken connection.
    reply.raw.destroy();
  }
}

async function recordPull(
  { trail }: Pick<Host, 'trail'>,
  pull: { caller: Caller; scope: Scope; digest: Digest; sizeBytes: number; status: number },
): Promise<void> {
  const { caller, scope, digest, sizeBytes, status } = pull;
  await trail.read({
    type: 'container.blob.pull',
    by: caller,
    scope,
    target: { id: digest, kind: 'blob' },
    status,
    details: { digest, sizeBytes },
  });
}

/** Answered 200, a blob stays at least its grace time less `touchEveryMs`: clients go on to rely on it. */
export async function headBlob(host: Host, exchange: Exchange): Promise<void> {
  const { project } = await admit(host, exchange);
  const digest = requireDigest(exchange.reference);
  const link = project && (await host.db.read.get(linkRow, [project.id, digest]));
  if (project === undefined || link === undefined) throw withoutEvent(blobUnknown(digest));
  const nowUs = host.clock.nowUs();
  if (nowUs - link.touchedAt > host.limits.touchEveryMs * 1000) {
    await host.db.transact((tx) => touch(tx, { projectId: project.id, digest, nowUs }));
  }
  exchange.reply
    .header('docker-content-digest', digest)
    .header('accept-ranges', 'bytes')
    .header('content-type', 'application/octet-stream')
    .header('content-length', link.sizeBytes)
    .send();
}

/** end-10. */
export async function deleteBlob(host: Host, exchange: Exchange): Promise<void> {
  const { caller, project, scope } = requireProject(await admit(host, exchange), exchange);
  const digest = requireDigest(exchange.reference);
  await deleteBlobLink(host, { by: caller, projectId: project.id, scope, status: 202, digest });
  exchange.reply.code(202).send();
}
