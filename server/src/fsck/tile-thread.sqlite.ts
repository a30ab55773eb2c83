/** A thread of whole-tiles.ts over a SQLite file. Loads little, because a pass over a small log is soon over. */
import { workerData } from 'node:worker_threads';
import { openForReading } from '../db/search-file.ts';
import { answerTiles } from './tile-answers.ts';
import { rootsOfWholeTiles, type TileView } from './tile-roots.ts';

const file = openForReading(workerData as string);
const view: TileView = { engine: 'sqlite', rows: async (sql, params) => file.rows(sql, params) };

answerTiles(async (range) => {
  file.exec('BEGIN');
  try {
    return await rootsOfWholeTiles(view, range);
  } finally {
    file.exec('ROLLBACK');
  }
});
