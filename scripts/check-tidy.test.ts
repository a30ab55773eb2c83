import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTempFolder } from '../tests/support/temp-folder.ts';
import { writeTree } from '../tests/support/write-tree.ts';
import type { TidyRules } from './check-tidy.ts';
import { checkTidy } from './check-tidy.ts';

const noExceptions: TidyRules = { longestFile: 600, longFiles: {}, exempt: {} };
const head = '/** What this is. */\n';

async function rulesFor(files: Record<string, string>, rules = noExceptions): Promise<string[]> {
  await using folder = await createTempFolder();
  await writeTree(folder.path, files);
  return checkTidy(folder.path, rules).map(({ rule, file, line }) => `${rule} ${file}:${line}`);
}

test('a tidy tree has no findings', async () => {
  const files = {
    'server/src/db/database.ts': `${head}export const a = 1;\n`,
    'server/src/db/database.test.ts': "import '../x.ts';\n",
    'scripts/run.ts': `#!/usr/bin/env node\n${head}`,
    'console/vite.config.ts': `${head}export default {};\n`,
    'console/src/EventList.tsx': head,
    'docs/a.md': 'TODO(alice): say more. TODO(#12) too. See /etc/tallyman and https://example.org/work/x.\n',
  };
  assert.deepEqual(await rulesFor(files), []);
});

test('names that say nothing, and names not in kebab-case', async () => {
  const names = [
    'utils',
    'string-helpers',
    'common',
    'misc',
    'task-manager',
    'store.base',
    'impl',
    'data',
    'process',
  ];
  const files = Object.fromEntries(names.map((name) => [`server/src/db/${name}.ts`, head]));
  assert.deepEqual(
    await rulesFor({ ...files, 'server/src/helpers/a.ts': head, 'server/src/db/camelCase.ts': head }),
    [
      ...names.map((name) => `empty-name server/src/db/${name}.ts:1`),
      'empty-name server/src/helpers/a.ts:1',
      'kebab-case server/src/db/camelCase.ts:1',
    ].sort((a, b) =>
      (a.split(' ')[1] ?? '').localeCompare(b.split(' ')[1] ?? '', 'en', { caseFirst: 'upper' }),
    ),
  );
});

test('default exports, in both forms', async () => {
  assert.deepEqual(
    await rulesFor({
      'a/src/a.ts': `${head}\nexport default function a() {}\n`,
      'a/src/b.ts': `${head}const b = 1;\nexport { b as default };\n`,
      'a/src/c.ts': `${head}// export default is not for us\n`,
    }),
    ['default-export a/src/a.ts:3', 'default-export a/src/b.ts:3'],
  );
});

test('files without a head comment, and files that are too long', async () => {
  const long = `${head}${'x;\n'.repeat(601)}`;
  const files = { 'a/src/a.ts': 'export const a = 1;\n', 'a/src/b.ts': long };
  assert.deepEqual(await rulesFor(files), ['head-comment a/src/a.ts:1', 'long-file a/src/b.ts:602']);
  const excused = { ...noExceptions, longFiles: { 'a/src/b.ts': 'one ordered algorithm' } };
  assert.deepEqual(await rulesFor(files, excused), ['head-comment a/src/a.ts:1']);
});

test('open ends without an owner, machine paths and registry hosts, in any text file', async () => {
  const host = ['registry', 'npmjs', 'org'].join('.');
  const paths = ['work/main', 'root/x', 'home/alice/x', 'Users/alice/x'].map((path) => `/${path}`);
  assert.deepEqual(
    await rulesFor({
      'docs/a.md': ['fine', ['TO', 'DO: later'].join('')].join('\n'),
      'docs/b.yaml': paths.join('\n'),
      'scripts/c.sh': `# ${host}\n`,
      'package-lock.json': `{\n"resolved": "https://${host}/x"\n}`,
      '.npmrc': `registry=https://${host}/\n`,
    }),
    [
      'registry-host .npmrc:1',
      'open-end docs/a.md:2',
      ...paths.map((_, index) => `machine-path docs/b.yaml:${index + 1}`),
      'registry-host package-lock.json:2',
      'registry-host package-lock.json:2',
      'registry-host scripts/c.sh:1',
    ],
  );
});

test('promises of node: modules that nobody waits for', async () => {
  const source = `${head}import { readFile, rm } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
export async function a(): Promise<unknown> {
  rm('x');
  await rm('x');
  void rm('x');
  const text = readFile('x');
  await Promise.all([
    rm('y'),
    text,
  ]);
  if (text) { rm('z'); }
  setTimeout(10);
  return [1].map(() =>
    rm('x'));
}
`;
  assert.deepEqual(
    await rulesFor({ 'a/src/a.ts': source }),
    [5, 13, 14].map((line) => `floating-promise a/src/a.ts:${line}`),
  );
});

test('an exception silences one rule in one file, and is itself found when no longer needed', async () => {
  const files = { 'a/src/util.ts': 'export const a = 1;\n' };
  const rules = { ...noExceptions, exempt: { 'empty-name a/src/util.ts': 'why', 'open-end gone.ts': 'why' } };
  assert.deepEqual(await rulesFor(files, rules), [
    'head-comment a/src/util.ts:1',
    'stale-exception scripts/tidy.json:1',
  ]);
});
