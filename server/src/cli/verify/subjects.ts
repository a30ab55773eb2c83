/** What `tallyman verify` does with each kind of thing it is given. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type AuditVerdict,
  equalHashes,
  followRotations,
  formatVerifierKey,
  LogError,
  openBundleCheckpoints,
  openTrustedCheckpoint,
  parseRotation,
  type Trust,
  type TrustedCheckpoint,
  trustKey,
  type VerifiedBundle,
} from '@tallyman/verifier';
import { AppError } from '../../domain/error.ts';
import { verifyEd25519 } from '../../trail/log/signing-key.ts';
import { nodeSha256 } from '../../trail/seal.ts';
import { runAudit } from './audit.ts';
import { listCheckpoints } from './elsewhere.ts';
import { claimedOrigin, firstLineOf, verifyBundleFile } from './evidence-file.ts';
import { KeptLog } from './kept-log.ts';
import { type LogSource, readOptional } from './log-source.ts';

export type Auditor = {
  /** The verifier key the user supplied. */
  vkey: string | undefined;
  stateDir: string;
  nowSec: number;
  keepLevel: 0 | 1;
  /** Files or folders with checkpoints kept elsewhere. */
  checkpoints: readonly string[];
};

const cryptography = { sha256: nodeSha256, verify: verifyEd25519 };

export type AuditOutcome = { verdict: AuditVerdict; kept: KeptLog; proof?: string };

/** Visits that others overtake again and again are given up. */
const mostVisits = 20;

/**
 * Visits a log and keeps what follows from it. Visits beside each other, also of other processes, are as if one came
 * after the other: one that was overtaken is made again. Throws `invalid` without a key, and as the source does.
 */
export async function auditSource(log: LogSource, auditor: Auditor): Promise<AuditOutcome> {
  for (let visit = 0; visit < mostVisits; visit++) {
    const outcome = await tryVisit(log, auditor);
    if (outcome !== undefined) return outcome;
  }
  throw new AppError('conflict', 'Other visits kept overtaking this one. Try again.');
}

/** Undefined when another visit kept something meanwhile. */
async function tryVisit(log: LogSource, auditor: Auditor): Promise<AuditOutcome | undefined> {
  const { nowSec, keepLevel } = auditor;
  const claimed = async () => firstLine(await log.read('checkpoint'));
  const { kept, vkey } = await knownLog(auditor, claimed);
  const before = await kept.readHead();
  const elsewhere = await listCheckpoints(auditor.checkpoints);
  const trust = trustKey(vkey, nodeSha256);
  const audit = { ...cryptography, trust, nowSec, keepLevel, elsewhere };
  const verdict = await runAudit(audit, { log, kept, elsewhere: readOptional });
  if ('keep' in verdict) return (await kept.keep(verdict, { vkey, before })) ? { verdict, kept } : undefined;
  if (!(await kept.isStill(before))) return undefined;
  return { verdict, kept, ...('differing' in verdict && { proof: await kept.keepProof(verdict) }) };
}

export type BundleOutcome =
  | { kept: KeptLog; bundle: VerifiedBundle }
  /** Two checkpoints of one size and with two roots: both of the bundle, or one of them kept before. */
  | { kept: KeptLog; fork: { one: TrustedCheckpoint; other: TrustedCheckpoint; proof: string } };

/** Throws LogError when the bundle is refused. */
export async function checkBundle(file: string, auditor: Auditor): Promise<BundleOutcome> {
  const { kept, vkey } = await knownLog(auditor, async () => claimedOrigin(file));
  const trust = await trustOf(kept, vkey);
  const keptNote = await kept.read('checkpoint');
  const checkpoint =
    keptNote && openTrustedCheckpoint(Buffer.from(keptNote).toString('utf8'), { trust, ...cryptography });
  const verification = { trust, nowSec: auditor.nowSec, ...cryptography };
  try {
    const given = checkpoint ? { kept: checkpoint } : {};
    return { kept, bundle: verifyBundleFile(file, { ...verification, ...given }) };
  } catch (error) {
    if (!(error instanceof LogError) || error.reason !== 'fork') throw error;
    const [one, other] = contradicting([
      ...(checkpoint ? [checkpoint] : []),
      ...openBundleCheckpoints(firstLineOf(file), verification).reverse(),
    ]);
    const differing = { from: 0, to: other.size };
    const proof = await kept.keepProof({ verdict: 'fork', kept: one, checkpoint: other, differing });
    return { kept, fork: { one, other, proof } };
  }
}

/** The first two of one size that have two roots. */
function contradicting(
  checkpoints: readonly TrustedCheckpoint[],
): readonly [TrustedCheckpoint, TrustedCheckpoint] {
  for (const [at, one] of checkpoints.entries()) {
    const other = checkpoints
      .slice(at + 1)
      .find(({ size, root }) => size === one.size && !equalHashes(root, one.root));
    if (other !== undefined) return [one, other];
  }
  throw new Error('a fork without two checkpoints that contradict each other');
}

/** Tells each event of a bundle that was verified before; verifies it again, so that it is the same one. */
export async function tellEvents(
  file: string,
  { auditor, tell }: { auditor: Auditor; tell: (event: unknown) => void },
): Promise<void> {
  const { kept, vkey } = await knownLog(auditor, async () => claimedOrigin(file));
  const trust = await trustOf(kept, vkey);
  const onEvent = ({ index, event, withheld }: { index: number; event: unknown; withheld: string[] }): void =>
    tell({ index, withheld, event });
  verifyBundleFile(file, { trust, nowSec: auditor.nowSec, ...cryptography, onEvent });
}

/** Which log this is, and the key to trust: that of earlier visits, else the one supplied. */
async function knownLog(
  { vkey, stateDir }: Auditor,
  claimedName: () => Promise<string>,
): Promise<{ kept: KeptLog; vkey: string }> {
  const origin = vkey === undefined ? await claimedName() : requireKey(vkey).origin;
  const kept = new KeptLog(stateDir, origin);
  const known = await kept.findKey();
  if (known === undefined && vkey === undefined) {
    throw new AppError(
      'invalid',
      'Whose log is this? Give its verifier key with --key, and take it from somewhere other than what is to be verified: from whoever runs the server, in person or by a page you trust. After the first visit the key is kept.',
    );
  }
  if (known !== undefined && vkey !== undefined && known !== vkey) {
    const keys = (await trustOf(kept, known)).keys.map(({ key }) => formatVerifierKey(key));
    if (!keys.includes(vkey)) {
      throw new AppError(
        'conflict',
        `This log was followed with another key until now, and no rotation leads from that one to the one given. Either one of them is wrong, or somebody else speaks for this log. What is kept of it lies in ${kept.folder}.`,
      );
    }
  }
  return { kept, vkey: known ?? (vkey as string) };
}

async function trustOf(kept: KeptLog, vkey: string): Promise<Trust> {
  const trust = requireKey(vkey);
  const lines = Buffer.from((await kept.read('rotations')) ?? []).toString('utf8');
  const rotations = lines.split('\n').filter(Boolean).map(parseRotation);
  return followRotations(trust, { rotations, ...cryptography });
}

function requireKey(vkey: string): Trust {
  try {
    return trustKey(vkey, nodeSha256);
  } catch (cause) {
    const reason = cause instanceof LogError ? cause.reason : 'unknown';
    // biome-ignore lint/style/useErrorCause: it stands in the third argument.
    throw new AppError('invalid', `The key is not a verifier key of a log, NAME+ID+KEY (${reason}).`, {
      cause,
    });
  }
}

function firstLine(note: Uint8Array | undefined): string {
  return (
    Buffer.from(note ?? [])
      .toString('utf8')
      .split('\n', 1)[0] ?? ''
  );
}

/** Whether the folder has the files as a log serves them, and is no data folder. */
export async function isServedFolder(folder: string): Promise<boolean> {
  const has = (name: string) =>
    stat(join(folder, name)).then(
      () => true,
      () => false,
    );
  return (await has('checkpoint')) && (await has('tile'));
}
