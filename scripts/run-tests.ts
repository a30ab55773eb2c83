/**
 * `npm test`: every test this machine can run, in phases, so that suites which start servers, browsers and real clients
 * do not starve each other on a small machine. Ends with one line that continuous integration reads:
 * `N passed, N failed, N skipped`.
 *
 *   npm test -- contract server/src/db     only files whose path contains one of these
 *   npm test -- --name='tag moves'         only tests whose name matches
 *   npm test -- --file-timeout-ms=1000     another bound for one file
 *   npm run test:long                      the *.long.ts files instead
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { relative, resolve } from 'node:path';
import { run } from 'node:test';
import { parseArgs } from 'node:util';
import { postgresSkip, startPostgres } from '../tests/support/postgres.ts';
import { createTempFolder } from '../tests/support/temp-folder.ts';
import { listFiles } from './source-text.ts';

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

interface Phase {
  name: string;
  folders: string[];
  /** Test files at a time. */
  concurrency: number;
  /** For one file, or for a test in it that sets none. */
  timeoutMs: number;
}

const minuteMs = 60_000;
/** Should take a third of this on two quiet cores; beyond it the rest counts as failed. */
const wholeTimeoutMs = 40 * minuteMs;
const longTimeoutMs = 6 * 60 * minuteMs;

const phases: Phase[] = [
  {
    name: 'units',
    folders: [
      'contract/',
      'verifier/',
      'server/',
      'scripts/',
      'tests/support/',
      'tests/vectors/',
      'bench/',
      'examples/',
    ],
    concurrency: availableParallelism(),
    timeoutMs: 3 * minuteMs,
  },
  { name: 'scenarios', folders: ['tests/scenarios/'], concurrency: 2, timeoutMs: 6 * minuteMs },
  { name: 'faults', folders: ['tests/faults/'], concurrency: 2, timeoutMs: 6 * minuteMs },
  { name: 'browser', folders: ['tests/browser/'], concurrency: 1, timeoutMs: 6 * minuteMs },
];

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      long: { type: 'boolean', default: false },
      name: { type: 'string' },
      'file-timeout-ms': { type: 'string' },
    },
  });
  const ending = values.long ? /\.long\.ts$/ : /\.test\.ts$/;
  const wanted = (file: string): boolean =>
    positionals.length === 0 || positionals.some((part) => file.includes(part));
  const files = listFiles(process.cwd()).filter((file) => ending.test(file) && wanted(file));
  const consoleToo = !values.long && hasConsoleTests() && wanted('console/') && values.name === undefined;
  // Tests nobody runs are worse than none: a file in no phase is an error here, not a surprise later.
  const lost = files.filter((file) => phaseOf(file) === undefined && !file.startsWith('console/'));
  if (lost.length > 0) throw new Error(`no phase of scripts/run-tests.ts runs ${lost.join(', ')}`);
  if (files.length === 0 && !consoleToo) throw new Error(`no test file matches ${positionals.join(' ')}`);

  const whole = AbortSignal.timeout(values.long ? longTimeoutMs : wholeTimeoutMs);
  const given = process.env.TALLYMAN_TEST_POSTGRES_URL !== undefined;
  await using postgres =
    !given && files.length > 1 && postgresSkip() === false ? await startPostgres() : undefined;
  if (postgres !== undefined) process.env.TALLYMAN_TEST_POSTGRES_URL = postgres.adminUrl;

  const total: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const phase of phases) {
    const inPhase = files.filter((file) => phaseOf(file) === phase);
    if (inPhase.length > 0)
      await runPhase({
        phase,
        files: inPhase,
        whole,
        fileTimeoutMs: Number(values['file-timeout-ms'] ?? (values.long ? longTimeoutMs : phase.timeoutMs)),
        concurrency: values.long ? 1 : phase.concurrency,
        namePattern: values.name,
        total,
      });
  }
  if (consoleToo) add(total, await runConsoleTests(whole));
  if (whole.aborted) {
    console.log('The time for the whole run is over; what had not finished counts as failed.');
    total.failed = Math.max(total.failed, 1);
  }
  console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  process.exitCode = total.failed === 0 ? 0 : 1;
}

interface PhaseRun {
  phase: Phase;
  files: string[];
  whole: AbortSignal;
  fileTimeoutMs: number;
  concurrency: number;
  namePattern: string | undefined;
  total: Counts;
}

async function runPhase(phaseRun: PhaseRun): Promise<void> {
  const { phase, files, concurrency, total } = phaseRun;
  console.log(`\n── ${phase.name} (${files.length} files)`);
  const waiting = [...files];
  const worker = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      add(total, await runFile(file, phaseRun));
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}

/**
 * One file in a process of its own. Each has its own stream, because the runner's own time limit is one for tests only:
 * a file that never ends is ended by the signal.
 */
async function runFile(file: string, { whole, fileTimeoutMs, namePattern }: PhaseRun): Promise<Counts> {
  const startedAt = performance.now();
  const ownLimit = AbortSignal.timeout(fileTimeoutMs);
  const stream = run({
    files: [resolve(file)],
    signal: AbortSignal.any([whole, ownLimit]),
    ...(namePattern !== undefined && { testNamePatterns: [namePattern] }),
  });
  /** What it printed is shown only when it fails; printed as one block, so that files side by side do not mix. */
  let printed = '';
  const failures: string[] = [];
  const counted: Counts = { passed: 0, failed: 0, skipped: 0 };
  const keep = ({ message }: { message: string }): void => {
    for (const line of message.split('\n')) if (line.startsWith('SKIPPED TESTS')) console.log(line);
    printed = `${printed}${message}`.slice(-20_000);
  };
  stream.on('test:stdout', keep);
  stream.on('test:stderr', keep);
  stream.on('test:fail', (failed) => {
    const why = failed.details.error as Error & { failureType?: string };
    // A suite or file fails because something in it does; that has been told already.
    if (failed.todo !== undefined || why.failureType === 'subtestsFailed') return;
    if (failed.name === resolve(file) && ownLimit.aborted) return;
    const place = `${relative(process.cwd(), failed.file ?? file)}:${failed.line ?? 1}`;
    failures.push(`\nFAILED  ${failed.name}\n        ${place}\n${indent(describeError(why))}`);
  });
  // An error after the last test (a promise nobody awaited, a handle nobody closed) is told as a diagnostic only.
  stream.on('test:diagnostic', ({ message }) => {
    if (!/^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) /.test(message))
      keep({ message: `${message}\n` });
  });
  const running = new Set<string>();
  stream.on('test:dequeue', ({ name }) => running.add(name));
  stream.on('test:complete', ({ name }) => running.delete(name));
  stream.on('test:summary', ({ file: ofFile, counts }) => {
    if (ofFile !== undefined) return;
    counted.passed = counts.passed;
    counted.skipped = counts.skipped + counts.todo;
    counted.failed = counts.tests - counted.passed - counted.skipped;
  });
  let atLimit: string[] = [];
  ownLimit.addEventListener('abort', () => {
    atLimit = [...running].filter((name) => name !== resolve(file));
  });
  for await (const _ of stream) {
    // Reading to the end is what drives the run.
  }
  if (ownLimit.aborted) failures.push(describeHang(file, fileTimeoutMs, atLimit));
  if (failures.length > 0) counted.failed = Math.max(counted.failed, 1);
  for (const failure of failures) console.log(failure);
  if (failures.length > 0 && printed !== '') console.log(`\n        it printed:\n${indent(printed)}`);
  const tests = counted.passed + counted.failed + counted.skipped;
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const verdict = counted.failed === 0 ? 'ok    ' : 'FAILED';
  console.log(`${verdict}  ${file}  ${counted.passed} of ${tests}  ${seconds} s`);
  return counted;
}

function describeHang(file: string, fileTimeoutMs: number, running: readonly string[]): string {
  const what =
    running.length > 0
      ? `in ${running.map((name) => `“${name}”`).join(', ')}`
      : 'with every test done: something (a server, a timer, a child) was left open';
  return `\nFAILED  ${file} was ended after ${fileTimeoutMs} ms, ${what}`;
}

function describeError(error: Error & { exitCode?: number | null; signal?: string | null }): string {
  if (error.cause instanceof Error) return error.cause.stack ?? String(error.cause);
  if (error.exitCode === undefined) return `${error.stack ?? error}`;
  return `its process ended with ${error.signal ?? `exit code ${error.exitCode}`} outside of any test`;
}

/** The console has a runner of its own, whose report this adds to the sum. */
async function runConsoleTests(whole: AbortSignal): Promise<Counts> {
  console.log('\n── console');
  await using folder = await createTempFolder('console');
  const report = folder.join('report.json');
  const args = [
    'run',
    'test',
    '--workspace',
    'console',
    '--silent',
    '--',
    '--reporter=default',
    '--reporter=json',
  ];
  const code = await new Promise<number | null>((resolve) => {
    const child = spawn('npm', [...args, `--outputFile.json=${report}`], { stdio: 'inherit', signal: whole });
    child.once('error', () => resolve(null));
    child.once('close', resolve);
  });
  if (!existsSync(report)) return { passed: 0, failed: 1, skipped: 0 };
  const counted = JSON.parse(readFileSync(report, 'utf8')) as Record<string, number>;
  const failed = counted.numFailedTests ?? 0;
  const skipped = (counted.numPendingTests ?? 0) + (counted.numTodoTests ?? 0);
  // A file that cannot even be loaded fails the run without a failed test.
  return { passed: counted.numPassedTests ?? 0, failed: code === 0 ? failed : Math.max(failed, 1), skipped };
}

function hasConsoleTests(): boolean {
  if (!existsSync('console/package.json')) return false;
  const { scripts } = JSON.parse(readFileSync('console/package.json', 'utf8')) as {
    scripts?: Record<string, string>;
  };
  return scripts?.test !== undefined;
}

function phaseOf(file: string): Phase | undefined {
  return phases.find(({ folders }) => folders.some((folder) => file.startsWith(folder)));
}

function add(total: Counts, more: Counts): void {
  total.passed += more.passed;
  total.failed += more.failed;
  total.skipped += more.skipped;
}

function indent(text: string): string {
  return text.trimEnd().replace(/^/gm, '        ');
}

await main();
