/**
 * `_catalog`: the paths the caller may pull, by namespace and name. Projects are looked at in order and asked about one
 * by one, a bounded number for each page; a page may therefore be short, or empty, and still have a next.
 */
import type { Project } from '../access/model.ts';
import type { ReadDb } from '../db/store.ts';
import type { Caller } from '../domain/caller.ts';
import { withoutEvent } from './errors.ts';
import { type Exchange, linkNext, parsePageSize, textParameter } from './exchange.ts';
import { Challenge, grantOf, place, requireCaller } from './gate.ts';
import type { Host } from './parts.ts';

/** How the ceiling of a registry token names the catalog; no path holds a colon. */
export const catalogGrant = 'registry:catalog';
const projectsPerLook = 500;

export async function listCatalog(host: Host, exchange: Exchange): Promise<void> {
  const caller = await requireCaller(host, exchange);
  if (caller.grants !== undefined && !grantOf(caller, catalogGrant)?.granted.includes('*')) {
    throw withoutEvent(
      new Challenge(
        'Your registry token was not issued for the catalog. Ask for another with the scope registry:catalog:*.',
        {
          error: 'insufficient_scope',
          reason: 'scope_missing',
        },
      ),
    );
  }
  const { query, reply } = exchange;
  const size = parsePageSize(query, host.limits.pageEntries);
  const page =
    size === 0
      ? { paths: [], last: undefined }
      : await readable(host, caller, { after: textParameter(query, 'last') ?? '', size });
  if (page.last !== undefined)
    reply.header('link', linkNext('/v2/_catalog', { n: String(size), last: page.last }));
  reply.type('application/json').send(JSON.stringify({ repositories: page.paths }));
}

async function readable(
  host: Pick<Host, 'db' | 'access'>,
  caller: Caller,
  { after, size }: { after: string; size: number },
): Promise<{ paths: string[]; last: string | undefined }> {
  const projects = await projectsAfter(host.db.read, after);
  const paths: string[] = [];
  for (const project of projects) {
    const namespace = await host.access.findNamespace(project.path.slice(0, project.path.indexOf('/')));
    const decision = await host.access.decide(caller, 'pull', place(project.path, namespace, project));
    if (decision.allowed) paths.push(project.path);
    if (paths.length === size)
      return {
        paths,
        last: project === projects.at(-1) && projects.length < projectsPerLook ? undefined : project.path,
      };
  }
  return { paths, last: projects.length < projectsPerLook ? undefined : projects.at(-1)?.path };
}

async function projectsAfter(db: ReadDb, after: string): Promise<Project[]> {
  const slash = after.indexOf('/');
  const [namespace, name] = slash < 0 ? [after, ''] : [after.slice(0, slash), after.slice(slash + 1)];
  const rows = await db.q
    .selectFrom('namespace as n')
    .innerJoin('project as p', 'p.namespace_id', 'n.id')
    .select(['p.id', 'p.num', 'p.namespace_id', 'p.name', 'p.visibility', 'n.name as namespaceName'])
    .where('p.format', '=', 'container')
    .where('p.deleted_at', 'is', null)
    .where('n.deleted_at', 'is', null)
    .where((eb) =>
      eb.or([eb('n.name', '>', namespace), eb.and([eb('n.name', '=', namespace), eb('p.name', '>', name)])]),
    )
    .orderBy('n.name')
    .orderBy('p.name')
    .limit(projectsPerLook)
    .execute();
  return rows.map((row) => ({
    id: row.id,
    num: row.num,
    format: 'container',
    namespaceId: row.namespace_id,
    name: row.name,
    path: `${row.namespaceName}/${row.name}`,
    visibility: row.visibility,
  }));
}
