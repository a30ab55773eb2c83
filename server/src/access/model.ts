/** Roles, and what each may do. design: organisation owners own all its projects; a user owns their namespace. */

export const roleNames = ['none', 'reader', 'maintainer', 'owner'] as const;
export type Role = (typeof roleNames)[number];

export function atLeast(held: Role, needed: Role): boolean {
  return roleNames.indexOf(held) >= roleNames.indexOf(needed);
}

export function higherRole(left: Role, right: Role): Role {
  return atLeast(left, right) ? left : right;
}

/** What can be asked of a project, and the role it needs. Public projects grant `pull` to everybody. */
export const projectActions = {
  pull: 'reader',
  inspect: 'maintainer',
  push: 'maintainer',
  delete: 'maintainer',
  administer: 'owner',
} as const satisfies Record<string, Role>;
export type ProjectAction = keyof typeof projectActions;

/** The token scope an action needs, when the credential is limited by scopes. */
export const scopeForAction = {
  pull: 'project:read',
  inspect: 'project:read',
  push: 'project:write',
  delete: 'project:delete',
  administer: 'project:admin',
} as const satisfies Record<ProjectAction, string>;

export type Namespace = {
  id: string;
  num: number;
  kind: 'user' | 'organisation';
  name: string;
  defaultRole: Role;
};

export type Project = {
  id: string;
  num: number;
  format: 'container' | 'python' | 'git';
  namespaceId: string;
  name: string;
  /** `namespace/name`. */
  path: string;
  visibility: 'private' | 'public';
};

/** `decision.allowed` false carries the reason and what the event tells. */
export type Decision =
  | { allowed: true; role: Role }
  | {
      allowed: false;
      reason:
        | 'not_signed_in'
        | 'not_permitted'
        | 'scope_missing'
        | 'namespace_unknown'
        | 'project_unknown'
        | 'name_reserved';
      roleHeld: Role;
      roleNeeded: Role;
      /** Whether the caller may know that the project exists; if not, answer as if it did not. */
      visible: boolean;
    };
