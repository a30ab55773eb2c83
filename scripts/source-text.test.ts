import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTempFolder } from '../tests/support/temp-folder.ts';
import { writeTree } from '../tests/support/write-tree.ts';
import { isTest, isTypeScript, listFiles, maskText, readSource } from './source-text.ts';

test('comments, strings, templates and regular expressions are blanked, and what they embed stays code', () => {
  const masked = (text: string): string => maskText(text).replace(/\s+/g, ' ').trim();
  assert.equal(masked('a; // b'), 'a;');
  assert.equal(masked('a /* b\n c */ d'), 'a d');
  assert.equal(masked(`x('it\\'s', "b")`), `x(' ', " ")`);
  assert.equal(masked('f(`a ${g(`b ${h} c`)} d`) + 1'), 'f(` ${g(` ${h} `)} `) + 1');
  assert.equal(masked('f(`${{ a: 1 }.a}`, z)'), 'f(`${{ a: 1 }.a}`, z)');
  assert.equal(masked('if (/[/"\']x/.test(a)) b'), 'if (/ /.test(a)) b');
  assert.equal(masked("a / b / c + 'x'"), "a / b / c + ' '");
  assert.equal(masked('return /"/.test(a) ? "x" : y'), 'return / /.test(a) ? " " : y');
  assert.equal(maskText("a\n'b'\n/*\n*/c").split('\n').length, 4);
});

test('every form of import is found with its line and names, and none in comments or strings', async () => {
  await using folder = await createTempFolder();
  await writeTree(folder.path, {
    'a.ts': `// import { no } from './comment.ts';
import type { A } from './type.ts';
import b, { type C, d as e } from './mixed.ts';
import * as f from './star.ts';
import './bare.ts';
export { g } from './out.ts';
export * from './all.ts';
export type {
  H,
} from './lines.ts';
const later = await import('./later.ts');
type I = import('./inline.ts').I;
const text = "import x from './string.ts'";
const from = 'y'; export const z = from;
`,
  });
  const imports = readSource(folder.path, 'a.ts').imports;
  assert.deepEqual(
    imports.map(({ specifier, line, names, reExport }) => [specifier, line, names.join(), reExport]),
    [
      ['./type.ts', 2, 'A', false],
      ['./mixed.ts', 3, 'C,d', false],
      ['./star.ts', 4, '*', false],
      ['./bare.ts', 5, '', false],
      ['./out.ts', 6, 'g', true],
      ['./all.ts', 7, '*', true],
      ['./lines.ts', 8, 'H', true],
      ['./later.ts', 11, '', false],
      ['./inline.ts', 12, '', false],
    ],
  );
});

test('files are listed without dependencies, build results and the data of a running server', async () => {
  await using folder = await createTempFolder();
  await writeTree(folder.path, {
    'b/node_modules/x.ts': '',
    'console/dist/x.js': '',
    'data/x.ts': '',
    'server/src/data/x.ts': '',
    'a.ts': '',
  });
  assert.deepEqual(listFiles(folder.path), ['a.ts', 'server/src/data/x.ts']);
});

test('what is a test, and what is TypeScript', () => {
  const tests = [
    'a/b.test.ts',
    'a/b.suite.ts',
    'a/b.long.ts',
    'a/b.fixture.ts',
    'tests/support/x.ts',
    'bench/main.ts',
  ];
  assert.deepEqual(tests.filter(isTest), tests);
  assert.ok(!isTest('server/src/attest.ts'));
  assert.deepEqual(['a.ts', 'a.tsx', 'a.d.ts', 'a.js', 'a.mts'].filter(isTypeScript), [
    'a.ts',
    'a.tsx',
    'a.mts',
  ]);
});
