/** Projects: their life and names. What a project holds belongs to its host. */
import type { ProjectFormat } from '@tallyman/contract';
import type { Tx } from '../db/store.ts';
import type { Clock } from '../stdx/clock.ts';
import type { Performer } from '../trail/draft.ts';
import type { Trail } from '../trail/trail.ts';
import type { Namespace, Project } from './model.ts';

export type ProjectCreation = {
  by: Performer;
  namespace: Namespace;
  format: ProjectFormat;
  /** Without the namespace. */
  name: string;
  visibility: 'private' | 'public';
  cause: 'upload' | 'request';
};

/**
 * Makes a project inside the caller's unit; throws conflict (it exists; name_reserved). Two units that make the same
 * one are serialised: the second finds it and throws.
 */
export async function createProject(
  _parts: { trail: Trail; clock: Clock },
  _tx: Tx,
  _creation: ProjectCreation,
): Promise<{ project: Project; eventId: string }> {
  throw new Error('not built yet');
}
