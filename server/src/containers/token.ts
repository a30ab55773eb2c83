/**
 * The token endpoint: what a client is challenged to call (registry token specification §Requesting a Token). It grants
 * what was asked for and may be done, which can be nothing, and answers 200 all the same; it never makes a project.
 * Asked without a scope it is a sign-in (`docker login`), which wants credentials and is an event.
 */
import type { SwitchName } from '@tallyman/contract';
import type { Caller, Grant } from '../domain/caller.ts';
import { AppError, invalid } from '../domain/error.ts';
import { parseProjectPath } from '../domain/names.ts';
import type { Presented } from '../http/presented.ts';
import type { SignInContext } from '../identity/sign-in-context.ts';
import { readBody } from './body.ts';
import { catalogGrant } from './catalog.ts';
import type { Exchange, RouteAction } from './exchange.ts';
import { authenticate, bareChallenge, mayIfItExists, place, switchOf } from './gate.ts';
import type { Host } from './parts.ts';

type AskedScope = { project: string; actions: readonly string[] };
const formBytes = 64 * 1024;
const projectActions: readonly RouteAction[] = ['pull', 'push', 'delete'];

export async function getToken(host: Host, exchange: Exchange): Promise<void> {
  const scopes = parseScopes(exchange.query.getAll('scope'), host.limits.scopesPerToken);
  const { presented } = exchange.request;
  await issue(host, exchange, presented.kind === 'session' ? { kind: 'none' } : presented, scopes);
}

/** OAuth2 form: `password` carries name and secret; `refresh_token` carries a token of ours as the secret. */
export async function postToken(host: Host, exchange: Exchange): Promise<void> {
  const { request } = exchange;
  const body = await readBody(request.raw, {
    limitBytes: formBytes,
    tooLarge: () => new AppError('too_large', 'The form is too large.', { reason: 'too_large' }),
  });
  const form = new URLSearchParams(body.toString('utf8'));
  const scopes = parseScopes(form.getAll('scope'), host.limits.scopesPerToken);
  const presented =
    request.presented.kind === 'basic' || request.presented.kind === 'bearer'
      ? request.presented
      : presentedIn(form);
  await issue(host, exchange, presented, scopes);
}

function presentedIn(form: URLSearchParams): Presented {
  const type = form.get('grant_type');
  if (type === 'password') {
    const username = form.get('username');
    const secret = form.get('password');
    if (username === null || secret === null)
      throw invalid('username', 'grant_type=password needs username and password.');
    return { kind: 'basic', username, secret };
  }
  if (type === 'refresh_token') {
    const token = form.get('refresh_token');
    if (token === null || token === '')
      throw invalid('refresh_token', 'grant_type=refresh_token needs refresh_token.');
    return { kind: 'bearer', token };
  }
  throw invalid('grant_type', 'grant_type must be password or refresh_token.');
}

async function issue(
  host: Host,
  exchange: Exchange,
  presented: Presented,
  scopes: readonly AskedScope[],
): Promise<void> {
  const { request, reply } = exchange;
  const context: SignInContext = {
    surface: 'registry_token',
    request: request.facts,
    source: request.source,
    attempted: attemptOf(scopes),
    groups: groupsOf(scopes),
  };
  const caller = await authenticate(host, presented, context);
  if (caller === undefined && scopes.length === 0) return bareChallenge(host, context);
  if (presented.kind === 'none') host.challenges.forget(request.source);
  if (caller !== undefined && scopes.length === 0) await host.identity.recordRegistrySignIn(caller);
  const grants: Grant[] = [];
  for (const scope of scopes) grants.push(await grant(host, caller, scope));
  const issued = host.identity.issueRegistryToken(caller, grants);
  const { token, expiresInSeconds, issuedAt } = issued;
  reply.header('cache-control', 'no-store').type('application/json');
  reply.send(
    JSON.stringify({ token, access_token: token, expires_in: expiresInSeconds, issued_at: issuedAt }),
  );
}

/** The part of what was asked for that the caller may do now. */
async function grant(
  host: Pick<Host, 'access'>,
  caller: Caller | undefined,
  { project: path, actions }: AskedScope,
): Promise<Grant> {
  if (path === catalogGrant)
    return { project: path, requested: actions, granted: actions.includes('*') ? ['*'] : [] };
  const parsed = parsePathOf(path);
  if (parsed === undefined) return { project: path, requested: actions, granted: [] };
  const project = await host.access.findProject('container', path);
  const namespace = await host.access.findNamespace(parsed.namespace);
  const granted: string[] = [];
  for (const action of projectActions) {
    if (!actions.includes(action) && !actions.includes('*')) continue;
    if (mayIfItExists(await host.access.decide(caller, action, place(path, namespace, project))))
      granted.push(action);
  }
  return { project: path, requested: actions, granted };
}

/** A name that can be no project's gets a token for nothing; the request that follows is told what is wrong with it. */
function parsePathOf(path: string): { namespace: string } | undefined {
  try {
    return parseProjectPath(path);
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  }
}

/**
 * Scope grammar: `type:name:action,action`, several apart by blanks or in several parameters. Types other than repository
 * and the catalog are passed over. Throws request_invalid.
 */
export function parseScopes(texts: readonly string[], most: number): AskedScope[] {
  const words = texts.flatMap((text) => text.split(' ')).filter((word) => word !== '');
  if (words.length > most) throw invalid('scope', `One token may have ${most} scopes at most.`);
  const asked = new Map<string, Set<string>>();
  for (const word of words) {
    const scope = parseScope(word);
    if (scope === undefined) continue;
    const actions = asked.get(scope.project) ?? new Set();
    for (const action of scope.actions) actions.add(action);
    asked.set(scope.project, actions);
  }
  return [...asked].map(([project, actions]) => ({ project, actions: [...actions] }));
}

function parseScope(word: string): AskedScope | undefined {
  const match = /^([a-z0-9]+)(?:\([a-z0-9]+\))?:([^:\s]{1,255}):([a-z*]{0,20}(?:,[a-z*]{0,20}){0,9})$/.exec(
    word,
  );
  if (!match)
    throw invalid(
      'scope',
      `A scope is type:name:actions, such as repository:acme/app:pull,push; "${word.slice(0, 100)}" is not.`,
    );
  const [, type, name = '', list = ''] = match;
  const actions = list.split(',').filter((action) => action !== '');
  if (type === 'registry') return name === 'catalog' ? { project: catalogGrant, actions } : undefined;
  if (type !== 'repository') return undefined;
  if (!/^[a-z0-9._/-]+$/.test(name))
    throw invalid('scope', `"${name.slice(0, 100)}" is not a repository name.`);
  return { project: name, actions };
}

function attemptOf(scopes: readonly AskedScope[]): { action: string; project?: string } {
  const [first] = scopes;
  if (first === undefined) return { action: 'sign_in' };
  return { action: strongest(first.actions) ?? 'sign_in', project: first.project };
}

function groupsOf(scopes: readonly AskedScope[]): SwitchName[] {
  const names = scopes.map(({ actions }) => strongest(actions)).filter((action) => action !== undefined);
  return [...new Set(names.map((action) => switchOf[action]))];
}

/** What the client set out to do: see countedAction. */
function strongest(actions: readonly string[]): RouteAction | undefined {
  if (actions.includes('push')) return 'push';
  if (actions.includes('delete') || actions.includes('*')) return 'delete';
  return actions.includes('pull') ? 'pull' : undefined;
}
