/** The vectors of docs/spec/log.md. What they hold is data of JSON: hashes in base64, as in the texts they are of. */
import {
  decodeHash,
  encodeBase64,
  encodeBase64url,
  formatCheckpoint,
  formatProofText,
  formatVerifierKey,
  type LogErrorReason,
  type NoteSigner,
  type Rotation,
  signNote,
  timestampKey,
} from '../index.ts';
import { logKey, MemoryLog, origin, rotate, sealedEvent, sha256, signedAtSec } from '../log/log.fixture.ts';

export type VectorSet = Record<string, { about: string; vectors: { name: string }[] }>;

export type RootVector = { name: string; size: number; root: string };
export type InclusionVector = {
  name: string;
  index: number;
  size: number;
  leafHash: string;
  proof: string[];
  root: string;
  reason?: LogErrorReason;
};
export type ConsistencyVector = {
  name: string;
  oldSize: number;
  newSize: number;
  oldRoot: string;
  newRoot: string;
  proof: string[];
  reason?: LogErrorReason;
};
export type KeyVector = {
  name: string;
  vkey: string;
  parsed?: { name: string; keyId: number; type: number; publicKey: string };
  reason?: LogErrorReason;
};
export type CheckpointVector = {
  name: string;
  vkey: string;
  nowSec: number;
  note: string;
  opened?: { origin: string; size: number; root: string; timeSec: number };
  reason?: LogErrorReason;
};
export type RotationVector = {
  name: string;
  vkey: string;
  rotations: string[];
  /** The verifier keys from then on, with the sizes between which they sign. */
  keys?: { vkey: string; fromSize: number; untilSize?: number }[];
  reason?: LogErrorReason;
  cause?: string;
};
export type PathVector = {
  name: string;
  path: string;
  tile?: { level: number | 'entries'; n: number; width: number };
  reason?: LogErrorReason;
};
export type EntriesVector = {
  name: string;
  bytes: string;
  width: number;
  entries?: string[];
  reason?: LogErrorReason;
};
export type ProofTextVector = {
  name: string;
  text: string;
  index?: number;
  hashes?: number;
  reason?: LogErrorReason;
};

const first = logKey('first', origin);
const second = logKey('second', origin);
const third = logKey('third', origin);
const stranger = logKey('stranger', origin);

function small(): MemoryLog {
  const log = new MemoryLog();
  for (let index = 0; index < 21; index++) log.add(`entry ${index}`);
  return log;
}

export function logVectors(): VectorSet {
  return {
    'log/roots.json': {
      about:
        'The root, in base64, of a tree whose leaf i is the text `entry i` in UTF-8; one more, because it is its own specification, of no leaves.',
      vectors: roots(),
    },
    'log/inclusion.json': {
      about: 'Inclusion proofs of that tree: verified, or refused with the reason.',
      vectors: inclusions(),
    },
    'log/consistency.json': {
      about: 'Consistency proofs of that tree: verified, or refused with the reason.',
      vectors: consistencies(),
    },
    'log/keys.json': { about: 'Verifier keys: parsed, or refused with the reason.', vectors: keys() },
    'log/checkpoints.json': {
      about:
        'Notes opened with one trusted verifier key at a time: a checkpoint, or refused with the reason.',
      vectors: checkpoints(),
    },
    'log/rotations.json': {
      about:
        'Rotations followed from a trusted verifier key, oldest first: the keys then, or refused with the reason and that of the cause.',
      vectors: rotations(),
    },
    'log/tile-paths.json': {
      about: 'Paths of tiles: parsed, or refused with the reason.',
      vectors: tilePaths(),
    },
    'log/entries.json': {
      about:
        'Entry bundles in base64url: decoded to entries of that number in UTF-8, or refused with the reason.',
      vectors: entries(),
    },
    'log/proof-texts.json': {
      about: 'tlog-proof texts: parsed, or refused with the reason.',
      vectors: proofTexts(),
    },
  };
}

function roots(): RootVector[] {
  const log = small();
  return [0, 1, 2, 3, 4, 5, 7, 8, 16, 21].map((size) => ({
    name: `${size} leaves`,
    size,
    root: encodeBase64(log.root(size)),
  }));
}

function inclusions(): InclusionVector[] {
  const log = small();
  const vector = (index: number, size: number): InclusionVector => ({
    name: `leaf ${index} of ${size}`,
    index,
    size,
    leafHash: encodeBase64(log.readHash(0, index)),
    proof: log.inclusion(index, size).map(encodeBase64),
    root: encodeBase64(log.root(size)),
  });
  const right = vector(9, 21);
  const wrong = (
    name: string,
    reason: LogErrorReason,
    change: Partial<InclusionVector>,
  ): InclusionVector => ({
    ...right,
    name,
    ...change,
    reason,
  });
  return [
    ...[
      [0, 1],
      [0, 2],
      [1, 2],
      [2, 3],
      [3, 7],
      [6, 7],
      [0, 8],
      [7, 8],
      [9, 21],
      [16, 21],
      [20, 21],
    ].map(([index = 0, size = 0]) => vector(index, size)),
    wrong('another leaf', 'root_mismatch', { leafHash: vector(8, 21).leafHash }),
    wrong('another index', 'root_mismatch', { index: 8 }),
    wrong('another size of the same depth', 'root_mismatch', { size: 20, root: encodeBase64(log.root(20)) }),
    wrong('another root', 'root_mismatch', { root: encodeBase64(log.root(20)) }),
    wrong('one flipped bit', 'root_mismatch', { proof: right.proof.with(2, flip(right.proof[2])) }),
    wrong('two hashes swapped', 'root_mismatch', { proof: swap(right.proof) }),
    wrong('a hash too few', 'wrong_proof_length', { proof: right.proof.slice(0, -1) }),
    wrong('a hash too many', 'wrong_proof_length', { proof: [...right.proof, right.root] }),
    wrong('an index beyond the tree', 'index_out_of_range', { index: 21 }),
    wrong('an empty tree', 'index_out_of_range', { index: 0, size: 0 }),
    wrong('a negative index', 'malformed_number', { index: -1 }),
    wrong('a size above 2^53 - 1', 'malformed_number', { size: 2 ** 53 }),
    wrong('a short hash', 'malformed_hash', { proof: right.proof.with(0, encodeBase64(new Uint8Array(31))) }),
  ];
}

function consistencies(): ConsistencyVector[] {
  const log = small();
  const vector = (oldSize: number, newSize: number): ConsistencyVector => ({
    name: `from ${oldSize} to ${newSize} leaves`,
    oldSize,
    newSize,
    oldRoot: encodeBase64(log.root(oldSize)),
    newRoot: encodeBase64(log.root(newSize)),
    proof: log.consistency(oldSize, newSize).map(encodeBase64),
  });
  const right = vector(6, 21);
  const wrong = (
    name: string,
    reason: LogErrorReason,
    change: Partial<ConsistencyVector>,
  ): ConsistencyVector => ({
    ...right,
    name,
    ...change,
    reason,
  });
  return [
    ...[
      [0, 0],
      [0, 5],
      [1, 2],
      [1, 21],
      [3, 7],
      [4, 8],
      [6, 8],
      [6, 21],
      [8, 21],
      [16, 21],
      [20, 21],
      [21, 21],
    ].map(([oldSize = 0, newSize = 0]) => vector(oldSize, newSize)),
    wrong('another old root', 'old_root_mismatch', { oldRoot: vector(5, 21).oldRoot }),
    wrong('another new root', 'new_root_mismatch', { newRoot: vector(6, 20).newRoot }),
    wrong('one flipped bit', 'old_root_mismatch', { proof: right.proof.with(0, flip(right.proof[0])) }),
    wrong('a hash too few', 'wrong_proof_length', { proof: right.proof.slice(0, -1) }),
    wrong('no hash', 'wrong_proof_length', { proof: [] }),
    wrong('a hash too many', 'wrong_proof_length', { proof: [...right.proof, right.newRoot] }),
    wrong('a hash between equal sizes', 'wrong_proof_length', { ...vector(21, 21), proof: [right.newRoot] }),
    wrong('a hash from the empty tree', 'wrong_proof_length', { ...vector(0, 21), proof: [right.newRoot] }),
    wrong('equal sizes, different roots', 'old_root_mismatch', { ...vector(21, 21), oldRoot: right.oldRoot }),
    wrong('an empty tree with a root', 'old_root_mismatch', { ...vector(0, 21), oldRoot: right.oldRoot }),
    wrong('the older one larger', 'sizes_reversed', { oldSize: 21, newSize: 6 }),
    wrong('half a leaf', 'malformed_number', { oldSize: 6.5 }),
    wrong('a long hash', 'malformed_hash', { proof: right.proof.with(0, encodeBase64(new Uint8Array(33))) }),
  ];
}

function keys(): KeyVector[] {
  const right = ({ key, vkey }: { key: typeof first.key; vkey: string }, name: string): KeyVector => ({
    name,
    vkey,
    parsed: { ...key, publicKey: encodeBase64(key.publicKey) },
  });
  const { vkey } = first;
  const [name = '', id = '', encoded = ''] = vkey.split('+', 2).concat(vkey.split('+').slice(2).join('+'));
  const timed = timestampKey(first.key, sha256);
  const wrong = (what: string, reason: LogErrorReason, text: string): KeyVector => ({
    name: what,
    vkey: text,
    reason,
  });
  return [
    right(first, 'of a log'),
    right({ key: timed, vkey: formatVerifierKey(timed) }, 'the same key, signing the time'),
    wrong('empty', 'malformed_key', ''),
    wrong('two parts', 'malformed_key', `${name}+${id}`),
    wrong('no name', 'malformed_key', `+${id}+${encoded}`),
    wrong('a space in the name', 'malformed_key', vkey.replace('/', ' ')),
    wrong('a no-break space in the name', 'malformed_key', vkey.replace('/', '\u00a0')),
    wrong(
      'an id in upper case',
      'malformed_key',
      `${name}+${id.toUpperCase().replace(/^\d+$/, 'ABCDEF01')}+${encoded}`,
    ),
    wrong('a short id', 'malformed_key', `${name}+${id.slice(1)}+${encoded}`),
    wrong('another id', 'key_id_mismatch', `${name}+${stranger.vkey.split('+')[1]}+${encoded}`),
    wrong('another name', 'key_id_mismatch', `x${vkey}`),
    wrong('an unknown type', 'unsupported_key_type', `${name}+${id}+Bg${encoded.slice(2)}`),
    wrong('a short key', 'malformed_key', `${name}+${id}+${encoded.slice(0, -4)}`),
    wrong('base64 with left-over bits', 'malformed_key', `${name}+${id}+${encoded}AAB=`),
  ];
}

function checkpoints(): CheckpointVector[] {
  const log = small();
  const [plain, timed] = first.signers as [NoteSigner, NoteSigner];
  const sign = (text: string, signers = first.signers, timeSec = signedAtSec) =>
    signNote(text, { signers, timeSec });
  const text = formatCheckpoint({ origin, size: 21, root: log.root(), extensions: [] });
  const root = encodeBase64(log.root());
  const opened = { origin, size: 21, root, timeSec: signedAtSec };
  const base = { vkey: first.vkey, nowSec: signedAtSec };
  const right = (name: string, note: string, more: Partial<CheckpointVector> = {}): CheckpointVector => ({
    name,
    ...base,
    note,
    opened,
    ...more,
  });
  const wrong = (
    name: string,
    reason: LogErrorReason,
    note: string,
    nowSec = signedAtSec,
  ): CheckpointVector => ({
    name,
    ...base,
    nowSec,
    note,
    reason,
  });
  const note = sign(text);
  const forged = {
    key: plain.key,
    sign: (message: Uint8Array) => stranger.signers[0]?.sign(message) ?? message,
  };
  const empty = formatCheckpoint({ origin, size: 0, root: log.root(0), extensions: [] });
  return [
    right('signed by the key', note),
    right('300 seconds ahead', note, { nowSec: signedAtSec - 300 }),
    right('beside signatures of other keys', sign(text, [...stranger.signers, ...first.signers])),
    right('of no events', sign(empty), { opened: { ...opened, size: 0, root: encodeBase64(log.root(0)) } }),
    wrong('301 seconds ahead', 'future_dated', note, signedAtSec - 301),
    wrong('signed by another key', 'no_trusted_signature', sign(text, stranger.signers)),
    wrong('signed with the time alone', 'no_trusted_signature', sign(text, [timed])),
    wrong('signed without the time', 'missing_timestamp', sign(text, [plain])),
    wrong('the size changed', 'wrong_signature', note.replace('\n21\n', '\n22\n')),
    wrong('the root changed', 'wrong_signature', note.replace(root, encodeBase64(log.root(20)))),
    wrong('name and id of the key, signed by another', 'wrong_signature', sign(text, [forged, timed])),
    wrong('the time changed', 'wrong_signature', changeTime(note)),
    wrong('signed twice by the key', 'malformed_signature', sign(text, [plain, plain, timed])),
    wrong('of another log', 'wrong_origin', sign(text.replace(origin, 'other.example/log'))),
    wrong('a size with a leading zero', 'malformed_checkpoint', sign(text.replace('\n21\n', '\n021\n'))),
    wrong(
      'a size beyond 2^53 - 1',
      'malformed_checkpoint',
      sign(text.replace('\n21\n', '\n9007199254740992\n')),
    ),
    wrong('a size with a sign', 'malformed_checkpoint', sign(text.replace('\n21\n', '\n+21\n'))),
    wrong('a short root', 'malformed_checkpoint', sign(text.replace(root, encodeBase64(new Uint8Array(31))))),
    wrong('a root without padding', 'malformed_checkpoint', sign(text.replace('=', ''))),
    wrong('no root', 'malformed_checkpoint', sign(`${origin}\n21\n`)),
    wrong('no events and a root', 'root_mismatch', sign(text.replace('\n21\n', '\n0\n'))),
    wrong('no signature', 'malformed_note', text),
    wrong('no empty line', 'malformed_note', note.replace('\n\n', '\n')),
    wrong('no line end', 'malformed_note', note.slice(0, -1)),
    wrong('windows line ends', 'malformed_note', note.replaceAll('\n', '\r\n')),
    wrong('a tabulator', 'malformed_note', note.replace(' ', '\t')),
    wrong('nothing', 'malformed_note', ''),
    wrong('a hyphen for the dash', 'malformed_signature', note.replace('—', '-')),
    wrong('a signature that is no base64', 'malformed_signature', note.replace(/=\n$/, '\n')),
    wrong('a signature of four bytes', 'malformed_signature', `${note}— x AAAAAA==\n`),
    wrong('65 signatures', 'too_many_signatures', `${note}${'— x AAAAAAA=\n'.repeat(63)}`),
  ];
}

/** One second later in the line of the timestamped signature, which is the last. */
function changeTime(note: string): string {
  const lines = note.split('\n');
  const line = lines.at(-2) ?? '';
  const at = line.lastIndexOf(' ') + 1;
  const bytes = Buffer.from(line.slice(at), 'base64');
  bytes.writeBigUInt64BE(bytes.readBigUInt64BE(4) + 1n, 4);
  return [...lines.slice(0, -2), line.slice(0, at) + bytes.toString('base64'), ''].join('\n');
}

function rotations(): RotationVector[] {
  const log = small();
  const one = rotate(log, { from: first, to: second, number: 21 });
  log.add('entry 22');
  const two = rotate(log, { from: second, to: third, number: 23 });
  const other = rotate(small(), { from: first, to: second, number: 99 });
  const elsewhere = rotate(small(), { from: first, to: logKey('second', 'other.example/log'), number: 21 });
  const line = ({ body, proof }: Rotation) => JSON.stringify({ body, proof });
  const handover = (signers: readonly NoteSigner[]) =>
    formatProofText({
      index: 21,
      proof: log.inclusion(21, 22),
      note: log.checkpoint(signers, { size: 22 }),
    });
  const denied = sealedEvent(21, {
    type: 'log.key.rotate',
    outcome: 'denied',
    details: { origin, from: first.vkey, to: second.vkey },
  });
  const base = { vkey: first.vkey };
  const wrong = (name: string, cause: string, ...given: Rotation[]): RotationVector => ({
    name,
    ...base,
    rotations: given.map(line),
    reason: 'rotation_refused',
    cause,
  });
  const malformed = (name: string, text: string): RotationVector => ({
    name,
    ...base,
    rotations: [text],
    reason: 'malformed_rotation',
  });
  const keyOne = { vkey: first.vkey, fromSize: 0 };
  return [
    { name: 'none', ...base, rotations: [], keys: [keyOne] },
    {
      name: 'two in a row',
      ...base,
      rotations: [line(one), line(two)],
      keys: [
        { ...keyOne, untilSize: 22 },
        { vkey: second.vkey, fromSize: 22, untilSize: 24 },
        { vkey: third.vkey, fromSize: 24 },
      ],
    },
    {
      name: 'from the second key on',
      vkey: second.vkey,
      rotations: [line(one), line(two)],
      keys: [
        { vkey: second.vkey, fromSize: 0, untilSize: 24 },
        { vkey: third.vkey, fromSize: 24 },
      ],
    },
    {
      name: 'another one of the same key is left aside',
      ...base,
      rotations: [line(one), line(other)],
      keys: [
        { ...keyOne, untilSize: 22 },
        { vkey: second.vkey, fromSize: 22 },
      ],
    },
    wrong('not signed by the old key', 'no_trusted_signature', { ...one, proof: handover(second.signers) }),
    wrong('not signed by the new key', 'no_trusted_signature', { ...one, proof: handover(first.signers) }),
    wrong('an event that is not in the log', 'root_mismatch', { ...one, proof: other.proof }),
    wrong('the event at another index', 'root_mismatch', {
      ...one,
      proof: one.proof.replace('index 21', 'index 20'),
    }),
    wrong('an event that was refused', 'malformed_rotation', { ...one, body: denied.body }),
    wrong('an event of another type', 'malformed_rotation', { ...one, body: sealedEvent(21).body }),
    wrong('a body that is not canonical', 'not_canonical', { ...one, body: ` ${one.body}` }),
    wrong('a key of another name', 'wrong_origin', elsewhere),
    wrong('a proof that is none', 'malformed_proof', { ...one, proof: 'index 21\n' }),
    malformed('no object', '[]'),
    malformed('not canonical', line({ ...one, body: '' }).replace('{', '{ ')),
    malformed('a member more', '{"body":"","more":"","proof":""}'),
  ];
}

function tilePaths(): PathVector[] {
  const right = (path: string, level: number | 'entries', n: number, width: number): PathVector => ({
    name: path,
    path,
    tile: { level, n, width },
  });
  const wrong = [
    'tile/0/0',
    'tile/0/0000',
    'tile/0/x000/001',
    'tile/00/001',
    'tile/64/000',
    'tile/0/001.p/0',
  ];
  const more = [
    'tile/0/001.p/256',
    'tile/0/001.p/01',
    'tile/data/001',
    'tile/0/001/002',
    'tile/0/../001',
    'tile/0/001/',
  ];
  return [
    right('tile/0/000', 0, 0, 256),
    right('tile/0/273.p/112', 0, 273, 112),
    right('tile/0/x001/x234/067', 0, 1_234_067, 256),
    right('tile/63/999.p/1', 63, 999, 1),
    right('tile/entries/x001/000.p/255', 'entries', 1000, 255),
    ...[...wrong, ...more, ''].map(
      (path): PathVector => ({ name: path === '' ? 'nothing' : path, path, reason: 'malformed_tile_path' }),
    ),
  ];
}

function entries(): EntriesVector[] {
  const wrong = (name: string, bytes: string, width: number): EntriesVector => ({
    name,
    bytes: encodeBase64url(Buffer.from(bytes, 'latin1')),
    width,
    reason: 'malformed_entries',
  });
  return [
    {
      name: 'two entries',
      bytes: encodeBase64url(Buffer.from('\0\x01a\0\x02bc')),
      width: 2,
      entries: ['a', 'bc'],
    },
    {
      name: 'a dropped one',
      bytes: encodeBase64url(Buffer.from('\0\x01a\0\0')),
      width: 2,
      entries: ['a', ''],
    },
    wrong('an entry too few', '\0\x01a', 2),
    wrong('an entry too many', '\0\x01a\0\0', 1),
    wrong('cut off within a length', '\0\x01a\0', 2),
    wrong('cut off within an entry', '\0\x01a\0\x02b', 2),
    wrong('nothing', '', 1),
  ];
}

function proofTexts(): ProofTextVector[] {
  const log = small();
  const note = log.checkpoint(first.signers);
  const text = formatProofText({ index: 9, proof: log.inclusion(9), note });
  const wrong = (name: string, changed: string): ProofTextVector => ({
    name,
    text: changed,
    reason: 'malformed_proof',
  });
  return [
    { name: 'a proof', text, index: 9, hashes: 5 },
    { name: 'with extra data', text: text.replace('index', 'extra AQID\nindex'), index: 9, hashes: 5 },
    wrong('another version', text.replace('@v1', '@v2')),
    wrong('no index', text.replace('index 9\n', '')),
    wrong('an index with a leading zero', text.replace('index 9', 'index 09')),
    wrong('a hash that is none', text.replace(/^(index 9\n)./m, '$1-')),
    wrong('no checkpoint', text.slice(0, text.indexOf('\n\n') + 1)),
    wrong('64 hashes', text.replace('index 9\n', `index 9\n${`${encodeBase64(log.root())}\n`.repeat(59)}`)),
  ];
}

function flip(hash = ''): string {
  const bytes = decodeHash(hash);
  return encodeBase64(new Uint8Array(bytes).with(31, (bytes[31] ?? 0) ^ 1));
}

function swap([first = '', second = '', ...others]: readonly string[]): string[] {
  return [second, first, ...others];
}
