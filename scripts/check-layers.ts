/**
 * Who may import whom. The directions are data (layers.json); this file only follows them: workspaces, rooms of the
 * server, npm packages, the doorways to time, randomness and environment, cycles (types included) and barrels.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, matchesGlob, normalize } from 'node:path';
import type { Finding, Import, Source } from './source-text.ts';
import { isTest, isTypeScript, lineAt, listFiles, readSource, reportAndExit } from './source-text.ts';

export interface LayerRules {
  /** Rooms of server/src from left to right. A room imports itself and rooms of earlier steps, never its neighbours. */
  serverOrder: string[][];
  workspaces: Record<string, { imports: string[]; packages: string[] | 'declared'; builtins: boolean }>;
  /** Files that may use node: modules although their workspace also runs in a browser. */
  builtinsAllowedIn: string[];
  packages: { package: string; only: string[]; why: string }[];
  doorways: {
    name: string;
    in: string[];
    only: string[];
    /** Regular expressions on code without comments and strings. */
    code: string[];
    /** Names that may not be imported, by module; and whole modules. */
    imports: Record<string, string[]>;
    modules?: string[];
    instead: string;
  }[];
}

export function readLayerRules(): LayerRules {
  return JSON.parse(readFileSync(join(import.meta.dirname, 'layers.json'), 'utf8')) as LayerRules;
}

export function checkLayers(root: string, rules: LayerRules = readLayerRules()): Finding[] {
  const files = listFiles(root).filter(isTypeScript);
  const sources = files.map((file) => readSource(root, file));
  const known = new Set(files);
  const declared = readDeclaredPackages(root, rules);
  const findings = sources.flatMap((source) => [
    ...source.imports.flatMap((found) => checkImport({ source, found, rules, known, declared })),
    ...checkDoorways(source, rules),
    ...checkBarrel(source),
  ]);
  return [...findings, ...findCycles(sources, known)];
}

interface Place {
  source: Source;
  found: Import;
  rules: LayerRules;
  known: ReadonlySet<string>;
  declared: ReadonlyMap<string, ReadonlySet<string>>;
}

function checkImport(place: Place): Finding[] {
  const { source, found, rules, known } = place;
  const from = workspaceOf(source.file, rules);
  if (from === undefined) return [];
  if (found.specifier.startsWith('.')) {
    const to = resolveRelative(source.file, found.specifier);
    if (isTypeScript(to) && !known.has(to)) {
      return finding(
        source,
        found,
        'import-missing',
        `${found.specifier} does not exist; name the file with its ending`,
      );
    }
    return checkTarget(place, to);
  }
  const workspace = /^@tallyman\/([^/]+)(\/.*)?$/.exec(found.specifier);
  if (workspace?.[1] !== undefined) return checkWorkspaceImport(place, from, workspace[1]);
  return checkPackage(place, from);
}

/** A relative import: within the workspace, and in the server only leftwards. */
function checkTarget({ source, found, rules }: Place, to: string): Finding[] {
  if (isTest(source.file)) return [];
  if (isTest(to) || /^(scripts|examples)\//.test(to)) {
    return finding(
      source,
      found,
      'test-in-product',
      `${to} is for tests; product code must not import it (a file only tests run is named *.fixture.ts)`,
    );
  }
  const from = workspaceOf(source.file, rules);
  const target = workspaceOf(to, rules);
  if (target !== from) {
    const how =
      target === undefined ? 'it is outside the workspace' : `import it by name: @tallyman/${target}`;
    return finding(source, found, 'workspace-path', `${to} belongs to another workspace; ${how}`);
  }
  if (from !== 'server') return [];
  const here = roomOf(source.file);
  const there = roomOf(to);
  if (here === there || stepOf(there, rules) < stepOf(here, rules)) return [];
  const advice =
    stepOf(there, rules) === stepOf(here, rules)
      ? 'neighbours never import each other; move what both need to the left, or hand it in from main.ts'
      : 'imports go to the left only; move the code, or declare a small interface here and hand it in from main.ts';
  return finding(source, found, 'direction', `${here} must not import ${there} (${to}): ${advice}`);
}

function checkWorkspaceImport({ source, found, rules }: Place, from: string, to: string): Finding[] {
  if (isTest(source.file) || from === to || rules.workspaces[from]?.imports.includes(to)) return [];
  const may =
    rules.workspaces[from]?.imports.map((name) => `@tallyman/${name}`).join(', ') || 'no other workspace';
  return finding(source, found, 'workspace', `${from} must not import @tallyman/${to}; it may import ${may}`);
}

function checkPackage({ source, found, rules, declared }: Place, from: string): Finding[] {
  if (isTest(source.file)) return [];
  const name = packageName(found.specifier);
  const rule = rules.packages.find((entry) => matchesName(name, entry.package));
  if (rule !== undefined && !isIn(source.file, rule.only)) {
    const text = `${name} is only imported in ${rule.only.join(', ')}: ${rule.why}; go through that room`;
    return finding(source, found, 'package-room', text);
  }
  const workspace = rules.workspaces[from];
  if (name.startsWith('node:')) {
    if (workspace?.builtins !== false || isIn(source.file, rules.builtinsAllowedIn)) return [];
    return finding(
      source,
      found,
      'builtin',
      `${from} also runs in a browser; ${name} must be handed in by who calls it`,
    );
  }
  if (workspace?.packages !== 'declared' && workspace?.packages.includes(name) !== true) {
    const may =
      workspace?.packages.length === 0 ? 'no package at all' : `only ${workspace?.packages.join(', ')}`;
    return finding(source, found, 'package', `${from} imports ${may}; ${name} does not belong here`);
  }
  if (declared.get(from)?.has(name) === true) return [];
  return finding(
    source,
    found,
    'package-undeclared',
    `${name} is not among the dependencies of ${from}/package.json; add it there`,
  );
}

function checkDoorways(source: Source, rules: LayerRules): Finding[] {
  if (isTest(source.file)) return [];
  return rules.doorways
    .filter((doorway) => isIn(source.file, doorway.in) && !isIn(source.file, doorway.only))
    .flatMap((doorway) => {
      const uses = doorway.code.flatMap((pattern) =>
        [...source.code.matchAll(new RegExp(pattern, 'g'))].map((match) => ({
          line: lineAt(source.text, match.index),
          what: match[0],
        })),
      );
      const imported = source.imports.flatMap((found) =>
        found.names
          .filter((name) => doorway.imports[found.specifier]?.includes(name))
          .map((name) => ({ line: found.line, what: `${name} from ${found.specifier}` })),
      );
      const modules = source.imports
        .filter((found) => doorway.modules?.includes(found.specifier))
        .map((found) => ({ line: found.line, what: found.specifier }));
      return [...uses, ...imported, ...modules].map(({ line, what }) => ({
        file: source.file,
        line,
        rule: `doorway-${doorway.name}`,
        message: `${what.trim()} is only used in ${doorway.only.join(', ')}; ${doorway.instead}`,
      }));
    });
}

/** One entry per workspace may gather exports; anywhere else that hides who needs what and knots imports. */
function checkBarrel(source: Source): Finding[] {
  if (/^[^/]+\/src\/index\.tsx?$/.test(source.file)) return [];
  const reExports = source.imports.filter((found) => found.reExport);
  const star = reExports.find((found) => found.names.includes('*'));
  if (star !== undefined)
    return finding(
      source,
      star,
      'barrel',
      'export * hides what is exported; export names where they are made',
    );
  const first = reExports[0];
  if (
    first === undefined ||
    /\b(const|let|function|class|interface|enum|type\s+\w+\s*[=<])/.test(source.code)
  )
    return [];
  return finding(
    source,
    first,
    'barrel',
    'this file only passes on exports; import from the files that make them, and delete it',
  );
}

/** Tarjan's strongly connected components over all imports; one finding per knot, with one way around it. */
function findCycles(sources: readonly Source[], known: ReadonlySet<string>): Finding[] {
  const edges = new Map(sources.map((source) => [source.file, targetsOf(source, known)]));
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const findings: Finding[] = [];
  const visit = (file: string): void => {
    order.set(file, order.size);
    low.set(file, order.get(file) ?? 0);
    stack.push(file);
    for (const { to } of edges.get(file) ?? []) {
      if (!order.has(to)) visit(to);
      if (stack.includes(to)) low.set(file, Math.min(low.get(file) ?? 0, low.get(to) ?? 0));
    }
    if (low.get(file) !== order.get(file)) return;
    const knot = stack.splice(stack.indexOf(file));
    const importsItself = edges.get(file)?.some(({ to }) => to === file);
    if (knot.length > 1 || importsItself) findings.push(describeKnot(knot, edges));
  };
  for (const file of edges.keys()) if (!order.has(file)) visit(file);
  return findings;
}

function describeKnot(
  knot: readonly string[],
  edges: ReadonlyMap<string, { to: string; line: number }[]>,
): Finding {
  const inKnot = new Set(knot);
  const start = [...knot].sort()[0] ?? '';
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (const file of queue) {
    for (const { to } of edges.get(file) ?? []) {
      if (!inKnot.has(to) || cameFrom.has(to)) continue;
      cameFrom.set(to, file);
      queue.push(to);
    }
  }
  const way = [start];
  for (let at = cameFrom.get(start); at !== undefined && at !== start; at = cameFrom.get(at)) way.unshift(at);
  const path = [start, ...way].join(' -> ');
  const line = edges.get(start)?.find(({ to }) => to === (way[0] ?? start))?.line ?? 1;
  const message = `import cycle: ${path}; move what they share into a file that neither imports back`;
  return { file: start, line, rule: 'cycle', message };
}

function targetsOf(source: Source, known: ReadonlySet<string>): { to: string; line: number }[] {
  return source.imports.flatMap(({ specifier, line }) => {
    const workspace = /^@tallyman\/([^/]+)$/.exec(specifier)?.[1];
    const to =
      workspace === undefined ? resolveRelative(source.file, specifier) : `${workspace}/src/index.ts`;
    return (specifier.startsWith('.') || workspace !== undefined) && known.has(to) ? [{ to, line }] : [];
  });
}

function readDeclaredPackages(root: string, rules: LayerRules): Map<string, Set<string>> {
  const read = (path: string): string[] => {
    if (!existsSync(path)) return [];
    const manifest = JSON.parse(readFileSync(path, 'utf8')) as Record<
      string,
      Record<string, string> | undefined
    >;
    const fields = ['dependencies', 'devDependencies', 'peerDependencies', 'optionalDependencies'];
    return fields.flatMap((field) => Object.keys(manifest[field] ?? {}));
  };
  return new Map(
    Object.keys(rules.workspaces).map((name) => [name, new Set(read(join(root, name, 'package.json')))]),
  );
}

function resolveRelative(file: string, specifier: string): string {
  return normalize(join(dirname(file), specifier.replace(/[?#].*$/, '')));
}

function workspaceOf(file: string, rules: LayerRules): string | undefined {
  const first = file.split('/')[0] ?? '';
  return Object.hasOwn(rules.workspaces, first) ? first : undefined;
}

/** `server/src/trail/record.ts` is in room `trail`, `server/src/main.ts` in room `main`. */
function roomOf(file: string): string {
  return (file.split('/')[2] ?? '').replace(/\.tsx?$/, '');
}

/** A folder that layers.json does not name is a host: adding one costs a folder and a line in main.ts, no more. */
function stepOf(room: string, rules: LayerRules): number {
  const step = rules.serverOrder.findIndex((rooms) => rooms.includes(room));
  return step === -1 ? rules.serverOrder.findIndex((rooms) => rooms.includes('api')) : step;
}

function packageName(specifier: string): string {
  const parts = specifier.split('/');
  if (specifier.startsWith('node:')) return specifier;
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? '');
}

function matchesName(name: string, pattern: string): boolean {
  return pattern.endsWith('/*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

function isIn(file: string, places: readonly string[]): boolean {
  return places.some((place) => {
    if (place.includes('*')) return matchesGlob(file, place);
    return place.endsWith('/') ? file.startsWith(place) : file === place;
  });
}

function finding(source: Source, found: Import, rule: string, message: string): Finding[] {
  return [{ file: source.file, line: found.line, rule, message }];
}

if (import.meta.main) reportAndExit('layers', checkLayers(process.cwd()));
