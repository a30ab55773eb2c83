/** The page that operators read when something is found explains every word that can be said. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

test('docs/operating/fsck.md explains every finding', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/operating/fsck.md'), 'utf8');
  const sources = readdirSync(import.meta.dirname).filter((name) => !/\.(test|fixture)\.ts$/.test(name));
  const texts = sources.map((name) => readFileSync(join(import.meta.dirname, name), 'utf8'));
  const words = texts.flatMap((text) =>
    [...text.matchAll(/\.(?:error|notice)\(\s*'([a-z_]+)'/g)].map(([, word]) => word ?? ''),
  );
  assert.ok(words.length > 40, String(words));
  assert.deepEqual(
    words.filter((word) => !page.includes(`\`${word}\``)),
    [],
  );
});
