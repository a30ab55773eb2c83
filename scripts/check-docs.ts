/**
 * Documents match the code: each invariant of ARCHITECTURE.md names a test that exists, each npm command in a document
 * is a script, each relative link leads somewhere, and generated files are fresh.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { findStale } from './gen.ts';
import type { Finding } from './source-text.ts';
import { listFiles, reportAndExit } from './source-text.ts';

const npmOwnCommands = new Set([
  'ci',
  'install',
  'i',
  'login',
  'publish',
  'pack',
  'view',
  'audit',
  'ls',
  'config',
  'init',
  'version',
  'exec',
]);

export async function checkDocs(root: string): Promise<Finding[]> {
  const documents = listFiles(root).filter((file) => file.endsWith('.md'));
  const inDocuments = documents.flatMap((file) => {
    const text = readFileSync(join(root, file), 'utf8');
    return [...checkCommands(root, file, text), ...checkLinks(root, file, text)];
  });
  return [...checkRequired(root), ...checkInvariants(root), ...inDocuments, ...(await findStale(root))];
}

function checkRequired(root: string): Finding[] {
  const required = [
    'README.md',
    'ARCHITECTURE.md',
    'STYLE.md',
    'CONTRIBUTING.md',
    'SECURITY.md',
    'CHANGELOG.md',
    'docs/DECISIONS.md',
    'LICENSE',
  ];
  return required
    .filter((file) => !existsSync(join(root, file)))
    .map((file) => ({ file, line: 1, rule: 'document-missing', message: 'this document must exist' }));
}

/**
 * Under a heading that contains “Invariant”, an entry starts with its number (`1. …`, `| 1 | …` or `- **1** …`) and
 * goes on to the next; somewhere in it stands at least one path of a test file.
 */
export function checkInvariants(root: string): Finding[] {
  const file = 'ARCHITECTURE.md';
  if (!existsSync(join(root, file))) return [];
  const entries: { number: string; line: number; text: string }[] = [];
  let inside = false;
  for (const [index, text] of readFileSync(join(root, file), 'utf8').split('\n').entries()) {
    if (/^#/.test(text)) inside = /invariant/i.test(text) || (inside && /^####/.test(text));
    const number = /^\s*(?:\|\s*|[-*]\s+)?\**(\d+)\**\s*[.|)]/.exec(text)?.[1];
    if (!inside) continue;
    if (number !== undefined) entries.push({ number, line: index + 1, text });
    else if (entries.length > 0) (entries.at(-1) as { text: string }).text += `\n${text}`;
  }
  if (entries.length === 0) {
    const message = 'no numbered invariants found under a heading “Invariants”';
    return [{ file, line: 1, rule: 'invariant', message }];
  }
  return entries.flatMap(({ number, line, text }) => {
    const tests = [...text.matchAll(/[\w./-]+\.(?:test|suite|long)\.tsx?/g)].map((match) => match[0]);
    const missing = tests.filter((path) => !existsSync(join(root, path)));
    const found = (message: string): Finding => ({
      file,
      line,
      rule: 'invariant',
      message: `invariant ${number} ${message}`,
    });
    if (tests.length === 0) return [found('names no test; name the file that fails when it is broken')];
    return missing.map((path) => found(`names ${path}, which does not exist`));
  });
}

function checkCommands(root: string, file: string, text: string): Finding[] {
  const findings: Finding[] = [];
  for (const { line, code } of codeIn(text)) {
    for (const match of code.matchAll(
      /(?<![\w-])npm (run )?([a-z][\w:-]*)(?:[^\n`|;&]*?(?:-w|--workspace)[ =](\S+))?/g,
    )) {
      const [, run, name = '', workspace] = match;
      if (run === undefined && npmOwnCommands.has(name)) continue;
      const manifest = join(
        workspace === undefined ? '' : workspace.replace('@tallyman/', ''),
        'package.json',
      );
      if (scriptsOf(root, manifest).has(name)) continue;
      findings.push({
        file,
        line,
        rule: 'command',
        message: `“npm ${run ?? ''}${name}” is no script of ${manifest}`,
      });
    }
  }
  return findings;
}

/** Fenced blocks and inline code; prose may say “npm” without meaning a command. */
function codeIn(text: string): { line: number; code: string }[] {
  const found: { line: number; code: string }[] = [];
  let fenced = false;
  for (const [index, line] of text.split('\n').entries()) {
    if (/^\s*(```|~~~)/.test(line)) fenced = !fenced;
    else if (fenced) found.push({ line: index + 1, code: line });
    else
      for (const match of line.matchAll(/`([^`]+)`/g)) found.push({ line: index + 1, code: match[1] ?? '' });
  }
  return found;
}

function scriptsOf(root: string, manifest: string): Set<string> {
  if (!existsSync(join(root, manifest))) return new Set();
  const { scripts } = JSON.parse(readFileSync(join(root, manifest), 'utf8')) as {
    scripts?: Record<string, string>;
  };
  return new Set(Object.keys(scripts ?? {}));
}

function checkLinks(root: string, file: string, text: string): Finding[] {
  const findings: Finding[] = [];
  let fenced = false;
  for (const [index, line] of text.split('\n').entries()) {
    if (/^\s*(```|~~~)/.test(line)) fenced = !fenced;
    if (fenced) continue;
    for (const match of line.replace(/`[^`]*`/g, '').matchAll(/\]\(([^)\s]+)\)/g)) {
      const target = decodeURI((match[1] ?? '').replace(/#.*$/, ''));
      if (target === '' || /^[a-z][a-z+.-]*:/i.test(target)) continue;
      if (existsSync(join(root, normalize(join(dirname(file), target))))) continue;
      findings.push({ file, line: index + 1, rule: 'link', message: `${target} does not exist` });
    }
  }
  return findings;
}

if (import.meta.main) reportAndExit('documents', await checkDocs(process.cwd()));
