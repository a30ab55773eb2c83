/** `tags/list` (end-8a, end-8b): names in the order of their bytes, in pages. */
import { type Exchange, linkNext, parsePageSize, textParameter } from './exchange.ts';
import { admit, requireProject } from './gate.ts';
import type { Host } from './parts.ts';
import { tagNamesAfter } from './rows.ts';

export async function listTagNames(host: Host, exchange: Exchange): Promise<void> {
  const { project } = requireProject(await admit(host, exchange), exchange);
  const { query, path, reply } = exchange;
  const size = parsePageSize(query, host.limits.pageEntries);
  const after = textParameter(query, 'last') ?? '';
  // One more than the page tells whether there is another; for n=0 nothing follows, as the specification wants it.
  const rows = size === 0 ? [] : await host.db.read.all(tagNamesAfter, [project.id, after, size + 1]);
  const tags = rows.slice(0, size).map((row) => row.name);
  if (rows.length > size)
    reply.header('link', linkNext(`/v2/${path}/tags/list`, { n: String(size), last: tags.at(-1) }));
  reply.type('application/json').send(JSON.stringify({ name: path, tags }));
}
