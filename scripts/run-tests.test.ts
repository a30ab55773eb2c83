/** The runner's last line and exit code are what continuous integration believes, so both are tested for real. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { createTempFolder } from '../tests/support/temp-folder.ts';
import { writeTree } from '../tests/support/write-tree.ts';

async function runIn(
  files: Record<string, string>,
  args: string[] = [],
): Promise<{ code: number | null; last: string; all: string }> {
  await using folder = await createTempFolder();
  await writeTree(folder.path, files);
  // A shared URL that nobody uses keeps the inner run from starting a PostgreSQL of its own; the context of this very
  // test must not reach it, because the runner refuses to run inside itself.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const ran = spawnSync(process.execPath, [join(import.meta.dirname, 'run-tests.ts'), ...args], {
    cwd: folder.path,
    env: { ...env, TALLYMAN_TEST_POSTGRES_URL: 'postgres://unused' },
    encoding: 'utf8',
    timeout: 60_000,
  });
  const all = ran.stdout + ran.stderr;
  return { code: ran.status, last: ran.stdout.trimEnd().split('\n').at(-1) ?? '', all };
}

const passing =
  "import { test } from 'node:test';\ntest('good', () => {});\ntest('later', { skip: 'no tool' }, () => {});\n";
const failing =
  "import { describe, it } from 'node:test';\ndescribe('group', () => { it('good', () => {}); it('bad', () => { console.log('said'); throw new Error('broken'); }); });\n";

test('all green: exit code 0 and the exact last line', async () => {
  const ran = await runIn({ 'contract/src/a.test.ts': passing, 'tests/scenarios/b.test.ts': passing });
  assert.deepEqual([ran.code, ran.last], [0, '2 passed, 0 failed, 2 skipped'], ran.all);
});

test('a failure names its place and error, shows what the file printed, and fails the run', async () => {
  const ran = await runIn({ 'contract/src/a.test.ts': passing, 'contract/src/b.test.ts': failing });
  assert.deepEqual([ran.code, ran.last], [1, '2 passed, 1 failed, 1 skipped'], ran.all);
  assert.match(ran.all, /FAILED {2}bad\n\s+contract\/src\/b\.test\.ts:2\n\s+Error: broken/);
  assert.match(ran.all, /it printed:\n\s+said/);
});

test('a file that cannot be loaded, or ends early, is a failure', async () => {
  const broken = await runIn({ 'contract/src/a.test.ts': "import './gone.ts';\n" });
  assert.deepEqual([broken.code, broken.last], [1, '0 passed, 1 failed, 0 skipped'], broken.all);
  const late = await runIn({
    'contract/src/a.test.ts': `${passing}setImmediate(() => { throw new Error('late'); });\n`,
  });
  assert.equal(late.code, 1, late.all);
  assert.match(late.all, /Error: late/);
  const early = await runIn({ 'contract/src/a.test.ts': `${passing}process.exit(3);\n` });
  assert.equal(early.code, 1, early.all);
  assert.match(early.last, /[1-9]\d* failed/);
});

test('a file that never ends is a failure that says where, and the others still run', async () => {
  const endless = 'setInterval(() => {}, 1000)';
  const ran = await runIn(
    {
      'contract/src/a.test.ts': `${passing}${endless};\n`,
      'contract/src/b.test.ts': `${passing}test('hangs', () => new Promise(() => ${endless}));\n`,
      'contract/src/c.test.ts': passing,
    },
    ['--file-timeout-ms=1500'],
  );
  assert.deepEqual([ran.code, ran.last], [1, '3 passed, 2 failed, 3 skipped'], ran.all);
  assert.match(ran.all, /a\.test\.ts was ended after 1500 ms, with every test done/);
  assert.match(ran.all, /b\.test\.ts was ended after 1500 ms, in “hangs”/);
});

test('filters by path and by name; a filter that matches nothing is an error', async () => {
  const files = { 'contract/src/a.test.ts': failing, 'verifier/src/b.test.ts': passing };
  const byPath = await runIn(files, ['verifier']);
  assert.deepEqual([byPath.code, byPath.last], [0, '1 passed, 0 failed, 1 skipped'], byPath.all);
  const byName = await runIn(files, ['--name=good']);
  assert.deepEqual([byName.code, byName.last], [0, '2 passed, 0 failed, 0 skipped'], byName.all);
  const none = await runIn(files, ['nothing']);
  assert.equal(none.code, 1);
  assert.match(none.all, /no test file matches nothing/);
});

test('long tests run only when asked for, and a test in no phase is an error', async () => {
  const files = { 'contract/src/a.test.ts': passing, 'contract/src/b.long.ts': failing };
  assert.equal((await runIn(files)).last, '1 passed, 0 failed, 1 skipped');
  assert.equal((await runIn(files, ['--long'])).last, '1 passed, 1 failed, 0 skipped');
  const lost = await runIn({ 'nowhere/a.test.ts': passing });
  assert.equal(lost.code, 1);
  assert.match(lost.all, /no phase of scripts\/run-tests\.ts runs nowhere\/a\.test\.ts/);
});
