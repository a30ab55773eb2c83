/**
 * The search projection lies outside the unit that forgets, so the unit leaves an order behind (`search_redo`), and here
 * it is carried out. After a crash the order is still there; carrying it out twice does no harm.
 */
import type { Db, Tx } from '../../db/store.ts';

/** As the projection offers it (projection.ts). */
export type Follower = {
  forget(runs: readonly { first: number; last: number }[]): Promise<void>;
  reproject(indexes: readonly number[]): Promise<void>;
};

/** Bodies that are gone, or events whose private entries changed. */
export type Redo = { forget: { first: number; last: number }[] } | { reproject: number[] };

/** Every unit that changes or drops stored events calls it. */
export async function askToFollow(tx: Tx, redo: Redo): Promise<void> {
  await tx.q
    .updateTable('event_changes')
    .set((row) => ({ changes: row('changes', '+', 1) }))
    .execute();
  await tx.q
    .insertInto('search_redo')
    .values({ indexes: JSON.stringify(redo) })
    .execute();
}

const ordersPerStep = 20;

/** Some orders, oldest first; returns whether there may be more. Rejects while the projection is being made anew. */
export async function followSome(db: Db, follower: Follower): Promise<boolean> {
  const rows = await db.read.q
    .selectFrom('search_redo')
    .selectAll()
    .orderBy('seq')
    .limit(ordersPerStep)
    .execute();
  if (rows.length === 0) return false;
  const orders = rows.map((row) => JSON.parse(row.indexes) as Redo);
  const runs = orders.flatMap((order) => ('forget' in order ? order.forget : []));
  const indexes = orders.flatMap((order) => ('reproject' in order ? order.reproject : []));
  if (runs.length > 0) await follower.forget(runs);
  if (indexes.length > 0) await follower.reproject(indexes);
  const last = rows.at(-1)?.seq as number;
  await db.transact((tx) => tx.q.deleteFrom('search_redo').where('seq', '<=', last).execute());
  return rows.length === ordersPerStep;
}
