/**
 * May you: roles of callers on namespaces and projects, and the decisions that follow. Everything a request needs is
 * remembered, bounded, and forgotten by the unit that changes it, so a decision costs map lookups.
 *
 * A user owns their namespace; organisation owners own its projects; members hold its default role; grants add to that.
 * Administrators own everything, auditors read no content. A robot holds what was granted to it, within its owner's
 * namespace only. Scopes of a token are a ceiling over all of it.
 */
import type { ProjectFormat, Scope, TokenScope } from '@tallyman/contract';
import type { Db } from '../db/store.ts';
import type { Caller } from '../domain/caller.ts';
import { AppError } from '../domain/error.ts';
import { accountsOf } from '../identity/accounts.ts';
import { accessCacheOf, type Holding } from './cache.ts';
import {
  atLeast,
  type Decision,
  higherRole,
  type Namespace,
  type Project,
  type ProjectAction,
  projectActions,
  type Role,
  scopeForAction,
} from './model.ts';
import { selectHolding, selectProject, selectProjectId, selectReservedName } from './rows.ts';

export type DecisionOn = {
  namespace?: Namespace | undefined;
  project?: Project | undefined;
  path: string;
  /** Whose reserved names count when the project is missing. Default: container. */
  format?: ProjectFormat;
};

export class Access {
  readonly #db: Db;

  constructor({ db }: { db: Db }) {
    this.#db = db;
  }

  /** Living ones only. */
  async findNamespace(name: string): Promise<Namespace | undefined> {
    return accountsOf(this.#db).findNamespace(name);
  }

  /** Living ones only; throws namespace_unknown. */
  async getNamespaceById(id: string): Promise<Namespace> {
    const found = await accountsOf(this.#db).getNamespace(id);
    if (found.deleted)
      throw new AppError('not_found', 'There is no such user or organisation.', {
        reason: 'namespace_unknown',
      });
    return found;
  }

  /** By `namespace/name`; living ones only. */
  async findProject(format: ProjectFormat, path: string): Promise<Project | undefined> {
    const slash = path.indexOf('/');
    const namespace = slash < 1 ? undefined : await this.findNamespace(path.slice(0, slash));
    if (!namespace) return undefined;
    const cache = accessCacheOf(this.#db);
    const name = path.slice(slash + 1);
    const key = `${format} ${namespace.id} ${name}`;
    const id = cache.ids.get(key);
    const known = id === undefined ? undefined : await this.findProjectById(id);
    if (known?.name === name && known.format === format && known.path === path) return known;
    if (!isPlain(name)) return undefined;
    const found = await selectProjectId(this.#db.read, { namespaceId: namespace.id, format, name });
    if (found === undefined) return undefined;
    cache.ids.set(key, found);
    return this.findProjectById(found);
  }

  /** Living ones only. */
  async findProjectById(id: string): Promise<Project | undefined> {
    const { projects } = accessCacheOf(this.#db);
    const known = projects.get(id);
    if (known) {
      const namespace = await accountsOf(this.#db).findNamespaceById(known.namespaceId);
      if (namespace && !namespace.deleted && known.path === `${namespace.name}/${known.name}`) return known;
      // Its namespace was renamed: the path is another one now.
      projects.delete(id);
    }
    return projects.load(id, () => selectProject(this.#db.read, id));
  }

  /** What the caller holds, whatever the visibility of the project and the scopes of the token. */
  async roleOf(
    caller: Caller | undefined,
    on: { namespace: Namespace; project?: Project | undefined },
  ): Promise<Role> {
    const subjectId = caller?.actor.id;
    if (!caller || subjectId === undefined) return 'none';
    if (caller.roles.admin) return 'owner';
    const { namespace, project } = on;
    const isUser = caller.actor.kind === 'user';
    if (isUser && namespace.id === subjectId) return 'owner';
    if (!isUser && !(await this.#isOwnRobot(subjectId, namespace))) return 'none';
    const holding = await this.#holding({
      subjectId,
      namespaceId: namespace.id,
      projectId: project?.id ?? '',
      isUser,
    });
    if (holding.member === 'owner') return 'owner';
    return holding.member === 'member' ? higherRole(holding.granted, namespace.defaultRole) : holding.granted;
  }

  /** Of the namespace itself: its user, the organisation's owners and members, administrators. Grants do not count. */
  async ownershipOf(caller: Caller | undefined, namespace: Namespace): Promise<'owner' | 'member' | 'none'> {
    const subjectId = caller?.actor.id;
    if (!caller || subjectId === undefined) return 'none';
    if (caller.roles.admin) return 'owner';
    if (caller.actor.kind !== 'user') return 'none';
    if (namespace.id === subjectId) return 'owner';
    const holding = await this.#holding({
      subjectId,
      namespaceId: namespace.id,
      projectId: '',
      isUser: true,
    });
    return holding.member ?? 'none';
  }

  async decide(caller: Caller | undefined, action: ProjectAction, on: DecisionOn): Promise<Decision> {
    const { namespace, project } = on;
    const held = namespace ? await this.roleOf(caller, { namespace, project }) : 'none';
    const isPublic = project?.visibility === 'public';
    const role = isPublic ? higherRole(held, 'reader') : held;
    const roleNeeded = projectActions[action];
    const mayRead = isPublic || (atLeast(held, 'reader') && hasScope(caller, 'project:read'));
    const refused = {
      allowed: false,
      roleHeld: held,
      roleNeeded,
      visible: project !== undefined && mayRead,
    } as const;
    // What anybody may do without a token is not limited by one.
    if (isPublic && action === 'pull') return { allowed: true, role };
    if (caller === undefined || caller.actor.kind === 'anonymous')
      return { ...refused, reason: 'not_signed_in' };
    if (!namespace) return { ...refused, reason: await this.#whyNoNamespace(on.path) };
    // A push may make the project, so what counts is the role on the namespace.
    if (!project && action !== 'push') return { ...refused, reason: 'project_unknown' };
    if (!atLeast(role, roleNeeded)) return { ...refused, reason: 'not_permitted' };
    if (!hasScope(caller, scopeForAction[action])) return { ...refused, reason: 'scope_missing' };
    if (!project && (await this.#isReserved(on.format ?? 'container', on.path)))
      return { ...refused, reason: 'name_reserved' };
    return { allowed: true, role };
  }

  /** Where an event belongs: the project's, the namespace's, or the system scope. */
  scopeOf(namespace?: Namespace, project?: Project): Scope {
    return {
      ...(namespace && { namespace: { id: namespace.id, kind: namespace.kind, name: namespace.name } }),
      ...(project && { project: { format: project.format, id: project.id, path: project.path } }),
    };
  }

  async #isOwnRobot(robotId: string, namespace: Namespace): Promise<boolean> {
    return (await accountsOf(this.#db).findRobot(robotId))?.namespaceId === namespace.id;
  }

  async #holding(key: {
    subjectId: string;
    namespaceId: string;
    projectId: string;
    isUser: boolean;
  }): Promise<Holding> {
    const { holdings } = accessCacheOf(this.#db);
    const text = `${key.subjectId} ${key.namespaceId} ${key.projectId}`;
    const found = await holdings.load(text, () => selectHolding(this.#db.read, key));
    return found as Holding;
  }

  async #whyNoNamespace(path: string): Promise<'name_reserved' | 'namespace_unknown'> {
    const name = path.split('/', 1)[0] as string;
    return (await this.#isReserved('', name)) ? 'name_reserved' : 'namespace_unknown';
  }

  async #isReserved(format: string, name: string): Promise<boolean> {
    return isPlain(name) && (await selectReservedName(this.#db.read, { format, name })) !== undefined;
  }
}

/** Whether the caller's token, if it is limited by scopes, carries this one. */
export function hasScope(caller: Caller | undefined, scope: TokenScope): boolean {
  return caller?.scopes === undefined || caller.scopes.has(scope);
}

/** Text a database can be asked about; no name of ours holds anything else. */
function isPlain(text: string): boolean {
  return /^[\x21-\x7e]{1,255}$/.test(text);
}
