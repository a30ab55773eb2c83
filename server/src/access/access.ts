/** May you: roles of callers on namespaces and projects, and the decisions that follow from them. */
import type { ProjectFormat, Scope } from '@tallyman/contract';
import type { Db } from '../db/store.ts';
import type { Caller } from '../domain/caller.ts';
import type { Decision, Namespace, Project, ProjectAction, Role } from './model.ts';

export class Access {
  constructor(_parts: { db: Db }) {}
  async findNamespace(_name: string): Promise<Namespace | undefined> {
    throw new Error('not built yet');
  }
  async getNamespaceById(_id: string): Promise<Namespace> {
    throw new Error('not built yet');
  }
  async findProject(_format: ProjectFormat, _path: string): Promise<Project | undefined> {
    throw new Error('not built yet');
  }
  async findProjectById(_id: string): Promise<Project | undefined> {
    throw new Error('not built yet');
  }
  async roleOf(_caller: Caller | undefined, _on: { namespace: Namespace; project?: Project }): Promise<Role> {
    throw new Error('not built yet');
  }
  async decide(
    _caller: Caller | undefined,
    _action: ProjectAction,
    _on: { namespace?: Namespace; project?: Project; path: string },
  ): Promise<Decision> {
    throw new Error('not built yet');
  }
  scopeOf(_namespace?: Namespace, _project?: Project): Scope {
    throw new Error('not built yet');
  }
}
