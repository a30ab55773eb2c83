/** What events a push, a pull, a sign-in and a refusal are, as the trail must show them: whole, but for ids and times. */
import type { AuditEvent, Reason } from '@tallyman/contract';
import type { Content, SmallImage } from './registry-client.ts';
import type { Expected, PlainEvent } from './trail-reader.ts';
import type { Key } from './world.ts';

export const routes = {
  manifest: '/v2/{name}/manifests/{reference}',
  blob: '/v2/{name}/blobs/{digest}',
  uploads: '/v2/{name}/blobs/uploads/',
  upload: '/v2/{name}/blobs/uploads/{id}',
  token: '/v2/auth',
} as const;

type Scope = AuditEvent['scope'];
/** Who does it with what, seen from which program. */
export type By = { key: Key; agent: string | undefined; ip?: string };

export function performer({ key }: Pick<By, 'key'>): Pick<PlainEvent, 'actor' | 'onBehalfOf' | 'credential'> {
  const { actor, onBehalfOf, credential } = key;
  return { actor, ...(onBehalfOf && { onBehalfOf }), credential };
}

export function facts(
  { agent, ip = '127.0.0.1' }: Omit<By, 'key'>,
  more: { method: string; route: string; status?: number },
): PlainEvent['request'] {
  return { ip, protocol: 'http', ...more, ...(agent !== undefined && { userAgent: agent }) };
}

export type Pushed = {
  scope: Scope;
  image: SmallImage;
  /** Layers and config the project did not show before, in the order in which they must come. */
  blobs?: readonly (readonly Content[])[];
  tag: string;
  movedFrom?: string;
  createsProject?: boolean;
  mediaType?: string;
  artifactType?: string;
};

/** Design 6.3: one per blob made visible, the manifest, the tag; and the project, when it is the first. */
export function pushEvents(by: By, pushed: Pushed): Expected {
  const { scope, image, blobs = [image.layers, [image.config]], tag, movedFrom } = pushed;
  const uploaded = facts(by, { method: 'PUT', route: routes.upload, status: 201 });
  const stored = facts(by, { method: 'PUT', route: routes.manifest, status: 201 });
  const who = performer(by);
  const created: PlainEvent = {
    ...who,
    type: 'project.entry.create',
    outcome: 'success',
    scope,
    target: {
      kind: 'project',
      ...(scope.project && { id: scope.project.id, name: scope.project.path }),
    },
    request: uploaded,
    details: { by: 'upload', visibility: 'private' },
  };
  const upload = ({ digest, bytes }: Content): PlainEvent => ({
    ...who,
    type: 'container.blob.upload',
    outcome: 'success',
    scope,
    target: { kind: 'blob', id: digest },
    request: uploaded,
    details: { digest, sizeBytes: bytes.length },
  });
  const { digest, bytes } = image.manifest;
  const { mediaType = 'application/vnd.oci.image.manifest.v1+json', artifactType } = pushed;
  const manifest: PlainEvent = {
    ...who,
    type: 'container.manifest.push',
    outcome: 'success',
    scope,
    target: { kind: 'manifest', id: digest },
    request: stored,
    details: {
      digest,
      mediaType,
      sizeBytes: bytes.length,
      ...(artifactType !== undefined && { artifactType }),
    },
  };
  const tagged: PlainEvent = {
    ...who,
    type: movedFrom === undefined ? 'container.tag.create' : 'container.tag.move',
    outcome: 'success',
    scope,
    target: { kind: 'tag', name: tag },
    request: stored,
    details:
      movedFrom === undefined
        ? { by: 'push', digest, tag }
        : { by: 'push', from: movedFrom, to: digest, tag },
  };
  return [
    ...(pushed.createsProject ? [created] : []),
    ...blobs.map((set) => set.map(upload)),
    manifest,
    tagged,
  ];
}

/** One per manifest GET; its blobs are covered by it. */
export function pullEvent(
  by: By,
  pulled: { scope: Scope; manifest: Content; reference: string; mediaType?: string },
): PlainEvent {
  const { scope, manifest, reference } = pulled;
  const { mediaType = 'application/vnd.oci.image.manifest.v1+json' } = pulled;
  const { digest } = manifest;
  return {
    ...performer(by),
    type: 'container.manifest.pull',
    outcome: 'success',
    scope,
    target: { kind: 'manifest', id: digest },
    request: facts(by, { method: 'GET', route: routes.manifest, status: 200 }),
    details: { by: reference.includes(':') ? 'digest' : 'tag', digest, mediaType, reference },
  };
}

/**
 * An unscoped call of the token endpoint: what `login` does. A basic credential is accepted before the request it comes
 * with is decided, so that event has no status.
 */
export function signInEvent(
  by: By,
  surface: 'registry_token' | 'basic',
  request: { method: string; route: string } = { method: 'GET', route: routes.token },
): PlainEvent {
  return {
    ...performer(by),
    type: 'account.sign_in.succeed',
    outcome: 'success',
    scope: by.key.home,
    request: facts(by, { ...request, ...(surface === 'registry_token' && { status: 200 }) }),
    details: { surface },
  };
}

export type Refused = {
  by: By;
  action: 'pull' | 'push' | 'delete';
  scope: Scope;
  project: string;
  reference?: string;
  reason: Reason;
  outcome?: 'denied' | 'failed';
  request: { method: string; route: string; status: number };
  details?: Record<string, unknown>;
};

/** Somebody known was refused at a project. */
export function refusalEvent(refused: Refused): PlainEvent {
  const { by, action, scope, project, reference, reason, outcome = 'denied', request, details } = refused;
  return {
    ...performer(by),
    type: `container.${action}.refuse`,
    outcome,
    reason,
    scope,
    request: facts(by, request),
    details: {
      attempted: { action, project, ...(reference !== undefined && { reference }) },
      ...details,
    },
  };
}
