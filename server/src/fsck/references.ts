/**
 * What rows say of each other and of the log: a manifest is its digest and names content that its project has, a tag
 * points to a manifest, and both name the event that brought them about, which says the same. Each stretch is one view.
 */

import { type Manifest, parseManifest } from '../containers/manifest-schema.ts';
import type { Onlooker, View } from '../db/onlooker.ts';
import { algorithmOf, digestOf, parseDigest } from '../domain/digest.ts';
import { EventFinder, type FoundEvent } from './event-finder.ts';
import type { Tell } from './findings.ts';
import type { Pace } from './pace.ts';

export type ReferenceRun = {
  log: Onlooker;
  /** SQLite's projection, when there is one. */
  search: Onlooker | undefined;
  tell: Tell;
  pace: Pace;
};

const batchRows = 50;
/** Content of deleted projects goes piece by piece, and nobody can reach it meanwhile. */
const live = 'JOIN project p ON p.id = r.project_id AND p.deleted_at IS NULL';

/** Resolves to how many manifests, tags and links there are. */
export async function checkReferences(run: ReferenceRun): Promise<number> {
  const finder = new EventFinder(run.search);
  return (await checkManifests(run, finder)) + (await checkTags(run, finder)) + (await checkLinks(run));
}

type ManifestRow = {
  project: string;
  digest: string;
  mediaType: string;
  sizeBytes: number;
  content: Uint8Array;
  eventId: string;
};
const selectManifests = `SELECT r.project_id AS project, r.digest, r.media_type AS "mediaType", r.size_bytes AS "sizeBytes", r.content,
  r.event_id AS "eventId" FROM manifest r ${live} WHERE (r.project_id, r.digest) > (?, ?) ORDER BY r.project_id, r.digest LIMIT ${batchRows}`;

async function checkManifests(run: ReferenceRun, finder: EventFinder): Promise<number> {
  let count = 0;
  for (let at = { project: '', digest: '' }; ; ) {
    const last = await run.log.view(async (view) => {
      const rows = await view.rows<ManifestRow>(selectManifests, [at.project, at.digest]);
      for (const row of rows) await checkManifest(view, row, { tell: run.tell, finder });
      count += rows.length;
      return rows.at(-1);
    });
    await run.pace.rest();
    if (last === undefined) return count;
    at = last;
  }
}

type Checking = { tell: Tell; finder: EventFinder };

async function checkManifest(view: View, row: ManifestRow, { tell, finder }: Checking): Promise<void> {
  const { project, digest: text, content, sizeBytes } = row;
  const name = `manifest ${text} of project ${project}`;
  const digest = parseDigest(text);
  const bytes = Buffer.from(content);
  if (digest === undefined || digestOf(algorithmOf(digest), bytes) !== digest || bytes.length !== sizeBytes) {
    tell.error('manifest_changed', `${name} has other content than its digest says`);
    return;
  }
  await checkNamed(view, { row, name, bytes, tell });
  const event = await finder.find(view, row.eventId);
  const fits = (found: FoundEvent): boolean =>
    found.type === 'container.manifest.push' && found.details.digest === text;
  tellEvent(event, { name, id: row.eventId, project, fits, tell });
}

type NamedCheck = { row: ManifestRow; name: string; bytes: Buffer; tell: Tell };

/** The rows that keep its content from collection are those its bytes call for, and that content is there. */
async function checkNamed(view: View, { row, name, bytes, tell }: NamedCheck): Promise<void> {
  const parsed = tryParse(bytes, row.mediaType);
  if (parsed === undefined) {
    tell.error('manifest_changed', `${name} is not of the media type that its row says`);
    return;
  }
  const { blobs, children } = parsed;
  const rows = await view.rows<{ child: string; there: number }>(
    `SELECT r.child_digest AS child, CASE WHEN EXISTS (SELECT 1 FROM container_blob l WHERE l.project_id = r.project_id AND l.digest = r.child_digest)
       OR EXISTS (SELECT 1 FROM manifest m WHERE m.project_id = r.project_id AND m.digest = r.child_digest) THEN 1 ELSE 0 END AS there
     FROM manifest_reference r WHERE r.project_id = ? AND r.digest = ?`,
    [row.project, row.digest],
  );
  const named = new Set<string>([...blobs, ...children]);
  for (const { child, there } of rows) {
    if (!named.delete(child))
      tell.error('reference_extra', `${name} is noted to name ${child}, and does not`);
    else if (there === 0)
      tell.error('content_missing', `${name} names ${child}, which is not in the project`);
  }
  for (const child of named) tell.error('reference_missing', `${name} names ${child}, and no row notes it`);
}

function tryParse(bytes: Buffer, mediaType: string): Manifest | undefined {
  try {
    const parsed = parseManifest(bytes, mediaType);
    return parsed.mediaType === mediaType ? parsed : undefined;
  } catch {
    return undefined;
  }
}

type TagRow = {
  project: string;
  name: string;
  digest: string;
  eventId: string;
  lockId: string | null;
  unlockId: string | null;
  there: number;
};
const selectTags = `SELECT r.project_id AS project, r.name, r.digest, r.event_id AS "eventId", r.lock_event_id AS "lockId", r.unlock_event_id AS "unlockId",
    CASE WHEN EXISTS (SELECT 1 FROM manifest m WHERE m.project_id = r.project_id AND m.digest = r.digest) THEN 1 ELSE 0 END AS there
  FROM tag r ${live} WHERE (r.project_id, r.name) > (?, ?) ORDER BY r.project_id, r.name LIMIT ${batchRows}`;

/** A tag's name is a person's word: it is told by its event and its digest. */
async function checkTags(run: ReferenceRun, finder: EventFinder): Promise<number> {
  let count = 0;
  for (let at = { project: '', name: '' }; ; ) {
    const last = await run.log.view(async (view) => {
      const rows = await view.rows<TagRow>(selectTags, [at.project, at.name]);
      for (const row of rows) await checkTag(view, row, { tell: run.tell, finder });
      count += rows.length;
      return rows.at(-1);
    });
    await run.pace.rest();
    if (last === undefined) return count;
    at = last;
  }
}

async function checkTag(view: View, row: TagRow, { tell, finder }: Checking): Promise<void> {
  const { project, digest, eventId } = row;
  const name = `the tag of project ${project} that event ${eventId} pointed to ${digest}`;
  if (row.there === 0) tell.error('tag_dangling', `${name} points to no manifest`);
  const event = await finder.find(view, eventId);
  const fits = ({ type, details }: FoundEvent): boolean =>
    (type === 'container.tag.create' && details.digest === digest) ||
    (type === 'container.tag.move' && details.to === digest);
  tellEvent(event, { name, id: eventId, project, fits, tell });
  for (const id of [row.lockId, row.unlockId]) {
    if (id !== null && (await finder.find(view, id)) === undefined)
      tell.error(
        'event_unknown',
        `${name} names the event ${id} as that of its lock, which is not in the log`,
      );
  }
}

type Told = {
  name: string;
  id: string;
  project: string;
  fits: (event: FoundEvent) => boolean;
  tell: Tell;
};

function tellEvent(event: FoundEvent | 'dropped' | undefined, { name, id, project, fits, tell }: Told): void {
  if (event === 'dropped') return;
  if (event === undefined) {
    tell.error('event_unknown', `${name} names the event ${id}, which is not in the log`);
  } else if (event.scope.project?.id !== project || !fits(event)) {
    tell.error('event_differs', `${name} names the event ${id}, which tells of something else`);
  }
}

const selectLinks = `SELECT r.project_id AS project, r.digest, CASE WHEN EXISTS (SELECT 1 FROM blob b WHERE b.digest = r.digest) THEN 1 ELSE 0 END AS there
  FROM container_blob r ${live} WHERE (r.project_id, r.digest) > (?, ?) ORDER BY r.project_id, r.digest LIMIT 500`;

async function checkLinks(run: ReferenceRun): Promise<number> {
  let count = 0;
  for (let at = { project: '', digest: '' }; ; ) {
    const rows = await run.log.view((view) =>
      view.rows<{ project: string; digest: string; there: number }>(selectLinks, [at.project, at.digest]),
    );
    for (const { project, digest, there } of rows)
      if (there === 0)
        run.tell.error('link_dangling', `project ${project} shows blob ${digest}, which has no row`);
    count += rows.length;
    await run.pace.rest();
    const last = rows.at(-1);
    if (last === undefined) return count;
    at = last;
  }
}
