/** A thread of whole-tiles.ts over PostgreSQL, with a connection of its own. */
import { workerData } from 'node:worker_threads';
import { openOnlooker } from '../db/onlooker.ts';
import { answerTiles } from './tile-answers.ts';
import { rootsOfWholeTiles } from './tile-roots.ts';

const log = await openOnlooker({ engine: 'postgres', url: workerData as string });

answerTiles((range) => log.view((view) => rootsOfWholeTiles(view, range)));
