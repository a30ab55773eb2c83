/** The server's log: JSON lines with ids, never names, addresses or paths that a person typed. The trail tells who did what. */
import pino, { type Logger } from 'pino';

export type { Logger } from 'pino';

export type LogOptions = {
  level: string;
  /** Default: standard output. */
  destination?: { write(line: string): void };
};

export function createLog({ level, destination }: LogOptions): Logger {
  const options: pino.LoggerOptions = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    // Whatever hands a request or an answer to the log must not print an address or a path by it.
    serializers: {
      error: describeError,
      err: describeError,
      req: ({ id }: { id?: string }) => ({ id }),
      res: ({ statusCode }: { statusCode?: number }) => ({ statusCode }),
    },
  };
  // Synchronous: a line about a crash must not be lost in it. Requests are not logged on the way of a normal answer.
  return destination === undefined
    ? pino(options, pino.destination({ fd: 1, sync: true }))
    : pino(options, destination);
}

export type ErrorLine = { name: string; message: string; code?: string; stack?: string; cause?: ErrorLine };

const maxDepth = 4;

/** Name, message, code and stack of an error and its causes, and nothing else that hangs on it. */
export function describeError(error: unknown, depth = 0): ErrorLine {
  if (!(error instanceof Error)) return { name: 'unknown', message: typeof error };
  const { code } = error as { code?: unknown };
  return {
    name: error.name,
    message: error.message,
    ...(typeof code === 'string' && { code }),
    ...(error.stack !== undefined && { stack: error.stack }),
    ...(error.cause !== undefined && depth < maxDepth && { cause: describeError(error.cause, depth + 1) }),
  };
}
