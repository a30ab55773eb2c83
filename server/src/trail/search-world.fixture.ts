/**
 * For tests: a small world of users, organisations and projects, random events in it of every type, readers of every
 * kind, and the rules of who reads and what matches written a second time, plainly, over the event itself.
 */
import {
  type AuditEvent,
  credentialKinds,
  declarationOf,
  type EventFilter,
  type EventType,
  eventTypes,
  fieldMarks,
  type OnBehalfOf,
  outcomes,
  principalKinds,
  type Scope,
} from '@tallyman/contract';
import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import type { SeededRandom } from '../../../tests/support/seeded-random.ts';
import { type Clock, parseTimeUs } from '../stdx/clock.ts';
import type { EventDraft } from './draft.ts';
import type { Reader, View } from './reader.ts';
import { sealDraft } from './seal.ts';

const idOf = (kind: number, number: number): string =>
  `01930000-0000-7000-8${kind.toString(16).padStart(3, '0')}-${number.toString(16).padStart(12, '0')}`;

export const users = ['alice', 'bob', 'carol', 'dave'].map((name, at) => ({ id: idOf(1, at), name }));
export const organisations = ['acme', 'globex'].map((name, at) => ({ id: idOf(2, at), name }));
export const robots = ['acme+ci', 'alice+bot'].map((name, at) => ({ id: idOf(3, at), name }));
export const namespaces = [
  ...users.map((user) => ({ kind: 'user' as const, ...user })),
  ...organisations.map((organisation) => ({ kind: 'organisation' as const, ...organisation })),
];
export const projects = namespaces.flatMap((namespace, at) =>
  ['app', 'tool'].map((name, number) => ({
    namespace,
    project: {
      format: 'container' as const,
      id: idOf(4, at * 2 + number),
      path: `${namespace.name}/${name}`,
    },
  })),
);

const words = [
  'v1',
  'V2',
  'latest',
  'ÄRGER',
  'naïve 東京',
  'a"b,c',
  '=1+1',
  'x\u0000y',
  "o'hara",
  '100%_done',
  '\n',
];
const addresses = ['10.0.0.7', '10.0.0.8', '192.168.1.1', '2001:db8::1', '2001:db8:1::9', '::1', undefined];
const agents = ['docker/24.0', 'Skopeo/1.9', 'curl/8.1 (x)', undefined];

export function randomDraft(random: SeededRandom, type: EventType = random.pick(eventTypes)): EventDraft {
  const { details, reasons } = declarationOf(type);
  const place = random.pick<Scope>([
    {},
    { namespace: random.pick(namespaces) },
    { namespace: random.pick(namespaces) },
    ...projects.map(({ namespace, project }) => ({ namespace, project })),
  ]);
  const kind = random.pick(principalKinds);
  const who = kind === 'user' ? random.pick(users) : kind === 'robot' ? random.pick(robots) : undefined;
  const ip = random.pick(addresses);
  const userAgent = random.pick(agents);
  const reason = reasons.length > 0 ? random.pick(reasons) : undefined;
  const target = random.pick([
    undefined,
    { kind: 'tag', name: random.pick(words) },
    { kind: 'user', ...random.pick(users) },
    { kind: 'robot', ...random.pick(robots) },
  ]);
  return {
    type,
    by: {
      actor: {
        kind,
        ...(who ?? (random.boolean() ? { name: random.pick(words) } : {})),
        proven: random.next() < 0.7,
      },
      ...(random.next() < 0.3 && {
        onBehalfOf: random.pick<OnBehalfOf>([
          { kind: 'user', ...random.pick(users) },
          { kind: 'ci', name: 'run 7' },
        ]),
      }),
      credential: {
        kind: random.pick(credentialKinds),
        ...(random.boolean() && {
          id: idOf(5, random.integer({ min: 0, max: 5 })),
          name: random.pick(words),
        }),
      },
      request: {
        id: idOf(6, random.integer({ min: 0, max: 20 })),
        protocol: 'http',
        ...(ip !== undefined && { ip }),
        ...(userAgent !== undefined && { userAgent }),
      },
    },
    scope: structuredClone(place),
    ...(target && { target }),
    outcome: reason === undefined ? 'success' : random.pick(outcomes.filter((word) => word !== 'success')),
    ...(reason !== undefined && { reason }),
    details: withoutRepeats(randomValue(details, random)) as never,
  };
}

/** Some details that the type's schema allows. */
export function randomDetails(type: EventType, random: SeededRandom): unknown {
  return withoutRepeats(randomValue(declarationOf(type).details, random));
}

/** Folding is tested by itself; here every event is its own. */
function withoutRepeats(details: unknown): unknown {
  const { repeats: _repeats, ...rest } = details as Record<string, unknown>;
  return rest;
}

function randomValue(schema: z.ZodType, random: SeededRandom): unknown {
  if (schema instanceof z.ZodOptional)
    return random.boolean() ? randomValue(schema.unwrap() as z.ZodType, random) : undefined;
  if (schema instanceof z.ZodObject) {
    const entries = Object.entries(schema.shape).map(([key, inner]) => [
      key,
      key === 'subjectId' ? random.pick(users).id : randomValue(inner as z.ZodType, random),
    ]);
    return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
  }
  if (schema instanceof z.ZodArray) {
    return Array.from({ length: random.integer({ min: 0, max: 2 }) }, () =>
      randomValue(schema.element as z.ZodType, random),
    );
  }
  if (schema instanceof z.ZodEnum) return random.pick(schema.options);
  if (schema instanceof z.ZodBoolean) return random.boolean();
  if (schema instanceof z.ZodString) return random.pick(words);
  return random.integer({ min: 0, max: 9 });
}

/** An event as it was before it was sealed, with its stored bytes. */
export type Made = { event: AuditEvent; body: string; private: string };

export function make(draft: EventDraft, clock: Clock): Made {
  const sealed = sealDraft(draft, clock);
  const event = JSON.parse(sealed.body) as AuditEvent;
  for (const [pointer, entry] of Object.entries(
    JSON.parse(sealed.private) as Record<string, [string, unknown]>,
  )) {
    const keys = pointer.slice(1).split('/');
    const holder = keys
      .slice(0, -1)
      .reduce((at, key) => at[key] as Record<string, unknown>, event as unknown as Record<string, unknown>);
    holder[keys.at(-1) as string] = entry[1];
  }
  return { event, body: sealed.body, private: sealed.private };
}

const none = { ids: [], ofNamespaces: [] };
const nobody: Reader = {
  by: {
    actor: { kind: 'user', proven: true },
    credential: { kind: 'session' },
    request: { id: 'request', protocol: 'http' },
  },
  role: 'person',
  owned: [],
  memberOf: [],
  ownedProjects: none,
  maintainedProjects: none,
};

export function person(name: string, rights: Partial<Reader> = {}): Reader {
  const user = users.find((one) => one.name === name);
  if (!user) throw new Error(`there is no ${name}`);
  const by = { ...nobody.by, actor: { kind: 'user' as const, ...user, proven: true } };
  const { owned = [], ...rest } = rights;
  return { ...nobody, by, principalId: user.id, accountId: user.id, owned: [user.id, ...owned], ...rest };
}

const acme = organisations[0] as { id: string };
const globex = organisations[1] as { id: string };
const acmeProjects = projects
  .filter(({ namespace }) => namespace.id === acme.id)
  .map(({ project }) => project.id);
const bobProject = projects.find(({ namespace }) => namespace.name === 'bob')?.project.id as string;

export const readers: Readonly<Record<string, Reader>> = {
  administrator: person('dave', { role: 'administrator' }),
  auditor: person('dave', { role: 'auditor', owned: [globex.id] }),
  owner: person('alice', { owned: [acme.id] }),
  member: person('bob', { memberOf: [acme.id, globex.id] }),
  'project owner': person('carol', { ownedProjects: { ids: acmeProjects.slice(0, 1), ofNamespaces: [] } }),
  'owner of all projects': person('carol', { ownedProjects: { ids: [], ofNamespaces: [acme.id] } }),
  maintainer: person('carol', {
    memberOf: [acme.id],
    maintainedProjects: { ids: [...acmeProjects.slice(0, 1), bobProject], ofNamespaces: [] },
  }),
  'maintainer of all projects': person('bob', { maintainedProjects: { ids: [], ofNamespaces: [acme.id] } }),
  'reader of a project': person('bob', {
    readableProjects: { ids: acmeProjects.slice(0, 1), ofNamespaces: [globex.id] },
  }),
  stranger: person('dave'),
  robot: { ...nobody, principalId: (robots[0] as { id: string }).id },
  nobody,
};

export const views: readonly View[] = [
  { kind: 'me' },
  { kind: 'administration' },
  ...namespaces.map((namespace) => ({ kind: 'namespace' as const, namespace })),
  ...projects.map(({ namespace, project }) => ({ kind: 'project' as const, namespace, project })),
];

/** `blind`: who was turned away sees their refusal, but not where it stands and why. */
export type Level = 'hidden' | 'names' | 'blind' | 'whole';

/** The rules of design.md section 8, in words that share nothing with audience.ts. */
export function levelOf(event: AuditEvent, reader: Reader, view: View): Level {
  const space = event.scope.namespace?.id;
  const project = event.scope.project?.id;
  const isOwn =
    view.kind === 'me' ||
    (view.kind !== 'administration' && reader.owned.includes(view.namespace.id)) ||
    (view.kind === 'project' &&
      (reader.ownedProjects.ids.includes(view.project.id) ||
        reader.ownedProjects.ofNamespaces.includes(view.namespace.id)));
  if (reader.role !== 'person' && !isOwn) return 'whole';
  const { audience } = declarationOf(event.type as EventType);
  const self = reader.principalId;
  const holds = ({ ids, ofNamespaces }: Reader['ownedProjects']): boolean =>
    project !== undefined && (ids.includes(project) || (space !== undefined && ofNamespaces.includes(space)));
  if (self !== undefined) {
    const mine = event.actor.id === self || event.onBehalfOf?.id === self;
    const turnedAway = event.type.endsWith('.refuse') && event.type !== 'account.sign_in.refuse';
    const knows =
      (space !== undefined && reader.owned.includes(space)) ||
      holds(reader.ownedProjects) ||
      (reader.readableProjects !== undefined && holds(reader.readableProjects)) ||
      (audience === 'project' && (holds(reader.maintainedProjects) || subjectOf(event) === self));
    if (event.actor.proven && mine) return turnedAway && !knows ? 'blind' : 'whole';
    if (!event.actor.proven && event.actor.id === self && audience !== 'system')
      return turnedAway && !knows ? 'blind' : 'whole';
  }
  if (audience === 'system') return 'hidden';
  if (space !== undefined && reader.owned.includes(space)) return 'whole';
  if (holds(reader.ownedProjects)) return 'whole';
  if (audience === 'project' && holds(reader.maintainedProjects)) return 'names';
  if (audience === 'namespace' && space !== undefined && reader.memberOf.includes(space)) return 'names';
  if (audience !== 'project_security' && self !== undefined && subjectOf(event) === self) return 'names';
  return 'hidden';
}

function subjectOf(event: AuditEvent): unknown {
  if (event.target?.kind === 'user') return event.target.id;
  return event.details.subjectKind === 'user' ? event.details.subjectId : undefined;
}

export function isInView(event: AuditEvent, reader: Reader, view: View): boolean {
  if (view.kind === 'administration') return true;
  if (view.kind === 'namespace') return event.scope.namespace?.id === view.namespace.id;
  if (view.kind === 'project') return event.scope.project?.id === view.project.id;
  const { principalId: self, accountId } = reader;
  if (accountId !== undefined && event.scope.namespace?.id === accountId) return true;
  return self !== undefined && [event.actor.id, event.onBehalfOf?.id, subjectOf(event)].includes(self);
}

/** The event without what a reader of this level may not see. */
export function masked(event: AuditEvent, level: Level): AuditEvent {
  const copy = structuredClone(event);
  if (level === 'whole') return copy;
  const place = [
    'scope/namespace',
    'scope/project',
    'target',
    'reason',
    'details/roleHeld',
    'details/roleNeeded',
  ];
  const blinded = [...place, 'details/subject'].map((path) => `/${path}`);
  const restricted = fieldMarks(declarationOf(event.type as EventType)).restricted;
  for (const pointer of level === 'blind' ? blinded : restricted) {
    const keys = pointer.slice(1).split('/');
    let holder = copy as unknown as Record<string, unknown> | undefined;
    for (const key of keys.slice(0, -1)) holder = holder?.[key] as Record<string, unknown> | undefined;
    if (holder) delete holder[keys.at(-1) as string];
  }
  return copy;
}

/** Whether the filter matches, given only what the reader may see: so a match can never tell more than the event does. */
export function matches(seen: AuditEvent, filter: EventFilter, level: Level): boolean {
  const either = (asked: readonly string[] | undefined, ...values: (string | undefined)[]): boolean =>
    asked === undefined || asked.some((value) => values.includes(clean(value)));
  const us = parseTimeUs(seen.occurredAt) as number;
  const { actor, onBehalfOf, credential, scope, target, request } = seen;
  return (
    (filter.type === undefined ||
      filter.type.some((type) => (type.endsWith('.') ? seen.type.startsWith(type) : seen.type === type))) &&
    either(filter.actor, actor.id, clean(actor.name)) &&
    either(filter.actorKind, actor.kind) &&
    either(filter.onBehalfOf, onBehalfOf?.id, clean(onBehalfOf?.name)) &&
    either(filter.credential, credential.id) &&
    either(filter.credentialKind, credential.kind) &&
    either(filter.namespace, scope.namespace?.id, scope.namespace?.name) &&
    either(filter.project, scope.project?.id, scope.project?.path) &&
    either(filter.target, target?.id, clean(target?.name)) &&
    either(filter.targetKind, target?.kind) &&
    either(filter.outcome, seen.outcome) &&
    either(filter.reason, seen.reason) &&
    either(filter.requestId, request.id) &&
    either(filter.cause, seen.cause) &&
    (filter.ip === undefined || filter.ip.some((range) => isWithin(request.ip, range))) &&
    (filter.userAgent === undefined ||
      filter.userAgent.some((part) =>
        (request.userAgent ?? '').toLowerCase().includes(part.toLowerCase()),
      )) &&
    (filter.from === undefined || us >= (parseTimeUs(filter.from) as number)) &&
    (filter.to === undefined || us < (parseTimeUs(filter.to) as number)) &&
    (filter.text === undefined ||
      filter.text
        .split(/\s+/)
        .every((term) =>
          textsOf(seen, level).some((text) => text.includes(clean(term.toLowerCase()) as string)),
        ))
  );
}

function clean(text: string | undefined): string | undefined {
  return text?.replaceAll('\0', '\uFFFD');
}

function isWithin(ip: string | undefined, range: string): boolean {
  if (ip === undefined) return false;
  const [network, bits] = range.includes('/')
    ? ipaddr.parseCIDR(range)
    : [ipaddr.process(range), ipaddr.process(range).kind() === 'ipv6' ? 128 : 32];
  const address = ipaddr.parse(ip);
  return address.kind() === network.kind() && address.match(network as never, bits);
}

/** The words of a refusal are searched as a whole, so where its place is hidden, only its restricted texts are. */
function textsOf(event: AuditEvent, level: Level): string[] {
  if (level === 'blind') {
    const { repeats } = event.details as { repeats?: { samples?: string[] } };
    const own = [event.request.ip, event.request.userAgent, ...(repeats?.samples ?? [])];
    return own.filter((text) => text !== undefined).map((text) => clean(text.toLowerCase()) as string);
  }
  const found: string[] = [event.type, event.reason ?? ''];
  const walk = (value: unknown): void => {
    if (typeof value === 'string') found.push(value);
    else if (typeof value === 'object' && value !== null)
      for (const inner of Object.values(value)) walk(inner);
  };
  const { actor, onBehalfOf, credential, scope, target, request, details } = event;
  walk([actor.name, onBehalfOf?.name, credential.name, credential.fingerprint, scope.namespace?.name]);
  walk([scope.project?.path, target?.name, request.ip, request.userAgent, details]);
  return found.map((text) => clean(text.toLowerCase()) as string);
}

/** One to three random conditions, most of which some event meets. */
export function randomFilter(random: SeededRandom, made: readonly Made[]): EventFilter {
  const { event } = random.pick(made);
  const other = random.pick(made).event;
  const all: EventFilter[] = [
    { type: [event.type] },
    { type: [`${event.type.split('.').slice(0, 2).join('.')}.`, other.type] },
    { actor: [event.actor.id ?? event.actor.name ?? 'nobody', 'nobody'] },
    { actor: [event.actor.name ?? 'nobody'] },
    { actorKind: [event.actor.kind] },
    { onBehalfOf: [event.onBehalfOf?.id ?? 'run 7'] },
    { onBehalfOf: [event.onBehalfOf?.name ?? 'alice'] },
    { credential: [event.credential.id ?? 'none', other.credential.id ?? 'none'] },
    { credentialKind: [event.credential.kind] },
    { namespace: [event.scope.namespace?.name ?? 'acme'] },
    { namespace: [event.scope.namespace?.id ?? acme.id, 'globex'] },
    { project: [event.scope.project?.path ?? 'acme/app'] },
    { project: [event.scope.project?.id ?? bobProject] },
    { target: [event.target?.id ?? event.target?.name ?? 'v1'] },
    { targetKind: [event.target?.kind ?? 'tag'] },
    { outcome: [event.outcome] },
    ...(event.reason === undefined ? [] : [{ reason: [event.reason] }]),
    { requestId: [event.request.id] },
    { ip: [event.request.ip ?? '10.0.0.7'] },
    {
      ip: [
        random.pick([
          '10.0.0.0/8',
          '0.0.0.0/0',
          '::/0',
          '2001:db8::/32',
          '192.168.0.0/16',
          '::ffff:10.0.0.7',
        ]),
      ],
    },
    { userAgent: [random.pick(['DOCKER', 'curl/8.1 (X)', '/', 'nothing'])] },
    { from: event.occurredAt },
    { to: event.occurredAt },
    {
      text: random.pick([
        'v1',
        'LATEST',
        'ärger',
        '東京',
        '10.0.0',
        'docker',
        '100%_d',
        "o'hara",
        'alice',
        'nothing',
      ]),
    },
  ];
  const picked = random.shuffle(all).slice(0, random.integer({ min: 1, max: 3 }));
  const filter = Object.assign({}, ...picked) as EventFilter;
  if (filter.from !== undefined && filter.to === filter.from) delete filter.to;
  return filter;
}
