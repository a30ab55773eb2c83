import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import { test } from 'node:test';
import { createTempFolder } from '../tests/support/temp-folder.ts';
import { writeTree } from '../tests/support/write-tree.ts';
import { checkDocs } from './check-docs.ts';
import { findStale, generateAll, writeAll } from './gen.ts';

const documents = {
  'README.md':
    'Run `npm start`, then\n\n```sh\nnpm run check\nnpm ci\nnpm run dev -w console\n```\n\nSee [style](STYLE.md#names).\n',
  'ARCHITECTURE.md':
    '# Map\n\n1. not an invariant\n\n## Invariants\n\n1. Nothing is lost: `a/src/a.test.ts`\n2. Nothing twice:\n   a/src/a.test.ts\n\n## Else\n\n1. no test\n',
  'STYLE.md': '',
  'CONTRIBUTING.md': '',
  'SECURITY.md': '',
  'CHANGELOG.md': '',
  'docs/DECISIONS.md': '',
  LICENSE: '',
  'package.json': '{"scripts":{"start":"x","check":"x"}}',
  'console/package.json': '{"scripts":{"dev":"x"}}',
  'a/src/a.test.ts': '',
};

async function rulesFor(files: Record<string, string>): Promise<string[]> {
  await using folder = await createTempFolder();
  await writeTree(folder.path, { ...documents, ...files });
  return (await checkDocs(folder.path)).map(
    ({ rule, file, line, message }) => `${rule} ${file}:${line} ${message}`,
  );
}

test('documents that match have no findings', async () => {
  assert.deepEqual(await rulesFor({}), []);
});

test('an invariant without a test, or with one that does not exist', async () => {
  const table =
    '## Invariants\n| # | what | test |\n|---|---|---|\n| 1 | x | `a/src/a.test.ts` |\n| 2 | y | by hand |\n| 3 | z | `b.test.ts` |\n';
  assert.deepEqual(await rulesFor({ 'ARCHITECTURE.md': table }), [
    'invariant ARCHITECTURE.md:5 invariant 2 names no test; name the file that fails when it is broken',
    'invariant ARCHITECTURE.md:6 invariant 3 names b.test.ts, which does not exist',
  ]);
  assert.match((await rulesFor({ 'ARCHITECTURE.md': '# Map\n' })).join(), /no numbered invariants/);
});

test('a command that is no script, a link to nowhere, a missing document', async () => {
  const readme =
    'Say `npm run fly`.\n\n```\nnpm test\nnpm run fly -w console\n```\n[gone](docs/gone.md) [web](https://example.org) `[no](link)`\n';
  assert.deepEqual(await rulesFor({ 'README.md': readme }), [
    'command README.md:1 “npm run fly” is no script of package.json',
    'command README.md:4 “npm test” is no script of package.json',
    'command README.md:5 “npm run fly” is no script of console/package.json',
    'link README.md:7 docs/gone.md does not exist',
  ]);
  await using empty = await createTempFolder();
  const missing = (await checkDocs(empty.path)).map(({ file }) => file);
  assert.ok(missing.includes('README.md') && missing.includes('docs/DECISIONS.md'));
});

test('generated files are written once, found when stale, and never outside the repository', async () => {
  await using folder = await createTempFolder();
  const generator = (path: string, content: string): string =>
    `export async function generate() { return [{ path: '${path}', content: '${content}' }]; }\n`;
  await writeTree(folder.path, { 'contract/src/a.gen.ts': generator('docs/reference/a.md', 'one') });
  const rules = async (): Promise<string[]> =>
    (await findStale(folder.path)).map(({ file, message }) => `${file} ${message}`);
  assert.deepEqual(await rules(), [
    'docs/reference/a.md differs from what contract/src/a.gen.ts makes; run npm run gen',
  ]);
  assert.deepEqual(await writeAll(folder.path), ['docs/reference/a.md']);
  assert.equal(await readFile(folder.join('docs/reference/a.md'), 'utf8'), 'one');
  const before = await stat(folder.join('docs/reference/a.md'));
  assert.deepEqual([await writeAll(folder.path), await rules()], [[], []]);
  assert.equal((await stat(folder.join('docs/reference/a.md'))).mtimeMs, before.mtimeMs);
  await writeTree(folder.path, { 'docs/reference/a.md': 'edited by hand' });
  assert.equal((await rules()).length, 1);

  await writeTree(folder.path, { 'contract/src/b.gen.ts': generator('docs/reference/a.md', 'two') });
  await assert.rejects(generateAll(folder.path), /written by both/);
  await writeTree(folder.path, { 'contract/src/b.gen.ts': generator('../elsewhere', 'two') });
});

test('a generator that writes outside the repository, or exports nothing, is refused', async () => {
  for (const [source, text] of [
    [
      "export async function generate() { return [{ path: '../x', content: '' }]; }",
      /outside the repository/,
    ],
    ['export const other = 1;', /must export generate/],
  ] as const) {
    await using folder = await createTempFolder();
    await writeTree(folder.path, { 'contract/src/a.gen.ts': source });
    await assert.rejects(generateAll(folder.path), text);
  }
});
