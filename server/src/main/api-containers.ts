/** The container host as the management API sees it: composed here, because hosts never import each other. */
import type { Manifest, Tag } from '@tallyman/contract';
import type { DeleteContent } from '../access/projects.ts';
import type { ContainerNouns, Page, PageRequest } from '../api/container-nouns.ts';
import type { TagLocks } from '../api/immutability.ts';
import { nextOf, parseCursor } from '../api/pages.ts';
import type { TagStateShown } from '../api/tag-acts.ts';
import { deleteManifest, deleteProjectContent } from '../containers/deletion.ts';
import { manifestUnknown } from '../containers/errors.ts';
import { countHeld } from '../containers/held.ts';
import { findManifest, type ListedManifest, listManifests } from '../containers/listing.ts';
import { lockTag, unlockTag } from '../containers/locks.ts';
import { previewPolicy } from '../containers/preview.ts';
import {
  deleteTag,
  findTag,
  type ListedTag,
  listTagHistory,
  listTags,
  restoreTag,
  retag,
  setTagExpiry,
  type TagParts,
  type TagState,
  tagUnknown,
} from '../containers/tags.ts';
import { whyImmutable } from '../containers/why.ts';
import type { Digest } from '../domain/digest.ts';
import { invalid } from '../domain/error.ts';
import { type Policies, readPolicies } from '../policies/decide.ts';
import { formatUs } from '../stdx/clock.ts';
import { cutPage } from '../stdx/pages.ts';

export function containerNouns(
  parts: TagParts,
): ContainerNouns & { locks: TagLocks; deleteContent: DeleteContent } {
  const { db } = parts;
  const getTag = async ({ project, tag }: { project: { id: string }; tag: string }): Promise<Tag> => {
    const found = await findTag(db, { projectId: project.id, tag });
    if (found === undefined) throw tagUnknown(tag);
    return viewTag(found, await readPolicies(db.read, project.id));
  };
  return {
    tags: {
      list: async (project, page) => {
        const text = page.text === undefined ? {} : { text: page.text };
        const rows = await listTags(db, { projectId: project.id, ...oneMore(page), ...text });
        const policies = await readPolicies(db.read, project.id);
        return pageOf(rows, { page, key: (row) => row.name, view: (row) => viewTag(row, policies) });
      },
      get: getTag,
      history: async ({ project, tag }, { atUs, ...page }) => {
        const of = { projectId: project.id, tag };
        const before = parseCursor(page.cursor);
        const rows = await listTagHistory(db, {
          ...of,
          limit: page.limit + 1,
          ...(before !== undefined && { beforeUs: parseUs(before) }),
          ...(atUs !== undefined && { atUs }),
        });
        const isUnknown = async () =>
          atUs === undefined || (await listTagHistory(db, { ...of, limit: 1 })).length === 0;
        if (rows.length === 0 && before === undefined && (await isUnknown())) throw tagUnknown(tag);
        return pageOf(rows, { page, key: (row) => String(row.fromUs), view: viewState });
      },
      retag: async (by, of, digest) => {
        await retag(parts, {
          by,
          projectId: of.project.id,
          scope: of.scope,
          tag: of.tag,
          digest: digest as Digest,
        });
        return getTag(of);
      },
      setExpiry: async (by, of, expiresAtUs) => {
        await setTagExpiry(parts, {
          by,
          projectId: of.project.id,
          scope: of.scope,
          tag: of.tag,
          expiresAtUs,
        });
        return getTag(of);
      },
      delete: async (by, of) =>
        deleteTag(parts, { by, projectId: of.project.id, scope: of.scope, tag: of.tag }),
      restore: async (by, of, digest) => {
        await restoreTag(parts, {
          by,
          projectId: of.project.id,
          scope: of.scope,
          tag: of.tag,
          digest: digest as Digest,
        });
        return getTag(of);
      },
    },
    manifests: {
      list: async (project, page) => {
        const rows = await listManifests(db, { projectId: project.id, ...oneMore(page) });
        return pageOf(rows, { page, key: (row) => row.digest, view: viewManifest });
      },
      get: async ({ project, digest }) => {
        const found = await findManifest(db, { projectId: project.id, digest });
        if (found === undefined) throw manifestUnknown(digest);
        return viewManifest(found);
      },
      delete: async (by, { project, scope, digest }) =>
        deleteManifest(parts, { by, projectId: project.id, scope, digest: digest as Digest }),
    },
    locks: lockNouns(parts),
    deleteContent: async (tx, project, of) =>
      project.format === 'container' ? deleteProjectContent(tx, project, of) : { tags: 0, manifests: 0 },
  };
}

function lockNouns(parts: TagParts): TagLocks {
  type OfTag = Parameters<TagLocks['why']>[0];
  const at = ({ project, scope, tag }: OfTag) => ({ projectId: project.id, scope, tag });
  const why = ({ project, tag }: OfTag) =>
    whyImmutable(parts, { projectId: project.id, path: project.path, tag });
  return {
    why,
    lock: async (by, of, note) => {
      await lockTag(parts, { by, ...at(of), note });
      return why(of);
    },
    unlock: async (by, of, reason) => {
      await unlockTag(parts, { by, ...at(of), reason });
      return why(of);
    },
    preview: (of) => previewPolicy(parts, of),
    held: (of) => countHeld(parts, of),
  };
}

/** One row more than the page shows tells whether there is another. */
function oneMore({ cursor, limit }: PageRequest): { after?: string; limit: number } {
  const after = parseCursor(cursor);
  return { limit: limit + 1, ...(after !== undefined && { after }) };
}

type Shown<R, T> = { page: PageRequest; key: (row: R) => string; view: (row: R) => T };

function pageOf<R, T>(rows: readonly R[], { page, key, view }: Shown<R, T>): Page<T> {
  const { shown, next } = cutPage(rows, page.limit, key);
  return { items: shown.map(view), next: nextOf(next) };
}

function parseUs(text: string): number {
  if (/^\d{1,16}$/.test(text)) return Number(text);
  throw invalid('cursor', '"cursor" must be the `next` of a page of this list.');
}

function viewTag(tag: ListedTag, policies: Policies): Tag {
  const { name, digest, mediaType, sizeBytes, createdAt, movedAt, expiresAt, eventId } = tag;
  const isCalledFor = tag.lockTrigger === null && policies.hits(name, tag.exemptVersion).length > 0;
  return {
    name,
    digest,
    mediaType,
    sizeBytes,
    createdAt: formatUs(createdAt),
    movedAt: formatUs(movedAt),
    expiresAt: expiresAt === null ? null : formatUs(expiresAt),
    eventId,
    immutable: isCalledFor ? 'policy' : tag.lockTrigger,
  };
}

function viewState({ digest, fromUs, toUs, fromEventId, toEventId, restorable }: TagState): TagStateShown {
  return {
    digest,
    from: formatUs(fromUs),
    to: toUs === null ? null : formatUs(toUs),
    fromEventId,
    toEventId,
    restorable,
  };
}

function viewManifest({ pushedAtUs, ...manifest }: ListedManifest): Manifest {
  return { ...manifest, pushedAt: formatUs(pushedAtUs) };
}
