/**
 * Which projects somebody may read, asked so that the database begins at what they may see and never walks past the
 * projects of everybody else: the namespaces they are in, the projects granted to them, and what is public, each a
 * question with an index of its own. The same rule as `access.decide`; access.test.ts compares the two.
 */
import type { ExpressionBuilder } from 'kysely';
import type { Schema } from '../db/schema.ts';
import type { Caller } from '../domain/caller.ts';
import { hasScope } from './access.ts';

type Viewer = { subjectId: string; isUser: boolean };
type Projects = ExpressionBuilder<Schema & { p: Schema['project']; n: Schema['namespace'] }, 'p' | 'n'>;

/** A condition on the projects `p` of the namespaces `n`. */
export type Condition = (eb: Projects) => ReturnType<Projects['and']>;

const isPublic: Condition = (eb) => eb.and([eb('p.visibility', '=', 'public')]);
const anything: Condition = (eb) => eb.and([]);

/** What the caller may read is what any of these find. Each is found by an index. */
export function visibleBy(caller: Caller | undefined): Condition[] {
  if (caller?.actor.id === undefined || !hasScope(caller, 'project:read')) return [isPublic];
  if (caller.roles.admin) return [anything];
  const viewer = { subjectId: caller.actor.id, isUser: caller.actor.kind === 'user' };
  const inNamespaces: Condition = (eb) => eb.and([eb('p.namespace_id', 'in', namespacesOf(eb, viewer))]);
  const granted: Condition = (eb) =>
    eb.and([
      eb(
        'p.id',
        'in',
        eb
          .selectFrom('role_grant as g')
          .select('g.project_id')
          .where('g.subject_id', '=', viewer.subjectId)
          .where('g.project_id', '!=', ''),
      ),
    ]);
  return [isPublic, inNamespaces, granted];
}

/** Their own, those granted to them as a whole, and organisations that give them a role on every project. */
function namespacesOf(eb: Projects, { subjectId, isUser }: Viewer) {
  const granted = eb
    .selectFrom('role_grant as g')
    .select('g.namespace_id as id')
    .where('g.subject_id', '=', subjectId)
    .where('g.project_id', '=', '');
  if (!isUser) return granted;
  const own = eb.selectFrom('namespace as own').select('own.id').where('own.id', '=', subjectId);
  const member = eb
    .selectFrom('member as m')
    .innerJoin('namespace as o', 'o.id', 'm.organisation_id')
    .select('o.id')
    .where('m.user_id', '=', subjectId)
    .where((inner) => inner.or([inner('m.role', '=', 'owner'), inner('o.default_role', '!=', 'none')]));
  return granted.union(own).union(member);
}
