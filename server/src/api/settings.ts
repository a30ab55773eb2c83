/** Settings that can change while the server runs. Who reads one asks the database: none is on a hot path. */
import {
  type RuntimeSettingKey,
  runtimeSettingKeys,
  runtimeSettings,
  type Setting,
} from '@tallyman/contract';
import { putSetting } from '../db/settings.ts';
import type { Db, ReadDb } from '../db/store.ts';
import { invalid } from '../domain/error.ts';
import { type Clock, formatUs } from '../stdx/clock.ts';
import type { Performer } from '../trail/draft.ts';
import type { Trail } from '../trail/trail.ts';
import type { ApiHandlers } from './call.ts';
import { selectSettings } from './rows.ts';

export type SettingParts = { db: Db; clock: Clock; trail: Pick<Trail, 'record'> };

export function settingHandlers(parts: SettingParts): ApiHandlers<'settings.list' | 'settings.put'> {
  return {
    'settings.list': async () => ({ items: await listSettings(parts.db.read), next: null }),
    'settings.put': async ({ caller, params, body }) => {
      await changeSetting(parts, caller, { key: params.key, value: body.value });
      const changed = (await listSettings(parts.db.read)).find(({ key }) => key === params.key);
      return changed as Setting;
    },
  };
}

/** The stored value, or the default. Each room reads its own settings by the same key. */
async function getSetting(db: ReadDb, key: RuntimeSettingKey): Promise<string> {
  const stored = await selectSettings(db, { namespaceId: '', keys: [key] });
  return stored.get(key)?.value ?? runtimeSettings[key].values[0];
}

async function listSettings(db: ReadDb): Promise<Setting[]> {
  const stored = await selectSettings(db, { namespaceId: '', keys: runtimeSettingKeys });
  return runtimeSettingKeys.map((key) => {
    const { values, summary } = runtimeSettings[key];
    const found = stored.get(key);
    return {
      key,
      value: found?.value ?? values[0],
      values: [...values],
      summary,
      changedAt: found === undefined ? null : formatUs(found.changedAtUs),
    };
  });
}

/** The value and its event commit together; setting what is set already is neither. */
async function changeSetting(
  { db, clock, trail }: SettingParts,
  by: Performer,
  { key, value }: { key: RuntimeSettingKey; value: string },
): Promise<void> {
  const { values } = runtimeSettings[key];
  if (!(values as readonly string[]).includes(value))
    throw invalid('value', `"value" must be one of: ${values.join(', ')}.`);
  await db.transact(async (tx) => {
    await tx.lock(`setting ${key}`);
    const from = await getSetting(tx, key);
    if (from === value) return;
    await putSetting(tx, { key, value, nowUs: clock.nowUs() });
    trail.record(tx, {
      type: 'system.setting.change',
      by,
      scope: {},
      target: { kind: 'setting', id: key },
      details: { key, from, to: value },
    });
  });
}
