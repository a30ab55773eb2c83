/** Manifests: reading them, the host's hottest path, and deleting them over /v2/. */
import { deleteManifest } from './deletion.ts';
import { manifestUnknown, withoutEvent } from './errors.ts';
import { type Exchange, parseReference } from './exchange.ts';
import { admit, requireProject } from './gate.ts';
import type { Host } from './parts.ts';
import { headByDigest, headByTag, manifestByDigest, manifestByTag } from './rows.ts';
import { deleteTag } from './tags.ts';

/**
 * What is stored is served whatever `Accept` says: a digest names one document, and clients that cannot read it say so
 * better than a 404 would. The pull is durable before the first byte.
 */
export async function getManifest(host: Host, exchange: Exchange): Promise<void> {
  const admitted = requireProject(await admit(host, exchange), exchange);
  const { caller, project, scope } = admitted;
  const reference = parseReference(exchange.reference);
  const stored =
    'tag' in reference
      ? await host.db.read.get(manifestByTag, [project.id, reference.tag])
      : await host.db.read.get(manifestByDigest, [project.id, reference.digest]);
  if (stored === undefined) throw manifestUnknown(exchange.reference);
  const { digest, mediaType, content } = stored;
  await host.trail.read({
    type: 'container.manifest.pull',
    by: caller,
    scope,
    target: { id: digest, kind: 'manifest' },
    status: 200,
    details: { by: 'tag' in reference ? 'tag' : 'digest', digest, mediaType, reference: exchange.reference },
  });
  host.pulls.note(caller, project.id);
  exchange.reply
    .header('docker-content-digest', digest)
    .header('content-type', mediaType)
    .send(Buffer.from(content.buffer, content.byteOffset, content.byteLength));
}

export async function headManifest(host: Host, exchange: Exchange): Promise<void> {
  const admitted = await admit(host, exchange);
  const reference = parseReference(exchange.reference);
  const found =
    admitted.project &&
    ('tag' in reference
      ? await host.db.read.get(headByTag, [admitted.project.id, reference.tag])
      : await host.db.read.get(headByDigest, [admitted.project.id, reference.digest]));
  // Clients ask before they push; a project yet to be made holds nothing.
  if (found === undefined) throw withoutEvent(manifestUnknown(exchange.reference));
  exchange.reply
    .header('docker-content-digest', found.digest)
    .header('content-type', found.mediaType)
    .header('content-length', found.sizeBytes)
    .send();
}

/** end-9: by tag the tag alone goes; by digest the manifest and every tag that points to it. */
export async function deleteManifestOrTag(host: Host, exchange: Exchange): Promise<void> {
  const { caller, project, scope } = requireProject(await admit(host, exchange), exchange);
  const reference = parseReference(exchange.reference);
  const on = { by: caller, projectId: project.id, scope, status: 202 };
  if ('tag' in reference) await deleteTag(host, { ...on, tag: reference.tag });
  else await deleteManifest(host, { ...on, digest: reference.digest });
  exchange.reply.code(202).send();
}
