/**
 * The search projection: what can be asked of the trail quickly. Never the truth, always rebuilt from `event`. SQLite
 * keeps the same tables in a file of their own (../search-file.ts), so that its commits stay fast.
 *
 *   search_state   one row: which version this is, which making of it, the next index to project, and up to which index
 *                  events are counted
 *   search_word    a small number for each id and each closed word, so that rows and indexes stay small
 *   search_name    which ids had which name
 *   search_event   a row for each event; its indexes are runs in the order of the log
 *   search_block   earliest and latest time of each 65,536, 4,096 and 256 indexes, so that a range of time becomes one of indexes
 *   search_count   how many events there were, so that a count need not look at them (trail/rollup.ts)
 */
import type { Migration } from './migration.ts';

/** The events of a place or person: all of them, those of one type, and refusals of one reason. */
function runsOf(column: string): string[] {
  return [
    `CREATE INDEX search_event_${column} ON search_event (${column}, idx) WHERE ${column} IS NOT NULL`,
    `CREATE INDEX search_event_${column}_type ON search_event (${column}, type, idx) WHERE ${column} IS NOT NULL`,
    `CREATE INDEX search_event_${column}_reason ON search_event (${column}, reason, idx) WHERE ${column} IS NOT NULL AND reason IS NOT NULL`,
  ];
}

export const searchTables: readonly string[] = [
  `CREATE TABLE search_state (one {int} PRIMARY KEY, version {int} NOT NULL, generation {int} NOT NULL, next {int} NOT NULL, counted {int} NOT NULL)`,
  `CREATE TABLE search_word (id {serial}, text {text} NOT NULL UNIQUE)`,
  `CREATE TABLE search_name (dimension {text} NOT NULL, name {text} NOT NULL, word {int} NOT NULL, PRIMARY KEY (dimension, name, word))`,
  // First what every page asks of each row: the engines find a column by walking over those before it.
  `CREATE TABLE search_event (idx {int} PRIMARY KEY, type {int} NOT NULL, namespace {int}, project {int}, actor {int}, proven {int} NOT NULL,
     on_behalf_of {int}, subject {int}, repeats_since_us {int}, occurred_us {int} NOT NULL, outcome {int} NOT NULL, reason {int},
     id {blob} NOT NULL, actor_kind {int} NOT NULL, actor_name {text}, on_behalf_of_name {text}, credential {int}, credential_kind {int} NOT NULL,
     namespace_name {text}, project_path {text}, target {int}, target_kind {int}, target_name {text},
     ip {blob}, agent {text}, request {text}, cause {blob}, repeats {int}, text {text} NOT NULL, restricted_text {text} NOT NULL)`,
  `CREATE UNIQUE INDEX search_event_id ON search_event (id)`,
  `CREATE INDEX search_event_type ON search_event (type, idx)`,
  ...runsOf('namespace'),
  ...runsOf('project'),
  ...runsOf('actor'),
  ...runsOf('on_behalf_of'),
  ...runsOf('subject'),
  `CREATE INDEX search_event_credential ON search_event (credential, idx) WHERE credential IS NOT NULL`,
  `CREATE INDEX search_event_reason ON search_event (reason, idx) WHERE reason IS NOT NULL`,
  `CREATE INDEX search_event_cause ON search_event (cause, idx) WHERE cause IS NOT NULL`,
  `CREATE TABLE search_block (size {int} NOT NULL, block {int} NOT NULL, first_us {int} NOT NULL, last_us {int} NOT NULL,
     PRIMARY KEY (size, block)){clustered}`,
  `CREATE TABLE search_count (grain {int} NOT NULL, bucket {int} NOT NULL, dimension {int} NOT NULL, key {int} NOT NULL,
     how {int} NOT NULL, type {int} NOT NULL, outcome {int} NOT NULL, reason {int} NOT NULL,
     events {int} NOT NULL, closings {int} NOT NULL, repeats {int} NOT NULL,
     PRIMARY KEY (grain, bucket, dimension, key, how, type, outcome, reason)){clustered}`,
];

export const search: Migration = {
  number: 2,
  name: 'search',
  statements: searchTables.map((sql) => ({ postgres: sql })),
};
