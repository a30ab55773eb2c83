/**
 * Names a person can choose: namespaces, projects, robots. They follow the repository name grammar of
 * OCI distribution-spec 1.1 §Pulling manifests, because a container project's path is `namespace/name`.
 */
import { AppError } from './error.ts';

const component = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
export const maxNamespaceLength = 64;
export const maxPathLength = 255;

/** First segments that are, or may become, routes of this server, or would be mistaken for it. */
export const reservedNames: ReadonlySet<string> = new Set([
  'admin',
  'api',
  'assets',
  'auth',
  'console',
  'docs',
  'healthz',
  'legacy',
  'log',
  'login',
  'logout',
  'metrics',
  'oauth2',
  'pypi',
  'readyz',
  'settings',
  'setup',
  'signin',
  'signout',
  'simple',
  'static',
  'system',
  'tallyman',
  'ui',
  'v1',
  'v2',
  'anonymous',
  'robots.txt',
  'favicon.ico',
  'well-known',
]);

declare const brand: unique symbol;
/** A namespace's name that passed the grammar. It may or may not exist. */
export type NamespaceName = string & { readonly [brand]: 'NamespaceName' };
/** `namespace/name` of a container project; `name` may hold further slashes. */
export type ProjectPath = string & { readonly [brand]: 'ProjectPath' };

export function isNamespaceName(text: string): text is NamespaceName {
  return text.length <= maxNamespaceLength && component.test(text);
}

export function isReserved(name: string): boolean {
  return reservedNames.has(name);
}

export function parseNamespaceName(text: string, field = 'name'): NamespaceName {
  if (!isNamespaceName(text)) {
    throw new AppError(
      'invalid',
      `"${text.slice(0, 80)}" is not a valid name: use up to ${maxNamespaceLength} lower-case letters and digits, separated by single ".", "_", "__" or dashes.`,
      { reason: 'name_invalid', details: { field } },
    );
  }
  return text;
}

/** Splits and checks a container path; throws name_invalid. Two components at least. */
export function parseProjectPath(
  text: string,
  field = 'name',
): { path: ProjectPath; namespace: NamespaceName; name: string } {
  const slash = text.indexOf('/');
  const namespace = text.slice(0, slash);
  const name = text.slice(slash + 1);
  const fits = slash > 0 && text.length <= maxPathLength && isNamespaceName(namespace);
  if (!fits || !name.split('/').every((part) => component.test(part))) {
    throw new AppError(
      'invalid',
      `"${text.slice(0, 80)}" is not a valid repository name: write namespace/name in lower case, at most ${maxPathLength} characters.`,
      { reason: 'name_invalid', details: { field } },
    );
  }
  return { path: text as ProjectPath, namespace, name };
}

/** OCI distribution-spec 1.1: a tag is at most 128 characters of this set. */
export function isTagName(text: string): boolean {
  return /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/.test(text);
}

/**
 * `owner+short` of a robot; undefined for anything else: an e-mail address with a plus sign, or two plus signs, is
 * never mistaken for a robot.
 */
export function parseRobotName(text: string): { owner: NamespaceName; short: string } | undefined {
  const parts = text.split('+');
  const [owner, short] = parts;
  if (parts.length !== 2 || owner === undefined || short === undefined) return undefined;
  return isNamespaceName(owner) && isNamespaceName(short) ? { owner, short } : undefined;
}
