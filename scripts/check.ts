/**
 * `npm run check`: everything that can be said about the code without running it, side by side, in under a minute.
 * Prints only what is wrong and one line per step. `npm run check -- types layers` runs some steps only.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { relative } from 'node:path';

interface Step {
  name: string;
  program: string;
  args: string[];
  /** Makes the tool's output short enough to read. */
  condense?: (output: string) => string;
}

interface Outcome {
  name: string;
  passed: boolean;
  output: string;
  tookMs: number;
}

const bin = 'node_modules/.bin';
/** A step that hangs is a failure, not a check that never ends. */
const stepTimeoutMs = 120_000;

function allSteps(): Step[] {
  const script = (name: string, file: string): Step => ({
    name,
    program: process.execPath,
    args: [`scripts/${file}`],
  });
  const types = ['tsconfig.json', 'console/tsconfig.json'].filter((path) => existsSync(path));
  return [
    {
      name: 'format and lint',
      program: `${bin}/biome`,
      args: [
        ...['ci', '--colors=off', '--reporter=github', '--error-on-warnings'],
        ...['--diagnostic-level=warn', '--max-diagnostics=200', '.'],
      ],
      condense: condenseLint,
    },
    ...types.map((path) => ({
      name: `types (${path})`,
      program: `${bin}/tsc`,
      args: ['-p', path, '--pretty', 'false'],
    })),
    script('layers', 'check-layers.ts'),
    script('tidy', 'check-tidy.ts'),
    script('documents', 'check-docs.ts'),
  ];
}

/** The linter's own report shows whole diffs of what `npm run format` would change anyway. */
function condenseLint(output: string): string {
  const lines = [...output.matchAll(/^::\w+ title=([^,]*),file=([^,]*),line=(\d+)[^:]*::(.*)$/gm)].map(
    ([, rule = '', file = '', line, message]) => {
      const text = rule === 'format' ? 'not formatted; run npm run format' : message;
      return `${relative(process.cwd(), file)}:${line}  ${rule.replace('lint/', '')}  ${text}`;
    },
  );
  return lines.length > 0 ? lines.join('\n') : output;
}

function runStep(step: Step): Promise<Outcome> {
  const startedAt = performance.now();
  return new Promise((resolve) => {
    const child = spawn(step.program, step.args, { timeout: stepTimeoutMs, killSignal: 'SIGKILL' });
    const chunks: Buffer[] = [];
    const finish = (passed: boolean, note = ''): void =>
      resolve({
        name: step.name,
        passed,
        output: (step.condense ?? String)(Buffer.concat(chunks).toString('utf8')) + note,
        tookMs: performance.now() - startedAt,
      });
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.once('error', (error) => finish(false, String(error)));
    child.once('close', (code, signal) => finish(code === 0, signal === null ? '' : `ended by ${signal}\n`));
  });
}

async function main(wanted: readonly string[]): Promise<void> {
  const steps = allSteps().filter(
    ({ name }) => wanted.length === 0 || wanted.some((word) => name.includes(word)),
  );
  if (steps.length === 0) throw new Error(`no step is called ${wanted.join(' or ')}`);
  const outcomes = await Promise.all(steps.map(runStep));
  const failed = outcomes.filter(({ passed }) => !passed);
  for (const { name, output } of failed) console.log(`\n── ${name}\n${output.trimEnd()}`);
  console.log('');
  for (const { name, passed, tookMs } of outcomes) {
    console.log(`${passed ? 'ok    ' : 'FAILED'}  ${name}  ${(tookMs / 1000).toFixed(1)} s`);
  }
  if (failed.length > 0) process.exitCode = 1;
}

await main(process.argv.slice(2));
