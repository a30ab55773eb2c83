/**
 * Pushing a manifest (end-7a, end-7b). The bytes are stored as they came. One unit holds all of it: the project if it is
 * new, the manifest with what it names, and its tags; so a crash leaves the whole push or nothing of it.
 */
import type { Scope } from '@tallyman/contract';
import type { Tx } from '../db/store.ts';
import { algorithmOf, type Digest, digestOf } from '../domain/digest.ts';
import { AppError } from '../domain/error.ts';
import { readBody } from './body.ts';
import { type Exchange, parseReference, requireTagName } from './exchange.ts';
import { admit } from './gate.ts';
import { type Manifest, parseManifest } from './manifest-schema.ts';
import type { Host } from './parts.ts';
import { type PushTarget, pushedProject } from './projects.ts';
import {
  headByDigest,
  insertBlobReferences,
  insertChildReferences,
  insertManifest,
  lockProject,
  missingContent,
  touchLinks,
} from './rows.ts';
import { pointTag } from './tags.ts';

type Push = PushTarget & { manifest: Manifest; digest: Digest; content: Buffer; tags: readonly string[] };
type PutParts = Pick<Host, 'trail' | 'clock' | 'access'>;

export async function putManifest(host: Host, exchange: Exchange): Promise<void> {
  const { caller, namespace, project } = await admit(host, exchange);
  const { request, reply, path } = exchange;
  const reference = parseReference(exchange.reference);
  const tags = tagsOf(host, exchange, reference);
  const content = await readBody(request.raw, {
    limitBytes: host.limits.manifestBytes,
    tooLarge: () => tooLarge(host.limits.manifestBytes),
  });
  const digest = digestOf('digest' in reference ? algorithmOf(reference.digest) : 'sha256', content);
  if ('digest' in reference && digest !== reference.digest) {
    throw new AppError(
      'invalid',
      `The manifest does not match the digest given: what arrived is ${digest}.`,
      {
        reason: 'digest_mismatch',
        details: { field: 'reference' },
      },
    );
  }
  const manifest = parseManifest(content, request.headers['content-type']);
  const push: Push = { by: caller, namespace, project, path, manifest, digest, content, tags };
  await host.db.transact((tx) => storePush(host, tx, push));
  reply
    .code(201)
    .header('location', `/v2/${path}/manifests/${digest}`)
    .header('docker-content-digest', digest);
  if (manifest.subject !== undefined) reply.header('oci-subject', manifest.subject);
  if (query(exchange).length > 0) reply.header('oci-tag', tags.join(', '));
  reply.send();
}

function query(exchange: Exchange): string[] {
  return exchange.query.getAll('tag');
}

/** The tag in the path, and those in the query: each once. */
function tagsOf(host: Host, exchange: Exchange, reference: { tag: string } | { digest: Digest }): string[] {
  const asked = query(exchange);
  if (asked.length > host.limits.tagsPerPush) {
    throw new AppError('invalid', `One push may set ${host.limits.tagsPerPush} tags at most.`, {
      reason: 'request_invalid',
      details: { field: 'tag' },
    });
  }
  const names = asked.map((name) => requireTagName(name));
  return [...new Set('tag' in reference ? [reference.tag, ...names] : names)];
}

/**
 * Idempotent: a manifest that is there and tags that point to it already change nothing and have no event.
 * Throws manifest_blob_unknown.
 */
async function storePush(parts: PutParts, tx: Tx, push: Push): Promise<void> {
  // One push at a time: the tag that was committed last is the one whose event is last.
  if (push.project !== undefined) await lockProject(tx, push.project.id);
  const project = await pushedProject(parts, tx, push);
  if (push.project === undefined) await lockProject(tx, project.id);
  const on = { by: push.by, projectId: project.id, scope: parts.access.scopeOf(push.namespace, project) };
  await requireContent(tx, project.id, push.manifest, parts.clock.nowUs());
  if ((await tx.get(headByDigest, [project.id, push.digest])) === undefined)
    await insert(parts, tx, { ...on, ...push });
  for (const tag of push.tags)
    await pointTag(parts, tx, { ...on, tag, digest: push.digest, how: 'push', status: 201 });
}

/** Touching the links counts them, renews their grace time and holds them against collection until the commit. */
async function requireContent(
  tx: Tx,
  projectId: string,
  { blobs, children }: Manifest,
  nowUs: number,
): Promise<void> {
  const held = blobs.length === 0 ? 0 : await tx.run(touchLinks, [nowUs, projectId, JSON.stringify(blobs)]);
  if (held === blobs.length && children.length === 0) return;
  if (children.length > 0) await tx.run(touchLinks, [nowUs, projectId, JSON.stringify(children)]);
  const missing = await missingContent(tx, projectId, { blobs, children });
  if (missing.length === 0) return;
  throw new AppError(
    'invalid',
    `The manifest names ${missing.length === 1 ? 'content that is' : `${missing.length} things that are`} not in this project: ${missing.slice(0, 3).join(', ')}. Push that first.`,
    { reason: 'manifest_blob_unknown', details: { field: 'digest', digest: missing[0] } },
  );
}

async function insert(
  parts: PutParts,
  tx: Tx,
  push: Push & { projectId: string; scope: Scope },
): Promise<void> {
  const { manifest, digest, content, projectId } = push;
  const eventId = parts.trail.record(tx, {
    type: 'container.manifest.push',
    by: push.by,
    scope: push.scope,
    target: { id: digest, kind: 'manifest' },
    status: 201,
    details: {
      ...(manifest.artifactType !== undefined && { artifactType: manifest.artifactType }),
      digest,
      mediaType: manifest.mediaType,
      sizeBytes: content.length,
      ...(manifest.subject !== undefined && { subject: manifest.subject }),
    },
  });
  await tx.run(insertManifest, [
    projectId,
    digest,
    manifest.mediaType,
    manifest.artifactType ?? null,
    manifest.subject ?? null,
    content.length,
    content,
    manifest.annotations ?? null,
    parts.clock.nowUs(),
    eventId,
  ]);
  if (manifest.blobs.length > 0)
    await tx.run(insertBlobReferences, [projectId, digest, JSON.stringify(manifest.blobs)]);
  if (manifest.children.length > 0)
    await tx.run(insertChildReferences, [projectId, digest, JSON.stringify(manifest.children)]);
}

function tooLarge(limitBytes: number): AppError {
  return new AppError('too_large', `A manifest may have at most ${limitBytes} bytes here.`, {
    reason: 'manifest_too_large',
    details: { limitBytes },
  });
}
