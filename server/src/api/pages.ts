/** A list's cursor: where the page before ended, opaque to the caller. */
import { invalid } from '../domain/error.ts';

const mark = 'p1.';

export function formatCursor(after: string): string {
  return Buffer.from(mark + after).toString('base64url');
}

/** Throws `invalid` naming the field for anything we did not give out. */
export function parseCursor(cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined;
  const text = Buffer.from(cursor, 'base64url').toString('utf8');
  if (text.startsWith(mark) && formatCursor(text.slice(mark.length)) === cursor)
    return text.slice(mark.length);
  throw invalid('cursor', '"cursor" must be the `next` of a page of this list.');
}

/** What a noun's own page is asked for. */
export function pageOf(query: { cursor?: string | undefined; limit: number }): {
  after?: string;
  limit: number;
} {
  const after = parseCursor(query.cursor);
  return { limit: query.limit, ...(after !== undefined && { after }) };
}

/** `next` of a noun's own page as the API gives it. */
export function nextOf(next: string | undefined): string | null {
  return next === undefined ? null : formatCursor(next);
}
