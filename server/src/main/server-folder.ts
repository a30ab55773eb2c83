/**
 * What lies in the data folder, and the two files main itself keeps there.
 *
 *   <data>/server.lock          held while a server or a command that writes is running (db/folder-lock.ts)
 *   <data>/keys/registry.key    32 random bytes; signs registry tokens and derives console tokens. Losing it ends sessions' pages
 *                               and tokens under way, no more
 *   <data>/tallyman.db          with SQLite: everything but blobs, and the trail
 *   <data>/search.db            the search index; rebuilt when missing
 *   <data>/blobs, uploads       content, unless it is in an object storage (blobs/files-store.ts)
 */
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { secretBytes } from '../stdx/random.ts';

const keyBytes = 32;

/** Idempotent; the folder is for its owner alone when it is made here. */
export async function makeDataFolder(dataDir: string): Promise<void> {
  await mkdir(join(dataDir, 'keys'), { recursive: true, mode: 0o700 });
}

/** Made at the first start. A crash while it is made leaves a temporary file that the next start replaces. */
export async function readRegistryKey(dataDir: string): Promise<Uint8Array> {
  const path = join(dataDir, 'keys', 'registry.key');
  const found = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (found === undefined) return createKey(path);
  if (found.length !== keyBytes) {
    throw new Error(
      `${path} is damaged: it must be ${keyBytes} bytes long. Restore it, or delete it to have a new one made; registry tokens under way end with it.`,
    );
  }
  return found;
}

async function createKey(path: string): Promise<Uint8Array> {
  const key = secretBytes(keyBytes);
  const file = await open(`${path}.new`, 'w', 0o600);
  try {
    await file.writeFile(key);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
  await flushFolder(join(path, '..'));
  return key;
}

async function flushFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
