/** `tallyman fsck`: whether everything that is stored is what was recorded, and whole. */
import { resolve } from 'node:path';
import type { Config } from '../config/config.ts';
import { readConfig } from '../config/read.ts';
import type { CheckName, Finding } from '../fsck/findings.ts';
import type { FsckReport } from '../fsck/fsck.ts';
import { locationOf } from '../main/location.ts';
import { readPublishedHeads } from '../main/published-head.ts';
import { systemClock } from '../stdx/clock.ts';
import type { Command, Terminal } from './command.ts';
import { UsageError } from './exit.ts';
import { configFlag, jsonFlag } from './flags.ts';

const name = 'fsck';

const checkTexts: Readonly<Record<CheckName, string>> = {
  events:
    'every event: its bytes, its hash, its private row against its commitments, its id and times; none missing but where a drop or an erasure in the log says so',
  tree: 'the Merkle tree, computed anew leaf by leaf, against its edge, its tiles and every signed checkpoint',
  projection: 'the search index, row by row, against what the events give',
  references: 'manifests, tags and blobs of projects against each other and against the events they name',
  blobs: 'every blob’s bytes against its row',
};
const all = Object.keys(checkTexts) as CheckName[];

export const fsck: Command = {
  name,
  summary: 'Check that everything stored is what was recorded, and whole',
  description: [
    'Reads the whole database and the list of blobs, changes nothing, and names what is wrong: which event, which tile, which tag. It may run beside the server, or on a stopped one, a copy, or a restored backup.',
    `The checks: ${all.map((check) => `${check}: ${checkTexts[check]}`).join('. ')}.`,
    'It proves that this copy agrees with itself. Whoever can write everything, the signing key included, can make another history that agrees with itself too: that is found by `tallyman verify` with a checkpoint kept elsewhere.',
    'The exit code is 0 when nothing is wrong, 9 when something is. Notices, such as blobs that garbage collection will remove, are no fault.',
  ],
  positionals: [],
  flags: {
    data: {
      value: 'FOLDER',
      description: 'The data folder to look at. Default: that of the configuration.',
    },
    only: {
      value: 'CHECK',
      many: true,
      description: `One of ${all.join(', ')}; may be given several times.`,
    },
    deep: { description: 'Also read and hash the content of every blob.' },
    ...jsonFlag,
    ...configFlag,
  },
  examples: [
    { line: 'tallyman fsck', says: 'everything but the content of blobs' },
    { line: 'tallyman fsck --data /restore/tallyman --deep', says: 'a restored backup, before it is used' },
    { line: 'tallyman fsck --only events --only tree --json', says: 'the log alone, for a program' },
  ],
  run: async (input, terminal) => {
    const only = input.texts('only').map(requireCheck);
    const json = input.on('json');
    const config = within(readConfig({ file: input.text('config') }), input.text('data'));
    const { runFsck } = await import('../fsck/fsck.ts');
    const place = {
      location: locationOf(config),
      dataDir: config.dataDir,
      blobsUrl: config.blobsUrl,
      heads: await readPublishedHeads(config.dataDir),
    };
    const report = await runFsck(place, {
      clock: systemClock(),
      ...(only.length > 0 && { only }),
      deep: input.on('deep'),
      beside: true,
      onFinding: (finding) => terminal.out(json ? JSON.stringify(finding) : lineOf(finding)),
    });
    if (json) terminal.out(JSON.stringify({ summary: summaryOf(report) }));
    else tellReport(report, terminal);
    return report.errors === 0 ? 0 : 9;
  },
};

function requireCheck(text: string): CheckName {
  const known = all.find((check) => check === text);
  if (known === undefined) throw new UsageError(`--only is one of ${all.join(', ')}.`, name);
  return known;
}

/** The same configuration about another folder. */
function within(config: Config, folder: string | undefined): Config {
  if (folder === undefined) return config;
  const dataDir = resolve(folder);
  const { database } = config;
  return database.engine === 'sqlite'
    ? { ...config, dataDir, database: { engine: 'sqlite', path: resolve(dataDir, 'tallyman.db') } }
    : { ...config, dataDir };
}

function lineOf({ severity, check, what, message }: Finding): string {
  return `${severity === 'error' ? 'WRONG ' : 'notice'}  ${check}/${what}: ${message}`;
}

function summaryOf({ events, checked, errors, notices, untold, durationMs }: FsckReport) {
  return { events, checked, errors, notices, untold, durationMs };
}

function tellReport(report: FsckReport, terminal: Terminal): void {
  for (const { what, count } of report.untold) terminal.out(`        … and ${count} more of ${what}`);
  for (const [check, count] of Object.entries(report.checked))
    terminal.err(`${check.padEnd(10)} ${count} looked at`);
  const seconds = (report.durationMs / 1000).toFixed(1);
  const { errors } = report;
  const found =
    errors === 0 ? 'nothing is wrong' : errors === 1 ? '1 thing is wrong' : `${errors} things are wrong`;
  terminal.err(`${report.events} events in the log; ${found} (${seconds} s)`);
}
