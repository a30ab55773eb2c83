/** The project a push belongs to, inside the unit that pushes: found again, or made private by its first accepted upload. */
import type { Namespace, Project } from '../access/model.ts';
import { createProject } from '../access/projects.ts';
import type { Tx } from '../db/store.ts';
import { AppError } from '../domain/error.ts';
import { withStatus } from '../http/request-fields.ts';
import type { Clock } from '../stdx/clock.ts';
import type { Performer } from '../trail/draft.ts';
import type { Trail } from '../trail/trail.ts';
import { isLiveProject, projectByName } from './rows.ts';

export type PushTarget = {
  by: Performer;
  namespace: Namespace;
  /** As it was found when the push was admitted. */
  project: Project | undefined;
  path: string;
};

/** Throws `conflict` when the project was deleted meanwhile, `name_reserved` when its name may not be taken. */
export async function pushedProject(
  parts: { trail: Trail; clock: Clock },
  tx: Tx,
  target: PushTarget,
): Promise<Project> {
  const { by, namespace, project, path } = target;
  if (project !== undefined) {
    if (await isLiveProject(tx, project.id)) return project;
    throw new AppError('conflict', `The project ${path} was deleted or renamed while you pushed to it.`, {
      reason: 'conflict',
    });
  }
  const name = path.slice(namespace.name.length + 1);
  const found = await findInUnit(tx, namespace, name);
  if (found !== undefined) return found;
  try {
    const made = await createProject(parts, tx, {
      // Whatever makes a project answers 201: a blob, a mount or a manifest.
      by: { ...by, request: withStatus(by.request, 201) },
      namespace,
      format: 'container',
      name,
      visibility: 'private',
      cause: 'upload',
    });
    return made.project;
  } catch (error) {
    // Another upload of the same push may have made it between our look and our lock.
    const raced =
      error instanceof AppError && error.code === 'conflict'
        ? await findInUnit(tx, namespace, name)
        : undefined;
    if (raced === undefined) throw error;
    return raced;
  }
}

async function findInUnit(tx: Tx, namespace: Namespace, name: string): Promise<Project | undefined> {
  const row = await tx.get(projectByName, [namespace.id, name]);
  return (
    row && { ...row, format: 'container', namespaceId: namespace.id, name, path: `${namespace.name}/${name}` }
  );
}
