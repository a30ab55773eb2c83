/**
 * Reads TypeScript sources the way the checks need them: which files there are, what is code and what is comment or
 * string, and what is imported. A scanner, not a parser: it only has to be right about where strings and comments end.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

export interface Finding {
  /** Relative to the repository, with forward slashes. */
  file: string;
  line: number;
  rule: string;
  /** What is wrong and what to do instead. */
  message: string;
}

export interface Import {
  specifier: string;
  line: number;
  /** `export … from` */
  reExport: boolean;
  /** The imported names (not their aliases), `*` for a namespace or `export *`; empty for a bare or dynamic import. */
  names: string[];
}

export interface Source {
  file: string;
  text: string;
  /** Same length and lines as `text`; comments and the insides of strings are blanks. */
  code: string;
  imports: Import[];
}

const skippedFolders = new Set([
  'node_modules',
  'dist',
  '.git',
  'coverage',
  'test-results',
  '.cache',
  'generated',
]);

/** Every file below `root`, relative and sorted; build results, dependencies and the server's own `data` left out. */
export function listFiles(root: string, folder = root): string[] {
  const files: string[] = [];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    const isDataFolder = folder === root && entry.name === 'data';
    if (entry.isDirectory() && !skippedFolders.has(entry.name) && !isDataFolder)
      files.push(...listFiles(root, path));
    if (entry.isFile()) files.push(relative(root, path).split(sep).join('/'));
  }
  return files.sort();
}

export function isTypeScript(file: string): boolean {
  return /\.[cm]?tsx?$/.test(file) && !file.endsWith('.d.ts');
}

/** Tests, suites, long runs, benchmarks and the test kit: they may reach everywhere and use the real clock. */
export function isTest(file: string): boolean {
  return (
    /\.(test|suite|long|bench|fixture)\.tsx?$/.test(file) ||
    /^(tests|bench)\//.test(file) ||
    /\/test-support\//.test(file)
  );
}

export function readSource(root: string, file: string): Source {
  const text = readFileSync(join(root, file), 'utf8');
  const code = maskText(text);
  return { file, text, code, imports: findImports(text, code) };
}

export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) line += 1;
  return line;
}

/** Blanks out comments and the insides of strings, templates and regular expressions; what `${}` holds stays code. */
export function maskText(text: string): string {
  const out = text.split('');
  /** One entry per open `${`: how many braces are open inside it. */
  const templates: number[] = [];
  let at = 0;
  const blankTo = (end: number): void => {
    for (; at < end && at < text.length; at += 1) if (out[at] !== '\n') out[at] = ' ';
  };
  const template = (): void => {
    while (at < text.length) {
      if (text[at] === '\\') blankTo(at + 2);
      else if (text[at] === '`') {
        at += 1;
        return;
      } else if (text.startsWith('${', at)) {
        templates.push(0);
        at += 2;
        return;
      } else blankTo(at + 1);
    }
  };
  while (at < text.length) {
    const char = text[at] ?? '';
    const depth = templates.at(-1);
    if (text.startsWith('//', at)) blankTo(endOf(text, '\n', at));
    else if (text.startsWith('/*', at)) blankTo(endOf(text, '*/', at + 2) + 2);
    else if (char === "'" || char === '"') {
      at += 1;
      blankTo(endOfString(text, at, char));
      at += 1;
    } else if (char === '`') {
      at += 1;
      template();
    } else if (char === '/' && startsRegex(out, at)) {
      at += 1;
      blankTo(endOfRegex(text, at));
      at += 1;
    } else if (depth !== undefined && char === '}' && depth === 0) {
      templates.pop();
      at += 1;
      template();
    } else {
      if (depth !== undefined && char === '{') templates[templates.length - 1] = depth + 1;
      if (depth !== undefined && char === '}') templates[templates.length - 1] = depth - 1;
      at += 1;
    }
  }
  return out.join('');
}

function endOf(text: string, mark: string, from: number): number {
  const found = text.indexOf(mark, from);
  return found === -1 ? text.length : found;
}

function endOfString(text: string, from: number, quote: string): number {
  let at = from;
  while (at < text.length && text[at] !== quote && text[at] !== '\n') at += text[at] === '\\' ? 2 : 1;
  return at;
}

function endOfRegex(text: string, from: number): number {
  let inClass = false;
  let at = from;
  for (; at < text.length && text[at] !== '\n'; at += text[at] === '\\' ? 2 : 1) {
    if (text[at] === '[') inClass = true;
    else if (text[at] === ']') inClass = false;
    else if (text[at] === '/' && !inClass) break;
  }
  return at;
}

/** A slash starts a regular expression where a value may start, else it divides. */
function startsRegex(out: readonly string[], slash: number): boolean {
  let at = slash - 1;
  while (at >= 0 && /\s/.test(out[at] ?? '')) at -= 1;
  const before = out[at];
  // `<` is JSX (`</div>`), where a slash is never a regular expression.
  if (before === undefined || '(,=:[!&|?{};+-*%~^>'.includes(before)) return true;
  if (!/\w/.test(before)) return false;
  const word = /(\w+)$/.exec(out.slice(Math.max(0, at - 12), at + 1).join(''))?.[1] ?? '';
  return [
    'return',
    'typeof',
    'case',
    'in',
    'of',
    'delete',
    'void',
    'throw',
    'await',
    'yield',
    'else',
  ].includes(word);
}

function findImports(text: string, code: string): Import[] {
  const imports: Import[] = [];
  const add = (match: RegExpMatchArray, clause: string, reExport: boolean): void => {
    const quoteAt = (match.index ?? 0) + match[0].length - 1;
    const quote = text[quoteAt] ?? '';
    const specifier = text.slice(quoteAt + 1, endOf(text, quote, quoteAt + 1));
    imports.push({ specifier, line: lineAt(text, match.index ?? 0), reExport, names: importedNames(clause) });
  };
  for (const match of code.matchAll(/(?<=(?:^|[;\n}])\s*)(import|export)\b([\w\s{},*$]*?)\bfrom\s*['"]/g)) {
    add(match, match[2] ?? '', match[1] === 'export');
  }
  for (const match of code.matchAll(/(?<![\w$.])import\s*['"]/g)) add(match, '', false);
  for (const match of code.matchAll(/(?<![\w$.])(?:import|require)\s*\(\s*['"]/g)) add(match, '', false);
  return imports.sort((a, b) => a.line - b.line);
}

function importedNames(clause: string): string[] {
  const braces = /\{([^}]*)\}/.exec(clause)?.[1] ?? '';
  const outside = clause.replace(/\{[^}]*\}/, '');
  const named = braces
    .split(',')
    .map(
      (part) =>
        part
          .trim()
          .replace(/^type\s+/, '')
          .split(/\s+as\s+/)[0] ?? '',
    )
    .filter((name) => name !== '');
  return outside.includes('*') ? ['*', ...named] : named;
}

/** `file:line  rule  message`, one a line, ready for a terminal that links to places in files. */
export function formatFindings(findings: readonly Finding[]): string {
  return findings.map((found) => `${found.file}:${found.line}  ${found.rule}  ${found.message}`).join('\n');
}

/** What every check does when it is run by itself. */
export function reportAndExit(check: string, findings: readonly Finding[]): void {
  if (findings.length > 0) console.error(formatFindings(findings));
  console.error(findings.length === 0 ? `${check}: in order` : `${check}: ${findings.length} to put right`);
  process.exitCode = findings.length === 0 ? 0 : 1;
}
