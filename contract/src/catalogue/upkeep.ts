/** How the server looks after itself: what its own checks found, and copies of everything that left it. */
import { z } from 'zod';
import { eventType } from './kind.ts';

const strictSystem = { reasons: [], audience: 'system', mode: 'strict', version: 1 } as const;

export const upkeepTypes = {
  'system.inconsistency.find': eventType({
    ...strictSystem,
    title: 'Inconsistency found',
    sentence: 'The server found {details.count} things wrong in what it stores',
    description:
      'A pass over everything stored found something that is not what was recorded, or no longer whole, and that the pass before had not found. `findings` are the first of them, in the words of docs/operating/fsck.md.',
    details: z.strictObject({
      count: z.int(),
      findings: z
        .array(
          z.strictObject({
            check: z.string(),
            what: z.string(),
            index: z.int().optional(),
            message: z.string(),
          }),
        )
        .max(10),
    }),
    retention: 'project',
    severity: 'critical',
    elsewhere: {},
  }),
  'system.backup.make': eventType({
    ...strictSystem,
    title: 'Backup made',
    sentence: '{actor} made a backup',
    description:
      'Everything that is stored was copied out, erasable fields included. Recorded before the first byte, so the backup holds this event. `withLogKey`: the key that signs the log was copied too.',
    details: z.strictObject({
      database: z.enum(['sqlite', 'postgres']),
      withLogKey: z.boolean(),
    }),
    retention: 'project',
    severity: 'warning',
    elsewhere: {},
  }),
} as const;
