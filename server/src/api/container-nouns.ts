/**
 * Tags and manifests of a container project over REST. The container host does the work; it is handed in by main,
 * because hosts never import each other.
 */
import type { Manifest, Scope, Tag } from '@tallyman/contract';
import type { Project } from '../access/model.ts';
import { invalid } from '../domain/error.ts';
import type { Clock } from '../stdx/clock.ts';
import type { Performer } from '../trail/draft.ts';
import { parseTime } from './accounts.ts';
import type { ApiHandlers } from './call.ts';
import type { Visit } from './refusals.ts';
import { type TagActParts, type TagStateShown, withActs } from './tag-acts.ts';

export type PageRequest = { cursor?: string | undefined; limit: number };
export type Page<T> = { items: T[]; next: string | null };
/** `scope` of the project, for the events of a change. */
type OfTag = { project: Project; scope: Scope; tag: string };

/** Each throws not_found (tag_unknown, manifest_unknown) or conflict; changes record their own events. */
export type ContainerTags = {
  list(project: Project, page: PageRequest & { text?: string | undefined }): Promise<Page<Tag>>;
  get(of: OfTag): Promise<Tag>;
  /** Newest first, or the one at `atUs` alone; not_found when there never was such a tag. */
  history(of: OfTag, page: PageRequest & { atUs?: number | undefined }): Promise<Page<TagStateShown>>;
  retag(by: Performer, of: OfTag, digest: string): Promise<Tag>;
  setExpiry(by: Performer, of: OfTag, expiresAtUs: number | null): Promise<Tag>;
  delete(by: Performer, of: OfTag): Promise<void>;
  restore(by: Performer, of: OfTag, digest: string): Promise<Tag>;
};

type OfManifest = { project: Project; scope: Scope; digest: string };
export type ContainerManifests = {
  list(project: Project, page: PageRequest): Promise<Page<Manifest>>;
  get(of: OfManifest): Promise<Manifest>;
  delete(by: Performer, of: OfManifest): Promise<void>;
};

export type ContainerNouns = { tags: ContainerTags; manifests: ContainerManifests };

type TagRoutes = `tags.${'list' | 'get' | 'put' | 'put_expiry' | 'delete' | 'history' | 'restore'}`;
type ManifestRoutes = `manifests.${'list' | 'get' | 'delete'}`;

export function containerHandlers(
  parts: TagActParts & { containers: ContainerNouns; clock: Clock },
): ApiHandlers<TagRoutes | ManifestRoutes> {
  const {
    containers: { tags, manifests },
    clock,
  } = parts;
  type OnTag = { project: Project; visit: Visit; params: { tag: string } };
  type OnManifest = { project: Project; visit: Visit; params: { digest: string } };
  const ofTag = ({ project, visit, params }: OnTag): OfTag => ({
    project,
    scope: visit.scope,
    tag: params.tag,
  });
  const ofManifest = ({ project, visit, params }: OnManifest): OfManifest => ({
    project,
    scope: visit.scope,
    digest: params.digest,
  });
  return {
    'tags.list': async ({ project, query }) => tags.list(project, query),
    'tags.get': async (call) => tags.get(ofTag(call)),
    'tags.put': async (call) => tags.retag(call.caller, ofTag(call), call.body.digest),
    'tags.put_expiry': async (call) =>
      tags.setExpiry(call.caller, ofTag(call), requireFuture(call.body.expiresAt, clock)),
    'tags.delete': async (call) => tags.delete(call.caller, ofTag(call)),
    'tags.history': async (call) => {
      const { at, ...page } = call.query;
      const of = ofTag(call);
      const { items, next } = await tags.history(of, { ...page, atUs: parsePast(at, page, clock) });
      return { items: await withActs(parts, { ...of, caller: call.caller }, items), next };
    },
    'tags.restore': async (call) => tags.restore(call.caller, ofTag(call), call.body.digest),
    'manifests.list': async ({ project, query }) => manifests.list(project, query),
    'manifests.get': async (call) => manifests.get(ofManifest(call)),
    'manifests.delete': async (call) => manifests.delete(call.caller, ofManifest(call)),
  };
}

/** Where a tag will point nobody knows. */
function parsePast(at: string | undefined, { cursor }: PageRequest, clock: Clock): number | undefined {
  if (at === undefined) return undefined;
  if (cursor !== undefined)
    throw invalid('cursor', 'At one time there is one state at most: leave "cursor" out.');
  const { expiresAtUs: atUs } = parseTime(at, 'at');
  if (atUs !== undefined && atUs <= clock.nowUs()) return atUs;
  throw invalid('at', '"at" lies in the future. Ask for a time that has been.');
}

/** null = never. What is over already would be gone at once, which is a deletion. */
function requireFuture(text: string | null, clock: Clock): number | null {
  if (text === null) return null;
  const { expiresAtUs } = parseTime(text, 'expiresAt');
  if (expiresAtUs !== undefined && expiresAtUs > clock.nowUs()) return expiresAtUs;
  throw invalid('expiresAt', '"expiresAt" lies in the past. Choose a later time, or delete the tag.');
}
