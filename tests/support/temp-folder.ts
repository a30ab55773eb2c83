/**
 * A folder of its own for one test, gone when the test's scope ends. Set TALLYMAN_TEST_KEEP=1 to keep the folders and
 * look at what a failing test left behind.
 */
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TempFolder extends AsyncDisposable {
  readonly path: string;
  /** The path of something inside the folder; nothing is created. */
  join(...parts: string[]): string;
}

/** `await using folder = await createTempFolder();` */
export async function createTempFolder(label = 'test'): Promise<TempFolder> {
  const path = await realpath(await mkdtemp(join(tmpdir(), `tallyman-${label}-`)));
  return {
    path,
    join: (...parts) => join(path, ...parts),
    async [Symbol.asyncDispose]() {
      if (process.env.TALLYMAN_TEST_KEEP === '1') {
        process.stderr.write(`kept ${path}\n`);
        return;
      }
      // Retries: a database or a killed server may still be closing its files.
      await rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    },
  };
}
