/**
 * Every route of the registry, once: what it is, which right it needs, which events its outcomes have. The dispatcher,
 * the route in each event and the coverage matrix are made from this table.
 */
import type { EventType } from '@tallyman/contract';
import { deleteBlob, getBlob, headBlob } from './blobs.ts';
import { listCatalog } from './catalog.ts';
import type { ContainerRoute, Resource } from './exchange.ts';
import { putManifest } from './manifest-put.ts';
import { deleteManifestOrTag, getManifest, headManifest } from './manifests.ts';
import { ping } from './ping.ts';
import { listReferrers } from './referrers.ts';
import { listTagNames } from './tag-list.ts';
import { getToken, postToken } from './token.ts';
import { cancelUpload, finishUpload, getUpload, patchUpload, startUpload } from './uploads.ts';

export const resourcePaths: Readonly<Record<Resource, string>> = {
  base: '/v2/',
  token: '/v2/auth',
  catalog: '/v2/_catalog',
  tags: '/v2/{name}/tags/list',
  manifest: '/v2/{name}/manifests/{reference}',
  blob: '/v2/{name}/blobs/{digest}',
  uploads: '/v2/{name}/blobs/uploads/',
  upload: '/v2/{name}/blobs/uploads/{id}',
  referrers: '/v2/{name}/referrers/{digest}',
};

const pull = { action: 'pull', refusal: 'container.pull.refuse', body: 'none' } as const;
const push = { action: 'push', refusal: 'container.push.refuse' } as const;
const remove = { action: 'delete', refusal: 'container.delete.refuse', body: 'none' } as const;
const open = { action: undefined, refusal: undefined, body: 'none' } as const;

const challenge = 'A request without credentials is answered by a challenge.';
const probe =
  'A probe: the manifest GET, or the GET of the blob, is the pull. What is missing is no refusal.';
const signIn = 'Identity records what was presented and refused.';

type Entry = Omit<ContainerRoute, 'path' | 'events'> & { events?: readonly EventType[] };
const entries: readonly Entry[] = [
  {
    ...open,
    method: 'GET',
    resource: 'base',
    spec: 'end-1',
    silent: `${challenge} ${signIn}`,
    handler: ping,
  },
  {
    ...open,
    method: 'HEAD',
    resource: 'base',
    spec: 'end-1',
    silent: `${challenge} ${signIn}`,
    handler: ping,
  },
  {
    ...open,
    method: 'GET',
    resource: 'token',
    spec: 'token §Requesting a Token',
    events: ['account.sign_in.succeed'],
    silent: `A token with fewer rights than asked for is no refusal; the first request refused because of it is. A malformed scope is refused before anybody was asked anything. ${signIn}`,
    handler: getToken,
  },
  {
    ...open,
    method: 'POST',
    resource: 'token',
    spec: 'oauth §Getting a token',
    body: 'form',
    events: ['account.sign_in.succeed'],
    silent: `As GET. ${signIn}`,
    handler: postToken,
  },
  {
    ...open,
    method: 'GET',
    resource: 'catalog',
    spec: 'Docker registry API §Catalog',
    refusal: 'container.pull.refuse',
    silent: 'A list of names the caller may pull; nothing is read of a project.',
    handler: listCatalog,
  },
  {
    ...pull,
    method: 'GET',
    resource: 'tags',
    spec: 'end-8a, end-8b',
    silent: 'A list of names is no pull.',
    handler: listTagNames,
  },
  {
    ...pull,
    method: 'GET',
    resource: 'manifest',
    spec: 'end-3',
    events: ['container.manifest.pull'],
    silent: challenge,
    handler: getManifest,
  },
  { ...pull, method: 'HEAD', resource: 'manifest', spec: 'end-3', silent: probe, handler: headManifest },
  {
    ...push,
    method: 'PUT',
    resource: 'manifest',
    spec: 'end-7a, end-7b',
    body: 'manifest',
    events: ['project.entry.create', 'container.manifest.push', 'container.tag.create', 'container.tag.move'],
    silent: 'What is there already, unchanged, is no event.',
    handler: putManifest,
  },
  {
    ...remove,
    method: 'DELETE',
    resource: 'manifest',
    spec: 'end-9',
    events: ['container.manifest.delete', 'container.tag.delete'],
    silent: challenge,
    handler: deleteManifestOrTag,
  },
  {
    ...pull,
    method: 'GET',
    resource: 'blob',
    spec: 'end-2',
    events: ['container.blob.pull'],
    silent:
      'Covered by a manifest pulled with the same credential within the hour. A missing blob in a readable project is no refusal.',
    handler: getBlob,
  },
  { ...pull, method: 'HEAD', resource: 'blob', spec: 'end-2', silent: probe, handler: headBlob },
  {
    ...remove,
    method: 'DELETE',
    resource: 'blob',
    spec: 'end-10',
    events: ['container.blob.delete'],
    silent: challenge,
    handler: deleteBlob,
  },
  {
    ...push,
    method: 'POST',
    resource: 'uploads',
    spec: 'end-4a, end-4b, end-4c, end-11',
    body: 'blob',
    events: ['project.entry.create', 'container.blob.upload', 'container.blob.mount'],
    silent: 'An upload begun shows nothing yet. A mount that cannot be done falls back to an upload.',
    handler: startUpload,
  },
  {
    ...push,
    method: 'GET',
    resource: 'upload',
    spec: 'end-13',
    body: 'none',
    silent: 'How far an upload is.',
    handler: getUpload,
  },
  {
    ...push,
    method: 'PATCH',
    resource: 'upload',
    spec: 'end-5',
    body: 'blob',
    silent: 'A chunk shows nothing yet. One out of order is the protocol at work.',
    handler: patchUpload,
  },
  {
    ...push,
    method: 'PUT',
    resource: 'upload',
    spec: 'end-6',
    body: 'blob',
    events: ['project.entry.create', 'container.blob.upload'],
    silent: 'A blob the project shows already is no event. A chunk out of order is the protocol at work.',
    handler: finishUpload,
  },
  {
    ...push,
    method: 'DELETE',
    resource: 'upload',
    spec: 'end-14',
    body: 'none',
    silent: 'What is cancelled was never visible.',
    handler: cancelUpload,
  },
  {
    ...pull,
    method: 'GET',
    resource: 'referrers',
    spec: 'end-12a, end-12b',
    silent: 'A list of descriptors is no pull.',
    handler: listReferrers,
  },
];

export const containerRouteTable: readonly ContainerRoute[] = entries.map((entry) => ({
  events: [],
  ...entry,
  path: resourcePaths[entry.resource],
}));

const byResource = new Map<Resource, Map<string, ContainerRoute>>();
for (const route of containerRouteTable) {
  const found = byResource.get(route.resource) ?? new Map<string, ContainerRoute>();
  found.set(route.method, route);
  byResource.set(route.resource, found);
}

export function findRoute(resource: Resource, method: string): ContainerRoute | undefined {
  return byResource.get(resource)?.get(method);
}

export function methodsOf(resource: Resource): string[] {
  return [...(byResource.get(resource)?.keys() ?? [])];
}
