/** What identity remembers of a row: immutable, replaced as a whole after a commit that changed it. */
import type { TokenScope } from '@tallyman/contract';
import type { TokenKind } from './secrets.ts';

export type NamespaceState = {
  readonly id: string;
  readonly num: number;
  readonly kind: 'user' | 'organisation';
  readonly name: string;
  readonly defaultRole: 'none' | 'reader' | 'maintainer';
  readonly deleted: boolean;
};

export type UserState = {
  readonly id: string;
  readonly name: string;
  readonly email: string | undefined;
  /** PHC string. */
  readonly passwordHash: string | undefined;
  readonly passwordChangedAtUs: number;
  readonly admin: boolean;
  readonly auditor: boolean;
  /** Disabled or deleted: nothing of it is accepted. */
  readonly disabled: boolean;
  readonly lockedUntilUs: number | undefined;
};

export type RobotState = {
  readonly id: string;
  readonly namespaceId: string;
  /** Without its owner's name. */
  readonly short: string;
  readonly disabled: boolean;
  readonly deleted: boolean;
};

export type CredentialState = {
  readonly id: string;
  readonly kind: TokenKind;
  readonly principalId: string;
  readonly name: string;
  readonly hash: string;
  readonly scopes: readonly TokenScope[] | undefined;
  readonly applicationId: string | undefined;
  readonly createdAtUs: number;
  readonly expiresAtUs: number | undefined;
  readonly revoked: boolean;
  /** Moves with each use; written to the database in batches (last-use.ts). */
  lastUsedAtUs: number | undefined;
};

export type ApplicationState = {
  readonly id: string;
  readonly organisationId: string;
  readonly name: string;
  readonly deleted: boolean;
};
