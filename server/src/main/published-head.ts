/** The newest published checkpoint as it lies in the data folder, outside of the database. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** As a list of none or one: what fsck compares the log with. */
export async function readPublishedHeads(dataDir: string): Promise<string[]> {
  const note = await readFile(join(dataDir, 'log', 'checkpoint'), 'utf8').catch(() => undefined);
  return note === undefined ? [] : [note];
}
