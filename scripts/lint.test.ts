/** The linter's rules we count on must really fire: a rule that is configured and silent protects nothing. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createTempFolder } from '../tests/support/temp-folder.ts';
import { writeTree } from '../tests/support/write-tree.ts';

const root = join(import.meta.dirname, '..');
const other = `/** Other. */
export interface Db {
  query(): Promise<number>;
}
export class Store {
  async put(name: string): Promise<string> {
    return name;
  }
}
export async function make(): Promise<number> {
  return 1;
}
`;
const sample = `/** Sample. */
import { Db, make, Store } from './other.ts';

export async function use(db: Db, store: Store, all: number[]): Promise<void> {
  make();
  db.query();
  store.put('x');
  make().then(() => 1);
  all.forEach(async () => {
    await make();
  });
  await make();
  void make();
  await db.query();
}
export function loose(value: any): number {
  return value!.length;
}
export enum Colour {
  red = 1,
}
export default use;
`;

test('floating and misused promises, any, non-null, enums, default exports and untyped type imports fail the lint', async () => {
  await using folder = await createTempFolder();
  // A module of its own, with a manifest, so that the linter resolves types across files as in a workspace.
  await writeTree(folder.path, {
    'package.json': '{"name":"sample","type":"module"}',
    'src/sample.ts': sample,
    'src/other.ts': other,
  });
  await copyFile(join(root, 'biome.json'), folder.join('biome.json'));
  const args = [
    'lint',
    '--colors=off',
    '--reporter=github',
    '--vcs-enabled=false',
    '--diagnostic-level=warn',
    'src',
  ];
  const linted = spawnSync(join(root, 'node_modules/.bin/biome'), args, {
    cwd: folder.path,
    encoding: 'utf8',
  });
  const found = [...linted.stdout.matchAll(/title=lint\/(?:\w+)\/(\w+),file=.*?sample\.ts,line=(\d+)/g)]
    .map(([, rule, line]) => `${line} ${rule}`)
    .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10));
  assert.notEqual(linted.status, 0);
  assert.deepEqual(found, [
    '2 useImportType',
    '5 noFloatingPromises',
    '6 noFloatingPromises',
    '7 noFloatingPromises',
    '8 noFloatingPromises',
    '9 noMisusedPromises',
    '16 noExplicitAny',
    '17 noNonNullAssertion',
    '19 noEnum',
    '22 noDefaultExport',
  ]);
});
