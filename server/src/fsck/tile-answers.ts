/** What both kinds of threads of whole-tiles.ts do: they answer one question after another. */
import { parentPort } from 'node:worker_threads';
import type { TileRange, TileRoots } from './tile-roots.ts';

/** An error ends the thread, and whoever asked hears of it. */
export function answerTiles(rootsOf: (range: TileRange) => Promise<TileRoots>): void {
  let before = Promise.resolve();
  parentPort?.on('message', (range: TileRange) => {
    before = before.then(async () => parentPort?.postMessage(await rootsOf(range)));
  });
}
