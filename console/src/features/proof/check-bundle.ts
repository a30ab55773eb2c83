/**
 * Checks evidence bundles in the browser with the auditors' own verifier (docs/spec/bundle.md §3). Loaded only when
 * somebody asks for a proof. The verifier is synchronous and the browser's signatures are not: it is run again each time
 * it has asked for a signature that was not checked yet, which is once per signed note.
 */
import type { VerifyEd25519 } from '@tallyman/verifier';
import {
  encodeBase64,
  encodeBase64url,
  formatVerifierKey,
  LogError,
  type OpenedEvent,
  portableSha256,
  splitLines,
  trustKey,
  verifyBundle,
} from '@tallyman/verifier';

export type ProvenEvent = OpenedEvent & { index: number; body: string };

export type CheckedBundle = {
  origin: string;
  checkpoint: { size: number; root: string; signedAt: string };
  /** The key that signed it, after the rotations that the given one announced. */
  key: string;
  events: ProvenEvent[];
};

/** What is wrong, in the verifier's closed words. */
export class BundleRefused extends Error {
  override readonly name = 'BundleRefused';
  readonly reason: string;
  constructor({ reason, message }: LogError) {
    super(message);
    this.reason = reason;
  }
}

/** Browsers check signatures only on pages that came over TLS, or from this machine. */
export const canCheckSignatures = (): boolean => globalThis.crypto?.subtle !== undefined;

type Check = Parameters<VerifyEd25519>[0];
type Options = { bytes: Uint8Array; key: string; nowMs: number; verify?: (check: Check) => Promise<boolean> };

/** Throws BundleRefused; a bundle of which one byte was changed never passes. */
export async function checkBundle({
  bytes,
  key,
  nowMs,
  verify = verifySignature,
}: Options): Promise<CheckedBundle> {
  const checked = new Map<string, boolean>();
  for (;;) {
    const asked: Check[] = [];
    const ask: VerifyEd25519 = (check) => {
      const known = checked.get(nameOf(check));
      if (known === undefined) asked.push(check);
      // A wrong answer only for now: nothing is told of a run that had to ask.
      return known ?? true;
    };
    const outcome = run({ bytes, key, nowMs, ask });
    if (asked.length === 0) {
      if (outcome instanceof LogError) throw new BundleRefused(outcome);
      return outcome;
    }
    for (const check of asked) checked.set(nameOf(check), await verify(check));
  }
}

type Run = Pick<Options, 'bytes' | 'key' | 'nowMs'> & { ask: VerifyEd25519 };

function run({ bytes, key, nowMs, ask }: Run): CheckedBundle | LogError {
  const events: ProvenEvent[] = [];
  try {
    const { checkpoint, trust } = verifyBundle(splitLines([bytes]), {
      trust: trustKey(key.trim(), portableSha256),
      sha256: portableSha256,
      verify: ask,
      nowSec: Math.floor(nowMs / 1000),
      onEvent: (event) => events.push(event),
    });
    const { size, root, timeSec } = checkpoint;
    return {
      origin: trust.origin,
      checkpoint: { size, root: encodeBase64(root), signedAt: new Date(timeSec * 1000).toISOString() },
      key: trust.keys.map((one) => formatVerifierKey(one.key)).at(-1) ?? key,
      events,
    };
  } catch (error) {
    if (error instanceof LogError) return error;
    throw error;
  }
}

function nameOf({ publicKey, message, signature }: Check): string {
  return [publicKey, message, signature].map(encodeBase64url).join('.');
}

async function verifySignature({ publicKey, message, signature }: Check): Promise<boolean> {
  const bytes = (of: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(of);
  try {
    const key = await crypto.subtle.importKey('raw', bytes(publicKey), 'Ed25519', false, ['verify']);
    return await crypto.subtle.verify('Ed25519', key, bytes(signature), bytes(message));
  } catch (cause) {
    // Bytes that are no key at all are a wrong signature; a browser without Ed25519 is something else.
    if (cause instanceof DOMException && cause.name === 'NotSupportedError')
      throw new Error(
        'This browser does not know Ed25519 signatures. Update it, or check the bundle with the command line.',
        { cause },
      );
    return false;
  }
}
