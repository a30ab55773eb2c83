/**
 * The one error that a person can meet. `code` decides the status (one exhaustive table per protocol), `reason` is the
 * word that stands in the event and lets a protocol name its own finer code. The message is shown to the caller: it says
 * what happened, why and what to do, and never holds a secret.
 */
import type { Reason } from '@tallyman/contract';

export const errorCodes = [
  'unauthenticated',
  'forbidden',
  'not_found',
  'conflict',
  'invalid',
  'range_not_satisfiable',
  'too_large',
  'unsupported',
  'unprocessable',
  'method_not_allowed',
  'rate_limited',
  'unavailable',
  'internal',
] as const;
export type ErrorCode = (typeof errorCodes)[number];

export type ErrorDetails = {
  /** The field or parameter at fault, as the caller named it. */
  field?: string;
  /** Anything else that is safe to show. */
  [key: string]: string | number | boolean | undefined;
};

export type AppErrorOptions = {
  reason?: Reason;
  details?: ErrorDetails;
  retryAfterSeconds?: number;
  cause?: unknown;
};

export class AppError extends Error {
  readonly code: ErrorCode;
  readonly reason: Reason | undefined;
  readonly details: ErrorDetails;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.reason = options.reason;
    this.details = options.details ?? {};
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** The durable state is unknown: the subsystem stops, and recovery at the next start is the only repair. */
export class FatalError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'FatalError';
  }
}

/** A field of a request is malformed. */
export function invalid(field: string, message: string, reason: Reason = 'request_invalid'): AppError {
  return new AppError('invalid', message, { reason, details: { field } });
}
