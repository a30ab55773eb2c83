/** What went wrong with a request, as something a person can be told. */
import { type Problem, problemMediaType, problemSchema } from '@tallyman/contract';

/** The server said no: `problem` says what happened, why and what to do. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly problem: Problem;
  /** From `Retry-After`; undefined when the server set none. */
  readonly retryAfterSeconds: number | undefined;

  constructor(problem: Problem, retryAfterSeconds?: number) {
    super(problem.detail);
    this.problem = problem;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The server could not be reached, or what answered is not this server. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';
}

export async function problemOf(response: Response): Promise<Error> {
  const retryAfterSeconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  if (response.headers.get('content-type')?.startsWith(problemMediaType)) {
    const parsed = problemSchema.safeParse(await response.json().catch(() => undefined));
    if (parsed.success)
      return new ApiError(parsed.data, Number.isFinite(retryAfterSeconds) ? retryAfterSeconds : undefined);
  }
  return new NoAnswerError(
    `The server, or something before it, answered ${response.status} without saying why. Try again in a moment.`,
  );
}

export function isApiError(error: unknown, code?: Problem['code']): error is ApiError {
  return error instanceof ApiError && (code === undefined || error.problem.code === code);
}
