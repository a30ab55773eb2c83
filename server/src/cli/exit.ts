/** Exit codes: one table from errors to numbers, exhaustive over the codes, and the text of each. */
import { ConfigError } from '../config/config.ts';
import { AppError, type ErrorCode, FatalError } from '../domain/error.ts';

export const exitTexts = {
  0: 'Done.',
  1: 'Something unexpected went wrong; the error output says what.',
  2: 'The command line is not valid: unknown command, flag or value. Nothing was done.',
  3: 'The configuration is not valid. Each problem is named with its key and source.',
  4: 'Not signed in, or not permitted: the token is missing, ended, or may not do this.',
  5: 'What was named does not exist, or may not be seen.',
  6: 'The present state does not allow it: a name that is taken, a data folder in use.',
  7: 'The server did not accept the request as it was made.',
  8: 'Not available now: the server cannot be reached, is busy, or has no database. Try again.',
  9: 'Something stored, or something to be verified, is wrong; the output names it.',
  10: 'A log shows another history than before: a fork or a rollback. Both checkpoints are kept as proof.',
  11: 'What was to be verified carries no proof. Its form is right; whether its content is, nothing in it shows.',
  70: 'The durable state became unknown. Start the server again: it recovers as at every start.',
  130: 'Ended by a second interrupt (SIGINT) before everything was finished.',
  143: 'Ended by a second SIGTERM before everything was finished.',
} as const;
export type ExitCode = keyof typeof exitTexts;

const ofCode: Readonly<Record<ErrorCode, ExitCode>> = {
  unauthenticated: 4,
  forbidden: 4,
  not_found: 5,
  conflict: 6,
  invalid: 7,
  range_not_satisfiable: 7,
  too_large: 7,
  unsupported: 7,
  unprocessable: 7,
  method_not_allowed: 7,
  rate_limited: 8,
  unavailable: 8,
  internal: 1,
};

/** The words on the command line do not make a command. */
export class UsageError extends Error {
  /** Name of the command whose help tells more. */
  readonly command: string | undefined;

  constructor(message: string, command?: string) {
    super(message);
    this.name = 'UsageError';
    this.command = command;
  }
}

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UsageError) return 2;
  if (error instanceof ConfigError) return 3;
  if (error instanceof FatalError) return 70;
  return error instanceof AppError ? ofCode[error.code] : 1;
}
