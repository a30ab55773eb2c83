/** Who reads the trail, and through which window: plain records that whoever knows rights fills in. */
import type { Scope } from '@tallyman/contract';
import type { Performer } from './draft.ts';

/** Projects held by their own id, or with every project of a namespace. */
export type ProjectRights = { ids: readonly string[]; ofNamespaces: readonly string[] };

/** What decides what somebody may read. */
export type ReaderRights = {
  /** What the system role allows with this credential; `person` for everybody without one. */
  role: 'administrator' | 'auditor' | 'person';
  /** Id of the user or robot that reads. Absent: nobody's account. */
  principalId?: string;
  /** Id of the reader's own namespace; absent for robots. */
  accountId?: string;
  /** Namespaces owned: the reader's own, and organisations of which they are an owner. */
  owned: readonly string[];
  /** Organisations of which the reader is a plain member. */
  memberOf: readonly string[];
  /** Projects on which the reader holds the role owner, other than through `owned`. */
  ownedProjects: ProjectRights;
  maintainedProjects: ProjectRights;
  /** Projects the reader may pull from by a role: there, a refusal of their own tells where it stands and why. */
  readableProjects?: ProjectRights;
};

/** `by` is recorded when the reading itself is an event. */
export type Reader = ReaderRights & { by: Performer };

type NamespaceScope = NonNullable<Scope['namespace']>;
type ProjectScope = NonNullable<Scope['project']>;

/**
 * `me`: what concerns the reader's account. `namespace`, `project`: what happened there, as far as the reader may see
 * it. `administration`: everything; only for administrators and auditors.
 */
export type View =
  | { kind: 'me' }
  | { kind: 'namespace'; namespace: NamespaceScope }
  | { kind: 'project'; namespace: NamespaceScope; project: ProjectScope }
  | { kind: 'administration' };

export function scopeOfView(view: View): Scope {
  if (view.kind === 'namespace') return { namespace: view.namespace };
  if (view.kind === 'project') return { namespace: view.namespace, project: view.project };
  return {};
}

/** Whether the reader owns what the view shows, so that no system role is used to read it. */
export function ownsView(reader: ReaderRights, view: View): boolean {
  if (view.kind === 'me') return true;
  if (view.kind === 'administration') return false;
  if (reader.owned.includes(view.namespace.id)) return true;
  if (view.kind === 'namespace') return false;
  const { ids, ofNamespaces } = reader.ownedProjects;
  return ids.includes(view.project.id) || ofNamespaces.includes(view.namespace.id);
}

/** The reader as the view lets them read: a system role counts only where nothing else gives the right. */
export function readerIn(view: View, reader: ReaderRights): ReaderRights {
  return reader.role !== 'person' && ownsView(reader, view) ? { ...reader, role: 'person' } : reader;
}
