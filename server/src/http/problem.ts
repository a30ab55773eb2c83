/**
 * Errors as HTTP answers (RFC 9457 problem+json). The contract's table of statuses is exhaustive, so a new code does
 * not compile without its status. Hosts with an error form of their own (OCI) take `toAppError` and `statusOf` and write their own body.
 */
import { type Problem, problemMediaType, problemStatus } from '@tallyman/contract';
import { AppError, type ErrorCode, FatalError } from '../domain/error.ts';

export const statusOf: Readonly<Record<ErrorCode, number>> = problemStatus;

const titles: Readonly<Record<ErrorCode, string>> = {
  invalid: 'The request is malformed',
  unauthenticated: 'Nobody is signed in',
  forbidden: 'Not permitted',
  not_found: 'Not found',
  method_not_allowed: 'The method is not allowed here',
  conflict: 'The present state does not allow it',
  too_large: 'Too large',
  unsupported: 'Not supported',
  unprocessable: 'It cannot be done as asked',
  range_not_satisfiable: 'The range cannot be satisfied',
  rate_limited: 'Too many requests',
  internal: 'Internal error',
  unavailable: 'Not available now',
};

export const problemType = problemMediaType;

/** Of the error's details everything is shown: they are safe by contract. */
export function problemOf(error: AppError, requestId: string): Problem {
  const { code, reason, details, message } = error;
  return {
    ...details,
    type: `urn:tallyman:error:${code}`,
    title: titles[code],
    status: statusOf[code],
    detail: message,
    code,
    ...(reason !== undefined && { reason }),
    requestId,
  };
}

/**
 * Whatever was thrown as something a person can be told. What is unknown becomes `internal` with the original as its
 * cause: the caller logs it under the request id and the person gets the id only.
 */
export function toAppError(error: unknown, requestId: string): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof FatalError) {
    return new AppError(
      'unavailable',
      'The server cannot store anything now and is stopping. Tell its administrator.',
      {
        reason: 'unavailable',
        retryAfterSeconds: 30,
        cause: error,
      },
    );
  }
  return fromFramework(error) ?? internal(error, requestId);
}

function internal(cause: unknown, requestId: string): AppError {
  const message = `Something went wrong on the server, and it is not your fault. Its administrator finds the cause in the log under ${shortId(requestId)}.`;
  return new AppError('internal', message, { details: { errorId: shortId(requestId) }, cause });
}

/** The random end of a request id: short enough to be read out, and found in the log as part of the whole. */
export function shortId(requestId: string): string {
  return requestId.slice(-8);
}

/** Errors that Fastify and its body parsers throw before a handler runs. Their texts may quote what a person sent. */
function fromFramework(error: unknown): AppError | undefined {
  const { code, statusCode } = error as { code?: string; statusCode?: number };
  if (typeof statusCode !== 'number' || statusCode < 400 || statusCode > 499) return undefined;
  const options = { reason: 'request_invalid', cause: error } as const;
  if (statusCode === 413) {
    return new AppError('too_large', 'The request body is larger than the server accepts.', {
      reason: 'too_large',
      cause: error,
    });
  }
  if (statusCode === 415) {
    return new AppError('unsupported', 'The request body has a Content-Type that is not taken here.', {
      reason: 'media_type_unsupported',
      details: { field: 'content-type' },
      cause: error,
    });
  }
  if (code === 'FST_ERR_CTP_EMPTY_JSON_BODY') {
    return new AppError('invalid', 'The request says it carries JSON, but its body is empty.', {
      ...options,
      details: { field: 'body' },
    });
  }
  if (code === 'FST_ERR_CTP_INVALID_JSON_BODY' || error instanceof SyntaxError) {
    return new AppError('invalid', 'The request body is not valid JSON.', {
      ...options,
      details: { field: 'body' },
    });
  }
  if (code === 'FST_ERR_CTP_INVALID_CONTENT_LENGTH') {
    return new AppError('invalid', 'The request body is not as long as its Content-Length says.', {
      ...options,
      details: { field: 'content-length' },
    });
  }
  return new AppError('invalid', 'The request is malformed.', options);
}
