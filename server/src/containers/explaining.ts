/** Which events explain what a container project holds now; retention keeps them (trail/forget/explainer.ts). */
import type { ReadDb } from '../db/store.ts';
import { type Explainer, recordedUs } from '../trail/forget/explainer.ts';
import type { OpenEvent } from '../trail/projected-row.ts';

/** By name; where the name was erased from the event, among all tags of the project. */
async function findTag({ id, scope, target, details }: OpenEvent, db: ReadDb) {
  const name = [details.tag, target?.name].find((one) => typeof one === 'string');
  const tags = db.q
    .selectFrom('tag')
    .select(['event_id', 'expires_at', 'moved_at', 'lock_event_id', 'unlock_event_id'])
    .where('project_id', '=', scope.project?.id ?? '');
  if (typeof name === 'string') return tags.where('name', '=', name).executeTakeFirst();
  const columns = ['event_id', 'lock_event_id', 'unlock_event_id'] as const;
  return tags.where((eb) => eb.or(columns.map((column) => eb(column, '=', id)))).executeTakeFirst();
}

export const containerExplainers: readonly Explainer[] = [
  {
    types: ['container.tag.create', 'container.tag.move', 'container.tag.lock', 'container.tag.unlock'],
    explains: async (event, db) => {
      const tag = await findTag(event, db);
      return tag !== undefined && [tag.event_id, tag.lock_event_id, tag.unlock_event_id].includes(event.id);
    },
  },
  {
    types: ['container.tag.expire'],
    explains: async (event, db) => {
      const tag = await findTag(event, db);
      return tag !== undefined && tag.expires_at !== null && recordedUs(event) >= tag.moved_at;
    },
  },
  {
    types: ['container.manifest.push'],
    explains: async (event, db) => {
      const row = await db.q
        .selectFrom('manifest')
        .select('event_id')
        .where('project_id', '=', event.scope.project?.id ?? '')
        .where('digest', '=', String(event.details.digest))
        .executeTakeFirst();
      return row?.event_id === event.id;
    },
  },
  {
    types: ['container.blob.upload', 'container.blob.mount'],
    explains: async (event, db) => {
      const row = await db.q
        .selectFrom('container_blob')
        .select('created_at')
        .where('project_id', '=', event.scope.project?.id ?? '')
        .where('digest', '=', String(event.details.digest))
        .executeTakeFirst();
      return row !== undefined && recordedUs(event) >= row.created_at;
    },
  },
];
