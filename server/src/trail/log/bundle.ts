/**
 * Writes evidence bundles (docs/spec/bundle.md), line by line: what is held is one portion of events and a path of the
 * tree, whatever the number of events.
 */
import { formatBundleEnd, formatBundleEvent, formatBundleHead, parseRotation } from '@tallyman/verifier';
import type { EvidenceEntry } from '../evidence.ts';
import type { Log } from './log.ts';

export type BundleSource = {
  /** Of the events, ascending. */
  indexes: readonly number[];
  /** In the order asked for. */
  read(indexes: readonly number[]): Promise<EvidenceEntry[]>;
};

type BundleLog = Pick<Log, 'covering' | 'vkeys' | 'rotations' | 'rangeHashes'>;

const eventsPerPortion = 100;

/**
 * The lines under a checkpoint that covers every event. It resolves before the first line, so that what cannot be proved
 * now is refused and not cut off; what fails later ends the lines without the end line, and no verifier takes them.
 */
export async function openBundle(log: BundleLog, source: BundleSource): Promise<AsyncIterable<string>> {
  const checkpoint = await log.covering(source.indexes.at(-1) ?? 0);
  const head = formatBundleHead({
    checkpoint: checkpoint.note,
    events: source.indexes.length,
    keys: log.vkeys,
    rotations: (await log.rotations()).map(parseRotation),
  });
  return lines(log, { ...source, head, size: checkpoint.size });
}

async function* lines(
  log: BundleLog,
  { indexes, read, head, size }: BundleSource & { head: string; size: number },
): AsyncGenerator<string> {
  yield head;
  let position = 0;
  for (let at = 0; at < indexes.length; at += eventsPerPortion) {
    let portion = '';
    for (const entry of await read(indexes.slice(at, at + eventsPerPortion))) {
      const range = await log.rangeHashes({ start: position, end: entry.index }, { size });
      portion += formatBundleEvent({ ...entry, range });
      position = entry.index + 1;
    }
    yield portion;
  }
  yield formatBundleEnd(await log.rangeHashes({ start: position, end: size }, { size }));
}
