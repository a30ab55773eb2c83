/** Help texts, made from the commands' declarations. */
import type { Command } from './command.ts';

const width = 100;

export function overview(commands: readonly Command[]): string {
  const widest = Math.max(...commands.map(({ name }) => name.length));
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(widest)}  ${summary}`);
  return [
    'Tallyman: container images with a complete and provable audit trail.',
    '',
    'Usage: tallyman COMMAND [FLAGS]',
    '',
    ...lines,
    '',
    '`tallyman COMMAND --help` tells more, with examples. Exit codes are in docs/reference/cli.md.',
  ].join('\n');
}

export function usageLine({ name, positionals, flags }: Command): string {
  const words = positionals.map((one) => (one.optional === true ? `[${one.name}]` : one.name));
  return ['tallyman', name, ...words, ...(Object.keys(flags).length > 0 ? ['[FLAGS]'] : [])].join(' ');
}

export function flagTerm(flag: string, value: string | undefined): string {
  return value === undefined ? `--${flag}` : `--${flag} ${value}`;
}

export function helpOf(command: Command): string {
  const { description, positionals, flags, examples } = command;
  const words = positionals.map((one) => ({ term: one.name, text: one.description }));
  const options = Object.entries(flags).map(([flag, { value, many, description: text }]) => ({
    term: flagTerm(flag, value),
    text: many === true ? `${text} Repeatable.` : text,
  }));
  return [
    `Usage: ${usageLine(command)}`,
    '',
    ...description.flatMap((paragraph) => [...wrap(paragraph, width), '']),
    ...terms(words),
    ...terms(options),
    ...(examples.length > 0 ? ['Examples:'] : []),
    ...examples.flatMap(({ line, says }) => [`  # ${says}`, `  ${line}`]),
  ]
    .join('\n')
    .trimEnd();
}

function terms(entries: readonly { term: string; text: string }[]): string[] {
  if (entries.length === 0) return [];
  const widest = Math.min(30, Math.max(...entries.map(({ term }) => term.length)));
  const lines = entries.flatMap(({ term, text }) => {
    const [first = '', ...rest] = wrap(text, width - widest - 4);
    const indent = ' '.repeat(widest + 4);
    const start =
      term.length > widest ? [`  ${term}`, indent + first] : [`  ${term.padEnd(widest)}  ${first}`];
    return [...start, ...rest.map((line) => indent + line)];
  });
  return [...lines, ''];
}

function wrap(text: string, columns: number): string[] {
  const lines: string[] = [''];
  for (const word of text.split(' ')) {
    const last = lines.at(-1) as string;
    if (last === '') lines[lines.length - 1] = word;
    else if (last.length + 1 + word.length <= columns) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
