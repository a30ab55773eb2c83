/** What a token may be limited to. A scope is a ceiling: the principal's role decides within it. */
export const tokenScopes = {
  'project:read': 'Pull, list and read projects',
  'project:write': 'Push, tag and change projects',
  'project:delete': 'Delete tags, manifests and projects',
  'project:admin': 'Grant roles, rename, publish and set policies of projects and organisations',
  'account:read': 'Read the account, its tokens, robots and organisations',
  'account:write': 'Change the account, make and revoke tokens and robots',
  'events:read': 'Read the audit events the principal may read',
  admin: 'Everything an administrator may, when the principal is one',
} as const;

export type TokenScope = keyof typeof tokenScopes;
export const tokenScopeNames = Object.keys(tokenScopes) as [TokenScope, ...TokenScope[]];
