/** Reading and writing one row of `setting`: what rooms keep by a key, of the server (namespace '') or of a namespace. */
import type { ReadDb, Tx } from './store.ts';

type SettingKey = { key: string; namespaceId?: string };

export async function findSetting(
  db: ReadDb,
  { key, namespaceId = '' }: SettingKey,
): Promise<string | undefined> {
  const row = await db.q
    .selectFrom('setting')
    .select('value')
    .where('namespace_id', '=', namespaceId)
    .where('key', '=', key)
    .executeTakeFirst();
  return row?.value;
}

/** In place of what the key had. */
export async function putSetting(
  tx: Tx,
  { key, namespaceId = '', value, nowUs }: SettingKey & { value: string; nowUs: number },
): Promise<void> {
  const row = { value, changed_at: nowUs };
  await tx.q
    .insertInto('setting')
    .values({ namespace_id: namespaceId, key, ...row })
    .onConflict((conflict) => conflict.columns(['namespace_id', 'key']).doUpdateSet(row))
    .execute();
}
