/** The log over all events and its key. Its checkpoint, tiles and entries are served below `/log`: docs/spec/log.md. */
import { z } from 'zod';
import { withholdings } from '../catalogue/log.ts';
import type { ApiRoute } from './route.ts';
import { timeSchema } from './shapes.ts';

export const logInfoSchema = z.strictObject({
  /** The name of the log. */
  origin: z.string(),
  /** The verifier key that auditors need, as C2SP signed notes write it. Compare it with one you have from elsewhere. */
  key: z.string(),
  /** The last published checkpoint; null before the first. */
  checkpoint: z.strictObject({ size: z.int(), root: z.string(), signedAt: timeSchema }).nullable(),
  /** Why the head is not signed now; null while all is well. */
  withheld: z.enum(withholdings).nullable(),
});
export type LogInfo = z.infer<typeof logInfoSchema>;

export const logRoutes = {
  'log.get': {
    method: 'GET',
    path: '/api/v1/log',
    summary: 'The name of the log, its present key, and how far it is signed',
    status: 200,
    response: logInfoSchema,
    permission: 'anyone',
    records: [],
    refusal: 'api.action.refuse',
    errors: [],
  },
  'log.rotate_key': {
    method: 'POST',
    path: '/api/v1/log/key/rotations',
    summary: 'Give the log a new signing key, announced by an event that the old key signs for',
    status: 201,
    response: z.strictObject({ origin: z.string(), key: z.string(), formerKey: z.string() }),
    permission: 'administrator',
    scope: 'admin',
    records: ['log.key.rotate'],
    refusal: 'api.action.refuse',
    errors: ['forbidden', 'conflict'],
  },
} as const satisfies Record<string, ApiRoute>;
