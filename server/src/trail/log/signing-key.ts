/**
 * The key that signs checkpoints (Ed25519) in memory. Its private half leaves this file only as text for the key's own
 * file; nothing prints it.
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import {
  formatVerifierKey,
  isKeyName,
  type NoteSigner,
  parseVerifierKey,
  signatureTypes,
  timestampKey,
  type VerifierKey,
  type VerifyEd25519,
  verifierKey,
} from '@tallyman/verifier';
import { secretBytes } from '../../stdx/random.ts';
import { Secret } from '../../stdx/secret.ts';
import { nodeSha256 } from '../seal.ts';

const seedBytes = 32;
// RFC 8410: what stands before the 32 bytes of an Ed25519 key in DER.
const pkcs8Head = Buffer.from('302e020100300506032b657004220420', 'hex');
const spkiHead = Buffer.from('302a300506032b6570032100', 'hex');
/** As golang.org/x/mod/sumdb/note writes a signer: other programs for signed notes read it. */
const textHead = 'PRIVATE+KEY+';

export class SigningKey {
  readonly verifier: VerifierKey;
  /** `<origin>+<key id>+<base64>`: what auditors are given. */
  readonly vkey: string;
  readonly #private: KeyObject;
  readonly #text: Secret;

  private constructor(origin: string, seed: Buffer) {
    this.#private = createPrivateKey({
      key: Buffer.concat([pkcs8Head, seed]),
      format: 'der',
      type: 'pkcs8',
    });
    const spki = createPublicKey(this.#private).export({ format: 'der', type: 'spki' });
    const publicKey = new Uint8Array(spki.subarray(spkiHead.length));
    this.verifier = verifierKey({ name: origin, type: signatureTypes.ed25519, publicKey }, nodeSha256);
    this.vkey = formatVerifierKey(this.verifier);
    const [name, id] = this.vkey.split('+');
    const secret = Buffer.concat([Buffer.of(signatureTypes.ed25519), seed]).toString('base64');
    this.#text = new Secret(`${textHead}${name}+${id}+${secret}\n`);
  }

  static create(origin: string): SigningKey {
    return new SigningKey(origin, secretBytes(seedBytes));
  }

  /** Undefined when it is not the text of a key. */
  static parse(text: Secret): SigningKey | undefined {
    const form = /^PRIVATE\+KEY\+([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)\n?$/.exec(text.reveal());
    const [, origin = '', id, encoded = ''] = form ?? [];
    const bytes = Buffer.from(encoded, 'base64');
    if (!isKeyName(origin) || bytes.length !== 1 + seedBytes || bytes[0] !== signatureTypes.ed25519)
      return undefined;
    const key = new SigningKey(origin, bytes.subarray(1));
    return key.vkey.split('+')[1] === id ? key : undefined;
  }

  get origin(): string {
    return this.verifier.name;
  }

  /** For the key's file alone. */
  get text(): Secret {
    return this.#text;
  }

  /** Both signatures of docs/spec/log.md section 3: of the note, and of the note with its time. */
  signers(): NoteSigner[] {
    const signWith = (message: Uint8Array): Uint8Array => sign(null, message, this.#private);
    return [this.verifier, timestampKey(this.verifier, nodeSha256)].map((key) => ({ key, sign: signWith }));
  }
}

export const verifyEd25519: VerifyEd25519 = ({ publicKey, message, signature }) => {
  try {
    const key = createPublicKey({ key: Buffer.concat([spkiHead, publicKey]), format: 'der', type: 'spki' });
    return verify(null, message, key, signature);
  } catch {
    return false;
  }
};

/** Throws LogError. */
export function readVkey(vkey: string): VerifierKey {
  return parseVerifierKey(vkey, nodeSha256);
}
