/**
 * One whole pass over everything that is stored, from a read-only connection: what `tallyman fsck` runs beside a stopped
 * or a running server, what the server runs by itself in a worker, and the oracle of the fault tests.
 */
import { openBlobReader } from '../blobs/open-reader.ts';
import { lookAtFile, type Onlooker, openOnlooker } from '../db/onlooker.ts';
import type { DatabaseLocation } from '../db/open.ts';
import type { Clock } from '../stdx/clock.ts';
import { searchPathOf } from '../trail/search.ts';
import { checkBlobs } from './blobs.ts';
import { type CheckName, checkNames, type Finding, Findings, tellOf } from './findings.ts';
import { checkLog } from './log.ts';
import { paceOf } from './pace.ts';
import { checkProjection } from './projection.ts';
import { checkReferences } from './references.ts';
import { secondLookOf } from './second-look.ts';
import { WholeTiles } from './whole-tiles.ts';

/** Plain, so that it can be handed to a worker. */
export type FsckPlace = {
  location: DatabaseLocation;
  dataDir: string;
  /** `s3://…`; undefined for files in the data folder. */
  blobsUrl: string | undefined;
  /** Checkpoints kept outside of the database, as notes: the log must continue them too. */
  heads: readonly string[];
};

export type FsckOptions = {
  clock: Clock;
  /** Default: all. */
  only?: readonly CheckName[];
  /** Reads and hashes every blob. */
  deep?: boolean;
  /** Share of the time that is worked; default 1. */
  share?: number;
  /** Somebody may be writing: differences between two stores count when they last. */
  beside?: boolean;
  onFinding?: (finding: Finding) => void;
};

export type FsckReport = {
  /** Events in the log when it began. */
  events: number;
  /** How many things each check looked at; absent for those that were not asked for. */
  checked: Partial<Record<CheckName, number>>;
  findings: Finding[];
  errors: number;
  notices: number;
  untold: { what: string; count: number }[];
  durationMs: number;
};

const secondLookMs = 2_000;

/** Throws when there is nothing to look at: no database, another schema, no connection. */
export async function runFsck(
  { location, dataDir, blobsUrl, heads }: FsckPlace,
  { clock, ...options }: FsckOptions,
): Promise<FsckReport> {
  const startUs = clock.nowUs();
  const findings = new Findings(options.onFinding);
  const add = (finding: Finding): void => findings.add(finding);
  const wanted = new Set(options.only ?? checkNames);
  const tellIf = (check: CheckName) => (wanted.has(check) ? tellOf(check, add) : undefined);
  const pace = paceOf({ share: options.share ?? 1, clock });
  const secondLook = secondLookOf(add, options.beside === true ? secondLookMs : undefined);
  await using opened = new AsyncDisposableStack();
  const log = await openOnlooker(location);
  opened.defer(() => log.close());
  const search = location.engine === 'sqlite' ? tryLook(searchPathOf(location.path)) : undefined;
  if (search !== undefined) opened.defer(() => search.close());
  const blobs = await openBlobReader({ dataDir, clock, url: blobsUrl });
  opened.defer(() => blobs.close());

  const checked: FsckReport['checked'] = {};
  const quick = wanted.has('tree') && !wanted.has('events') && (options.share ?? 1) === 1;
  const wholeTiles = quick ? new WholeTiles(location) : undefined;
  opened.defer(() => wholeTiles?.close());
  const tells = { events: tellIf('events'), tree: tellIf('tree') };
  const events = await checkLog({ log, clock, pace, heads, wholeTiles, ...tells });
  for (const check of ['events', 'tree'] as const) if (wanted.has(check)) checked[check] = events;
  const projection = tellIf('projection');
  if (projection !== undefined) {
    const where = log.engine === 'postgres' ? log : search;
    checked.projection = await checkProjection({ log, search: where, tell: projection, pace, secondLook });
  }
  const references = tellIf('references');
  if (references !== undefined)
    checked.references = await checkReferences({ log, search, tell: references, pace });
  const content = tellIf('blobs');
  if (content !== undefined)
    checked.blobs = await checkBlobs({
      log,
      blobs,
      tell: content,
      pace,
      secondLook,
      deep: options.deep === true,
    });
  const { errors, notices } = findings;
  const durationMs = Math.round((clock.nowUs() - startUs) / 1000);
  return { events, checked, findings: findings.told, errors, notices, untold: findings.untold(), durationMs };
}

/** The projection is made anew when it is missing. */
function tryLook(path: string): Onlooker | undefined {
  try {
    return lookAtFile(path);
  } catch {
    return undefined;
  }
}
