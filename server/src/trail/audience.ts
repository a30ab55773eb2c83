/**
 * Who may read what: the catalogue's audiences as rules. The same two rules decide in SQL which rows a search finds and
 * in memory which fields of an event are shown, so that a list, a filter and a field can never disagree.
 */
import {
  type Audience,
  declarationOf,
  type EventType,
  eventTypes,
  fieldMarks,
  isEventType,
} from '@tallyman/contract';
import { remembered } from '../stdx/remember.ts';
import { ownsView, type ReaderRights, readerIn, type View } from './reader.ts';
import { always, and, type Facts, given, holds, isIn, never, or, type Rule } from './rule.ts';

/**
 * `readable`: the event is there for the reader. `whole`: so are its restricted fields. `placed`: so is where a refusal
 * stands and why: who was turned away reads their own refusal, but must not learn from it whether what they asked for
 * exists. `whole` and `placed` imply `readable`.
 */
export type Rights = { readable: Rule; whole: Rule; placed: Rule };

const typesByAudience = Map.groupBy(eventTypes, (type) => declarationOf(type).audience);

/** Types of these audiences. A type this program does not know has none: administrators and auditors alone read it. */
function ofAudience(...audiences: readonly Audience[]): Rule {
  return isIn(
    'type',
    audiences.flatMap((audience) => typesByAudience.get(audience) ?? []),
  );
}

/** Refusals that stand where the thing asked for stands; a refused sign-in stands in the account it was tried on. */
const tellsPlace = new Set(
  eventTypes.filter((type) => {
    const { reasons, audience } = declarationOf(type);
    return reasons.length > 0 && (audience === 'project' || audience === 'project_security');
  }),
);
const tellsNoPlace = isIn(
  'type',
  eventTypes.filter((type) => !tellsPlace.has(type)),
);
/** What tells a hidden thing from a missing one. */
export const placeFields: readonly string[] = [
  '/scope/namespace',
  '/scope/project',
  '/target',
  '/reason',
  '/details/roleHeld',
  '/details/roleNeeded',
  '/details/subject',
];

const forOwners = ofAudience('account', 'namespace', 'project', 'project_security');
const forMaintainers = ofAudience('project');
const forMembers = ofAudience('namespace');
const forSubjects = ofAudience('account', 'namespace', 'project');

export function rightsOf(reader: ReaderRights): Rights {
  if (reader.role !== 'person') return { readable: always, whole: always, placed: always };
  const { principalId } = reader;
  const own = isIn('actor', [principalId]);
  const owns = and(forOwners, or(isIn('namespace', reader.owned), projectsOf(reader.ownedProjects)));
  const whole = or(
    owns,
    // Done by them or in their name; and what somebody tried in their name, where others than the server's staff may know.
    and({ op: 'proven', is: true }, or(own, isIn('onBehalfOf', [principalId]))),
    and({ op: 'proven', is: false }, own, forOwners),
  );
  const namesOnly = or(
    and(forMaintainers, projectsOf(reader.maintainedProjects)),
    and(forMembers, isIn('namespace', reader.memberOf)),
    // What was done to their account elsewhere: added to an organisation, given a role.
    and(forSubjects, isIn('subject', [principalId])),
  );
  const readable = or(whole, namesOnly);
  // Who may read the project knows that it is there.
  const knows = reader.readableProjects === undefined ? never : projectsOf(reader.readableProjects);
  return { readable, whole, placed: and(readable, or(tellsNoPlace, owns, namesOnly, knows)) };
}

function projectsOf({ ids, ofNamespaces }: ReaderRights['ownedProjects']): Rule {
  return or(isIn('project', ids), and({ op: 'present', column: 'project' }, isIn('namespace', ofNamespaces)));
}

/** What the view shows, whoever looks. */
export function viewRule(view: View, reader: ReaderRights): Rule {
  switch (view.kind) {
    case 'administration':
      return always;
    case 'namespace':
      return isIn('namespace', [view.namespace.id]);
    case 'project':
      return isIn('project', [view.project.id]);
    case 'me':
      return or(...concerns(reader));
  }
}

/** The runs of events that make up the view `me`, each of which is indexed. */
export function concerns({ principalId, accountId }: ReaderRights): Extract<Rule, { op: 'in' }>[] {
  const runs = [
    isIn('actor', [principalId]),
    isIn('onBehalfOf', [principalId]),
    isIn('subject', [principalId]),
    isIn('namespace', [accountId]),
  ];
  return runs.filter((run) => run.op === 'in');
}

/** Rights as the view gives them: one's own account and what one owns are read without the system role. */
export function rightsIn(view: View, reader: ReaderRights): Rights {
  return rightsOf(readerIn(view, reader));
}

/** The same, for what the view shows: what all of it has in common is decided already. */
export const rightsOver = remembered((view: View, reader: ReaderRights): Rights => {
  const rights = rightsIn(view, reader);
  const shown = viewRule(view, reader);
  if (shown.op !== 'in' || shown.values.size !== 1) return rights;
  const [place] = shown.values;
  const left = (rule: Rule): Rule => given(rule, shown.column, place as string);
  return { readable: left(rights.readable), whole: left(rights.whole), placed: left(rights.placed) };
});

/** Whether reading through this view uses a system role to read what is somebody else's. */
export function readsAsStaff(view: View, reader: ReaderRights): boolean {
  return reader.role !== 'person' && !ownsView(reader, view);
}

const restrictedOf = new Map<EventType, readonly string[]>(
  eventTypes.map((type) => [type, fieldMarks(declarationOf(type)).restricted]),
);

/** Pointers of the fields this reader may not see of an event they may read. */
export function maskedFields(rights: Rights, facts: Facts): readonly string[] {
  const restricted = isEventType(facts.type) ? (restrictedOf.get(facts.type) ?? []) : [];
  const masked = holds(rights.whole, facts) ? [] : restricted;
  return holds(rights.placed, facts) ? masked : [...masked, ...placeFields];
}
