/** Texts written once, as files: `<folder>/<name>`. A file has its name only when its content is durable. */
import { link, mkdir, open, readdir, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf } from './blob-error.ts';
import { flushFolder } from './durable-folder.ts';
import { maxListed, maxTextBytes, requireSame, unavailable, type WriteOnce } from './write-once.ts';

export class WriteOnceFolder implements WriteOnce {
  readonly #folder: string;
  #writes = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async put(name: string, text: string): Promise<void> {
    const path = join(this.#folder, name);
    try {
      await makeFolders(dirname(path));
      // A crash leaves this temporary file and nothing under the name; it is no name of ours, so nobody reads it.
      const temporary = `${path}.${process.pid}-${this.#writes++}.part`;
      await writeDurably(temporary, text);
      try {
        // A link fails where a name exists, unlike a rename.
        await link(temporary, path);
      } finally {
        await unlink(temporary).catch(() => {});
      }
      await flushFolder(dirname(path));
    } catch (cause) {
      if (errnoOf(cause) !== 'EEXIST') throw unavailable(this.#folder, cause);
      await requireSame(await this.find(name), { name, text });
    }
  }

  async find(name: string): Promise<string | undefined> {
    const file = await open(join(this.#folder, name), 'r').catch((cause: unknown) => {
      if (errnoOf(cause) === 'ENOENT') return undefined;
      throw unavailable(this.#folder, cause);
    });
    if (file === undefined) return undefined;
    try {
      if ((await file.stat()).size > maxTextBytes) throw new Error('a file is too large to be ours');
      return await file.readFile('utf8');
    } catch (cause) {
      throw unavailable(this.#folder, cause);
    } finally {
      await file.close();
    }
  }

  async list(folder: string): Promise<string[]> {
    const entries = await readdir(join(this.#folder, folder), { withFileTypes: true }).catch(
      (cause: unknown) => {
        if (errnoOf(cause) === 'ENOENT') return [];
        throw unavailable(this.#folder, cause);
      },
    );
    if (entries.length > maxListed) throw unavailable(this.#folder, new Error('too many files'));
    return entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name));
  }

  close(): void {}
}

/** Each folder that is made is durable in its parent. */
async function makeFolders(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (cause) {
    if (errnoOf(cause) === 'EEXIST') return;
    if (errnoOf(cause) !== 'ENOENT') throw cause;
    await makeFolders(dirname(path));
    return makeFolders(path);
  }
  await flushFolder(dirname(path));
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}
