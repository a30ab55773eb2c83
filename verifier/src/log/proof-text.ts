/**
 * Proof texts (C2SP tlog-proof): one event's index and inclusion proof with the signed checkpoint they lead to, in a
 * text that can be kept beside the event and checked offline.
 */
import { exceedsUtf8 } from '../encoding.ts';
import { decodeBase64, decodeHash, encodeBase64, parseDecimal } from './base64.ts';
import { LogError } from './log-error.ts';
import { maxNoteBytes } from './note.ts';

export type ProofText = {
  index: number;
  /** From the leaf's sibling to the root's child. */
  proof: Uint8Array[];
  /** The checkpoint as it was signed. */
  note: string;
  /** Not covered by any signature. */
  extra?: Uint8Array;
};

const head = 'c2sp.org/tlog-proof@v1';
/** A tree of 2^53 leaves is so deep. */
const maxProofHashes = 63;

export function formatProofText({ index, proof, note, extra }: ProofText): string {
  const lines = [
    head,
    ...(extra === undefined ? [] : [`extra ${encodeBase64(extra)}`]),
    `index ${index}`,
    ...proof.map(encodeBase64),
  ];
  return `${lines.join('\n')}\n\n${note}`;
}

/** Reads the text; nothing in it is believed yet. Throws `too_large`, `malformed_proof` with a line's fault as cause. */
export function parseProofText(text: string): ProofText {
  if (exceedsUtf8(text, 2 * maxNoteBytes)) throw new LogError('too_large');
  const end = text.indexOf('\n\n');
  if (end < 0) throw new LogError('malformed_proof');
  const lines = text.slice(0, end).split('\n');
  if (lines.shift() !== head) throw new LogError('malformed_proof', { place: 'line 1' });
  const extra = lines[0]?.startsWith('extra ') ? lines.shift()?.slice('extra '.length) : undefined;
  const index = /^index (.*)$/.exec(lines.shift() ?? '')?.[1];
  if (index === undefined || lines.length > maxProofHashes) throw new LogError('malformed_proof');
  try {
    return {
      index: parseDecimal(index),
      proof: lines.map(decodeHash),
      note: text.slice(end + 2),
      ...(extra === undefined ? {} : { extra: decodeBase64(extra) }),
    };
  } catch (cause) {
    throw new LogError('malformed_proof', { cause });
  }
}
