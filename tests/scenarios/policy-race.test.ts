/**
 * Policies change while tags are pushed, deleted and unlocked, all at once: no push slips past a policy. The log alone
 * says which policies held at each of its places, and every push, lock and refusal must have been judged by just those.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuditEvent } from '@tallyman/contract';
import { requireSound } from '../support/durable-state.ts';
import { requireClean } from '../support/fsck.ts';
import { createManagement } from '../support/management.ts';
import { pushImage, putManifest, type SmallImage, smallImage } from '../support/registry-client.ts';
import { createSeededRandom, type SeededRandom } from '../support/seeded-random.ts';
import { startTestServer, type TestServer, testEngines } from '../support/server.ts';
import { waitFor } from '../support/wait-for.ts';
import { createWire, type Wire } from '../support/wire.ts';

const patterns = ['v.*', 'v[0-4].*', 'r.*', '.*7', 'latest', 'v1|r1', 'no-.*'];
const tagNames = ['latest', ...[...Array(20).keys()].flatMap((n) => [`v${n}`, `r${n}`])];

type Policy = {
  id: string;
  projectId: string;
  version: number;
  pattern: string;
  matches: boolean;
  /** The count of changes since which it is as it is. */
  since: number;
};
type Tag = { name: string; projectId: string; locked: boolean; exempt: number };
/** What the events up to some place of the log say. */
type Told = { mark: number; policies: Policy[]; tags: Map<string, Tag> };

/** Those that call for the lock of a name: the project's own before the namespace's, then the oldest. */
function hitsOf(told: Told, tag: Pick<Tag, 'name' | 'projectId'>, exempt: number): Policy[] {
  const hits = ({ pattern, matches, since }: Policy): boolean =>
    new RegExp(`^(?:${pattern})$`).test(tag.name) === matches && since > exempt;
  const of = (projectId: string): Policy[] =>
    told.policies.filter((policy) => policy.projectId === projectId && hits(policy));
  return [...of(tag.projectId), ...of('')];
}

type Locking = { trigger: string; policy: { id: string; version: number }; hits?: { id: string }[] };

function requireDecided(locking: Locking | undefined, hits: readonly Policy[], event: AuditEvent): void {
  const [decisive, ...others] = hits;
  const at = `${event.type} of ${String(event.details.tag)}, event ${event.id}`;
  assert.deepEqual(
    locking && [locking.policy.id, locking.policy.version],
    decisive && [decisive.id, decisive.version],
    at,
  );
  const named = others.length === 0 ? undefined : hits.map(({ id }) => id);
  assert.deepEqual(
    locking?.hits?.map(({ id }) => id),
    named,
    at,
  );
}

/** Goes through the log and holds each decision against what held at its place. */
function judge(events: readonly AuditEvent[]): Told {
  const told: Told = { mark: 0, policies: [], tags: new Map() };
  for (const event of events) {
    if (event.outcome !== 'success') continue;
    if (event.type.startsWith('policy.immutability.')) changePolicies(told, event);
    else if (event.type.startsWith('container.tag.')) judgeTag(told, event);
  }
  return told;
}

function changePolicies(told: Told, { type, details, scope }: AuditEvent): void {
  if (type.endsWith('.preview')) return;
  told.mark++;
  const id = String(details.policyId);
  const now = (value: unknown) => (value as { to?: unknown } | undefined)?.to ?? value;
  const before = told.policies.find((policy) => policy.id === id);
  if (type.endsWith('.delete')) told.policies = told.policies.filter((policy) => policy !== before);
  if (!type.endsWith('.create') && !type.endsWith('.change')) return;
  const [version, pattern, matches] = [details.version, details.pattern, details.matches].map(now);
  const state = { version, pattern, matches } as Pick<Policy, 'version' | 'pattern' | 'matches'>;
  if (before === undefined)
    told.policies.push({ id, projectId: scope.project?.id ?? '', ...state, since: told.mark });
  else Object.assign(before, state, { since: told.mark });
}

function judgeTag(told: Told, event: AuditEvent): void {
  const { details, type, scope } = event;
  const tag = { name: String(details.tag), projectId: scope.project?.id ?? '' };
  const key = `${tag.projectId} ${tag.name}`;
  const before = told.tags.get(key);
  if (type === 'container.tag.create' || type === 'container.tag.move') {
    // What a policy calls for is refused from its acceptance on, also where its run has yet to come.
    const guarding = before === undefined ? [] : hitsOf(told, tag, before.exempt);
    assert.deepEqual([before?.locked ?? false, guarding], [false, []], `${type} of ${tag.name} slipped past`);
    const hits = hitsOf(told, tag, 0);
    requireDecided(details.immutability as Locking | undefined, hits, event);
    told.tags.set(key, { ...tag, locked: hits.length > 0, exempt: 0 });
    return;
  }
  assert.ok(before !== undefined, `${type} of no tag`);
  if (type === 'container.tag.lock') {
    requireDecided(details as Locking, hitsOf(told, tag, before.exempt), event);
    told.tags.set(key, { ...tag, locked: true, exempt: 0 });
  } else if (type === 'container.tag.unlock') {
    told.tags.set(key, { ...tag, locked: false, exempt: told.mark });
  } else if (type === 'container.tag.delete') {
    const guarding = hitsOf(told, tag, before.exempt);
    assert.deepEqual([before.locked, guarding], [false, []], `a deletion of ${tag.name} slipped past`);
    told.tags.delete(key);
  }
}

type Racing = { wire: Wire; authorization: string; namespace: string; images: SmallImage[] };
type Counts = Record<string, number>;

function count(counts: Counts, what: string, status: number): void {
  counts[`${what} ${status}`] = (counts[`${what} ${status}`] ?? 0) + 1;
}

async function moveTags({ wire, authorization, namespace, images }: Racing, random: SeededRandom) {
  const counts: Counts = {};
  for (let round = 0; round < 60; round++) {
    const project = `${namespace}/${random.pick(['one', 'two'])}`;
    const tag = random.pick(tagNames);
    const of = `/api/v1/projects/container/${encodeURIComponent(project)}/tags/${tag}`;
    const headers = { authorization };
    const next = random.next();
    if (next < 0.8) {
      const push = { project, reference: tag, manifest: random.pick(images).manifest };
      count(counts, 'push', (await putManifest(wire, push, headers)).status);
    } else if (next < 0.9)
      count(counts, 'delete', (await wire.send({ method: 'DELETE', path: of, headers })).status);
    else {
      const json = { reason: 'as it happens' };
      const answer = await wire.send({ method: 'POST', path: `${of}/unlock`, headers, json });
      count(counts, 'unlock', answer.status);
    }
  }
  return counts;
}

async function changeThem({ wire, authorization, namespace }: Racing, random: SeededRandom) {
  const counts: Counts = {};
  const made: string[] = [];
  const ask = (method: string, path: string, json?: unknown) =>
    wire.send({ method, path, headers: { authorization }, json });
  for (let round = 0; round < 25; round++) {
    const project = encodeURIComponent(`${namespace}/${random.pick(['one', 'two'])}`);
    const on = random.boolean() ? `namespaces/${namespace}` : `projects/container/${project}`;
    const json = { pattern: random.pick(patterns), matches: random.next() < 0.9 };
    const next = random.next();
    if (made.length === 0 || next < 0.4) {
      const path = `/api/v1/${on}/immutability-policies`;
      const answer = await ask('POST', path, json);
      if (answer.status === 201) made.push(`${path}/${(answer.json() as { id: string }).id}`);
      count(counts, 'create', answer.status);
    } else {
      const path = random.pick(made);
      if (next < 0.6) count(counts, 'change', (await ask('PUT', path, { ...json, description: '' })).status);
      else if (next < 0.75)
        count(counts, 'release', (await ask('POST', `${path}/release`, { reason: 'no more' })).status);
      else {
        count(counts, 'drop', (await ask('DELETE', path)).status);
        made.splice(made.indexOf(path), 1);
      }
    }
  }
  return counts;
}

async function runsDone(server: TestServer, wire: Wire, namespace: string): Promise<void> {
  const admin = createManagement(wire, server.adminAuth.basic);
  const places = [
    `namespaces/${namespace}`,
    ...['one', 'two'].map((name) => `projects/container/${encodeURIComponent(`${namespace}/${name}`)}`),
  ];
  for (const place of places)
    await waitFor(
      `the runs of ${place}`,
      async () => {
        const page = await admin.call('GET', `/${place}/immutability-policies`);
        const { items } = page as unknown as { items: { run: { state: string } | null }[] };
        return items.every(({ run }) => run?.state !== 'running');
      },
      { timeoutMs: 60_000 },
    );
}

for (const { engine, skip } of testEngines()) {
  test(`no push slips past a policy that is changed meanwhile, on ${engine}`, { skip }, async () => {
    await using server = await startTestServer({ engine });
    using wire = createWire(server.url);
    const { basic: authorization, username: namespace } = server.adminAuth;
    const images = [smallImage(), smallImage(), smallImage()];
    for (const name of ['one', 'two'])
      for (const [at, image] of images.entries())
        await pushImage(wire, { project: `${namespace}/${name}`, tag: `v${at}`, image }, { authorization });
    const racing = { wire, authorization, namespace, images };
    const counts = await Promise.all([
      ...[1, 2, 3, 4, 5, 6].map((seed) => moveTags(racing, createSeededRandom(seed))),
      ...[7, 8, 9].map((seed) => changeThem(racing, createSeededRandom(seed))),
    ]);
    // A client is answered what it asked for, or a conflict, or that it is not there: nothing broke.
    const statuses = new Set(counts.flatMap((one) => Object.keys(one).map((key) => key.split(' ')[1])));
    assert.deepEqual(
      [...statuses].filter((status) => !['200', '201', '204', '404', '409'].includes(String(status))),
      [],
    );
    await runsDone(server, wire, namespace);
    await server.stop();
    const { events } = await requireSound(server);
    const told = judge(events);
    const open = [...told.tags.values()].filter((tag) => !tag.locked);
    for (const tag of open) assert.deepEqual(hitsOf(told, tag, tag.exempt), [], `${tag.name} stands open`);
    const born = events.filter(({ details }) => details.immutability !== undefined);
    const locked = events.filter(({ type }) => type === 'container.tag.lock');
    assert.ok(born.length > 5 && locked.length > 5, `${born.length} born locked, ${locked.length} locked`);
    await requireClean(server);
  });
}
