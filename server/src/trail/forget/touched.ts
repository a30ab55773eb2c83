/** What a unit of forgetting leaves behind so that it can be checked: its event's digest over exactly what it touched. */
import { createHash } from 'node:crypto';

export type Touched = { from: number; to: number; count: number; digest: string };

/** In the order of the indexes; at least one. */
export function touchedBy(events: readonly { idx: number; leaf: string }[]): Touched {
  const digest = createHash('sha256');
  for (const { leaf } of events) digest.update(leaf, 'base64url');
  const [first, last] = [events[0], events.at(-1)];
  if (first === undefined || last === undefined) throw new Error('nothing was touched');
  return { from: first.idx, to: last.idx, count: events.length, digest: digest.digest('base64url') };
}

/** Runs of consecutive indexes. */
export function runsOf(indexes: readonly number[]): { first: number; last: number }[] {
  const runs: { first: number; last: number }[] = [];
  for (const idx of indexes) {
    const run = runs.at(-1);
    if (run !== undefined && run.last + 1 === idx) run.last = idx;
    else runs.push({ first: idx, last: idx });
  }
  return runs;
}
