/**
 * What is remembered of events must not outlive them.
 *
 *   event_changes   one row: how many units changed or dropped stored events. Read together with what was found, it tells
 *                   whether what was remembered before is still so; a sequence could not, it runs ahead of its unit
 */
import type { Migration } from './migration.ts';

export const changes: Migration = {
  number: 6,
  name: 'changes',
  statements: [
    `CREATE TABLE event_changes (one {int} PRIMARY KEY, changes {int} NOT NULL)`,
    `INSERT INTO event_changes (one, changes) VALUES (1, 0)`,
  ],
};
