/** Checks what a caller sent against the schema of the row, and names the field at fault. Nothing sent is repeated. */
import type { z } from 'zod';
import { invalid } from '../domain/error.ts';

export type InputPart = 'path' | 'query' | 'body';

/** The parsed value with defaults; throws `invalid` naming the first field that does not fit. */
export function parseInput<S extends z.ZodType>(schema: S, value: unknown, part: InputPart): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  if (issue === undefined) throw invalid(part, `The ${part} of the request is malformed.`);
  throw refusalOf(issue, part);
}

function refusalOf(issue: z.core.$ZodIssue, part: InputPart): Error {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    const field = [...path, issue.keys[0] ?? ''].join('.').slice(0, 100);
    return invalid(
      field,
      `${placeOf(part)} has a field that is not known here; take it out or check its spelling.`,
    );
  }
  const field = path.length === 0 ? part : path.join('.');
  const isMissing = issue.code === 'invalid_type' && /received undefined$/.test(issue.message);
  if (isMissing) return invalid(field, `${placeOf(part)} lacks the field "${field}".`);
  return invalid(field, `"${field}" ${sentenceOf(issue.message)}`);
}

function placeOf(part: InputPart): string {
  return part === 'path' ? 'The path' : part === 'query' ? 'The query' : 'The body';
}

/** Our own messages begin with `must`; the schema library's are put after a colon. */
function sentenceOf(message: string): string {
  const text = message.startsWith('must')
    ? message
    : `is not valid: ${message.replace(/^Invalid input: /, '')}`;
  return text.endsWith('.') ? text : `${text}.`;
}
