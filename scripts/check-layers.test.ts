import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTempFolder } from '../tests/support/temp-folder.ts';
import { writeTree } from '../tests/support/write-tree.ts';
import { checkLayers } from './check-layers.ts';

const manifests = {
  'contract/package.json': '{"dependencies":{"zod":"1"}}',
  'server/package.json': '{"dependencies":{"pg":"1","@aws-sdk/client-s3":"1","ssh2":"1","kysely":"1"}}',
  'console/package.json': '{"devDependencies":{"react":"1"}}',
};

/** `rule file:line` of everything found in a tree that holds the given files beside correct manifests. */
async function rulesFor(files: Record<string, string>): Promise<string[]> {
  await using folder = await createTempFolder();
  await writeTree(folder.path, { ...manifests, ...files });
  return checkLayers(folder.path).map(({ rule, file, line }) => `${rule} ${file}:${line}`);
}

async function messagesFor(files: Record<string, string>): Promise<string> {
  await using folder = await createTempFolder();
  await writeTree(folder.path, { ...manifests, ...files });
  return checkLayers(folder.path)
    .map(({ message }) => message)
    .join('\n');
}

test('a house in order has no findings', async () => {
  const files = {
    'contract/src/index.ts': "export { a } from './a.ts';",
    'contract/src/a.ts': "import { z } from 'zod';\nexport const a = z;",
    'verifier/src/index.ts': 'export const v = 1;',
    'verifier/src/cli.ts':
      "import { readFileSync } from 'node:fs';\nimport { v } from './index.ts';\nreadFileSync(v);",
    'server/src/stdx/clock.ts': 'export const now = () => Date.now() + performance.now();',
    'server/src/stdx/random.ts': "import { randomBytes } from 'node:crypto';\nexport const r = randomBytes;",
    'server/src/config/read.ts': 'export const env = process.env;',
    'server/src/db/postgres.ts':
      "import pg from 'pg';\nimport { now } from '../stdx/clock.ts';\nexport const db = [pg, now];",
    'server/src/trail/record.ts':
      "import { db } from '../db/postgres.ts';\nimport { a } from '@tallyman/contract';\nexport const t = [db, a];",
    'server/src/containers/pull.ts':
      "import { t } from '../trail/record.ts';\nexport const pull = [t, new Date(0)];",
    'server/src/main.ts': "import { pull } from './containers/pull.ts';\nexport const main = pull;",
    'server/src/cli/main.ts': "import { main } from '../main.ts';\nmain;",
    'server/src/trail/record.test.ts':
      "import { pull } from '../containers/pull.ts';\nDate.now(); process.env.X; pull;",
    'console/src/app.tsx':
      "import { a } from '@tallyman/contract';\nimport React from 'react';\nexport const App = () => <b>{a}{Date.now()}{React}</b>;",
  };
  assert.deepEqual(await rulesFor(files), []);
});

test('rooms import to the left only, types included', async () => {
  const files = {
    'server/src/trail/record.ts': "\nimport type { P } from '../identity/p.ts';\nexport const r = 1 as P;",
    'server/src/identity/p.ts': 'export type P = number;',
    'server/src/stdx/a.ts': "import { p } from '../domain/p.ts';\nexport const a = p;",
    'server/src/domain/p.ts': 'export const p = 1;',
    'server/src/main.ts': "import { c } from './cli/c.ts';\nexport const m = c;",
    'server/src/cli/c.ts': 'export const c = 1;',
  };
  assert.deepEqual(await rulesFor(files), [
    'direction server/src/main.ts:1',
    'direction server/src/stdx/a.ts:1',
    'direction server/src/trail/record.ts:2',
  ]);
  assert.match(await messagesFor(files), /trail must not import identity .*hand it in from main\.ts/);
});

test('hosts never import each other, and a new folder counts as a host', async () => {
  const files = {
    'server/src/containers/a.ts': "import { b } from '../python/b.ts';\nexport const a = b;",
    'server/src/python/b.ts': 'export const b = 1;',
    'server/src/cargo/c.ts': "import { b } from '../python/b.ts';\nexport const c = b;",
    'server/src/access/d.ts': "import { c } from '../cargo/c.ts';\nexport const d = c;",
    'server/src/main.ts': "import { c } from './cargo/c.ts';\nexport const m = c;",
  };
  assert.deepEqual(await rulesFor(files), [
    'direction server/src/access/d.ts:1',
    'direction server/src/cargo/c.ts:1',
    'direction server/src/containers/a.ts:1',
  ]);
  assert.match(await messagesFor(files), /neighbours never import each other/);
});

test('workspaces import each other by name and only as allowed', async () => {
  assert.deepEqual(
    await rulesFor({
      'console/src/a.ts': "import { m } from '@tallyman/server';\nexport const a = m;",
      'contract/src/a.ts': "import { v } from '@tallyman/verifier';\nexport const a = v;",
      'server/src/domain/a.ts': "import { a } from '../../../contract/src/a.ts';\nexport const b = a;",
      'verifier/src/a.ts': "import { a } from '@tallyman/contract';\nexport const c = a;",
    }),
    [
      'workspace console/src/a.ts:1',
      'workspace contract/src/a.ts:1',
      'workspace-path server/src/domain/a.ts:1',
      'workspace verifier/src/a.ts:1',
    ],
  );
});

test('packages stay in their rooms, verifier has none, and every package is declared', async () => {
  assert.deepEqual(
    await rulesFor({
      'server/src/trail/a.ts': "import pg from 'pg';\nexport const a = pg;",
      'server/src/trail/b.ts': "import { DatabaseSync } from 'node:sqlite';\nexport const b = DatabaseSync;",
      'server/src/http/c.ts': "import { S3 } from '@aws-sdk/client-s3';\nexport const c = S3;",
      'server/src/git/d.ts': "import { Server } from 'ssh2';\nexport const d = Server;",
      'server/src/http/e.ts': "import x from 'left-pad/deep.js';\nexport const e = x;",
      'contract/src/f.ts': "import { hash } from 'node:crypto';\nexport const f = hash;",
      'contract/src/g.ts': "import yaml from 'yaml';\nexport const g = yaml;",
      'verifier/src/h.ts':
        "import { z } from 'zod';\nimport { hash } from 'node:crypto';\nexport const h = [z, hash];",
      'console/src/i.ts': "import pg from 'pg';\nimport fs from 'node:fs';\nexport const i = [pg, fs];",
    }),
    [
      'package-room console/src/i.ts:1',
      'builtin console/src/i.ts:2',
      'builtin contract/src/f.ts:1',
      'package contract/src/g.ts:1',
      'package-room server/src/git/d.ts:1',
      'package-room server/src/http/c.ts:1',
      'package-undeclared server/src/http/e.ts:1',
      'package-room server/src/trail/a.ts:1',
      'package-room server/src/trail/b.ts:1',
      'package verifier/src/h.ts:1',
      'builtin verifier/src/h.ts:2',
    ],
  );
});

test('time, randomness, environment and disk each have a doorway', async () => {
  const found = await rulesFor({
    'server/src/trail/time.ts': [
      'export const a = Date.now();',
      'export const b = new Date();',
      'export const c = new Date;',
      'export const d = performance.now();',
      'export const e = process.hrtime.bigint();',
      "import { performance } from 'node:perf_hooks';",
      "export const text = 'Date.now()'; // new Date()",
      'export const parsed = new Date(text);',
    ].join('\n'),
    'server/src/trail/chance.ts': [
      'export const a = Math.random();',
      "import { createHash, randomBytes } from 'node:crypto';",
      'export const b = crypto.randomUUID();',
      'export const c = createHash;',
      'export const d = globalThis.crypto.getRandomValues(x);',
    ].join('\n'),
    'server/src/db/place.ts': "export const a = process.env.HOME;\nimport { env } from 'node:process';",
    'server/src/containers/file.ts': [
      "import { readFile } from 'node:fs/promises';",
      "import * as fs from 'node:fs';",
      'export const a = [readFile, fs];',
      "export const b = import('node:fs');",
    ].join('\n'),
    'server/src/blobs/file.ts': "import { rename } from 'node:fs/promises';\nexport const a = rename;",
    'server/src/containers/file.test.ts':
      "import { rename } from 'node:fs/promises';\nexport const a = rename;",
    'verifier/src/time.ts': 'export const a = Date.now();',
    'bench/main.ts': 'Date.now(); Math.random(); process.env.X;',
  });
  assert.deepEqual([...new Set(found)].sort(), [
    'doorway-disk server/src/containers/file.ts:1',
    'doorway-disk server/src/containers/file.ts:2',
    'doorway-disk server/src/containers/file.ts:4',
    'doorway-environment server/src/db/place.ts:1',
    'doorway-environment server/src/db/place.ts:2',
    'doorway-randomness server/src/trail/chance.ts:1',
    'doorway-randomness server/src/trail/chance.ts:2',
    'doorway-randomness server/src/trail/chance.ts:3',
    'doorway-randomness server/src/trail/chance.ts:5',
    'doorway-time server/src/trail/time.ts:1',
    'doorway-time server/src/trail/time.ts:2',
    'doorway-time server/src/trail/time.ts:3',
    'doorway-time server/src/trail/time.ts:4',
    'doorway-time server/src/trail/time.ts:5',
    'doorway-time server/src/trail/time.ts:6',
    'doorway-time verifier/src/time.ts:1',
  ]);
});

test('an import cycle is one finding that shows the way around, types included', async () => {
  const files = {
    'contract/src/a.ts': "import { b } from './b.ts';\nexport const a = b;",
    'contract/src/b.ts': "import type { C } from './c.ts';\nexport const b = 1 as C;",
    'contract/src/c.ts': "import { a } from './a.ts';\nexport type C = typeof a;",
    'contract/src/d.ts': "import { a } from './a.ts';\nexport const d = a;",
  };
  assert.deepEqual(await rulesFor(files), ['cycle contract/src/a.ts:1']);
  assert.match(
    await messagesFor(files),
    /contract\/src\/a\.ts -> contract\/src\/b\.ts -> contract\/src\/c\.ts -> contract\/src\/a\.ts/,
  );
});

test('barrels are found, except the one entry of a workspace', async () => {
  assert.deepEqual(
    await rulesFor({
      'contract/src/index.ts': "export * from './a.ts';",
      'contract/src/a.ts': 'export const a = 1;',
      'server/src/http/index.ts': "export { b } from './b.ts';\nexport type { B } from './b.ts';",
      'server/src/http/b.ts': 'export const b = 1;\nexport type B = 1;',
      'server/src/http/c.ts': "export * from './b.ts';\nexport const c = 1;",
      'server/src/http/d.ts': "export { b } from './b.ts';\nexport const d = 1;",
    }),
    ['barrel server/src/http/c.ts:1', 'barrel server/src/http/index.ts:1'],
  );
});

test('product code imports no tests, and what it imports exists', async () => {
  assert.deepEqual(
    await rulesFor({
      'server/src/db/a.ts':
        "import { t } from '../../../tests/support/t.ts';\nimport { s } from './s.suite.ts';\nexport const a = [t, s];",
      'server/src/db/s.suite.ts': 'export const s = 1;',
      'tests/support/t.ts': 'export const t = 1;',
      'server/src/db/b.ts': "import { gone } from './gone.ts';\nexport const b = gone;",
    }),
    [
      'test-in-product server/src/db/a.ts:1',
      'test-in-product server/src/db/a.ts:2',
      'import-missing server/src/db/b.ts:1',
    ],
  );
});
