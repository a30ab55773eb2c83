/** The log over all events: the keys that sign its checkpoints, and checkpoints that were not signed. */
import { z } from 'zod';
import { eventType } from './kind.ts';

/** Never dropped: without these an auditor cannot tell which key was right at which time. */
const strictLog = {
  reasons: [],
  audience: 'system',
  retention: 'evidence',
  mode: 'strict',
  version: 1,
} as const;

/** Why no checkpoint was signed. */
export const withholdings = ['inconsistent', 'fork', 'rollback', 'time', 'unchecked'] as const;

export const logTypes = {
  'log.key.create': eventType({
    ...strictLog,
    title: 'Log key created',
    sentence: 'The log {details.origin} has a new signing key',
    description:
      'A key that signs the checkpoints of the log came to be other than by rotation: at the first start, or because an operator gave the log a new name after its key or a part of its history was lost. `key` is its public half as a verifier key of C2SP signed notes.',
    details: z.strictObject({ origin: z.string(), key: z.string() }),
    severity: 'warning',
    elsewhere: {},
  }),
  'log.key.rotate': eventType({
    ...strictLog,
    title: 'Log key rotated',
    sentence: '{actor} rotated the signing key of the log {details.origin}',
    description:
      'A new key was announced. The first checkpoint after this event is signed by both keys, those after it by the new one alone.',
    details: z.strictObject({ origin: z.string(), from: z.string(), to: z.string() }),
    severity: 'critical',
    elsewhere: {},
  }),
  'log.checkpoint.withhold': eventType({
    ...strictLog,
    title: 'Checkpoint withheld',
    sentence: 'No checkpoint was signed: {details.why}',
    description:
      'The head of the log was not signed: it does not continue what was signed before (`inconsistent`), what was published elsewhere is of another history (`fork`) or further than the database (`rollback`), the clock stands before the last checkpoint (`time`), or a place of copies could not be read since the start (`unchecked`). `size` is that of the log, `signedSize` that of the checkpoint it was compared with, `place` where that one was found.',
    details: z.strictObject({
      why: z.enum(withholdings),
      size: z.int(),
      signedSize: z.int().optional(),
      place: z.enum(['database', 'data_folder', 'copy']),
    }),
    severity: 'critical',
    elsewhere: {},
  }),
} as const;
