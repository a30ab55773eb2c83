/**
 * The log on SQLite: event rows, private rows, and the tree over them, written inside a batch's transaction. The edge stands
 * in the row of the last event, which is on a page that the batch writes anyway; `log_edge` is a view of it.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { type Edge, type LogTree, type PartialTile, treeMismatch, treeSourcesOf } from './log-tree.ts';
import type { SealedEvent } from './store.ts';

export class SqliteLog {
  readonly #handle: DatabaseSync;
  readonly #tree: LogTree;
  readonly #insertEvent: StatementSync;
  readonly #insertPrivate: StatementSync;
  readonly #insertTile: StatementSync;
  readonly #setEdge: StatementSync;
  /** The event whose row has the edge. */
  #edgeAt = -1;

  constructor(handle: DatabaseSync, tree: LogTree) {
    this.#handle = handle;
    this.#tree = tree;
    this.#insertEvent = handle.prepare('INSERT INTO event (idx, body) VALUES (?, ?)');
    this.#insertPrivate = handle.prepare('INSERT INTO event_private (idx, fields) VALUES (?, ?)');
    this.#insertTile = handle.prepare('INSERT INTO log_tile (level, n, hashes) VALUES (?, ?, ?)');
    this.#setEdge = handle.prepare('UPDATE event SET edge = ? WHERE idx = ?');
  }

  /** How many events have an index. Ahead of what is durable while a batch is under way. */
  get size(): number {
    return this.#tree.size;
  }

  append({ body, private: fields }: SealedEvent): void {
    const index = this.#tree.size;
    this.#insertEvent.run(index, body);
    this.#insertPrivate.run(index, fields);
    this.#tree.append(body);
  }

  partialTile(tile: PartialTile): Uint8Array | undefined {
    return this.#tree.partialTile(tile);
  }

  /** Writes edge and full tiles: once a batch, after its last event and before COMMIT. */
  writeTree(): void {
    const { size, hashes } = this.#tree.edge();
    if (this.#edgeAt >= 0) this.#setEdge.run(null, this.#edgeAt);
    this.#edgeAt = size - 1;
    this.#setEdge.run(hashes, this.#edgeAt);
    for (const tile of this.#tree.takeFullTiles()) this.#insertTile.run(tile.level, tile.n, tile.hashes);
  }

  /**
   * Brings the tree back to what is stored: at the start, and after a batch was rolled back. Throws a FatalError when
   * edge and entries contradict each other, or the edge is gone.
   */
  load(): void {
    const edge = this.#storedEdge();
    this.#edgeAt = edge.size - 1;
    const { bodiesFrom, tiles } = treeSourcesOf(edge.size);
    const bodies = this.#handle.prepare('SELECT body FROM event WHERE idx >= ? ORDER BY idx');
    const full = this.#handle.prepare(
      'SELECT hashes FROM log_tile WHERE level = ? AND n >= ? AND n < ? ORDER BY n',
    );
    this.#tree.load({
      edge,
      bodies: (bodies.all(bodiesFrom) as { body: string }[]).map((row) => row.body),
      tiles: tiles.map(({ level, from, to }) =>
        (full.all(level, from, to) as { hashes: Uint8Array }[]).map((row) => row.hashes),
      ),
    });
  }

  #storedEdge(): Edge {
    const found = this.#handle.prepare('SELECT size, hashes FROM log_edge').get() as Edge | undefined;
    if (found) return found;
    if (this.#handle.prepare('SELECT 1 FROM event LIMIT 1').get()) throw treeMismatch();
    return { size: 0, hashes: new Uint8Array() };
  }
}
