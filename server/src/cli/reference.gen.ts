/** Makes docs/reference/cli.md from the commands' declarations. */
import type { Command } from './command.ts';
import { commands } from './commands.ts';
import { exitTexts } from './exit.ts';
import { flagTerm, usageLine } from './help.ts';

export async function generate(): Promise<{ path: string; content: string }[]> {
  return [{ path: 'docs/reference/cli.md', content: page() }];
}

const head = `# Command line

Made from \`server/src/cli/\` by \`npm run gen\`; do not edit.

The command is \`server/bin/tallyman\` of a checkout (link it into the path), or \`npm run tallyman --\`. Every command answers \`--help\`. Results go to standard output, everything else to standard error.`;

function page(): string {
  return `${[head, overviewTable(), ...commands.map(section), exitTable()].join('\n\n')}\n`;
}

function overviewTable(): string {
  const anchor = (name: string): string => `tallyman-${name.replaceAll(' ', '-')}`;
  const rows = commands.map(({ name, summary }) => `| [\`${name}\`](#${anchor(name)}) | ${cell(summary)} |`);
  return ['| command | |', '|---|---|', ...rows].join('\n');
}

function section(command: Command): string {
  const { name, description, positionals, flags, examples } = command;
  const words = positionals.map((one) => `| \`${one.name}\` | ${cell(one.description)} |`);
  const options = Object.entries(flags).map(
    ([flag, { value, many, description: text }]) =>
      `| \`${flagTerm(flag, value)}\` | ${cell(text)}${many === true ? ' Repeatable.' : ''} |`,
  );
  const lines = examples.map(({ line, says }) => `# ${says}\n${line}`);
  return [
    `## tallyman ${name}`,
    `\`\`\`\n${usageLine(command)}\n\`\`\``,
    ...description.map(cell),
    ...(words.length + options.length > 0 ? [['| | |', '|---|---|', ...words, ...options].join('\n')] : []),
    ...(lines.length > 0 ? [`\`\`\`sh\n${lines.join('\n')}\n\`\`\``] : []),
  ].join('\n\n');
}

function exitTable(): string {
  const rows = Object.entries(exitTexts).map(([code, text]) => `| ${code} | ${cell(text)} |`);
  return ['## Exit codes', ['| code | meaning |', '|---|---|', ...rows].join('\n')].join('\n\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
