/** Projects of every format: making, showing, renaming, publishing, deleting them. */
import type { Project } from '@tallyman/contract';
import type { Access } from '../access/access.ts';
import type { Decision, Namespace } from '../access/model.ts';
import type { AccessParts } from '../access/parts.ts';
import {
  changeDescription,
  changeVisibility,
  createProjectOnRequest,
  type DeleteContent,
  deleteProject,
  findProjectEntry,
  listProjects,
  type ProjectEntry,
  renameProject,
} from '../access/projects.ts';
import type { Caller } from '../domain/caller.ts';
import { AppError } from '../domain/error.ts';
import { formatUs } from '../stdx/clock.ts';
import type { ApiCall, ApiHandlers } from './call.ts';
import { nextOf, pageOf } from './pages.ts';
import type { Visit } from './refusals.ts';

export type ProjectParts = AccessParts & {
  access: Pick<
    Access,
    'findNamespace' | 'getNamespaceById' | 'findProject' | 'decide' | 'roleOf' | 'scopeOf'
  >;
  /** What ends with a project, in the unit that deletes it. */
  deleteContent: DeleteContent;
};

type ProjectRoutes =
  `projects.${'list' | 'create' | 'get' | 'rename' | 'put_visibility' | 'put_description' | 'delete'}`;

export function projectHandlers(parts: ProjectParts): ApiHandlers<ProjectRoutes> {
  return {
    'projects.list': async ({ caller, query }) => {
      const namespace =
        query.namespace === undefined ? undefined : await parts.access.findNamespace(query.namespace);
      if (query.namespace !== undefined && namespace === undefined) return { items: [], next: null };
      const where = {
        ...(query.format && { format: query.format }),
        ...(namespace && { namespaceId: namespace.id }),
        ...(query.text !== undefined && { text: query.text }),
      };
      const { projects, next } = await listProjects(parts, { caller, ...where, ...pageOf(query) });
      return {
        items: await Promise.all(projects.map((project) => view(parts, caller, project))),
        next: nextOf(next),
      };
    },
    'projects.create': async (call) => create(parts, call),
    'projects.get': async ({ caller, project }) => get(parts, caller, project.id),
    'projects.rename': async ({ caller, project, body }) => {
      await renameProject(parts, { by: caller, projectId: project.id, name: body.name });
      return get(parts, caller, project.id);
    },
    'projects.put_visibility': async ({ caller, project, body }) => {
      await changeVisibility(parts, { by: caller, projectId: project.id, visibility: body.visibility });
      return get(parts, caller, project.id);
    },
    'projects.put_description': async ({ caller, project, body }) => {
      await changeDescription(parts, { by: caller, projectId: project.id, description: body.description });
      return get(parts, caller, project.id);
    },
    'projects.delete': async ({ caller, project }) =>
      deleteProject(parts, { by: caller, projectId: project.id, deleteContent: parts.deleteContent }),
  };
}

/** Whoever may push to the namespace may make a project there, as the first push would. */
async function create(
  parts: ProjectParts,
  { caller, visit, body }: ApiCall<'projects.create'>,
): Promise<Project> {
  const { access } = parts;
  const { format, path, visibility, description } = body;
  visit.attempted = { project: path };
  const namespace = await access.findNamespace(path.slice(0, path.indexOf('/')));
  const present = await access.findProject(format, path);
  visit.scope = access.scopeOf(namespace, present);
  const decision = await access.decide(caller, 'push', { namespace, project: present, path, format });
  if (!decision.allowed) throw notCreatable(visit, decision);
  if (namespace === undefined)
    throw new AppError('conflict', 'The namespace was deleted a moment ago.', { reason: 'conflict' });
  const name = path.slice(namespace.name.length + 1);
  const project = await createProjectOnRequest(parts, { by: caller, namespace, format, name, visibility });
  if (description) await changeDescription(parts, { by: caller, projectId: project.id, description });
  return get(parts, caller, project.id);
}

/** The name is reserved, the namespace is hidden or missing, or the role in it is too low. */
function notCreatable(visit: Visit, decision: Decision & { allowed: false }): AppError {
  const { reason, roleHeld, roleNeeded } = decision;
  if (reason === 'name_reserved') {
    return new AppError(
      'conflict',
      'The name belonged to somebody else before and is reserved. An administrator can free it.',
      {
        reason,
        details: { field: 'path' },
      },
    );
  }
  const known = visit.scope.namespace !== undefined;
  visit.refusal = known ? { reason: 'not_permitted', roleHeld, roleNeeded } : { reason };
  if (roleHeld !== 'none') {
    const message = `You hold the role "${roleHeld}" in this namespace; making a project needs "${roleNeeded}".`;
    return new AppError('forbidden', message, { reason: 'not_permitted' });
  }
  return new AppError('not_found', 'There is no such namespace, or you may not make projects in it.', {
    reason: 'namespace_unknown',
    details: { field: 'path' },
  });
}

async function get(parts: ProjectParts, caller: Caller | undefined, id: string): Promise<Project> {
  const entry = await findProjectEntry(parts, id);
  if (entry === undefined)
    throw new AppError('not_found', 'The project was deleted a moment ago.', { reason: 'project_unknown' });
  return view(parts, caller, entry);
}

async function view(
  { access }: ProjectParts,
  caller: Caller | undefined,
  project: ProjectEntry,
): Promise<Project> {
  const namespace: Namespace = await access.getNamespaceById(project.namespaceId);
  return {
    id: project.id,
    format: project.format,
    path: project.path,
    name: project.name,
    namespace: { id: namespace.id, name: namespace.name },
    visibility: project.visibility,
    description: project.description,
    createdAt: formatUs(project.createdAtUs),
    role: await access.roleOf(caller, { namespace, project }),
  };
}
