/**
 * Mounting a blob of another project instead of sending it again (end-11). Whatever stands in the way, a missing right on
 * the source included, falls back to an upload and is no event: nothing was given away and nothing refused.
 */
import type { Project } from '../access/model.ts';
import type { Digest } from '../domain/digest.ts';
import { AppError } from '../domain/error.ts';
import { parseProjectPath } from '../domain/names.ts';
import { withoutEvent } from './errors.ts';
import { type Admitted, answerBlob, type Exchange } from './exchange.ts';
import { Challenge, grantOf, place } from './gate.ts';
import { mountBlob } from './links.ts';
import type { Host } from './parts.ts';
import { linkRow } from './rows.ts';

/** True when it answered. Without `from`, only a blob the project shows already is found. */
export async function tryMount(
  host: Host,
  exchange: Exchange,
  { admitted, digest }: { admitted: Admitted; digest: Digest },
): Promise<boolean> {
  const { caller, namespace, project } = admitted;
  const fromPath = exchange.query.get('from');
  const from = fromPath === null || fromPath === '' ? project : await findSource(host, admitted, fromPath);
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
  if (!decision.allowed) return undefined;
  const grant = grantOf(caller, path.path);
  if (caller.grants === undefined || grant?.granted.includes('pull')) return project;
  if (grant !== undefined || project === undefined) return undefined;
  throw withoutEvent(
    new Challenge(
      `Your registry token was not issued to pull from ${path.path}. Ask for another with that scope.`,
      {
        error: 'insufficient_scope',
        reason: 'scope_missing',
      },
    ),
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
