/** The edge of the log as somebody changes it by hand who knows where each engine keeps it. */
import type { Engine } from '../../server/src/db/migrations/migration.ts';

type Change = [sql: string, params: (string | number | Uint8Array)[]];

/** `size`: of the tree; on SQLite that is where the events end, so take away what is beyond before. */
export function edgeChanged(engine: Engine, { size, hashes }: { size?: number; hashes: Uint8Array }): Change {
  if (engine === 'sqlite')
    return ['UPDATE event SET edge = ? WHERE idx = (SELECT max(idx) FROM event)', [hashes]];
  if (size === undefined) return ['UPDATE log_edge SET hashes = ?', [hashes]];
  return ['UPDATE log_edge SET size = ?, hashes = ?', [size, hashes]];
}

export function edgeRemoved(engine: Engine): Change {
  return engine === 'sqlite'
    ? ['UPDATE event SET edge = NULL WHERE edge IS NOT NULL', []]
    : ['DELETE FROM log_edge', []];
}
