/**
 * An event that explains a present state (a role, a token, where a tag points) is kept while that state lasts. Each room
 * tells which types explain a state of its own, and whether what an event brought about is still there. The trail itself
 * adds what its settings and holds are explained by.
 */
import type { EventType } from '@tallyman/contract';
import { settableRetention, switchNames } from '@tallyman/contract';
import type { ReadDb } from '../../db/store.ts';
import { parseTimeUs } from '../../stdx/clock.ts';
import type { OpenEvent } from '../projected-row.ts';

export type Explainer = {
  types: readonly EventType[];
  /**
   * Whether the state that the event brought about, or changed, still lasts. In doubt (its names were erased) it says
   * yes: a kept event is looked at again at the next run, a dropped one is gone. Asked before the unit that drops: a
   * state that ended does not come back by an old event.
   */
  explains(event: OpenEvent, db: ReadDb): Promise<boolean>;
};

/** Microseconds. */
export function recordedUs(event: OpenEvent): number {
  return parseTimeUs(event.recordedAt) ?? 0;
}

/** Settings keep when they were changed, so the event that set the present value is not older. */
async function isPresentSetting(
  db: ReadDb,
  { namespaceId, key }: { namespaceId: string; key: string },
  event: OpenEvent,
): Promise<boolean> {
  const row = await db.q
    .selectFrom('setting')
    .select('changed_at')
    .where('namespace_id', '=', namespaceId)
    .where('key', '=', key)
    .executeTakeFirst();
  return row !== undefined && recordedUs(event) >= row.changed_at;
}

export const trailExplainers: readonly Explainer[] = [
  {
    types: ['trail.switch.change', 'trail.retention.change', 'system.setting.change'],
    explains: async (event, db) => {
      const namespaceId = event.scope.namespace?.id ?? '';
      const key = settingKeyOf(event);
      return key !== undefined && isPresentSetting(db, { namespaceId, key }, event);
    },
  },
];

function settingKeyOf({ details }: OpenEvent): string | undefined {
  if (switchNames.some((name) => name === details.group)) return `audit.${String(details.group)}`;
  if (settableRetention.some((name) => name === details.class)) return `retention.${String(details.class)}`;
  return typeof details.key === 'string' ? details.key : undefined;
}
