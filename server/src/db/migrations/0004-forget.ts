/**
 * What the log no longer holds, and why; and work that outlives a request.
 *
 *   event_gap       runs of indexes whose bodies retention dropped, each with the id of the event that tells of the drop
 *   event_erasure   events that lost private entries to an erasure, each with the id of the event that tells of it
 *   event_kept      events past their time that are kept: they explain a present state, or a legal hold stands on them
 *   legal_hold      what neither retention nor erasure may touch
 *   erasure         persons and addresses that were, or are to be, forgotten; `subject` is emptied when that is done
 *   search_redo     indexes whose events changed below the projection; taken out when it has followed
 *
 * Who adds or changes rows of event_gap or event_erasure by hand contradicts the event they name: its details hold a
 * digest over the leaf hashes of exactly those indexes (docs/operating/retention-and-erasure.md).
 */
import type { Migration } from './migration.ts';

export const forget: Migration = {
  number: 4,
  name: 'forget',
  statements: [
    `CREATE TABLE event_gap (first_idx {int} PRIMARY KEY, last_idx {int} NOT NULL, event_id {text} NOT NULL)`,
    `CREATE TABLE event_erasure (idx {int} NOT NULL, event_id {text} NOT NULL, PRIMARY KEY (idx, event_id))`,
    `CREATE TABLE event_kept (idx {int} PRIMARY KEY)`,
    `CREATE TABLE legal_hold (id {text} PRIMARY KEY, kind {text} NOT NULL, subject_id {text} NOT NULL, note {text} NOT NULL,
       placed_at {int} NOT NULL, event_id {text} NOT NULL)`,
    `CREATE TABLE erasure (id {text} PRIMARY KEY, subject_kind {text} NOT NULL, user_id {text}, subject {text} NOT NULL,
       state {text} NOT NULL, preview {text} NOT NULL, removed {text} NOT NULL, error {text}, requested_at {int} NOT NULL,
       changed_at {int} NOT NULL, job_id {text})`,
    `CREATE TABLE search_redo (seq {serial}, indexes {text} NOT NULL)`,
    `CREATE INDEX project_owner ON project (namespace_id)`,
    `CREATE INDEX robot_owner ON robot (namespace_id)`,
    `CREATE INDEX reserved_name_former ON reserved_name (former_id)`,

    `ALTER TABLE job ADD COLUMN key {text}`,
    `ALTER TABLE job ADD COLUMN owner {text}`,
    `ALTER TABLE job ADD COLUMN lease_until {int}`,
    `ALTER TABLE job ADD COLUMN attempts {int} NOT NULL DEFAULT 0`,
    `ALTER TABLE job ADD COLUMN error {text}`,
    `CREATE UNIQUE INDEX job_key ON job (key) WHERE key IS NOT NULL AND state IN ('waiting', 'running')`,
  ],
};
