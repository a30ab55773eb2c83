import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Command } from './command.ts';
import { commands } from './commands.ts';
import { UsageError } from './exit.ts';
import { helpOf, overview } from './help.ts';
import { parseLine } from './parse.ts';

const command: Command = {
  name: 'pull out',
  summary: '',
  description: [],
  positionals: [
    { name: 'WHAT', description: 'the thing' },
    { name: 'WHERE', description: 'the place', optional: true },
  ],
  flags: {
    loud: { description: '' },
    by: { value: 'NAME', description: '' },
    tag: { value: 'TAG', many: true, description: '' },
  },
  examples: [],
  run: async () => 0,
};
const one: Command = { ...command, name: 'one', positionals: [], flags: {} };
const all = [command, one];

const refusal = (words: readonly string[]): string => {
  try {
    parseLine(words, all);
  } catch (error) {
    assert.ok(error instanceof UsageError);
    return error.message;
  }
  return assert.fail('it was accepted');
};

describe('parseLine', () => {
  it('reads flags in every spelling, and what stands between them', () => {
    const parsed = parseLine(
      ['pull', 'out', '--by', '-x', 'tooth', '--loud', '--tag=a=b', '--tag', 'c', '--', '--by'],
      all,
    );
    assert.ok(parsed);
    const { input } = parsed;
    assert.equal(parsed.command, command);
    assert.deepEqual(
      [input.text('by'), input.on('loud'), input.texts('tag'), input.positional(0), input.positional(1)],
      ['-x', true, ['a=b', 'c'], 'tooth', '--by'],
    );
  });

  it('has nothing where nothing was given', () => {
    const { input } = parseLine(['one'], all) ?? assert.fail();
    assert.deepEqual(
      [input.text('x'), input.on('x'), input.texts('x'), input.positional(0)],
      [undefined, false, [], ''],
    );
    assert.equal(parseLine([], all), undefined);
    assert.equal(parseLine(['--help'], all), undefined);
  });

  it('gives help without asking for the rest', () => {
    assert.equal(parseLine(['pull', 'out', '--help'], all)?.help, true);
    assert.equal(parseLine(['pull', 'out', '-h'], all)?.help, true);
  });

  it('names what was meant', () => {
    const cases: [string[], RegExp][] = [
      [['onw'], /no command "onw"\. Did you mean "one"\?/],
      [['pull'], /"pull" needs one of: out/],
      [['pull', 'outt'], /no command "pull outt"\. Did you mean "pull out"\?/],
      [['zzzzzzzz'], /^There is no command "zzzzzzzz"\.$/],
      [['--loud'], /A command comes before/],
      [['pull', 'out', 'x', '--lout'], /no flag --lout\. Did you mean --loud\?/],
      [['pull', 'out', 'x', '-l'], /no flag -l/],
      [['pull', 'out', 'x', '--by'], /--by needs a value/],
      [['pull', 'out', 'x', '--by', 'a', '--by', 'b'], /--by can be given once/],
      [['pull', 'out', 'x', '--loud=yes'], /--loud takes no value/],
      [['pull', 'out'], /needs WHAT/],
      [['pull', 'out', 'a', 'b', 'c'], /does not know what to do with "c"/],
      [['pull', 'out', 'a', '--constructor'], /no flag --constructor/],
    ];
    for (const [words, expected] of cases) assert.match(refusal(words), expected, words.join(' '));
  });
});

describe('every command', () => {
  it('has a help text with a summary, a description and an example that parses', () => {
    assert.equal(new Set(commands.map(({ name }) => name)).size, commands.length);
    const text = overview(commands);
    for (const each of commands) {
      assert.match(text, new RegExp(`^  ${each.name} +\\S`, 'm'));
      assert.ok(each.description.length > 0 && each.examples.length > 0, each.name);
      for (const line of helpOf(each).split('\n')) assert.ok(line.length <= 110, line);
      for (const { line } of each.examples) {
        const words = [
          ...(line.split('tallyman ')[1] ?? '').split(/ [|><]/)[0]!.matchAll(/"[^"]*"|\S+/g),
        ].map(([word]) => word.replaceAll('"', ''));
        assert.equal(parseLine(words, commands)?.command, each, line);
      }
    }
  });
});
