/** From the words of a command line to a command and its input. Unknown words are refused and the nearest is named. */
import { nearest } from '../stdx/nearest.ts';
import type { Command, Input } from './command.ts';
import { UsageError } from './exit.ts';

export type Parsed = { command: Command; input: Input; help: boolean };

/** The longest run of words that is a command's name decides. Undefined when there is no word at all. */
export function parseLine(words: readonly string[], commands: readonly Command[]): Parsed | undefined {
  const [first, second] = words;
  if (first === undefined || first.startsWith('-')) {
    const wrong = words.find((word) => !['--help', '-h'].includes(word));
    if (wrong !== undefined) throw new UsageError(`A command comes before ${wrong}.`);
    return undefined;
  }
  const command =
    commands.find(({ name }) => name === `${first} ${second}`) ?? commands.find(({ name }) => name === first);
  if (command === undefined) throw unknownCommand(first, second, commands);
  return parseInput(words.slice(command.name.split(' ').length), command);
}

function unknownCommand(first: string, second: string | undefined, commands: readonly Command[]): UsageError {
  const group = commands.filter(({ name }) => name.startsWith(`${first} `));
  if (group.length > 0 && (second === undefined || second.startsWith('-'))) {
    return new UsageError(
      `"${first}" needs one of: ${group.map(({ name }) => name.slice(first.length + 1)).join(', ')}.`,
    );
  }
  const typed = group.length > 0 ? `${first} ${second}` : first;
  const near = nearest(
    typed,
    commands.map(({ name }) => name),
  );
  return new UsageError(
    `There is no command "${typed}".${near === undefined ? '' : ` Did you mean "${near}"?`}`,
  );
}

function parseInput(words: readonly string[], command: Command): Parsed {
  const given = new Map<string, string[]>();
  const positionals: string[] = [];
  let help = false;
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string;
    if (word === '--') {
      positionals.push(...words.slice(at + 1));
      break;
    }
    if (word === '--help' || word === '-h') help = true;
    else if (!word.startsWith('-') || word === '-') positionals.push(word);
    else at += takeFlag({ word, next: words[at + 1], command, given });
  }
  if (!help) checkPositionals(positionals, command);
  return { command, help, input: inputOf(given, positionals) };
}

type FlagWord = { word: string; next: string | undefined; command: Command; given: Map<string, string[]> };

/** How many further words the flag took. */
function takeFlag({ word, next, command, given }: FlagWord): number {
  const equals = word.indexOf('=');
  const flag = (equals < 0 ? word : word.slice(0, equals)).replace(/^--/, '');
  const declaration =
    word.startsWith('--') && Object.hasOwn(command.flags, flag) ? command.flags[flag] : undefined;
  if (declaration === undefined) {
    const near = nearest(flag, [...Object.keys(command.flags), 'help']);
    throw new UsageError(
      `"${command.name}" has no flag ${word.split('=')[0]}.${near === undefined ? '' : ` Did you mean --${near}?`}`,
      command.name,
    );
  }
  const before = given.get(flag) ?? [];
  if (before.length > 0 && declaration.many !== true)
    throw new UsageError(`--${flag} can be given once.`, command.name);
  if (declaration.value === undefined) {
    if (equals >= 0) throw new UsageError(`--${flag} takes no value.`, command.name);
    given.set(flag, ['']);
    return 0;
  }
  const value = equals >= 0 ? word.slice(equals + 1) : next;
  if (value === undefined)
    throw new UsageError(`--${flag} needs a value: --${flag} ${declaration.value}.`, command.name);
  given.set(flag, [...before, value]);
  return equals >= 0 ? 0 : 1;
}

function checkPositionals(positionals: readonly string[], { name, positionals: declared }: Command): void {
  const missing = declared.find((one, at) => one.optional !== true && positionals[at] === undefined);
  if (missing !== undefined)
    throw new UsageError(`"${name}" needs ${missing.name}: ${missing.description}`, name);
  const extra = positionals[declared.length];
  if (extra !== undefined) throw new UsageError(`"${name}" does not know what to do with "${extra}".`, name);
}

function inputOf(given: ReadonlyMap<string, string[]>, positionals: readonly string[]): Input {
  return {
    text: (flag) => given.get(flag)?.[0],
    texts: (flag) => given.get(flag) ?? [],
    on: (flag) => given.has(flag),
    positional: (at) => positionals[at] ?? '',
  };
}
