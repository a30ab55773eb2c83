/**
 * Checkpoints (C2SP tlog-checkpoint): the note in which a log signs its origin, its size and its root. Ours carry two
 * signatures of the log's one key: the plain one, and one that states the time of signing.
 */
import type { Sha256 } from '../sha256.ts';
import { decodeHash, encodeBase64, parseDecimal } from './base64.ts';
import { LogError } from './log-error.ts';
import { openNote, type TrustedSignature, type VerifyEd25519 } from './note.ts';
import { emptyRoot, equalHashes, requireHashes, requireSize } from './tree.ts';
import { timestampKey, type VerifierKey } from './verifier-key.ts';

export type Checkpoint = {
  /** Names the log; other than its keys, it never changes. */
  origin: string;
  size: number;
  /** 32 bytes. */
  root: Uint8Array;
  /** Lines this package gives no meaning; ours has none. */
  extensions: readonly string[];
};

/** The text that is signed. Throws `malformed_checkpoint` when it could not be read back. */
export function formatCheckpoint({ origin, size, root, extensions }: Checkpoint): string {
  requireSize(size, 'size');
  requireHashes([root]);
  const lines = [origin, String(size), encodeBase64(root), ...extensions];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is refused.
  if (lines.some((line) => line === '' || !line.isWellFormed() || /[\u0000-\u001f]/.test(line))) {
    throw new LogError('malformed_checkpoint');
  }
  return `${lines.join('\n')}\n`;
}

/**
 * Reads a note's text; whether to believe it is for `openCheckpoint` to say. Throws `malformed_checkpoint`, with the
 * fault of a line as its cause.
 */
export function parseCheckpoint(text: string): Checkpoint {
  const lines = text.split('\n');
  if (lines.pop() !== '') throw new LogError('malformed_checkpoint');
  const [origin = '', size = '', root = '', ...extensions] = lines;
  if (origin === '' || extensions.includes('')) throw new LogError('malformed_checkpoint');
  return {
    origin,
    size: parseLine(2, () => parseDecimal(size)),
    root: parseLine(3, () => decodeHash(root)),
    extensions,
  };
}

function parseLine<T>(line: number, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw new LogError('malformed_checkpoint', { place: `line ${line} of the note`, cause });
  }
}

export type OpenedCheckpoint = Checkpoint & {
  /** The note as it was given. */
  note: string;
  /** The keys, of those handed in, that signed it. */
  signedBy: VerifierKey[];
  /** When the log says it signed, seconds since 1970: the latest of its timestamped signatures, if there is one. */
  timeSec?: number;
};

/**
 * A checkpoint signed by at least one of `keys`, given as plain Ed25519 keys whose timestamped signatures count too. Throws what
 * `openNote` and `parseCheckpoint` throw, and `root_mismatch` when it is of an empty tree with another root.
 */
export function openCheckpoint(
  note: string,
  {
    keys,
    verify,
    sha256,
  }: { keys: readonly VerifierKey[]; verify: VerifyEd25519; sha256: Pick<Sha256, 'bytes'> },
): OpenedCheckpoint {
  const timestamped = keys.map((key) => timestampKey(key, sha256));
  const { text, signatures } = openNote(note, { keys: [...keys, ...timestamped], verify });
  const checkpoint = parseCheckpoint(text);
  if (checkpoint.size === 0 && !equalHashes(checkpoint.root, emptyRoot(sha256))) {
    throw new LogError('root_mismatch');
  }
  const signedBy = keys.filter((key) => signatures.some((signature) => signature.key === key));
  // A time without the plain signature beside it would make a note that other clients of this log refuse.
  if (signedBy.length === 0) throw new LogError('no_trusted_signature');
  const timeSec = latest(signatures);
  return { ...checkpoint, note, signedBy, ...(timeSec === undefined ? {} : { timeSec }) };
}

function latest(signatures: readonly TrustedSignature[]): number | undefined {
  const times = signatures.flatMap(({ timeSec }) => timeSec ?? []);
  return times.length === 0 ? undefined : Math.max(...times);
}
