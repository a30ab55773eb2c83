/** `tallyman verify`: checks evidence, a copy, or a server from outside, without trusting what it is given. */
import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type AuditVerdict, LogError } from '@tallyman/verifier';
import { readStateFolder } from '../config/client.ts';
import { readConfig } from '../config/read.ts';
import { AppError } from '../domain/error.ts';
import { locationWithin } from '../main/location.ts';
import { readPublishedHeads } from '../main/published-head.ts';
import { systemClock } from '../stdx/clock.ts';
import type { Command, Input, Terminal } from './command.ts';
import { UsageError } from './exit.ts';
import { configFlag, jsonFlag } from './flags.ts';
import { checkExport, looksLikeExport } from './verify/evidence-file.ts';
import { inDatabase, inFolder, type LogSource, overHttp } from './verify/log-source.ts';
import {
  type AuditOutcome,
  type Auditor,
  auditSource,
  type BundleOutcome,
  checkBundle,
  isServedFolder,
  tellEvents,
} from './verify/subjects.ts';

const name = 'verify';

export const verify: Command = {
  name,
  summary: 'Check evidence, a copy, or a server from outside',
  description: [
    'Given a bundle, it checks that each event in it stands unaltered in the log, under a checkpoint signed with the log’s key. Given the URL of a server, it checks that the log continues what it showed before: it keeps the last checkpoint it saw and the tiles around it, names a fork or a rollback with both sizes and the first range that differs, and keeps both checkpoints as proof. Given a data folder, it does the same with the database in it, after checking that the copy agrees with itself.',
    'The key is what all trust comes from. Give it at the first visit, and take it from somewhere other than the log; after that it is kept, and its rotations are followed.',
    'An export carries no proof. Of one in NDJSON only the form is checked, and the exit code says so.',
    'The exit code is 0 when all is right, 9 when something is refused, 10 for a fork or a rollback, 11 for an export.',
  ],
  positionals: [{ name: 'SUBJECT', description: 'a bundle, an export, a folder, or the URL of a server.' }],
  flags: {
    key: {
      value: 'KEY',
      description: 'The log’s verifier key, or a file with it. Needed at the first visit.',
    },
    checkpoint: {
      value: 'PATH',
      many: true,
      description: 'A checkpoint that was kept elsewhere, or a folder of them: the log must continue each.',
    },
    state: {
      value: 'FOLDER',
      description:
        'Where to keep what was seen. Default: tallyman in XDG_STATE_HOME, else in ~/.local/state.',
    },
    leaves: {
      description:
        'Keep the hash of every event (32 bytes each): a fork is then told to the event, not to 256 of them.',
    },
    events: {
      description: 'Print each event of a bundle, once the whole bundle is verified, as a line of JSON.',
    },
    ...jsonFlag,
    ...configFlag,
  },
  examples: [
    { line: 'tallyman verify november.bundle --key log.vkey', says: 'a bundle, offline' },
    { line: 'tallyman verify https://registry.example --key log.vkey', says: 'a server, first visit' },
    {
      line: 'tallyman verify https://registry.example',
      says: 'every later visit, for instance once an hour',
    },
    {
      line: 'tallyman verify /restore/tallyman --checkpoint /mnt/checkpoints',
      says: 'a restored copy, against the checkpoints the server wrote elsewhere',
    },
  ],
  run: async (input, terminal) => {
    const subject = input.positional(0);
    const auditor = await readAuditor(input);
    try {
      if (/^https?:\/\//.test(subject))
        return await visit(overHttp(requireUrl(subject)), { auditor, input, terminal });
      const about = await stat(subject).catch(() => undefined);
      if (about === undefined) throw new AppError('not_found', `There is no file or folder ${subject}.`);
      if (about.isDirectory()) return await verifyFolder(subject, { auditor, input, terminal });
      return await verifyFile(subject, { auditor, input, terminal });
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
      return tellRefused(error, { input, terminal });
    }
  },
};

type Run = { auditor: Auditor; input: Input; terminal: Terminal };

async function readAuditor(input: Input): Promise<Auditor> {
  const key = input.text('key');
  return {
    vkey: key === undefined ? undefined : await readKey(key),
    stateDir: resolve(input.text('state') ?? readStateFolder()),
    nowSec: Math.floor(systemClock().nowMs() / 1000),
    keepLevel: input.on('leaves') ? 0 : 1,
    checkpoints: input.texts('checkpoint'),
  };
}

async function readKey(text: string): Promise<string> {
  if (/^[^+]+\+[0-9a-f]{8}\+/.test(text)) return text;
  const content = await readFile(text, 'utf8').catch(() => {
    throw new UsageError('--key is a verifier key, NAME+ID+KEY, or a file with one.', name);
  });
  return content.trim();
}

function requireUrl(text: string): string {
  if (!URL.canParse(text)) throw new UsageError(`${text} is not a URL.`, name);
  return text;
}

async function visit(log: LogSource, { auditor, input, terminal }: Run): Promise<number> {
  try {
    const outcome = await auditSource(log, auditor);
    if (outcome.verdict.verdict === 'refused') return tellRefused(outcome.verdict.error, { input, terminal });
    const told = recordOf(outcome, log);
    terminal.out(input.on('json') ? JSON.stringify(told) : textOf(outcome, outcome.verdict));
    return 'differing' in outcome.verdict ? 10 : 0;
  } finally {
    await log.close();
  }
}

async function verifyFolder(folder: string, run: Run): Promise<number> {
  if (await isServedFolder(folder)) return visit(inFolder(folder), run);
  const { terminal, input } = run;
  const config = readConfig({ file: input.text('config') });
  const location = locationWithin(config, folder);
  const { runFsck } = await import('../fsck/fsck.ts');
  const dataDir = resolve(folder);
  const place = { location, dataDir, blobsUrl: config.blobsUrl, heads: await readPublishedHeads(dataDir) };
  const report = await runFsck(place, {
    clock: systemClock(),
    only: ['events', 'tree'],
    beside: true,
    onFinding: (finding) => {
      const line = `${finding.severity === 'error' ? 'WRONG ' : 'notice'}  ${finding.check}/${finding.what}: ${finding.message}`;
      terminal.out(input.on('json') ? JSON.stringify(finding) : line);
    },
  });
  const code = await visit(await inDatabase(location, folder), run);
  return code === 0 && report.errors > 0 ? 9 : code;
}

async function verifyFile(file: string, { auditor, input, terminal }: Run): Promise<number> {
  const json = input.on('json');
  if (looksLikeExport(file)) {
    const { events, first = 0, last = 0 } = checkExport(file, auditor.nowSec);
    const text = `${events} events, indexes ${first} to ${last}, whole and in order. An export carries no proof: export as a bundle to have one.`;
    terminal.out(json ? JSON.stringify({ verdict: 'unproven', events, first, last }) : `UNPROVEN: ${text}`);
    return 11;
  }
  const checked = await checkBundle(file, auditor);
  if ('fork' in checked) return tellBundleFork(checked.fork, { input, terminal });
  const { bundle, kept } = checked;
  const { origin, size, timeSec } = bundle.checkpoint;
  if (input.on('events')) {
    await tellEvents(file, { auditor, tell: (event) => terminal.out(JSON.stringify(event)) });
  }
  const { linked } = bundle;
  const record = {
    verdict: 'right',
    origin,
    size,
    signedAt: timeOf(timeSec),
    events: bundle.events,
    ...(linked !== undefined && { linked }),
  };
  const right = `RIGHT: ${bundle.events} events of ${origin}, under its checkpoint of ${size} events signed ${timeOf(timeSec)}. ${linkText(linked, kept.folder)}`;
  const say = input.on('events') ? terminal.err : terminal.out;
  say(json ? JSON.stringify(record) : right);
  return 0;
}

function tellBundleFork(
  { one, other, proof }: Extract<BundleOutcome, { fork: unknown }>['fork'],
  { input, terminal }: Pick<Run, 'input' | 'terminal'>,
): number {
  const { origin, size } = other;
  const record = { verdict: 'fork', origin, keptSize: one.size, size, proof };
  const text = `FORK: ${origin} signed two histories of ${size} events, ${timeOf(one.timeSec)} and ${timeOf(other.timeSec)}. This bundle is of one of them at most. Both checkpoints are in ${proof}.`;
  terminal.out(input.on('json') ? JSON.stringify(record) : text);
  return 10;
}

function linkText(linked: boolean | undefined, folder: string): string {
  if (linked === true) return 'It is of the history followed so far.';
  return linked === false
    ? `It is not linked to the checkpoint kept in ${folder}, which is of another size.`
    : 'No checkpoint of this log is kept to compare it with.';
}

function recordOf({ verdict, proof, kept }: AuditOutcome, log: LogSource): object {
  if (verdict.verdict === 'refused') return {};
  const { origin, size, timeSec } = verdict.checkpoint;
  return {
    verdict: verdict.verdict,
    origin,
    from: log.name,
    size,
    signedAt: timeOf(timeSec),
    ...(verdict.kept && { keptSize: verdict.kept.size }),
    ...('differing' in verdict && { differing: verdict.differing, proof }),
    state: kept.folder,
  };
}

function textOf(
  { kept, proof }: AuditOutcome,
  verdict: Exclude<AuditVerdict, { verdict: 'refused' }>,
): string {
  const { origin, size, timeSec } = verdict.checkpoint;
  const head = `${origin}, ${size} events, signed ${timeOf(timeSec)}`;
  switch (verdict.verdict) {
    case 'first':
      return `RIGHT: ${head}. The first visit: what comes later will be compared with this, kept in ${kept.folder}.`;
    case 'unchanged':
      return `RIGHT: ${head}. Nothing new.`;
    case 'accepted':
      return `RIGHT: ${head}. It continues the ${verdict.kept?.size} events of the visit before.`;
    case 'rollback':
      return `ROLLBACK: ${head}, and before it showed ${verdict.kept.size}. The events from ${verdict.differing.from} to ${verdict.differing.to - 1} are gone. Both checkpoints are in ${proof}.`;
    case 'fork':
      return `FORK: ${head}, is not a continuation of the checkpoint of ${verdict.kept.size} events that it signed ${timeOf(verdict.kept.timeSec)}. The first difference lies in the events from ${verdict.differing.from} to ${verdict.differing.to - 1}. Both checkpoints are in ${proof}.`;
  }
}

function tellRefused(error: LogError, { input, terminal }: Pick<Run, 'input' | 'terminal'>): number {
  const cause =
    error.cause instanceof Error && 'reason' in error.cause ? String(error.cause.message) : undefined;
  const { reason, place } = error;
  const because = cause === undefined ? '' : ` (${cause})`;
  const record = {
    verdict: 'refused',
    reason,
    ...(place !== '' && { place }),
    ...(cause !== undefined && { cause }),
  };
  const text = `REFUSED: ${error.message}${because}. The words are those of docs/spec/log.md and docs/spec/bundle.md.`;
  terminal.out(input.on('json') ? JSON.stringify(record) : text);
  return 9;
}

function timeOf(timeSec: number): string {
  return new Date(timeSec * 1000).toISOString().replace('.000Z', 'Z');
}
