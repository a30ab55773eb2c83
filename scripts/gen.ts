/**
 * Writes what is derived from code (`npm run gen`), or says what is stale (`npm run gen -- --check`). A generator is a
 * module `<workspace>/src/**\/*.gen.ts` that exports `generate()`; it only returns texts, and this program writes them.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Finding } from './source-text.ts';
import { listFiles, reportAndExit } from './source-text.ts';

export interface GeneratedFile {
  /** Relative to the repository. */
  path: string;
  content: string;
}

interface GeneratorModule {
  generate?: () => Promise<GeneratedFile[]>;
}

/** Runs every generator; nothing is written. Throws when two of them claim one path or one leaves the repository. */
export async function generateAll(root: string): Promise<(GeneratedFile & { by: string })[]> {
  const generated: (GeneratedFile & { by: string })[] = [];
  for (const by of listFiles(root).filter((file) => /^[^/]+\/src\/.*\.gen\.ts$/.test(file))) {
    const module = (await import(pathToFileURL(join(root, by)).href)) as GeneratorModule;
    if (module.generate === undefined)
      throw new Error(`${by} must export generate(): Promise<{ path, content }[]>`);
    for (const file of await module.generate()) {
      const path = normalize(file.path);
      const other = generated.find((earlier) => earlier.path === path);
      if (path.startsWith('..') || path.startsWith('/'))
        throw new Error(`${by} writes outside the repository: ${path}`);
      if (other !== undefined) throw new Error(`${path} is written by both ${other.by} and ${by}`);
      generated.push({ path, content: file.content, by });
    }
  }
  return generated;
}

/** What is on disk and differs from what the generators say, or is missing. */
export async function findStale(root: string): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { path, content, by } of await generateAll(root)) {
    if ((await tryRead(join(root, path))) === content) continue;
    findings.push({
      file: path,
      line: 1,
      rule: 'stale',
      message: `differs from what ${by} makes; run npm run gen`,
    });
  }
  return findings;
}

/** Files already right are left alone, so that their time stamps still tell when they changed. */
export async function writeAll(root: string): Promise<string[]> {
  const written: string[] = [];
  for (const { path, content } of await generateAll(root)) {
    const target = join(root, path);
    if ((await tryRead(target)) === content) continue;
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, content);
    written.push(path);
  }
  return written;
}

async function tryRead(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}

if (import.meta.main) {
  if (process.argv.includes('--check')) {
    reportAndExit('generated files', await findStale(process.cwd()));
  } else {
    const written = await writeAll(process.cwd());
    console.log(written.length === 0 ? 'everything generated is fresh' : `wrote ${written.join(', ')}`);
  }
}
