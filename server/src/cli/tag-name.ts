/** A tag as people name it, `acme/web:v1.0.0`, for every command about one. */
import type { PositionalDeclaration } from './command.ts';
import { UsageError } from './exit.ts';

export const tagPositional: PositionalDeclaration = {
  name: 'NAMESPACE/PROJECT:TAG',
  description: 'The tag, such as acme/web:v1.0.0.',
};

export function parseTagName(
  typed: string,
  command: string,
): { format: 'container'; path: string; tag: string } {
  const colon = typed.lastIndexOf(':');
  const [path, tag] = [typed.slice(0, colon), typed.slice(colon + 1)];
  if (colon < 1 || tag === '' || !path.includes('/'))
    throw new UsageError('A tag is named as NAMESPACE/PROJECT:TAG, such as acme/web:v1.0.0.', command);
  return { format: 'container', path, tag };
}
