/**
 * A log in memory for tests, of any size, with keys that come from a seed. Its tree is built level by level, as plainly
 * as can be and without the code under test, so that both are not wrong in the same way.
 */
import { createPrivateKey, createPublicKey, hash, sign, verify } from 'node:crypto';
import {
  compileErasable,
  encodeUtf8,
  formatBundleEnd,
  formatBundleEvent,
  formatBundleHead,
  formatCheckpoint,
  formatProofText,
  formatVerifierKey,
  type HashReader,
  type JsonObject,
  makeProof,
  type NoteSigner,
  planConsistency,
  planInclusion,
  type Rotation,
  rangeNodes,
  type SealedEvent,
  type Sha256,
  sealEvent,
  signatureTypes,
  signNote,
  type Tile,
  timestampKey,
  type VerifierKey,
  type VerifyEd25519,
  verifierKey,
} from '../index.ts';

export const sha256: Sha256 = {
  text: (utf8) => hash('sha256', utf8, 'base64url'),
  bytes: (data) => hash('sha256', data, 'buffer'),
};

// RFC 8410: what stands before the 32 bytes of an Ed25519 key.
const privatePrefix = Buffer.from('302e020100300506032b657004220420', 'hex');
const publicPrefix = Buffer.from('302a300506032b6570032100', 'hex');

export const verifyEd25519: VerifyEd25519 = ({ publicKey, message, signature }) => {
  const key = createPublicKey({
    key: Buffer.concat([publicPrefix, publicKey]),
    format: 'der',
    type: 'spki',
  });
  return verify(null, message, key, signature);
};

export const cryptography = { sha256, verify: verifyEd25519 };

export type LogKey = {
  key: VerifierKey;
  vkey: string;
  /** The plain signature and the one with the time. */
  signers: NoteSigner[];
};

/** The same key whenever the seed and the origin are the same. */
export function logKey(seed: string, origin: string): LogKey {
  const der = Buffer.concat([privatePrefix, hash('sha256', seed, 'buffer')]);
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  const publicKey = new Uint8Array(spki.subarray(-32));
  const key = verifierKey({ name: origin, type: signatureTypes.ed25519, publicKey }, sha256);
  const by = (message: Uint8Array) => sign(null, message, privateKey);
  const signers = [key, timestampKey(key, sha256)].map((one) => ({ key: one, sign: by }));
  return { key, vkey: formatVerifierKey(key), signers };
}

export const origin = 'registry.example/log';
/** 2024-05-01T04:30:00Z */
export const signedAtSec = 1_714_537_800;

export class MemoryLog {
  /** levels[k]: roots of the perfect subtrees of 2**k leaves. */
  readonly #levels: Uint8Array[][] = [[]];

  #level(level: number): Uint8Array[] {
    this.#levels[level] ??= [];
    return this.#levels[level];
  }

  get size(): number {
    return this.#level(0).length;
  }

  add(body: Uint8Array | string): void {
    const bytes = typeof body === 'string' ? encodeUtf8(body) : body;
    this.addHash(hash('sha256', Buffer.concat([Buffer.of(0), bytes]), 'buffer'));
  }

  addHash(leaf: Uint8Array): void {
    this.#level(0).push(leaf);
    for (let level = 0; this.#level(level).length % 2 === 0; level++) {
      const [left, right] = this.#level(level).slice(-2) as [Uint8Array, Uint8Array];
      this.#level(level + 1).push(hash('sha256', Buffer.concat([Buffer.of(1), left, right]), 'buffer'));
    }
  }

  /** A copy of the first leaves. */
  cut(size: number): MemoryLog {
    const log = new MemoryLog();
    for (const leaf of this.#level(0).slice(0, size)) log.addHash(leaf);
    return log;
  }

  readonly readHash: HashReader = (level, index) => this.#level(level)[index] as Uint8Array;

  /** RFC 6962 §2.1, as it is written there. */
  root(size = this.size, start = 0): Uint8Array {
    if (size === 0) return hash('sha256', '', 'buffer');
    const level = Math.log2(size);
    if (Number.isInteger(level)) return this.readHash(level, start / size);
    const k = 2 ** Math.floor(level);
    const [left, right] = [this.root(k, start), this.root(size - k, start + k)];
    return hash('sha256', Buffer.concat([Buffer.of(1), left, right]), 'buffer');
  }

  tile({ level, n, width }: Tile): Uint8Array {
    const hashes = this.#level(8 * (level as number)).slice(n * 256, n * 256 + width);
    return new Uint8Array(Buffer.concat(hashes));
  }

  checkpoint(
    signers: readonly NoteSigner[],
    options: { size?: number; timeSec?: number; origin?: string } = {},
  ): string {
    const { size = this.size, timeSec = signedAtSec, origin: name = origin } = options;
    const text = formatCheckpoint({ origin: name, size, root: this.root(size), extensions: [] });
    return signNote(text, { signers, timeSec });
  }

  inclusion(index: number, size = this.size): Uint8Array[] {
    return makeProof(planInclusion({ index, size }), { readHash: this.readHash, sha256 });
  }

  consistency(oldSize: number, newSize = this.size): Uint8Array[] {
    return makeProof(planConsistency({ oldSize, newSize }), { readHash: this.readHash, sha256 });
  }
}

/** An event with a few erasable fields; `number` makes it another one. */
export function sealedEvent(number: number, change: JsonObject = {}): SealedEvent {
  const event: JsonObject = {
    v: 1,
    id: `019ab1f0-1c2d-7e3f-8a4b-${number.toString(16).padStart(12, '0')}`,
    type: 'container.tag.create',
    version: 1,
    occurredAt: '2024-05-01T04:24:43.123456Z',
    recordedAt: '2024-05-01T04:24:43.123461Z',
    outcome: 'success',
    actor: { kind: 'user', id: 'u7', name: 'zoë', proven: true },
    credential: { kind: 'password', id: 'c9' },
    scope: {},
    request: { id: `r${number}`, ip: '192.0.2.17', protocol: 'http' },
    details: { digest: `sha256:${number}` },
    ...change,
  };
  let salts = 0;
  return sealEvent(event, {
    erasable: compileErasable(['/actor/name', '/request/ip']),
    nextSalt: () => hash('sha256', `${number} ${salts++}`, 'base64url').slice(0, 22),
    sha256,
  });
}

/** Adds the event of a rotation and gives the rotation, its handover signed by both keys. */
export function rotate(
  log: MemoryLog,
  { from, to, number }: { from: LogKey; to: LogKey; number: number },
): Rotation {
  const { body } = sealedEvent(number, {
    type: 'log.key.rotate',
    details: { origin: from.key.name, from: from.vkey, to: to.vkey },
  });
  const index = log.size;
  log.add(body);
  const note = log.checkpoint([...from.signers, ...to.signers]);
  return { body, proof: formatProofText({ index, proof: log.inclusion(index), note }) };
}

export type BundleMaking = {
  log: MemoryLog;
  rows: ReadonlyMap<number, SealedEvent>;
  signers: readonly NoteSigner[];
  keys?: readonly string[];
  timeSec?: number;
  rotations?: readonly Rotation[];
  earlier?: { size: number; signers: readonly NoteSigner[]; timeSec?: number };
};

/** The lines of a bundle with these rows of the log. */
export function bundleLines(making: BundleMaking): string[] {
  const { log, rows, signers, keys = [], rotations = [], earlier } = making;
  const time = making.timeSec === undefined ? {} : { timeSec: making.timeSec };
  const head = formatBundleHead({
    checkpoint: log.checkpoint(signers, time),
    events: rows.size,
    keys,
    rotations,
    ...(earlier && {
      consistency: {
        checkpoint: log.checkpoint(earlier.signers, earlier),
        proof: log.consistency(earlier.size),
      },
    }),
  });
  const range = (from: number, to: number) =>
    rangeNodes(from, to).map(({ level, index }) => log.readHash(level, index));
  const lines = [head];
  let position = 0;
  for (const [index, row] of rows) {
    lines.push(formatBundleEvent({ index, ...row, range: range(position, index) }));
    position = index + 1;
  }
  return [...lines, formatBundleEnd(range(position, log.size))];
}
