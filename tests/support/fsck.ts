/** `tallyman fsck` as the oracle of tests: whatever they did, what is stored must be whole. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type FsckReport, runFsck } from '../../server/src/fsck/fsck.ts';
import { readPublishedHeads } from '../../server/src/main/published-head.ts';
import { systemClock } from '../../server/src/stdx/clock.ts';
import type { TestServer } from './server.ts';

export type Looked = Pick<TestServer, 'engine' | 'dataDir' | 'databaseUrl'>;

/** Throws with every finding that is an error. `beside`: the server runs. */
export async function requireClean(
  server: Looked,
  { beside = false, deep = true }: { beside?: boolean; deep?: boolean } = {},
): Promise<FsckReport> {
  const { engine, dataDir, databaseUrl } = server;
  const location =
    engine === 'sqlite'
      ? ({ engine, path: join(dataDir, 'tallyman.db') } as const)
      : ({ engine, url: databaseUrl ?? '' } as const);
  const report = await runFsck(
    { location, dataDir, blobsUrl: undefined, heads: await readPublishedHeads(dataDir) },
    { clock: systemClock(), beside, deep },
  );
  const wrong = report.findings.filter(({ severity }) => severity === 'error');
  assert.deepEqual(
    wrong.map(({ check, what, message }) => `${check}/${what}: ${message}`),
    [],
    'fsck',
  );
  return report;
}
