/** What is asked of a log to see how searches grow: each view, and each filter in it, with what a busy registry makes likely. */
import type { EventFilter } from '@tallyman/contract';
import { formatUs } from '../server/src/stdx/clock.ts';
import type { Reader, View } from '../server/src/trail/reader.ts';
import {
  addressOf,
  gapUs,
  idOf,
  organisationOf,
  projectOf,
  rareType,
  registrySize,
  timeOf,
  userOf,
  veryRareType,
} from './busy-registry.ts';

/** The busiest of each. */
const organisation = organisationOf(0);
const { namespace, project } = projectOf(0);
const user = userOf(0);

const nobody = {
  by: {
    actor: { kind: 'user' as const, id: 'reader', name: 'reader', proven: true },
    credential: { kind: 'session' as const },
    request: { id: 'bench', protocol: 'internal' as const },
  },
  role: 'person' as const,
  principalId: 'reader',
  accountId: 'reader',
  owned: [] as string[],
  memberOf: [],
  ownedProjects: { ids: [], ofNamespaces: [] },
  maintainedProjects: { ids: [], ofNamespaces: [] },
} satisfies Reader;

/** `turns`: how many values of a filter are asked for in turn. Nobody but its owner acts in an account of this registry. */
type ScaleView = { view: View; reader: Reader; turns: number };

export const scaleViews: Readonly<Record<string, ScaleView>> = {
  administration: {
    view: { kind: 'administration' },
    reader: { ...nobody, role: 'administrator' },
    turns: 8,
  },
  organisation: {
    view: { kind: 'namespace', namespace: organisation },
    reader: { ...nobody, owned: [organisation.id] },
    turns: 8,
  },
  project: {
    view: { kind: 'project', namespace, project },
    reader: { ...nobody, ownedProjects: { ids: [project.id], ofNamespaces: [] } },
    turns: 8,
  },
  me: {
    view: { kind: 'me' },
    reader: { ...nobody, principalId: user.id, accountId: user.id, owned: [user.id] },
    turns: 1,
  },
};

const agents = ['skopeo', 'docker', 'containers', 'Mozilla'];
const reasons = [
  'rate_limited',
  'too_large',
  'unavailable',
  'token_invalid',
  'name_invalid',
  'locked_out',
  'not_permitted',
  'wrong_password',
] as const;

/**
 * Filters of a page, by name, with the busiest value in the first turn: where a single one lies in a log is luck. `events`:
 * how long the log is; what is asked for lies near its end. Namespace and projects are of the organisation looked at.
 */
export function scaleFilters(events: number, turn: number): Readonly<Record<string, EventFilter>> {
  const user = userOf(turn);
  const other = userOf(turn + 3);
  const day = 86_400_000_000;
  const end = timeOf(events - 1) + gapUs;
  return {
    'no filter': {},
    'a common type': { type: ['container.manifest.pull'] },
    'a family of types': { type: ['container.tag.'] },
    'a type of one in 1,000': { type: [rareType()] },
    'a type of one in 10,000': { type: [veryRareType()] },
    actor: { actor: [user.id] },
    'actor by name': { actor: [other.name] },
    'actor and a rare type': { actor: [user.id], type: [rareType()] },
    'kind of actor': { actorKind: ['user'] },
    credential: { credential: [idOf('token', turn)] },
    'kind of credential': { credentialKind: ['access_token'] },
    namespace: { namespace: [organisation.id] },
    project: { project: [projectOf(turn * registrySize.organisations).project.id] },
    target: { targetKind: ['manifest'] },
    outcome: { outcome: ['denied'] },
    reason: { reason: [reasons[turn % reasons.length] as (typeof reasons)[number]] },
    address: { ip: [addressOf(turn)] },
    'range of addresses': { ip: ['10.0.0.0/12'] },
    'user agent': { userAgent: [agents[turn % agents.length] as string] },
    'one day': { from: formatUs(end - 2 * day), to: formatUs(end - day) },
    'a word that is there': { text: other.name },
    'a word that is not': { text: 'no-such-word-anywhere' },
  };
}

/** The last whole days: for a short log as many whole buckets as for a long one. */
export function lastDays(events: number, days: number): EventFilter {
  const day = 86_400_000_000;
  const end = Math.floor((timeOf(events - 1) + gapUs) / day) * day;
  return { from: formatUs(end - days * day), to: formatUs(end) };
}
