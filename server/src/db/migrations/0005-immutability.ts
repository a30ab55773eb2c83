/**
 * Immutability. A push reads its namespace's `policy_version` and holds it until it commits (on PostgreSQL FOR SHARE); a
 * change of policy raises it, so it waits for pushes under way, and those that come wait for it: none slips between.
 *
 *   namespace.policy_version           counts changes of policies in the namespace; policy_event_id is that of the last
 *   immutability_policy                as it is now; deleted ones stay, to say why a tag is locked
 *   immutability_policy_version        as it was, step by step, with the event that made it so
 *   immutability_run                   the locking (or release) of tags that were there: how far it has come, what it did
 *   tag.lock_…                         how it came to be locked; all null = unlocked
 *   tag.exempt_version                 it was unlocked when policy_version was this: policies changed since then alone count
 */
import type { Migration } from './migration.ts';

export const immutability: Migration = {
  number: 5,
  name: 'immutability',
  statements: [
    `ALTER TABLE namespace ADD COLUMN policy_version {int} NOT NULL DEFAULT 0`,
    `ALTER TABLE namespace ADD COLUMN policy_event_id {text}`,
    `CREATE TABLE immutability_policy (id {text} PRIMARY KEY, namespace_id {text} NOT NULL, project_id {text} NOT NULL, pattern {text} NOT NULL,
       matches {int} NOT NULL, description {text} NOT NULL, version {int} NOT NULL, since_version {int} NOT NULL, created_at {int} NOT NULL,
       changed_at {int} NOT NULL, event_id {text} NOT NULL, deleted_at {int})`,
    `CREATE UNIQUE INDEX immutability_policy_pattern ON immutability_policy (namespace_id, project_id, pattern, matches) WHERE deleted_at IS NULL`,
    `CREATE INDEX immutability_policy_deleted ON immutability_policy (namespace_id, project_id, deleted_at) WHERE deleted_at IS NOT NULL`,
    `CREATE TABLE immutability_policy_version (policy_id {text} NOT NULL, version {int} NOT NULL, what {text} NOT NULL, pattern {text} NOT NULL,
       matches {int} NOT NULL, description {text} NOT NULL, at {int} NOT NULL, event_id {text} NOT NULL, actor_id {text},
       PRIMARY KEY (policy_id, version))`,
    `CREATE TABLE immutability_run (id {text} PRIMARY KEY, policy_id {text} NOT NULL, version {int} NOT NULL, what {text} NOT NULL,
       event_id {text} NOT NULL, state {text} NOT NULL, reason {text}, at_project {text} NOT NULL, at_tag {text} NOT NULL, totals {text} NOT NULL,
       of_project {text} NOT NULL, started_at {int} NOT NULL, finished_at {int})`,
    `CREATE INDEX immutability_run_policy ON immutability_run (policy_id, id)`,
    `ALTER TABLE tag ADD COLUMN lock_trigger {text}`,
    `ALTER TABLE tag ADD COLUMN locked_at {int}`,
    `ALTER TABLE tag ADD COLUMN lock_event_id {text}`,
    `ALTER TABLE tag ADD COLUMN lock_policy_id {text}`,
    `ALTER TABLE tag ADD COLUMN lock_policy_version {int}`,
    `ALTER TABLE tag ADD COLUMN lock_actor_id {text}`,
    `ALTER TABLE tag ADD COLUMN exempt_version {int} NOT NULL DEFAULT 0`,
    `ALTER TABLE tag ADD COLUMN unlock_event_id {text}`,
    // Few, most of the time; what is deleted asks whether there are any, and a policy how many it holds.
    `CREATE INDEX tag_locked ON tag (project_id, lock_policy_id) WHERE lock_trigger IS NOT NULL`,
  ],
};
