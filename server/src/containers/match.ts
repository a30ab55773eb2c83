/**
 * From a URL to what it names. Names hold slashes and may hold the words of routes (`acme/blobs/uploads`), so a path is
 * read from its right end. No pattern is run here: this is on the way of every request.
 */
import type { Resource } from './exchange.ts';

export type Matched = { resource: Resource; name: string; reference: string; query: string };

/** Undefined when it is no route of the registry. The name is as typed and unchecked. */
export function matchUrl(url: string): Matched | undefined {
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const query = mark < 0 ? '' : url.slice(mark + 1);
  const found = matchPath(path);
  return found && { ...found, query };
}

function matchPath(path: string): Omit<Matched, 'query'> | undefined {
  if (path === '/v2/' || path === '/v2') return { resource: 'base', name: '', reference: '' };
  if (path === '/v2/auth' || path === '/v2/auth/') return { resource: 'token', name: '', reference: '' };
  if (path === '/v2/_catalog') return { resource: 'catalog', name: '', reference: '' };
  if (path.endsWith('/blobs/uploads/')) return named('uploads', path, path.length - 15, '');
  const last = path.lastIndexOf('/');
  const reference = path.slice(last + 1);
  const before = path.lastIndexOf('/', last - 1);
  const noun = path.slice(before + 1, last);
  switch (noun) {
    case 'manifests':
      return named('manifest', path, before, decode(reference));
    case 'blobs':
      return reference === 'uploads'
        ? named('uploads', path, before, '')
        : named('blob', path, before, decode(reference));
    case 'uploads':
      return path.endsWith('/blobs', before)
        ? named('upload', path, before - 6, decode(reference))
        : undefined;
    case 'tags':
      return reference === 'list' ? named('tags', path, before, '') : undefined;
    case 'referrers':
      return named('referrers', path, before, decode(reference));
    default:
      return undefined;
  }
}

/** `end` is where the name ends. */
function named(
  resource: Resource,
  path: string,
  end: number,
  reference: string,
): Omit<Matched, 'query'> | undefined {
  return end > 4 ? { resource, name: path.slice(4, end), reference } : undefined;
}

/** Some clients write the colon of a digest as %3A. A name never needs it, so only the reference is decoded. */
function decode(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
