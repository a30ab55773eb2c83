/** The durable head of the tree: written by the transaction that gives events their index (db/). */
import { hashBytes, rootOfEdge } from '@tallyman/verifier';
import { statement } from '../../db/statement.ts';
import type { ReadDb } from '../../db/store.ts';
import { nodeSha256 } from '../seal.ts';

const selectEdge = statement<{ size: number; hashes: Uint8Array }>('SELECT size, hashes FROM log_edge');

export type Head = { size: number; root: Uint8Array };

/** What is committed; in both engines that is what is on the disk. */
export async function readHead(db: ReadDb): Promise<Head> {
  const row = await db.get(selectEdge);
  if (row === undefined) return { size: 0, root: rootOfEdge([], nodeSha256) };
  const hashes = Array.from({ length: row.hashes.length / hashBytes }, (_, at) =>
    row.hashes.subarray(at * hashBytes, (at + 1) * hashBytes),
  );
  return { size: row.size, root: rootOfEdge(hashes, nodeSha256) };
}
