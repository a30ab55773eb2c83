/** What a route is, one request on its way through the host, and the few ways to read and answer it. */

import type { EventType, Scope } from '@tallyman/contract';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Namespace, Project } from '../access/model.ts';
import type { Caller } from '../domain/caller.ts';
import { type Digest, parseDigest } from '../domain/digest.ts';
import { AppError } from '../domain/error.ts';
import { isTagName } from '../domain/names.ts';
import type { Host } from './parts.ts';

export const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
export type Method = (typeof methods)[number];
/** What a route does to a project; undefined = it names none. */
export type RouteAction = 'pull' | 'push' | 'delete';
export type Resource =
  | 'base'
  | 'token'
  | 'catalog'
  | 'tags'
  | 'manifest'
  | 'blob'
  | 'uploads'
  | 'upload'
  | 'referrers';

export type ContainerRoute = {
  method: Method;
  resource: Resource;
  path: string;
  /** Of the OCI distribution-spec 1.1, or of the registry token specification. */
  spec: string;
  action: RouteAction | undefined;
  /** Events of what was done. */
  events: readonly EventType[];
  /** Event of what was refused. */
  refusal: 'container.pull.refuse' | 'container.push.refuse' | 'container.delete.refuse' | undefined;
  /** Outcomes that have no event, and why. */
  silent: string;
  /** Which bound its body has. */
  body: 'none' | 'manifest' | 'blob' | 'form';
  handler: (host: Host, exchange: Exchange) => Promise<void>;
};

export type Exchange = {
  request: FastifyRequest;
  reply: FastifyReply;
  route: ContainerRoute;
  /** Path of the project as typed; '' on routes that name none. */
  path: string;
  /** Tag, digest or upload id as typed; '' where there is none. */
  reference: string;
  query: URLSearchParams;
  /** Who asks and where, as far as the request has come: refusals are told from it. */
  caller?: Caller;
  scope?: Scope;
};

/** Somebody who may do what the route does, on a project that may not exist yet. */
export type Admitted = {
  caller: Caller;
  namespace: Namespace;
  project: Project | undefined;
  scope: Scope;
};
/** The same on a project that exists. */
export type AdmittedToProject = Admitted & { project: Project };

export function requireDigest(text: string, field = 'digest'): Digest {
  const digest = parseDigest(text);
  if (digest === undefined) {
    throw new AppError('invalid', 'A digest is sha256: or sha512: and 64 or 128 lower-case hex digits.', {
      reason: 'digest_invalid',
      details: { field },
    });
  }
  return digest;
}

export function requireTagName(text: string, field = 'tag'): string {
  if (!isTagName(text)) {
    throw new AppError(
      'invalid',
      'A tag is at most 128 letters, digits, "_", "." or "-", and begins with none of the last two.',
      {
        reason: 'tag_invalid',
        details: { field },
      },
    );
  }
  return text;
}

/** A tag or a digest; whatever holds a colon is meant as a digest. */
export function parseReference(text: string): { tag: string } | { digest: Digest } {
  return text.includes(':')
    ? { digest: requireDigest(text, 'reference') }
    : { tag: requireTagName(text, 'reference') };
}

/** A parameter that is compared with stored texts. PostgreSQL keeps no NUL in a text, and takes none in a question. */
export function textParameter(query: URLSearchParams, name: string): string | undefined {
  const text = query.get(name) ?? '';
  if (text.includes('\0')) {
    throw new AppError('invalid', `${name} may not hold the character NUL.`, {
      reason: 'request_invalid',
      details: { field: name },
    });
  }
  return text === '' ? undefined : text;
}

/** Query parameter `n`: at most the page's size; 0 is allowed and means nothing. */
export function parsePageSize(query: URLSearchParams, most: number): number {
  const text = query.get('n');
  if (text === null || text === '') return most;
  if (!/^\d{1,15}$/.test(text)) {
    throw new AppError('invalid', 'n must be a number of entries.', {
      reason: 'request_invalid',
      details: { field: 'n' },
    });
  }
  return Math.min(Number(text), most);
}

/** RFC 8288. Relative, so that it holds behind any proxy. */
export function linkNext(path: string, query: Record<string, string | undefined>): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) params.set(name, value);
  return `<${path}?${params}>; rel="next"`;
}

export function answerBlob({ reply, path }: Exchange, digest: Digest): void {
  reply
    .code(201)
    .header('location', `/v2/${path}/blobs/${digest}`)
    .header('docker-content-digest', digest)
    .send();
}
