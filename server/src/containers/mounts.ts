/**
 * Mounting a blob of another project instead of sending it again (end-11). Whatever stands in the way, a missing right on
 * the source included, falls back to an upload and is no event: nothing was given away and nothing refused.
 */
import type { Project } from '../access/model.ts';
import type { Caller } from '../domain/caller.ts';
import type { Digest } from '../domain/digest.ts';
import { AppError } from '../domain/error.ts';
import { parseProjectPath } from '../domain/names.ts';
import { withoutEvent } from './errors.ts';
import { type Admitted, answerBlob, type Exchange } from './exchange.ts';
import { Challenge, grantOf, place } from './gate.ts';
import { mountBlob } from './links.ts';
import type { Host } from './parts.ts';
import { linkRow, projectsShowing } from './rows.ts';

/** True when it answered. Without `from`, the source is looked for: see `searchSource`. */
export async function tryMount(
  host: Host,
  exchange: Exchange,
  { admitted, digest }: { admitted: Admitted; digest: Digest },
): Promise<boolean> {
  const { caller, namespace, project } = admitted;
  const fromPath = exchange.query.get('from') ?? '';
  const from =
    fromPath === ''
      ? await searchSource(host, { admitted, digest })
      : await findSource(host, admitted, fromPath);
  if (from === undefined || (await host.db.read.get(linkRow, [from.id, digest])) === undefined) return false;
  const done = await mountBlob(host, { by: caller, namespace, project, path: exchange.path, digest, from });
  if (done) answerBlob(exchange, digest);
  return done;
}

/**
 * The project to mount from, if the caller may pull from it with the very credential presented. A registry token that was
 * not asked for the source is answered by a challenge that names both projects, for clients that then ask for both.
 */
async function findSource(host: Host, { caller }: Admitted, text: string): Promise<Project | undefined> {
  const path = parsePath(text);
  if (path === undefined) return undefined;
  const project = await host.access.findProject('container', path.path);
  const namespace = await host.access.findNamespace(path.namespace);
  const decision = await host.access.decide(caller, 'pull', place(path.path, namespace, project));
  if (!decision.allowed || project === undefined) return undefined;
  const reach = reachOf(caller, project.path);
  if (reach === 'ask') throw askFor(project.path);
  return reach === 'granted' ? project : undefined;
}

/**
 * OCI distribution-spec 1.1 §Mounting a blob from another repository: `from` may be missing, and the registry may look
 * for the blob itself. It looks where the caller may pull, and at a bounded number of the projects that show the blob:
 * its own namespace and the caller's first, then public ones. Nobody learns of a blob in a project they may not read.
 */
async function searchSource(
  host: Host,
  { admitted, digest }: { admitted: Admitted; digest: Digest },
): Promise<Project | undefined> {
  const { caller, namespace, project } = admitted;
  if (project !== undefined && (await host.db.read.get(linkRow, [project.id, digest])) !== undefined)
    return project;
  const { mountCandidates } = host.limits;
  const own = [namespace.id, caller.actor.id ?? ''];
  let outOfReach: Project | undefined;
  for (const found of await host.db.read.all(projectsShowing, [digest, ...own, mountCandidates])) {
    const path = `${found.namespace}/${found.name}`;
    const candidate = await host.access.findProject('container', path);
    const owner = await host.access.findNamespace(found.namespace);
    const decision = await host.access.decide(caller, 'pull', place(path, owner, candidate));
    if (!decision.allowed || candidate === undefined) continue;
    const reach = reachOf(caller, path);
    // What anybody may pull is not limited by a token.
    if (reach === 'granted' || candidate.visibility === 'public') return candidate;
    if (reach === 'ask') outOfReach ??= candidate;
  }
  if (outOfReach !== undefined) throw askFor(outOfReach.path);
  return undefined;
}

/** Whether the credential reaches a project its holder may pull from; `ask`: a registry token that was not asked for it. */
function reachOf(caller: Caller, path: string): 'granted' | 'refused' | 'ask' {
  if (caller.grants === undefined) return 'granted';
  const grant = grantOf(caller, path);
  if (grant === undefined) return 'ask';
  return grant.granted.includes('pull') ? 'granted' : 'refused';
}

function askFor(source: string): AppError {
  const message = `Your registry token was not issued to pull from ${source}. Ask for another with that scope.`;
  return withoutEvent(
    new Challenge(message, { error: 'insufficient_scope', reason: 'scope_missing', source }),
  );
}

function parsePath(text: string): ReturnType<typeof parseProjectPath> | undefined {
  try {
    return parseProjectPath(text, 'from');
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  }
}
