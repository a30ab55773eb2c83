/** What the log keeps in the database besides its tree: signed checkpoints, the public keys it had, and rotations. */
import { findSetting, putSetting } from '../../db/settings.ts';
import type { ReadDb, Tx } from '../../db/store.ts';

export type StoredCheckpoint = { size: number; signedAtUs: number; note: string };

export async function findNewestCheckpoint(db: ReadDb): Promise<StoredCheckpoint | undefined> {
  const row = await db.q
    .selectFrom('log_checkpoint')
    .selectAll()
    .orderBy('size', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row && { size: row.size, signedAtUs: row.signed_at, note: row.note };
}

export async function insertCheckpoint(tx: Tx, { size, signedAtUs, note }: StoredCheckpoint): Promise<void> {
  await tx.q.insertInto('log_checkpoint').values({ size, signed_at: signedAtUs, note }).execute();
}

export async function deleteCheckpointsBeyond(tx: Tx, size: number): Promise<void> {
  await tx.q.deleteFrom('log_checkpoint').where('size', '>', size).execute();
}

const hourUs = 3_600_000_000;
const dayUs = 24 * hourUs;
const rowsPerLook = 2_000;

/**
 * Of what was signed longer than a day ago the last checkpoint of each hour stays, for ever; of the last day all. Looks
 * from the newest back until there is nothing to thin, so a run costs what came since the last one.
 */
export async function thinCheckpoints(tx: Tx, nowUs: number): Promise<number> {
  let removed = 0;
  for (let below = Number.MAX_SAFE_INTEGER, newerHour: number | undefined; ; ) {
    const rows = await tx.q
      .selectFrom('log_checkpoint')
      .select(['size', 'signed_at'])
      .where('size', '<', below)
      .where('signed_at', '<', nowUs - dayUs)
      .orderBy('size', 'desc')
      .limit(rowsPerLook)
      .execute();
    const doomed: number[] = [];
    for (const { size, signed_at } of rows) {
      const hour = Math.floor(signed_at / hourUs);
      if (hour === newerHour) doomed.push(size);
      newerHour = hour;
    }
    for (let at = 0; at < doomed.length; at += 500)
      await tx.q
        .deleteFrom('log_checkpoint')
        .where('size', 'in', doomed.slice(at, at + 500))
        .execute();
    removed += doomed.length;
    const last = rows.at(-1);
    if (last === undefined || rows.length < rowsPerLook || doomed.length === 0) return removed;
    below = last.size;
  }
}

const keysKey = 'log.keys';
const announcedKey = 'log.next_key';
const rotationPrefix = 'log.rotation.';

/** A key that was announced and does not sign alone yet. */
export type Announced = {
  vkey: string;
  eventId: string;
  /** The event's index is this or higher. */
  low: number;
};

/** Verifier keys of this log, oldest first; the last one signs. */
export async function selectKeys(db: ReadDb): Promise<string[]> {
  return JSON.parse((await findSetting(db, { key: keysKey })) ?? '[]') as string[];
}

export async function putKeys(tx: Tx, keys: readonly string[], nowUs: number): Promise<void> {
  await putSetting(tx, { key: keysKey, value: JSON.stringify(keys), nowUs });
}

export async function findAnnounced(db: ReadDb): Promise<Announced | undefined> {
  const value = await findSetting(db, { key: announcedKey });
  return value === undefined ? undefined : (JSON.parse(value) as Announced);
}

export async function putAnnounced(tx: Tx, announced: Announced, nowUs: number): Promise<void> {
  await putSetting(tx, { key: announcedKey, value: JSON.stringify(announced), nowUs });
}

export async function deleteAnnounced(tx: Tx): Promise<void> {
  await tx.q.deleteFrom('setting').where('namespace_id', '=', '').where('key', '=', announcedKey).execute();
}

/** Texts of rotations (docs/spec/log.md section 5), oldest first. */
export async function selectRotations(db: ReadDb): Promise<string[]> {
  const rows = await db.q
    .selectFrom('setting')
    .select('value')
    .where('namespace_id', '=', '')
    .where('key', 'like', `${rotationPrefix}%`)
    .orderBy('key')
    .execute();
  return rows.map(({ value }) => value);
}

export async function deleteRotations(tx: Tx): Promise<void> {
  await tx.q
    .deleteFrom('setting')
    .where('namespace_id', '=', '')
    .where('key', 'like', `${rotationPrefix}%`)
    .execute();
}

export async function putRotation(
  tx: Tx,
  { number, text, nowUs }: { number: number; text: string; nowUs: number },
): Promise<void> {
  const key = `${rotationPrefix}${String(number).padStart(6, '0')}`;
  await putSetting(tx, { key, value: text, nowUs });
}
