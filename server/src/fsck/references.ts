/**
 * What rows say of each other and of the log: a manifest is its digest and names content that its project has, a tag
 * points to a manifest, and both name the event that brought them about, which says the same; so do the lock of a tag,
 * each state it ever had, and every version of a policy. Each stretch is one view.
 */

import { type Manifest, parseManifest } from '../containers/manifest-schema.ts';
import type { View } from '../db/onlooker.ts';
import { algorithmOf, digestOf, parseDigest } from '../domain/digest.ts';
import { EventFinder, type FoundEvent, pointedBy, tellEvent } from './event-finder.ts';
import type { Tell } from './findings.ts';
import { checkLock, type LockRow, lockColumns } from './locks.ts';
import { checkPolicies } from './policies.ts';
import type { ReferenceRun } from './reference-run.ts';
import { checkHistory } from './tag-history.ts';

const batchRows = 50;
/** Content of deleted projects goes piece by piece, and nobody can reach it meanwhile. */
const live = 'JOIN project p ON p.id = r.project_id AND p.deleted_at IS NULL';

/** Resolves to how many manifests, tags, states of tags, versions of policies and links there are. */
export async function checkReferences(run: ReferenceRun): Promise<number> {
  const finder = new EventFinder(run.search);
  let count = 0;
  for (const check of [checkManifests, checkTags, checkHistory, checkPolicies, checkLinks])
    count += await check(run, finder);
  return count;
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
  const fits = ({ type, scope, details }: FoundEvent): boolean =>
    type === 'container.manifest.push' && scope.project?.id === project && details.digest === text;
  tellEvent(event, { name, id: row.eventId, fits, tell });
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

type TagRow = LockRow & { name: string; there: number; noted: number };
const selectTags = `SELECT r.project_id AS project, r.name, r.digest, r.event_id AS "eventId", ${lockColumns},
    CASE WHEN EXISTS (SELECT 1 FROM manifest m WHERE m.project_id = r.project_id AND m.digest = r.digest) THEN 1 ELSE 0 END AS there,
    CASE WHEN EXISTS (SELECT 1 FROM tag_history h WHERE h.project_id = r.project_id AND h.name = r.name AND h.from_at = r.moved_at
      AND h.from_event_id = r.event_id AND h.to_at IS NULL) THEN 1 ELSE 0 END AS noted
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
  if (row.noted === 0) tell.error('history_differs', `${name} has no such state in its history`);
  const event = await finder.find(view, eventId);
  tellEvent(event, { name, id: eventId, fits: (found) => pointedBy(found, { project, digest }), tell });
  await checkLock(view, row, { name, tell, finder, pointing: event });
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
