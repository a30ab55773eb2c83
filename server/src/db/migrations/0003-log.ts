/**
 * The Merkle tree over `event` (docs/spec/log.md). The edge and the tiles are written in the transaction that gives the
 * events their index, so the tree is never ahead of the rows nor behind them.
 *
 *   log_edge         one row: size of the tree, and the roots of the perfect subtrees it is made of, largest first. On SQLite,
 *                    where each table is further pages of every commit, these stand with the last event and this is a view
 *   log_tile         full hash tiles only, 256 x 32 bytes, by the coordinates of C2SP tlog-tiles
 *   log_checkpoint   the signed heads, as notes; a stored one is never contradicted by a later one
 */
import type { Migration } from './migration.ts';

export const log: Migration = {
  number: 3,
  name: 'log',
  statements: [
    {
      postgres: `CREATE TABLE log_edge (one {int} PRIMARY KEY CHECK (one = 1), size {int} NOT NULL, hashes {blob} NOT NULL)`,
    },
    { postgres: `INSERT INTO log_edge (one, size, hashes) VALUES (1, 0, ''::bytea)` },
    { sqlite: `ALTER TABLE event ADD COLUMN edge {blob}` },
    {
      sqlite: `CREATE VIEW log_edge AS SELECT idx + 1 AS size, edge AS hashes FROM event
        WHERE idx = (SELECT max(idx) FROM event) AND edge IS NOT NULL`,
    },
    `CREATE TABLE log_tile (level {int} NOT NULL, n {int} NOT NULL, hashes {blob} NOT NULL, PRIMARY KEY (level, n))`,
    `CREATE TABLE log_checkpoint (size {int} PRIMARY KEY, signed_at {int} NOT NULL, note {text} NOT NULL)`,
  ],
};
