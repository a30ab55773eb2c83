/** Entry of the command `tallyman`: finds the command, runs it, and turns how it ended into an exit code. */
import { text } from 'node:stream/consumers';
import { ConfigError } from '../config/config.ts';
import { AppError } from '../domain/error.ts';
import type { Terminal } from './command.ts';
import { commands } from './commands.ts';
import { exitCodeOf, UsageError } from './exit.ts';
import { helpOf, overview } from './help.ts';
import { parseLine } from './parse.ts';

const terminal: Terminal = {
  out: (line) => void process.stdout.write(`${line}\n`),
  err: (line) => void process.stderr.write(`${line}\n`),
  readInput: () => text(process.stdin),
};

async function main(words: readonly string[]): Promise<number> {
  // `tallyman events | head` closes the pipe: that is an ending, not an error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  try {
    const parsed = parseLine(words, commands);
    if (parsed === undefined || parsed.help) {
      terminal.out(parsed === undefined ? overview(commands) : helpOf(parsed.command));
      return 0;
    }
    return await parsed.command.run(parsed.input, terminal);
  } catch (error) {
    tell(error);
    return exitCodeOf(error);
  }
}

function tell(error: unknown): void {
  if (error instanceof UsageError) {
    const help = error.command === undefined ? 'tallyman --help' : `tallyman ${error.command} --help`;
    terminal.err(`${error.message}\n\`${help}\` tells what there is.`);
  } else if (error instanceof AppError || error instanceof ConfigError) terminal.err(error.message);
  else terminal.err(error instanceof Error ? (error.stack ?? error.message) : String(error));
}

process.exitCode = await main(process.argv.slice(2));
