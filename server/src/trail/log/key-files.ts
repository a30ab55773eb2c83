/**
 * The files of the signing key. They lie outside of the database, so that whoever can write the one cannot sign what
 * they made of it.
 *
 *   <key>        the key that signs, mode 0600
 *   <key>.next   during a rotation: the key that will sign (rotation.ts)
 *   <key>.pub    the public half of <key>, as auditors are given it
 *
 * Each is written whole under another name first: a crash leaves the old file or the new one.
 */
import { mkdir, open, readFile, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { flushFolder } from '../../blobs/durable-folder.ts';
import { AppError } from '../../domain/error.ts';
import { Secret } from '../../stdx/secret.ts';
import { SigningKey } from './signing-key.ts';

export class KeyFiles {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  current(): Promise<SigningKey | undefined> {
    return readKey(this.path);
  }

  next(): Promise<SigningKey | undefined> {
    return readKey(`${this.path}.next`);
  }

  /** A new log's first key. Durable when it resolves. */
  async create(key: SigningKey): Promise<void> {
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    await writeDurably(this.path, key.text.reveal(), 0o600);
    await this.writePublic(key);
  }

  async putNext(key: SigningKey): Promise<void> {
    await writeDurably(`${this.path}.next`, key.text.reveal(), 0o600);
  }

  async dropNext(): Promise<void> {
    await unlink(`${this.path}.next`);
    await flushFolder(dirname(this.path));
  }

  /** The next key takes the place of the old one, which is gone for good. */
  async promoteNext(next: SigningKey): Promise<void> {
    await rename(`${this.path}.next`, this.path);
    await flushFolder(dirname(this.path));
    // Crash here: the public half is the old one; every start writes it again.
    await this.writePublic(next);
  }

  /** Puts a key that no longer signs aside, for whoever wants to look into what happened. */
  async putAside(key: SigningKey): Promise<void> {
    await rename(this.path, `${this.path}.former-${key.vkey.split('+')[1]}`);
    await flushFolder(dirname(this.path));
  }

  async writePublic({ vkey }: SigningKey): Promise<void> {
    const path = `${this.path}.pub`;
    const text = `${vkey}\n`;
    if ((await readFile(path, 'utf8').catch(() => undefined)) !== text) await writeDurably(path, text, 0o644);
  }
}

async function readKey(path: string): Promise<SigningKey | undefined> {
  let text: Secret;
  try {
    text = new Secret(await readFile(path, 'utf8'));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unreadable(path, cause as Error);
  }
  const key = SigningKey.parse(text);
  if (key) return key;
  throw new AppError(
    'conflict',
    `${path} is damaged: it is no signing key of a log. Restore it from a backup.`,
  );
}

function unreadable(path: string, cause: Error): AppError {
  return new AppError('unavailable', `The log’s signing key ${path} cannot be read: ${cause.message}`, {
    cause,
  });
}

export async function writeDurably(path: string, text: string, mode: number): Promise<void> {
  const temporary = `${path}.part`;
  const file = await open(temporary, 'w', mode);
  try {
    await file.chmod(mode);
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await flushFolder(dirname(path));
}
