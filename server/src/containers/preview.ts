/**
 * What a policy would lock. It looks at page after page and lets others go between two, and at no more than so many tags:
 * who has more is told that the numbers are not all.
 */
import { setImmediate as turn } from 'node:timers/promises';
import type { PolicyPreview } from '@tallyman/contract';
import { type Row, statement } from '../db/statement.ts';
import type { Db } from '../db/store.ts';
import { matcherOf } from '../policies/decide.ts';
import { projectAfter } from './locking.ts';

const pageTags = 500;
/** About a second's worth. */
const mostTags = 200_000;
const mostProjects = 10_000;
const sampleTags = 10;

type Named = Row & { name: string; locked: number };
const namesAfter = statement<Named>(
  `SELECT name, CASE WHEN lock_trigger IS NULL THEN 0 ELSE 1 END AS locked FROM tag WHERE project_id = ? AND name > ? ORDER BY name LIMIT ?`,
);
const pathOfProject = statement<{ path: string }>(
  `SELECT n.name || '/' || p.name AS path FROM project p JOIN namespace n ON n.id = p.namespace_id WHERE p.id = ?`,
);

/** `projectId` '' = every container project of the namespace. */
export async function previewPolicy(
  { db }: { db: Pick<Db, 'read'> },
  of: { namespaceId: string; projectId: string; pattern: string; matches: boolean },
): Promise<PolicyPreview> {
  const calls = matcherOf(of);
  const found: PolicyPreview = { tags: 0, wouldLock: 0, alreadyLocked: 0, sample: [], complete: true };
  let projects = 0;
  for await (const projectId of projectsOf(db, of)) {
    if (++projects > mostProjects) found.complete = false;
    if (found.complete) await lookAt(db, { projectId, calls, found });
    if (!found.complete) break;
  }
  return found;
}

async function* projectsOf(
  db: Pick<Db, 'read'>,
  { namespaceId, projectId }: { namespaceId: string; projectId: string },
): AsyncGenerator<string> {
  if (projectId !== '') return yield projectId;
  let after = '';
  for (;;) {
    const next = await db.read.get(projectAfter, [namespaceId, after]);
    if (next === undefined) return;
    yield next.id;
    after = next.id;
  }
}

type Looking = { projectId: string; calls: (name: string) => boolean; found: PolicyPreview };

async function lookAt(db: Pick<Db, 'read'>, { projectId, calls, found }: Looking): Promise<void> {
  for (let after = ''; ; ) {
    const rows = await db.read.all(namesAfter, [projectId, after, pageTags]);
    for (const { name, locked } of rows) {
      if (!calls(name)) continue;
      if (locked === 1) found.alreadyLocked++;
      else {
        found.wouldLock++;
        if (found.sample.length < sampleTags)
          found.sample.push({
            project: (await db.read.get(pathOfProject, [projectId]))?.path ?? '',
            tag: name,
          });
      }
    }
    found.tags += rows.length;
    const last = rows.at(-1);
    if (last === undefined || rows.length < pageTags) return;
    if (found.tags >= mostTags) {
      found.complete = false;
      return;
    }
    after = last.name;
    await turn();
  }
}
