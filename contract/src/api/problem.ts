/** RFC 9457 problem details: the one form in which the management API says no. */
import { z } from 'zod';
import { reasons } from '../reasons.ts';

/** Every code with its HTTP status; a test proves them equal to the server's own. */
export const problemStatus = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  conflict: 409,
  too_large: 413,
  unsupported: 415,
  range_not_satisfiable: 416,
  unprocessable: 422,
  rate_limited: 429,
  internal: 500,
  unavailable: 503,
} as const;

export type ProblemCode = keyof typeof problemStatus;
export const problemCodes = Object.keys(problemStatus) as [ProblemCode, ...ProblemCode[]];
export const problemMediaType = 'application/problem+json';

export const problemSchema = z.looseObject({
  /** `urn:tallyman:error:<code>`. */
  type: z.string(),
  title: z.string(),
  status: z.int(),
  /** What happened, why, and what to do. */
  detail: z.string(),
  code: z.enum(problemCodes),
  /** The field or parameter at fault: `name`, `scopes.0`, `limit`. */
  field: z.string().optional(),
  reason: z.enum(reasons).optional(),
  /** Stands in the audit event and in the server's log. */
  requestId: z.string(),
});
export type Problem = z.infer<typeof problemSchema>;
