/**
 * House rules that neither the compiler nor the linter knows: file names that say something, a head comment, length,
 * owners for open ends, and nothing in the repository that only makes sense on one person's machine.
 * Exceptions stand in tidy.json, each with its reason.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Finding, Source } from './source-text.ts';
import { isTypeScript, lineAt, listFiles, readSource, reportAndExit } from './source-text.ts';

export interface TidyRules {
  longestFile: number;
  /** File to reason: one ordered algorithm may stay whole in one long commented file. */
  longFiles: Record<string, string>;
  /** `rule file` to reason. */
  exempt: Record<string, string>;
}

const emptyWords = new Set([
  'util',
  'helper',
  'common',
  'misc',
  'manager',
  'base',
  'impl',
  'data',
  'process',
]);
const textFile =
  /\.(tsx?|[cm]?js|json|jsonc|md|ya?ml|sh|css|html|svg|txt|sql|toml|conf)$|^\.[^/]+$|^\.ci\/run$|(^|\/)(LICENSE|Dockerfile)$/;
const defaultExportAllowed = /\.config\.[cm]?ts$/;

/** Written in parts, so that this file passes its own rule. */
const registryHosts = [
  ['registry', 'npmjs', 'org'],
  ['registry', 'yarnpkg', 'com'],
  ['npm', 'pkg', 'github', 'com'],
  ['pypi', 'org'],
  ['files', 'pythonhosted', 'org'],
  ['deb', 'debian', 'org'],
  ['security', 'debian', 'org'],
  ['proxy', 'golang', 'org'],
  ['crates', 'io'],
  ['rubygems', 'org'],
  ['repo', 'maven', 'apache', 'org'],
].map((parts) => parts.join('\\.'));

const linePatterns: { rule: string; pattern: RegExp; message: string }[] = [
  {
    rule: 'open-end',
    pattern: /\b(TODO|FIXME|HACK)\b(?!\([\w@.#-]+\))/,
    message: 'an open end needs an owner or an issue: TODO(name) or TODO(#12)',
  },
  {
    rule: 'machine-path',
    pattern: /(?<![\w.$}/~-])\/(?:work|root|home\/\w+|Users\/\w+)\/[\w.]/,
    message: 'a path of one machine; make it relative, a parameter or an example under /srv or /etc',
  },
  {
    rule: 'registry-host',
    pattern: new RegExp(`(?<![\\w.-])(?:${registryHosts.join('|')})(?![\\w-])`),
    message: 'the address of a package registry is a setting of the machine, not of this repository',
  },
];

export function readTidyRules(): TidyRules {
  return JSON.parse(readFileSync(join(import.meta.dirname, 'tidy.json'), 'utf8')) as TidyRules;
}

export function checkTidy(root: string, rules: TidyRules = readTidyRules()): Finding[] {
  const files = listFiles(root);
  const findings = files.flatMap((file) => [
    ...(isTypeScript(file) ? checkSource(readSource(root, file), rules) : []),
    ...(textFile.test(file) ? checkLines(root, file) : []),
  ]);
  const unused = unusedExceptions(rules, files, findings);
  return [...findings.filter(({ rule, file }) => !Object.hasOwn(rules.exempt, `${rule} ${file}`)), ...unused];
}

function checkSource(source: Source, rules: TidyRules): Finding[] {
  return [
    ...checkName(source.file),
    ...checkHead(source),
    ...checkLength(source, rules),
    ...checkDefaultExport(source),
    ...checkFloatingCalls(source),
  ];
}

function checkName(file: string): Finding[] {
  // Of the path only what the project named itself: the folders below a workspace or tests, and the file.
  const words = file
    .split('/')
    .slice(1)
    .join('/')
    .replace(/\.[cm]?tsx?$/, '')
    .split(/[/.-]/);
  const empty = words.find(
    (word) => emptyWords.has(word.toLowerCase().replace(/s$/, '')) || emptyWords.has(word),
  );
  const findings: Finding[] = [];
  if (empty !== undefined) {
    const message = `“${empty}” says nothing; name the file after the noun or verb it is about`;
    findings.push({ file, line: 1, rule: 'empty-name', message });
  }
  const name = file.split('/').at(-1) ?? '';
  if (!file.endsWith('.tsx') && /[A-Z_]/.test(name)) {
    findings.push({
      file,
      line: 1,
      rule: 'kebab-case',
      message: 'file names are kebab-case (React components in .tsx: PascalCase)',
    });
  }
  return findings;
}

function checkHead(source: Source): Finding[] {
  const start = source.text.replace(/^#!.*\n/, '').trimStart();
  if (start.startsWith('/*') || start.startsWith('//') || start === '' || /\.test\.tsx?$/.test(source.file))
    return [];
  const message = 'start the file with one to five lines: what it is and why it is here';
  return [{ file: source.file, line: 1, rule: 'head-comment', message }];
}

function checkLength(source: Source, rules: TidyRules): Finding[] {
  const lines = source.text.split('\n').length - 1;
  if (lines <= rules.longestFile || Object.hasOwn(rules.longFiles, source.file) || isGenerated(source.file))
    return [];
  const message = `${lines} lines, more than ${rules.longestFile}; split it by noun, or enter it in scripts/tidy.json with the reason`;
  return [{ file: source.file, line: lines, rule: 'long-file', message }];
}

function checkDefaultExport(source: Source): Finding[] {
  const at = source.code.search(/(?<![\w$.])export\s+default\b|(?<![\w$.])export\s*\{[^}]*\bas\s+default\b/);
  if (at === -1 || defaultExportAllowed.test(source.file)) return [];
  const message = 'export by name, so that the name is the same everywhere';
  return [{ file: source.file, line: lineAt(source.text, at), rule: 'default-export', message }];
}

/** The linter sees floating promises of our own functions, but not of Node's: it does not read Node's types. */
function checkFloatingCalls(source: Source): Finding[] {
  const names = source.imports
    .filter(({ specifier }) => /^node:[\w/]+\/promises$/.test(specifier))
    .flatMap((found) => found.names)
    .filter((name) => name !== '*' && name !== 'setInterval');
  if (names.length === 0) return [];
  const calls = source.code.matchAll(
    new RegExp(`(?<=[;{}\\n]\\s*)(?<![\\w$.])(${names.join('|')})\\s*\\(`, 'g'),
  );
  return [...calls]
    .filter((call) => /(^|[;{}])$/.test(source.code.slice(0, call.index).trimEnd()))
    .map((call) => ({
      file: source.file,
      line: lineAt(source.text, call.index),
      rule: 'floating-promise',
      message: `${call[1]}() returns a promise that nobody waits for; await it`,
    }));
}

function checkLines(root: string, file: string): Finding[] {
  const findings: Finding[] = [];
  const lines = readFileSync(join(root, file), 'utf8').split('\n');
  for (const [index, text] of lines.entries()) {
    for (const { rule, pattern, message } of linePatterns) {
      const found = pattern.exec(text);
      if (found !== null) findings.push({ file, line: index + 1, rule, message: `${found[0]}: ${message}` });
    }
    if (file === 'package-lock.json' && /"resolved": "https?:/.test(text)) {
      const message =
        "install with this repository's .npmrc, which keeps download addresses out of the lock file";
      findings.push({ file, line: index + 1, rule: 'registry-host', message });
    }
  }
  return findings;
}

/** An exception that is no longer needed would hide the next real finding. */
function unusedExceptions(
  rules: TidyRules,
  files: readonly string[],
  findings: readonly Finding[],
): Finding[] {
  const used = new Set(findings.map(({ rule, file }) => `${rule} ${file}`));
  const stale = [
    ...Object.keys(rules.exempt).filter((key) => !used.has(key)),
    ...Object.keys(rules.longFiles).filter((file) => !files.includes(file)),
  ];
  return stale.map((key) => ({
    file: 'scripts/tidy.json',
    line: 1,
    rule: 'stale-exception',
    message: `“${key}” is no longer needed; delete it`,
  }));
}

function isGenerated(file: string): boolean {
  return /\.generated\./.test(file);
}

if (import.meta.main) reportAndExit('tidy', checkTidy(process.cwd()));
