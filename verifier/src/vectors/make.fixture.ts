/**
 * Makes the vectors of tests/vectors/log and tests/vectors/bundle, the same ones every time: keys come from seeds and the
 * reasons of what is refused are written here by hand. Run by itself it writes them, which is to be done only when a
 * specification is changed on purpose; a test compares what it makes with what is there.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { bundleVectors } from './bundle.fixture.ts';
import { logVectors } from './log.fixture.ts';

export type VectorFile = { path: string; content: string };

export const vectorsRoot = new URL('../../../tests/vectors/', import.meta.url);

export function makeVectors(): VectorFile[] {
  const files = { ...logVectors(), ...bundleVectors() };
  return Object.entries(files).map(([path, { about, vectors }]) => {
    const lines = vectors.map((vector) => `    ${JSON.stringify(vector)}`).join(',\n');
    return { path, content: `{\n  "about": ${JSON.stringify(about)},\n  "vectors": [\n${lines}\n  ]\n}\n` };
  });
}

if (import.meta.main) {
  for (const { path, content } of makeVectors()) {
    const file = new URL(path, vectorsRoot);
    mkdirSync(dirname(file.pathname), { recursive: true });
    writeFileSync(file, content);
  }
}
