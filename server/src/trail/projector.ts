/**
 * What the projectors of both engines share: turning a stretch of the log into rows, and deciding whether a projection
 * found at start still belongs to this log.
 */
import { secretBytes } from '../stdx/random.ts';
import { type ProjectedRow, projectRow, type StoredEvent, uuidBytes } from './projected-row.ts';
import { idOfBody, type LastRow, type ProjectionState, projectionVersion } from './search-sink.ts';

/** Events in one batch of the projection, and read at once for it. */
export const eventsPerBatch = 5_000;
/** The same while it is so far behind that nobody can wait for it: a page that many events change is written once. */
export const eventsPerBatchBehind = 20_000;
export const farBehind = 50_000;
export const eventsPerPortion = 500;

/**
 * `head`: where the stretch ended; `most`: how many events were asked for. A body that cannot be read is left to
 * verification: it must not stop the rest.
 */
export function projectStretch(
  events: readonly StoredEvent[],
  head: number,
  most: number = eventsPerPortion,
): { rows: ProjectedRow[]; next: number } {
  const rows: ProjectedRow[] = [];
  for (const event of events) {
    try {
      rows.push(projectRow(event));
    } catch {
      // Searches do not find it; `tallyman fsck` names it.
    }
  }
  const last = events.at(-1);
  // Fewer than asked for: the rest of the stretch was dropped by retention.
  return { rows, next: last && events.length === most ? last.idx + 1 : head };
}

/** `lastBody`: body of the last event projected, if the log still has it. */
export function belongs(
  found: { state: ProjectionState | undefined; last: LastRow | undefined },
  log: { head: number; lastBody: string | undefined },
): boolean {
  const { state, last } = found;
  if (!state || state.version !== projectionVersion || state.next > log.head) return false;
  if (!last || log.lastBody === undefined) return true;
  const id = idOfBody(log.lastBody);
  return id === undefined || (uuidBytes(id)?.equals(last.id) ?? true);
}

export function freshState(): ProjectionState {
  return { version: projectionVersion, generation: secretBytes(4).readUInt32BE(), next: 0, counted: 0 };
}
