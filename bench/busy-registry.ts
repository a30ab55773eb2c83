/**
 * The events of a busy registry over months, by the million: who acts and where follows Zipf's law, one block of events
 * in eight happens in the same microsecond, and every type of the catalogue occurs in about the share it has in life.
 * Sealing ten million events takes long, so some ten thousand are sealed and each is used many times over, with an id and
 * times of its own: the commitments stay true, for neither is committed to.
 */
import { createHash } from 'node:crypto';
import { declarationOf, type EventType, eventTypes, type Scope } from '@tallyman/contract';
import type { SealedEvent } from '../server/src/db/store.ts';
import { formatUs, manualClock } from '../server/src/stdx/clock.ts';
import type { EventDraft } from '../server/src/trail/draft.ts';
import { type ProjectedRow, projectRow, uuidBytes } from '../server/src/trail/projected-row.ts';
import { sealDraft } from '../server/src/trail/seal.ts';
import { randomDetails } from '../server/src/trail/search-world.fixture.ts';
import { createSeededRandom, type SeededRandom } from '../tests/support/seeded-random.ts';

export const registrySize = { organisations: 500, projects: 20_000, users: 20_000 } as const;
/** The first event; from there on one each `gapUs`, so ten million last 400 days. */
export const beginUs = Date.UTC(2025, 8, 1) * 1_000;
export const gapUs = 3_456_000;
const burst = 64;

/** Types by how many in 100,000 events they are; what is not named shares the rest. */
const shares: Partial<Record<EventType, number>> = {
  'container.manifest.pull': 68_000,
  'container.blob.pull': 3_000,
  'container.blob.upload': 9_000,
  'container.manifest.push': 4_000,
  'container.tag.create': 2_500,
  'container.tag.move': 2_500,
  'account.sign_in.succeed': 5_000,
  'account.sign_in.refuse': 2_000,
  'container.pull.refuse': 1_500,
  'container.push.refuse': 700,
  'token.access.create': 300,
  'project.entry.create': 200,
  'container.tag.delete': 200,
  [rareType()]: 100,
  [veryRareType()]: 10,
};

/** One in a thousand events, and one in ten thousand. */
export function rareType(): EventType {
  return 'project.visibility.change';
}

export function veryRareType(): EventType {
  return 'container.tag.expire';
}

export const idOf = (kind: string, at: number): string => {
  const hex = createHash('sha256').update(`${kind}${at}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
};
export const organisationOf = (at: number) => ({
  kind: 'organisation' as const,
  id: idOf('organisation', at),
  name: `organisation-${at}`,
});
/** Each belongs to one organisation; the busiest have the most. */
export const projectOf = (at: number) => {
  const namespace = organisationOf(at % registrySize.organisations);
  return {
    namespace,
    project: {
      format: 'container' as const,
      id: idOf('project', at),
      path: `${namespace.name}/service-${at}`,
    },
  };
};
export const userOf = (at: number) => ({ id: idOf('user', at), name: `user-${at}` });
export const addressOf = (user: number): string =>
  `10.${user % 200}.${(user >> 3) % 250}.${1 + (user % 250)}`;

const agents = [
  'skopeo/1.9.3',
  'containers/5.23.1 (github.com/containers/image)',
  'docker/28.2.2 go/go1.24.3 os/linux arch/amd64',
  'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0',
];

/** Ranks 0, 1, 2, … with weights 1, 1/2^s, 1/3^s, … */
function zipf(size: number, s: number): (random: SeededRandom) => number {
  const sums = new Float64Array(size);
  let sum = 0;
  for (let at = 0; at < size; at++) {
    sum += 1 / (at + 1) ** s;
    sums[at] = sum;
  }
  return (random) => {
    const wanted = random.next() * sum;
    let low = 0;
    for (let high = size - 1; low < high; ) {
      const middle = (low + high) >> 1;
      if ((sums[middle] as number) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

const pickOrganisation = zipf(registrySize.organisations, 1.06);
const pickWithin = zipf(registrySize.projects / registrySize.organisations, 1);
const pickUser = zipf(registrySize.users, 0.9);

function typePicker(): (random: SeededRandom) => EventType {
  const named = Object.values(shares).reduce((sum, share) => sum + share, 0);
  const others = eventTypes.filter((type) => shares[type] === undefined);
  const weights = eventTypes.map((type) => shares[type] ?? (100_000 - named) / others.length);
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  return (random) => {
    let wanted = random.next() * all;
    for (let at = 0; at < weights.length; at++) {
      wanted -= weights[at] as number;
      if (wanted < 0) return eventTypes[at] as EventType;
    }
    return 'container.manifest.pull';
  };
}

function draftOf(type: EventType, random: SeededRandom): EventDraft {
  const { audience, reasons } = declarationOf(type);
  const actor = pickUser(random);
  const { namespace, project } = projectOf(
    pickWithin(random) * registrySize.organisations + pickOrganisation(random),
  );
  const own = { namespace: { kind: 'user' as const, ...userOf(actor) } };
  const isAccount = type.startsWith('account.') || type.startsWith('token.');
  const scope: Scope =
    audience === 'system'
      ? {}
      : isAccount
        ? own
        : audience === 'account'
          ? { namespace }
          : { namespace, project };
  const digest = `sha256:${createHash('sha256').update(project.id).digest('hex')}`;
  const isPull = type === 'container.manifest.pull';
  const reason = reasons.length === 0 ? undefined : random.pick(reasons);
  return {
    type,
    by: {
      actor: { kind: 'user', ...userOf(actor), proven: type !== 'account.sign_in.refuse' },
      credential: { kind: 'access_token', id: idOf('token', actor), name: `laptop-${actor}` },
      request: {
        id: idOf('request', random.integer({ min: 0, max: 0x7fffffff })),
        ip: addressOf(actor),
        method: 'GET',
        protocol: 'http',
        route: '/v2/{name}/manifests/{reference}',
        status: 200,
        userAgent: random.pick(agents),
      },
    },
    scope,
    ...(type.startsWith('container.') && { target: { id: digest, kind: 'manifest' } }),
    ...(reason !== undefined && { reason, outcome: 'denied' }),
    details: isPull
      ? {
          by: 'tag',
          digest,
          mediaType: 'application/vnd.oci.image.manifest.v1+json',
          reference: `v1.${actor % 30}`,
        }
      : randomDetails(type, random),
  } as EventDraft;
}

/** A body cut where id and times stand. */
type Template = { parts: readonly string[]; fields: string };

export type BusyRegistry = {
  /** The same event for the same index, in whatever order they are asked for. */
  at(index: number): SealedEvent;
  /** Its row in the search projection; what events of one draft share is projected once. */
  rowAt(index: number): ProjectedRow;
};

export function busyRegistry(templates = 50_000, seed = 1): BusyRegistry {
  const random = createSeededRandom(seed);
  const pickType = typePicker();
  const clock = manualClock();
  const made = Array.from({ length: templates }, (): Template => {
    const sealed = sealDraft(draftOf(pickType(random), random), clock);
    const { id, occurredAt } = JSON.parse(sealed.body) as { id: string; occurredAt: string };
    const marked = sealed.body.replace(id, '\n').replaceAll(`"${occurredAt}"`, '"\n"');
    return { parts: marked.split('\n'), fields: sealed.private };
  });
  const rows = new Map<Template, ProjectedRow>();
  const templateAt = (index: number): Template => made[scatter(index) % made.length] as Template;
  return {
    rowAt(index) {
      const template = templateAt(index);
      let row = rows.get(template);
      if (!row) {
        const { body, private: fields } = this.at(index);
        row = projectRow({ idx: index, body, fields });
        rows.set(template, row);
      }
      const occurredUs = timeOf(index);
      return { ...row, idx: index, id: uuidBytes(idAt(index, occurredUs)) as Buffer, occurredUs };
    },
    at(index) {
      const { parts, fields } = templateAt(index);
      const us = timeOf(index);
      const time = formatUs(us);
      const id = idAt(index, us);
      return { body: `${parts[0]}${id}${parts[1]}${time}${parts[2]}${time}${parts[3]}`, private: fields };
    },
  };
}

/** Every eighth block of events occurs at once. */
export function timeOf(index: number): number {
  const block = Math.floor(index / burst);
  return beginUs + (scatter(block) % 8 === 0 ? block * burst : index) * gapUs;
}

function idAt(index: number, us: number): string {
  const ms = Math.floor(us / 1000)
    .toString(16)
    .padStart(12, '0');
  const rest = index.toString(16).padStart(12, '0');
  return `${ms.slice(0, 8)}-${ms.slice(8)}-7${rest.slice(-3)}-8000-${rest}`;
}

/** An integer hash (Knuth's multiplication, then its high bits mixed in). */
function scatter(value: number): number {
  const mixed = Math.imul(value ^ (value >>> 15), 0x9e3779b1) >>> 0;
  return (Math.imul(mixed ^ (mixed >>> 13), 0x85ebca6b) ^ (mixed >>> 16)) >>> 0;
}
