/** A thread of whole-tiles.ts: roots of the tiles it is asked for, from a read-only connection of its own. */
import { parentPort, workerData } from 'node:worker_threads';
import { openOnlooker } from '../db/onlooker.ts';
import { rootsOfWholeTiles, type TileRange, type TileThreadStart } from './whole-tiles.ts';

const { location } = workerData as TileThreadStart;
const log = await openOnlooker(location);

parentPort?.on('message', async (range: TileRange) => {
  parentPort?.postMessage(await log.view((view) => rootsOfWholeTiles(view, range)));
});
