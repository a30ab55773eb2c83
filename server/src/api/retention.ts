/** How long events are kept, and legal holds that stop it. */
import type { Hold } from '@tallyman/contract';
import type { Db, ReadDb } from '../db/store.ts';
import { AppError } from '../domain/error.ts';
import { type Clock, formatUs } from '../stdx/clock.ts';
import { cutPage } from '../stdx/pages.ts';
import { type HoldKind, type HoldRow, liftHold, placeHold, selectHolds } from '../trail/forget/holds.ts';
import {
  listNamespaceRetention,
  listRetention,
  putNamespaceRetention,
  putRetention,
} from '../trail/forget/settings.ts';
import type { Trail } from '../trail/trail.ts';
import type { ApiHandlers } from './call.ts';
import { nextOf, pageOf } from './pages.ts';
import { selectAnyNamespace, selectAnyProject } from './rows.ts';

export type RetentionParts = { db: Db; clock: Clock; trail: Pick<Trail, 'record'> };

type RetentionIds =
  | 'retention.list'
  | 'retention.put'
  | 'namespaces.retention.list'
  | 'namespaces.retention.put'
  | 'namespaces.retention.delete'
  | 'holds.list'
  | 'holds.create'
  | 'holds.delete';

export function retentionHandlers(parts: RetentionParts): ApiHandlers<RetentionIds> {
  const { db } = parts;
  return {
    'retention.list': async () => ({ items: await listRetention(db.read), next: null }),
    'retention.put': async ({ caller, params, body }) =>
      putRetention(parts, caller, { class: params.class, ...body }),
    'namespaces.retention.list': async ({ namespace }) => ({
      items: await listNamespaceRetention(db.read, namespace),
      next: null,
    }),
    'namespaces.retention.put': async ({ caller, namespace, params, body }) =>
      putNamespaceRetention(parts, caller, { class: params.class, namespace, days: body.days }),
    'namespaces.retention.delete': async ({ caller, namespace, params }) => {
      await putNamespaceRetention(parts, caller, { class: params.class, namespace, days: undefined });
    },
    'holds.list': async ({ query }) => {
      const { after, limit } = pageOf(query);
      const page = { limit: limit + 1, ...(after !== undefined && { before: after }) };
      const { shown, next } = cutPage(await selectHolds(db.read, page), limit, (row) => row.id);
      return { items: await Promise.all(shown.map((row) => viewHold(db.read, row))), next: nextOf(next) };
    },
    'holds.create': async ({ caller, body }) => {
      const { kind, id: subjectId, note } = body;
      const subjectName = await findName(db.read, { kind, subjectId });
      if (subjectName === undefined)
        throw new AppError('not_found', `There is no ${kind} with this id, and there never was.`, {
          reason: 'target_unknown',
          details: { field: 'id' },
        });
      return viewHold(db.read, await placeHold(parts, caller, { kind, subjectId, subjectName, note }));
    },
    'holds.delete': async ({ caller, params }) =>
      liftHold(parts, caller, { id: params.hold, nameOf: findName }),
  };
}

/** Deleted ones, too: a hold is on what they did. */
async function findName(
  db: ReadDb,
  { kind, subjectId }: { kind: HoldKind; subjectId: string },
): Promise<string | undefined> {
  if (kind === 'project') {
    const project = await selectAnyProject(db, subjectId);
    return project && `${project.namespaceName}/${project.name}`;
  }
  const namespace = await selectAnyNamespace(db, subjectId);
  return kind === 'user' && namespace?.kind !== 'user' ? undefined : namespace?.name;
}

async function viewHold(db: ReadDb, row: HoldRow): Promise<Hold> {
  const { id, kind, subject_id: subjectId, note, placed_at: placedAtUs, event_id: eventId } = row;
  const subjectName = (await findName(db, { kind, subjectId })) ?? null;
  return { id, kind, subjectId, subjectName, note, placedAt: formatUs(placedAtUs), eventId };
}
