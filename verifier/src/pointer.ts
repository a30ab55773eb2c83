/** JSON Pointers (RFC 6901) as the names of an event's fields. The empty pointer, the whole event, names no field. */
import { EventError } from './errors.ts';

/** The reference tokens, unescaped; throws `malformed_pointer`. */
export function parsePointer(pointer: string): string[] {
  if (!pointer.startsWith('/') || /~(?![01])/.test(pointer)) throw new EventError('malformed_pointer');
  return pointer
    .slice(1)
    .split('/')
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** `/` and one token, escaped, to be appended to the parent's pointer. */
export function formatToken(token: string | number): string {
  return `/${String(token).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
