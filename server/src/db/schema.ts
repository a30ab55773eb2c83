/**
 * Every table, on one page, as the types Kysely and the row functions use. The SQL that makes them is migrations/.
 * Times are microseconds since 1970; truth values are 0 and 1; ids are UUIDv7 text unless said otherwise; JSON is text.
 * A `deleted_at` row keeps its id and name for history; unique names hold among the living only.
 */
import type { Generated } from 'kysely';

/** The log. Dense: idx runs from 0 without a gap. Bytes as docs/spec/event.md says. */
export interface EventTable {
  idx: number;
  body: string;
}
/** Erasable values and salts of one event; deleting a row erases and breaks no proof. */
export interface EventPrivateTable {
  idx: number;
  fields: string;
}
/** PostgreSQL only: committed events not yet given an index. `ord` orders, it never becomes the index. */
export interface EventOutboxTable {
  ord: Generated<number>;
  body: string;
  fields: string;
}

/** The Merkle tree over `event`, one row: how many leaves, and the roots of its perfect subtrees, largest (left) first. */
export interface LogEdgeTable {
  one: number;
  size: number;
  /** 32 bytes each, as many as `size` has one-bits. */
  hashes: Uint8Array;
}
/** A full hash tile, 256 x 32 bytes, by the coordinates of C2SP tlog-tiles; partial ones are made when asked for. */
export interface LogTileTable {
  level: number;
  n: number;
  hashes: Uint8Array;
}
/** A signed head of the log. */
export interface LogCheckpointTable {
  size: number;
  signed_at: number;
  /** The signed note, exactly as published. */
  note: string;
}

/** Runtime settings; namespace_id '' = the server's. */
export interface SettingTable {
  namespace_id: string;
  key: string;
  value: string;
  changed_at: number;
}

export interface NamespaceTable {
  id: string;
  /** Small stable integer, for formats that need one. */
  num: Generated<number>;
  kind: 'user' | 'organisation';
  name: string;
  /** Role of organisation members on all projects: none, reader, maintainer. */
  default_role: Generated<string>;
  created_at: number;
  deleted_at: number | null;
  /** Counts changes of immutability policies in it; a push holds it, a change raises it. */
  policy_version: Generated<number>;
  policy_event_id: string | null;
}
/** A name that a rename or deletion left reserved. format '' = a namespace's name, else a project's path. */
export interface ReservedNameTable {
  format: string;
  name: string;
  former_id: string;
  reserved_at: number;
}
/** A user; id = its namespace's id. */
export interface UserTable {
  id: string;
  email: string | null;
  display_name: string | null;
  /** argon2id, PHC string; null = no password. */
  password_hash: string | null;
  admin: Generated<number>;
  auditor: Generated<number>;
  disabled_at: number | null;
  created_at: number;
  password_changed_at: number | null;
  /** Wrong passwords since the last right one, and until when passwords are refused. */
  failed_passwords: Generated<number>;
  locked_until: number | null;
}
export interface MemberTable {
  organisation_id: string;
  user_id: string;
  role: 'owner' | 'member';
  created_at: number;
}
export interface RobotTable {
  id: string;
  num: Generated<number>;
  namespace_id: string;
  /** The short name; shown as `owner+name`. */
  name: string;
  description: string | null;
  disabled_at: number | null;
  created_at: number;
  deleted_at: number | null;
}
/** Everything that can be presented as a secret, but passwords. Kept after expiry and revocation, to name its owner. */
export interface CredentialTable {
  id: string;
  kind: 'access_token' | 'app_token' | 'oauth_token' | 'robot_token' | 'session';
  /** The user or robot that acts with it. */
  principal_id: string;
  name: string;
  /** SHA-256 of the secret, base64url: secrets are 160 random bits or more, so no slow hash is needed. */
  secret_hash: string;
  /** First characters of the secret, for people to recognise it by. */
  hint: string;
  /** JSON array of token scopes; null = unrestricted. */
  scopes: string | null;
  application_id: string | null;
  created_at: number;
  expires_at: number | null;
  revoked_at: number | null;
  last_used_at: number | null;
  last_used_source: string | null;
}
export interface OauthApplicationTable {
  id: string;
  organisation_id: string;
  name: string;
  description: string | null;
  created_at: number;
  deleted_at: number | null;
}
/** A project role of a user or robot, on one project or (project_id '') on every project of the namespace. */
export interface RoleGrantTable {
  namespace_id: string;
  project_id: string;
  subject_kind: 'user' | 'robot';
  subject_id: string;
  role: 'reader' | 'maintainer' | 'owner';
  created_at: number;
}
export interface ProjectTable {
  id: string;
  num: Generated<number>;
  format: 'container' | 'python' | 'git';
  namespace_id: string;
  /** Without the namespace; may hold slashes. */
  name: string;
  visibility: 'private' | 'public';
  description: string;
  created_at: number;
  deleted_at: number | null;
}

/** A blob in the store. Visible in a project only through container_blob. */
export interface BlobTable {
  digest: string;
  size_bytes: number;
  created_at: number;
  /** Renewed by HEAD and mount; garbage collection spares what was touched within the grace time. */
  touched_at: number;
}
export interface ContainerBlobTable {
  project_id: string;
  digest: string;
  created_at: number;
  touched_at: number;
}
export interface ManifestTable {
  project_id: string;
  digest: string;
  media_type: string;
  artifact_type: string | null;
  subject_digest: string | null;
  size_bytes: number;
  content: Uint8Array;
  /** JSON object of the manifest's own annotations, for referrers. */
  annotations: string | null;
  created_at: number;
  /** Id of the event that pushed it. */
  event_id: string;
}
/** What a manifest names: its config, layers and child manifests. Keeps them from garbage collection. */
export interface ManifestReferenceTable {
  project_id: string;
  digest: string;
  kind: 'blob' | 'manifest';
  child_digest: string;
}
export interface TagTable {
  project_id: string;
  name: string;
  digest: string;
  created_at: number;
  moved_at: number;
  expires_at: number | null;
  /** Id of the event that made it point here. */
  event_id: string;
  /** null = it may be moved and deleted; then the other lock columns are null too. */
  lock_trigger: 'manual' | 'policy' | null;
  locked_at: number | null;
  lock_event_id: string | null;
  lock_policy_id: string | null;
  lock_policy_version: number | null;
  lock_actor_id: string | null;
  /** The namespace's policy_version when it was unlocked, and the event: policies changed since then alone count. */
  exempt_version: Generated<number>;
  unlock_event_id: string | null;
}
/** Every state a tag had: from when to when it pointed where, and the events that began and ended it. */
export interface TagHistoryTable {
  project_id: string;
  name: string;
  digest: string;
  from_at: number;
  to_at: number | null;
  from_event_id: string;
  to_event_id: string | null;
}
/** On a namespace (project_id '') or on one project of it. */
export interface ImmutabilityPolicyTable {
  id: string;
  namespace_id: string;
  project_id: string;
  pattern: string;
  matches: number;
  description: string;
  version: number;
  /** The namespace's policy_version since which it is as it is. */
  since_version: number;
  created_at: number;
  changed_at: number;
  /** Id of the event of its last change. */
  event_id: string;
  deleted_at: number | null;
}
export interface ImmutabilityPolicyVersionTable {
  policy_id: string;
  version: number;
  what: 'create' | 'change' | 'delete';
  pattern: string;
  matches: number;
  description: string;
  at: number;
  event_id: string;
  actor_id: string | null;
}
export interface ImmutabilityRunTable {
  id: string;
  policy_id: string;
  version: number;
  what: 'lock' | 'release';
  /** The cause of what it does. */
  event_id: string;
  state: 'running' | 'done' | 'superseded';
  /** Of a release. */
  reason: string | null;
  /** The last tag it looked at. */
  at_project: string;
  at_tag: string;
  /** JSON: counts and a sample of names, of the whole run and of the project it is in. */
  totals: string;
  of_project: string;
  started_at: number;
  finished_at: number | null;
}
export interface UploadTable {
  id: string;
  project_id: string | null;
  /** Path asked for; the project may not exist until the upload is accepted. */
  path: string;
  principal_id: string;
  created_at: number;
}

export interface JobTable {
  id: string;
  kind: string;
  state: 'waiting' | 'running' | 'done' | 'failed';
  /** JSON: what to do, and how far it has come. */
  payload: string;
  progress: string;
  run_at: number;
  created_at: number;
  updated_at: number;
  /** At most one unfinished job has it. */
  key: string | null;
  /** The node that runs it, and until when that may be believed. */
  owner: string | null;
  lease_until: number | null;
  /** Runs that failed since the last that did not. */
  attempts: Generated<number>;
  /** What the last failed run said; safe to show. */
  error: string | null;
}

/** A run of indexes whose bodies retention dropped; the event of the drop has a digest over their leaf hashes. */
export interface EventGapTable {
  first_idx: number;
  last_idx: number;
  event_id: string;
}
/** An event that lost private entries; the event of the erasure has a digest over the leaf hashes of all it touched. */
export interface EventErasureTable {
  idx: number;
  event_id: string;
}
/** Past its time, and kept all the same; looked at again at each retention run. */
export interface EventKeptTable {
  idx: number;
}
export interface LegalHoldTable {
  id: string;
  kind: 'namespace' | 'project' | 'user';
  subject_id: string;
  note: string;
  placed_at: number;
  /** Id of the event that placed it. */
  event_id: string;
}
export interface ErasureTable {
  id: string;
  subject_kind: 'user' | 'name' | 'address';
  user_id: string | null;
  /** JSON: names and addresses to be forgotten; '{}' as soon as they are. */
  subject: string;
  state: 'previewing' | 'previewed' | 'erasing' | 'done' | 'failed' | 'cancelled';
  /** JSON: what was found, and what was removed. */
  preview: string;
  removed: string;
  error: string | null;
  requested_at: number;
  changed_at: number;
  job_id: string | null;
}
/** What the search projection has to follow (trail/forget/follow.ts). `indexes` is JSON. */
export interface SearchRedoTable {
  seq: Generated<number>;
  indexes: string;
}
/** One row: how many units changed or dropped stored events. */
export interface EventChangesTable {
  one: number;
  changes: number;
}

export interface Schema {
  event: EventTable;
  event_private: EventPrivateTable;
  event_outbox: EventOutboxTable;
  log_edge: LogEdgeTable;
  log_tile: LogTileTable;
  log_checkpoint: LogCheckpointTable;
  setting: SettingTable;
  namespace: NamespaceTable;
  reserved_name: ReservedNameTable;
  user_account: UserTable;
  member: MemberTable;
  robot: RobotTable;
  credential: CredentialTable;
  oauth_application: OauthApplicationTable;
  role_grant: RoleGrantTable;
  project: ProjectTable;
  blob: BlobTable;
  container_blob: ContainerBlobTable;
  manifest: ManifestTable;
  manifest_reference: ManifestReferenceTable;
  tag: TagTable;
  tag_history: TagHistoryTable;
  upload: UploadTable;
  immutability_policy: ImmutabilityPolicyTable;
  immutability_policy_version: ImmutabilityPolicyVersionTable;
  immutability_run: ImmutabilityRunTable;
  job: JobTable;
  event_gap: EventGapTable;
  event_erasure: EventErasureTable;
  event_kept: EventKeptTable;
  legal_hold: LegalHoldTable;
  erasure: ErasureTable;
  search_redo: SearchRedoTable;
  event_changes: EventChangesTable;
}
