/** Who reads the trail and through which window, from the rights of the caller: what trail/search.ts is asked with. */
import { type EventFilter, type EventViewKind, projectFormats } from '@tallyman/contract';
import type { Access } from '../access/access.ts';
import type { Db } from '../db/store.ts';
import type { Caller } from '../domain/caller.ts';
import { AppError, invalid } from '../domain/error.ts';
import { accountsOf } from '../identity/accounts.ts';
import type { Reader, View } from '../trail/reader.ts';
import type { Visit } from './refusals.ts';
import { selectAnyNamespace, selectAnyProject, selectGrants, selectMemberships } from './rows.ts';

export type ReaderParts = { db: Db; access: Pick<Access, 'findNamespace' | 'findProject' | 'scopeOf'> };

export async function readerOf({ db }: ReaderParts, caller: Caller): Promise<Reader> {
  const { kind, id } = caller.actor;
  const { admin, auditor } = caller.roles;
  const isPerson = kind === 'user' && id !== undefined;
  const subject = id !== undefined && (kind === 'user' || kind === 'robot') ? { kind, id } : undefined;
  const memberships = isPerson ? await selectMemberships(db.read, id) : [];
  const grants = subject === undefined ? [] : await grantsOf(db, subject);
  const byDefault = (...roles: readonly string[]): string[] =>
    memberships.filter(({ defaultRole }) => roles.includes(defaultRole)).map((row) => row.id);
  const held = (role: string) => grants.filter((grant) => grant.role === role);
  return {
    by: caller,
    role: admin ? 'administrator' : auditor ? 'auditor' : 'person',
    ...(id !== undefined && { principalId: id }),
    ...(isPerson && { accountId: id }),
    owned: [
      ...(isPerson ? [id] : []),
      ...memberships.filter(({ role }) => role === 'owner').map((row) => row.id),
    ],
    memberOf: memberships.filter(({ role }) => role === 'member').map((row) => row.id),
    ownedProjects: projectRights(held('owner')),
    maintainedProjects: projectRights(held('maintainer'), byDefault('maintainer')),
    readableProjects: projectRights(grants, byDefault('reader', 'maintainer')),
  };
}

type Grant = { namespaceId: string; projectId: string; role: string };

/** A robot's grants count within its owner's namespace only. */
async function grantsOf(db: Db, subject: { kind: 'user' | 'robot'; id: string }): Promise<Grant[]> {
  const grants = await selectGrants(db.read, subject);
  if (subject.kind === 'user') return grants;
  const home = (await accountsOf(db).findRobot(subject.id))?.namespaceId;
  return grants.filter(({ namespaceId }) => namespaceId === home);
}

function projectRights(grants: readonly Grant[], alsoOf: readonly string[] = []): Reader['ownedProjects'] {
  return {
    ids: grants.filter(({ projectId }) => projectId !== '').map(({ projectId }) => projectId),
    ofNamespaces: [
      ...grants.filter(({ projectId }) => projectId === '').map(({ namespaceId }) => namespaceId),
      ...alsoOf,
    ],
  };
}

export type Window = { view: View; filter: EventFilter };

/**
 * The view and what is left to filter. A namespace or project the reader has nothing to do with is answered as missing;
 * one that was deleted is found by its id, for its history stays readable. The visit learns where a refusal stands.
 */
export async function windowOf(
  parts: ReaderParts,
  asked: { kind: EventViewKind; filter: EventFilter; reader: Reader; visit: Visit },
): Promise<Window> {
  const { kind, filter, reader, visit } = asked;
  if (kind === 'me' || kind === 'administration') return { view: { kind }, filter };
  const view = kind === 'namespace' ? await namespaceView(parts, filter) : await projectView(parts, filter);
  if (view === undefined) throw viewUnknown(kind);
  visit.scope =
    view.kind === 'project'
      ? { namespace: view.namespace, project: view.project }
      : { namespace: view.namespace };
  if (!hasBusiness(reader, view)) {
    visit.refusal = { reason: 'not_permitted', roleHeld: 'none' };
    throw viewUnknown(kind);
  }
  const { [kind]: _consumed, ...rest } = filter;
  return { view, filter: rest };
}

type NamespaceView = View & { kind: 'namespace' };
type ProjectView = View & { kind: 'project' };

async function namespaceView(
  { db, access }: ReaderParts,
  filter: EventFilter,
): Promise<NamespaceView | undefined> {
  const text = requireOne(filter.namespace, 'namespace');
  const found = (await access.findNamespace(text)) ?? (await selectAnyNamespace(db.read, text));
  return found && { kind: 'namespace', namespace: { kind: found.kind, id: found.id, name: found.name } };
}

async function projectView(
  { db, access }: ReaderParts,
  filter: EventFilter,
): Promise<ProjectView | undefined> {
  const text = requireOne(filter.project, 'project');
  for (const format of text.includes('/') ? projectFormats : []) {
    const project = await access.findProject(format, text);
    const namespace = project && (await access.findNamespace(text.slice(0, text.indexOf('/'))));
    if (namespace === undefined || project === undefined) continue;
    const scope = access.scopeOf(namespace, project);
    if (scope.namespace && scope.project)
      return { kind: 'project', namespace: scope.namespace, project: scope.project };
  }
  const found = await selectAnyProject(db.read, text);
  if (found === undefined) return undefined;
  return {
    kind: 'project',
    namespace: { kind: found.namespaceKind, id: found.namespaceId, name: found.namespaceName },
    project: { format: found.format, id: found.id, path: `${found.namespaceName}/${found.name}` },
  };
}

function requireOne(values: readonly string[] | undefined, field: 'namespace' | 'project'): string {
  const [only, ...more] = values ?? [];
  if (only !== undefined && more.length === 0) return only;
  throw invalid(field, `With view=${field}, name exactly one ${field} in "${field}".`);
}

/** Whether any right of the reader reaches into the view; which events it shows is the trail's to decide. */
function hasBusiness(reader: Reader, view: NamespaceView | ProjectView): boolean {
  const { id } = view.namespace;
  if (reader.role !== 'person' || reader.owned.includes(id) || reader.memberOf.includes(id)) return true;
  const rights = [reader.ownedProjects, reader.maintainedProjects];
  if (rights.some(({ ofNamespaces }) => ofNamespaces.includes(id))) return true;
  return view.kind === 'project' && rights.some(({ ids }) => ids.includes(view.project.id));
}

function viewUnknown(kind: 'namespace' | 'project'): AppError {
  return new AppError('not_found', `There is no such ${kind}, or its events are not for you to read.`, {
    reason: kind === 'namespace' ? 'namespace_unknown' : 'project_unknown',
    details: { field: kind },
  });
}
