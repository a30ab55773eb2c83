/** RFC 9457 problem details: the one form in which the management API says no. */
import { z } from 'zod';
import { reasons } from '../reasons.ts';

/** Every code, with its HTTP status and a title. The server's own codes are these; a test proves it. */
export const problems = {
  unauthenticated: { status: 401, title: 'Not signed in' },
  forbidden: { status: 403, title: 'Not permitted' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  conflict: { status: 409, title: 'The state does not allow it' },
  invalid: { status: 400, title: 'Invalid request' },
  range_not_satisfiable: { status: 416, title: 'Range not satisfiable' },
  too_large: { status: 413, title: 'Too large' },
  unsupported: { status: 415, title: 'Not supported' },
  rate_limited: { status: 429, title: 'Too many requests' },
  unavailable: { status: 503, title: 'Not available now' },
  internal: { status: 500, title: 'Internal error' },
} as const;

export type ProblemCode = keyof typeof problems;
export const problemCodes = Object.keys(problems) as [ProblemCode, ...ProblemCode[]];
export const problemMediaType = 'application/problem+json';

export const problemSchema = z.strictObject({
  /** `urn:tallyman:problem:<code>`. */
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
