/**
 * The log on SQLite: event rows, private rows, and the tree over them, written inside a batch's transaction. The edge stands
 * in the row of the last event, which is on a page that the batch writes anyway; `log_edge` is a view of it.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { LeafHasher } from './leaf-hasher.ts';
import { type Edge, type LogTree, type PartialTile, treeMismatch, treeSourcesOf } from './log-tree.ts';
import type { SealedEvent } from './store.ts';

export class SqliteLog {
  readonly #handle: DatabaseSync;
  readonly #tree: LogTree;
  readonly #insertEvent: StatementSync;
  readonly #insertPrivate: StatementSync;
  readonly #insertTile: StatementSync;
  readonly #dropEdge: StatementSync;
  readonly #leaves = new LeafHasher();
  /** The body of the batch's last event, in whose row the edge is going to stand. */
  #last = '';
  /** The event whose row has the edge. */
  #edgeAt = -1;

  constructor(handle: DatabaseSync, tree: LogTree) {
    this.#handle = handle;
    this.#tree = tree;
    this.#insertEvent = handle.prepare('INSERT INTO event (idx, body, edge) VALUES (?, ?, ?)');
    this.#insertPrivate = handle.prepare('INSERT INTO event_private (idx, fields) VALUES (?, ?)');
    this.#insertTile = handle.prepare('INSERT INTO log_tile (level, n, hashes) VALUES (?, ?, ?)');
    this.#dropEdge = handle.prepare('UPDATE event SET edge = NULL WHERE idx = ?');
  }

  /** How many events have an index. Ahead of what is durable while a batch is under way. */
  get size(): number {
    return this.#tree.size;
  }

  /** All events of a batch: the row of the last is written by `writeTree`. */
  append(events: readonly SealedEvent[]): void {
    const first = this.#tree.size;
    this.#leaves.begin(events.map(({ body }) => body));
    for (const [at, { body, private: fields }] of events.entries()) {
      if (at < events.length - 1) this.#insertEvent.run(first + at, body, null);
      else this.#last = body;
      this.#insertPrivate.run(first + at, fields);
    }
    for (const at of events.keys()) this.#tree.appendLeaf(this.#leaves.leafAt(at));
  }

  partialTile(tile: PartialTile): Uint8Array | undefined {
    return this.#tree.partialTile(tile);
  }

  /** Writes edge, last event and full tiles: once a batch, after its events and before COMMIT. */
  writeTree(): void {
    const { size, hashes } = this.#tree.edge();
    if (this.#edgeAt >= 0) this.#dropEdge.run(this.#edgeAt);
    this.#edgeAt = size - 1;
    this.#insertEvent.run(this.#edgeAt, this.#last, hashes);
    for (const tile of this.#tree.takeFullTiles()) this.#insertTile.run(tile.level, tile.n, tile.hashes);
  }

  /** Resolves when no thread of it runs. The handle is its owner's to close. */
  close(): Promise<void> {
    return this.#leaves.close();
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
