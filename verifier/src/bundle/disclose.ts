/** Which part of a private row a bundle's maker gives away. */
import { writeValue } from '../canonical.ts';
import { parsePrivate } from '../parse.ts';

/** The canonical text of the row's entries whose pointers `keep` says yes to. Throws as `openEvent` for the row. */
export function discloseEntries(privateRow: string, keep: (pointer: string) => boolean): string {
  const entries = Object.entries(parsePrivate(privateRow)).filter(([pointer]) => keep(pointer));
  // As deep as the row itself may be.
  return writeValue(Object.fromEntries(entries), 0, 'refused');
}
