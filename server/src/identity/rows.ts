/** The SQL of identity's hot reads, prepared once, and the states they become. */
import type { TokenScope } from '@tallyman/contract';
import { statement } from '../db/statement.ts';
import type { ReadDb } from '../db/store.ts';
import type { ApplicationState, CredentialState, NamespaceState, RobotState, UserState } from './states.ts';

type IdRow = { id: string };
type NamespaceRow = {
  id: string;
  num: number;
  kind: string;
  name: string;
  default_role: string;
  deleted_at: number | null;
};
type UserRow = {
  id: string;
  name: string;
  deleted_at: number | null;
  email: string | null;
  password_hash: string | null;
  password_changed_at: number | null;
  admin: number;
  auditor: number;
  disabled_at: number | null;
  locked_until: number | null;
};
type RobotRow = {
  id: string;
  namespace_id: string;
  name: string;
  disabled_at: number | null;
  deleted_at: number | null;
};
type CredentialRow = {
  id: string;
  kind: string;
  principal_id: string;
  name: string;
  secret_hash: string;
  scopes: string | null;
  application_id: string | null;
  created_at: number;
  expires_at: number | null;
  revoked_at: number | null;
  last_used_at: number | null;
};
type ApplicationRow = { id: string; organisation_id: string; name: string; deleted_at: number | null };

const namespaceById = statement<NamespaceRow>(
  'SELECT id, num, kind, name, default_role, deleted_at FROM namespace WHERE id = ?',
);
const namespaceByName = statement<IdRow>('SELECT id FROM namespace WHERE name = ? AND deleted_at IS NULL');
const userById = statement<UserRow>(
  `SELECT u.id, n.name, n.deleted_at, u.email, u.password_hash, u.password_changed_at, u.admin, u.auditor, u.disabled_at,
     u.locked_until FROM user_account u JOIN namespace n ON n.id = u.id WHERE u.id = ?`,
);
const userByEmail = statement<IdRow>('SELECT id FROM user_account WHERE email = ?');
const robotById = statement<RobotRow>(
  'SELECT id, namespace_id, name, disabled_at, deleted_at FROM robot WHERE id = ?',
);
const robotByName = statement<IdRow>(
  'SELECT id FROM robot WHERE namespace_id = ? AND name = ? AND deleted_at IS NULL',
);
const credentialById = statement<CredentialRow>(
  `SELECT id, kind, principal_id, name, secret_hash, scopes, application_id, created_at, expires_at, revoked_at, last_used_at
     FROM credential WHERE id = ?`,
);
const credentialByHash = statement<IdRow>('SELECT id FROM credential WHERE secret_hash = ?');
const applicationById = statement<ApplicationRow>(
  'SELECT id, organisation_id, name, deleted_at FROM oauth_application WHERE id = ?',
);

export async function selectNamespace(db: ReadDb, id: string): Promise<NamespaceState | undefined> {
  const row = await db.get(namespaceById, [id]);
  return (
    row && {
      id: row.id,
      num: row.num,
      kind: row.kind as NamespaceState['kind'],
      name: row.name,
      defaultRole: row.default_role as NamespaceState['defaultRole'],
      deleted: row.deleted_at !== null,
    }
  );
}

export async function selectLivingNamespace(db: ReadDb, name: string): Promise<string | undefined> {
  return (await db.get(namespaceByName, [name]))?.id;
}

export async function selectUser(db: ReadDb, id: string): Promise<UserState | undefined> {
  const row = await db.get(userById, [id]);
  return (
    row && {
      id: row.id,
      name: row.name,
      email: row.email ?? undefined,
      passwordHash: row.password_hash ?? undefined,
      passwordChangedAtUs: row.password_changed_at ?? 0,
      admin: row.admin === 1,
      auditor: row.auditor === 1,
      disabled: row.disabled_at !== null || row.deleted_at !== null,
      lockedUntilUs: row.locked_until ?? undefined,
    }
  );
}

export async function selectUserByEmail(db: ReadDb, email: string): Promise<string | undefined> {
  return (await db.get(userByEmail, [email]))?.id;
}

export async function selectRobot(db: ReadDb, id: string): Promise<RobotState | undefined> {
  const row = await db.get(robotById, [id]);
  return (
    row && {
      id: row.id,
      namespaceId: row.namespace_id,
      short: row.name,
      disabled: row.disabled_at !== null,
      deleted: row.deleted_at !== null,
    }
  );
}

export async function selectLivingRobot(
  db: ReadDb,
  namespaceId: string,
  short: string,
): Promise<string | undefined> {
  return (await db.get(robotByName, [namespaceId, short]))?.id;
}

export async function selectCredential(db: ReadDb, id: string): Promise<CredentialState | undefined> {
  const row = await db.get(credentialById, [id]);
  return (
    row && {
      id: row.id,
      kind: row.kind as CredentialState['kind'],
      principalId: row.principal_id,
      name: row.name,
      hash: row.secret_hash,
      scopes: row.scopes === null ? undefined : (JSON.parse(row.scopes) as TokenScope[]),
      applicationId: row.application_id ?? undefined,
      createdAtUs: row.created_at,
      expiresAtUs: row.expires_at ?? undefined,
      revoked: row.revoked_at !== null,
      lastUsedAtUs: row.last_used_at ?? undefined,
    }
  );
}

export async function selectCredentialByHash(db: ReadDb, secretHash: string): Promise<string | undefined> {
  return (await db.get(credentialByHash, [secretHash]))?.id;
}

export async function selectApplication(db: ReadDb, id: string): Promise<ApplicationState | undefined> {
  const row = await db.get(applicationById, [id]);
  return (
    row && {
      id: row.id,
      organisationId: row.organisation_id,
      name: row.name,
      deleted: row.deleted_at !== null,
    }
  );
}
