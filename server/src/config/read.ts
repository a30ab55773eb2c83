/**
 * The only reader of the environment. Defaults, then tallyman.yaml, then TALLYMAN_* variables; the later wins. An empty
 * variable counts as not set. Unknown keys are refused: a misspelt limit that silently does nothing is worse.
 */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type ConfigurationValues, clientVariables } from '@tallyman/contract';
import { parse } from 'yaml';
import { nearest } from '../stdx/nearest.ts';
import { complete } from './complete.ts';
import { type Config, ConfigError, type ConfigProblem } from './config.ts';
import { fileName, type KeyName, keyNames, variablePrefix } from './names.ts';

export type Environment = { readonly [name: string]: string | undefined };
export type ConfigSources = {
  env?: Environment;
  /** Path of the YAML file; it must exist. Default: TALLYMAN_CONFIG, else ./tallyman.yaml if there is one. */
  file?: string | undefined;
};

/** A value as it was found, before it is checked. */
type Found = { value: unknown; source: string };

/** Throws ConfigError with everything that is wrong. Touches nothing on the disk but the file it reads. */
export function readConfig(sources: ConfigSources = {}): Config {
  const env = sources.env ?? process.env;
  const problems: ConfigProblem[] = [];
  const found = new Map<KeyName, Found>([
    ...findInFile(fileOf(sources, env), problems),
    ...findInEnvironment(env, problems),
  ]);
  const values: Record<string, Record<string, unknown>> = {};
  for (const name of keyNames) {
    values[name.section] ??= {};
    const section = values[name.section] as Record<string, unknown>;
    const { value, source } = found.get(name) ?? { value: undefined, source: 'default' };
    const parsed = name.declaration.schema.safeParse(value);
    if (parsed.success) section[name.key] = parsed.data;
    else {
      // Never the value itself: it may be a secret in the wrong place.
      problems.push({
        key: name.yaml,
        source,
        message: parsed.error.issues.map((issue) => issue.message).join('; '),
      });
    }
  }
  const sourceOf = (yaml: string): string =>
    found.get(keyNames.find((name) => name.yaml === yaml) as KeyName)?.source ?? 'default';
  if (problems.length > 0) throw new ConfigError(problems);
  const { config, problems: between } = complete(values as ConfigurationValues, sourceOf);
  if (between.length > 0) throw new ConfigError(between);
  return config;
}

function fileOf(sources: ConfigSources, env: Environment): string | undefined {
  const named = sources.file ?? (env.TALLYMAN_CONFIG || undefined);
  if (named === undefined) return existsSync(fileName) ? resolve(fileName) : undefined;
  return resolve(named);
}

function findInFile(path: string | undefined, problems: ConfigProblem[]): [KeyName, Found][] {
  if (path === undefined) return [];
  const document = parseFile(path, problems);
  if (document === undefined) return [];
  const found: [KeyName, Found][] = [];
  for (const [section, keys] of Object.entries(document)) {
    if (!isRecord(keys)) {
      const known = keyNames.some((name) => name.section === section);
      const message = known
        ? 'must be a section with keys below it'
        : unknownKey(section, new Set(keyNames.map((name) => name.section)));
      problems.push({ key: section, source: path, message });
      continue;
    }
    for (const [key, value] of Object.entries(keys)) {
      const yaml = `${section}.${key}`;
      const name = keyNames.find((candidate) => candidate.yaml === yaml);
      if (name === undefined) {
        problems.push({
          key: yaml,
          source: path,
          message: unknownKey(
            yaml,
            keyNames.map((candidate) => candidate.yaml),
          ),
        });
      } else if (value !== null) found.push([name, { value, source: path }]);
    }
  }
  return found;
}

function parseFile(path: string, problems: ConfigProblem[]): Record<string, unknown> | undefined {
  try {
    const document: unknown = parse(readFileSync(path, 'utf8'), { maxAliasCount: 0 });
    if (document === null) return {};
    if (isRecord(document)) return document;
    problems.push({
      key: fileName,
      source: path,
      message: 'must hold sections, such as "http:" with "port: 8080" below it',
    });
  } catch (error) {
    problems.push({ key: fileName, source: path, message: `cannot be read: ${firstLine(error)}` });
  }
  return undefined;
}

function findInEnvironment(env: Environment, problems: ConfigProblem[]): [KeyName, Found][] {
  const found: [KeyName, Found][] = [];
  for (const [variable, value] of Object.entries(env)) {
    if (!variable.startsWith(variablePrefix) || value === undefined || value === '') continue;
    if (Object.hasOwn(clientVariables, variable) || variable.startsWith(`${variablePrefix}TEST_`)) continue;
    const name = keyNames.find((candidate) => candidate.variable === variable);
    if (name !== undefined) found.push([name, { value, source: variable }]);
    else {
      const message = unknownKey(variable, [
        ...keyNames.map((candidate) => candidate.variable),
        ...Object.keys(clientVariables),
      ]);
      problems.push({ key: variable, source: 'environment', message });
    }
  }
  return found;
}

function unknownKey(name: string, known: Iterable<string>): string {
  const near = nearest(name, known);
  return near === undefined ? 'is no configuration key' : `is no configuration key; did you mean ${near}?`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] as string;
}
