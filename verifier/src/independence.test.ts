/** The package stands alone: an auditor reads this folder and nothing else, and a browser can load it. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const src = new URL('./', import.meta.url);
const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(
  (file) => file.endsWith('.ts') && !/\.(test|fixture)\.ts$/.test(file),
);

test('no import leaves verifier/src', () => {
  assert.ok(files.includes('index.ts'));
  for (const file of files) {
    const text = readFileSync(new URL(file, src), 'utf8');
    for (const [, target = ''] of text.matchAll(/(?:\bfrom|\bimport|\brequire)\s*\(?\s*['"]([^'"]+)['"]/g)) {
      assert.match(target, /^\.\.?\/.*\.ts$/, `${file} imports ${target}`);
      const url = new URL(target, new URL(file, src));
      assert.ok(url.href.startsWith(src.href), `${file} imports ${target}`);
    }
  }
});

test('nothing of Node is used as a global', () => {
  for (const file of files) {
    const code = readFileSync(new URL(file, src), 'utf8').replaceAll(/\/\*.*?\*\/|\/\/.*$/gms, '');
    assert.doesNotMatch(code, /\b(?:Buffer|process|globalThis|__dirname|setImmediate)\b/, file);
  }
});

test('the package declares no dependency', () => {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', src), 'utf8'));
  const kinds = Object.keys(manifest).filter((key) => /dependencies/i.test(key));
  assert.deepEqual(kinds, []);
});
