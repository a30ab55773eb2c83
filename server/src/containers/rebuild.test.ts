/**
 * Completeness: whatever is done to projects, tags and policies, in whatever order, the events alone tell which tags exist,
 * where they point and ever pointed, when they end, whether they are locked and why, and which policies there are. It must
 * equal the tables.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AuditEvent } from '@tallyman/contract';
import { engines } from '../../../tests/support/house.ts';
import { createSeededRandom, type SeededRandom } from '../../../tests/support/seeded-random.ts';
import { AppError } from '../domain/error.ts';
import { changePolicy, createPolicy, deletePolicy, releasePolicy } from '../policies/policies.ts';
import { formatUs } from '../stdx/clock.ts';
import { deleteManifest } from './deletion.ts';
import { expireTags } from './expiry.ts';
import { lockTag, unlockTag } from './locks.ts';
import {
  imageOf,
  pushBlob,
  pushImage,
  putManifest,
  type Registry,
  startRegistry,
  system,
} from './registry.fixture.ts';
import { deleteTag, restoreTag, retag, setTagExpiry } from './tags.ts';

const tagNames = ['latest', 'v1', 'v2', 'v1.0', 'rc', 'old'];
const patterns = ['v.*', 'latest', '.*', 'v1', 'rc|old', 'v[0-9]'];
const projects = ['alice/app', 'alice/web'];

type Lock = { trigger: string; eventId: string; policyId: string | null; version: number | null };
type Tag = {
  digest: string;
  eventId: string;
  expiresAt: string | null;
  lock: Lock | null;
  unlockId: string | null;
};
type Policy = { version: number; pattern: string; matches: boolean };
/** From which event to which it pointed there. */
type State = { digest: string; from: string; to: string | null };
type Told = { tags: Map<string, Tag>; policies: Map<string, Policy>; history: Map<string, State[]> };

/** From the events alone. */
function rebuild(events: readonly AuditEvent[]): Told {
  const told: Told = { tags: new Map(), policies: new Map(), history: new Map() };
  for (const event of events) {
    if (event.outcome !== 'success') continue;
    const project = event.scope.project?.id ?? '';
    if (event.type === 'project.entry.delete') {
      for (const about of [told.tags, told.history])
        for (const key of about.keys()) if (key.startsWith(project)) about.delete(key);
    } else if (event.type.startsWith('container.tag.')) {
      applyToTag(told.tags, `${project} ${String(event.details.tag)}`, event);
      applyToHistory(told.history, `${project} ${String(event.details.tag)}`, event);
    } else if (event.type.startsWith('policy.immutability.')) applyToPolicy(told.policies, event);
  }
  return told;
}

function applyToTag(tags: Map<string, Tag>, key: string, event: AuditEvent): void {
  const { details, id } = event;
  const before = tags.get(key) as Tag;
  switch (event.type) {
    case 'container.tag.create':
    case 'container.tag.move': {
      const lock = lockOf(details.immutability as Locking | undefined, id);
      const kept = before === undefined || lock !== null ? null : before.expiresAt;
      const digest = String(details.to ?? details.digest);
      tags.set(key, { digest, eventId: id, expiresAt: kept, lock, unlockId: null });
      return;
    }
    case 'container.tag.delete':
      tags.delete(key);
      return;
    case 'container.tag.expire':
      tags.set(key, { ...before, expiresAt: (details.to as string | undefined) ?? null });
      return;
    case 'container.tag.lock':
      assert.equal(details.previous, before.lock === null ? 'unlocked' : 'locked');
      assert.equal(details.expiryCleared, before.expiresAt ?? undefined);
      tags.set(key, { ...before, expiresAt: null, lock: lockOf(details as Locking, id), unlockId: null });
      return;
    case 'container.tag.unlock':
      assert.equal((details.lock as { eventId: string }).eventId, before.lock?.eventId);
      tags.set(key, { ...before, lock: null, unlockId: id });
  }
}

function applyToHistory(history: Map<string, State[]>, key: string, { type, details, id }: AuditEvent): void {
  const begins = type === 'container.tag.create' || type === 'container.tag.move';
  if (!begins && type !== 'container.tag.delete') return;
  const states = history.get(key) ?? [];
  const last = states.at(-1);
  if (last !== undefined && last.to === null) last.to = id;
  if (begins) states.push({ digest: String(details.to ?? details.digest), from: id, to: null });
  history.set(key, states);
  if (details.restores !== undefined)
    assert.ok(
      states.some(({ from, digest }) => from === details.restores && digest === states.at(-1)?.digest),
      'an event names what it goes back to',
    );
}

type Locking = { trigger: string; policy?: { id: string; version: number } };

function lockOf(told: Locking | undefined, eventId: string): Lock | null {
  if (told === undefined) return null;
  const { trigger, policy } = told;
  return { trigger, eventId, policyId: policy?.id ?? null, version: policy?.version ?? null };
}

function applyToPolicy(policies: Map<string, Policy>, { type, details }: AuditEvent): void {
  const id = String(details.policyId);
  const now = (value: unknown) => (value as { to?: unknown } | undefined)?.to ?? value;
  if (type.endsWith('.delete')) policies.delete(id);
  else if (type.endsWith('.create') || type.endsWith('.change'))
    policies.set(id, {
      version: now(details.version) as number,
      pattern: now(details.pattern) as string,
      matches: now(details.matches) as boolean,
    });
}

async function stored({ db }: Registry): Promise<Told> {
  const rows = await db.read.q
    .selectFrom('tag as t')
    .innerJoin('project as p', 'p.id', 't.project_id')
    .selectAll('t')
    .where('p.deleted_at', 'is', null)
    .execute();
  const tags = rows.map((row): [string, Tag] => [
    `${row.project_id} ${row.name}`,
    {
      digest: row.digest,
      eventId: row.event_id,
      expiresAt: row.expires_at === null ? null : formatUs(row.expires_at),
      lock:
        row.lock_trigger === null
          ? null
          : {
              trigger: row.lock_trigger,
              eventId: String(row.lock_event_id),
              policyId: row.lock_policy_id,
              version: row.lock_policy_version,
            },
      unlockId: row.unlock_event_id,
    },
  ]);
  const policies = await db.read.q
    .selectFrom('immutability_policy')
    .select(['id', 'version', 'pattern', 'matches'])
    .where('deleted_at', 'is', null)
    .execute();
  const states = await db.read.q
    .selectFrom('tag_history as h')
    .innerJoin('project as p', 'p.id', 'h.project_id')
    .selectAll('h')
    .where('p.deleted_at', 'is', null)
    .orderBy('h.from_at')
    .execute();
  const history = Map.groupBy(states, (row) => `${row.project_id} ${row.name}`);
  return {
    history: new Map(
      [...history].map(([key, rows]) => [
        key,
        rows.map((row) => ({ digest: row.digest, from: row.from_event_id, to: row.to_event_id })),
      ]),
    ),
    tags: new Map(tags),
    policies: new Map(policies.map(({ id, matches, ...row }) => [id, { ...row, matches: matches === 1 }])),
  };
}

async function open(engine: 'sqlite' | 'postgres', random: SeededRandom) {
  const registry = await startRegistry(engine);
  const paths = [...projects];
  const alice = await registry.addUser('alice');
  const namespace = (await registry.access.findNamespace('alice')) ?? assert.fail();
  const digests: Awaited<ReturnType<typeof pushImage>>[] = [];
  for (const path of paths)
    for (const config of ['one', 'two'])
      digests.push(await pushImage(registry, { path, auth: alice.auth, tag: config }, { config }));
  const policies: { id: string; projectId: string }[] = [];
  const on = async () => {
    const project = await registry.access.findProject('container', random.pick(paths));
    const scope = registry.access.scopeOf(namespace, project);
    return { by: system, projectId: project?.id ?? '', scope, tag: random.pick(tagNames) };
  };
  const placed = async () => {
    const { scope, projectId } = await on();
    const wide = random.boolean();
    return { by: system, place: { namespaceId: namespace.id, projectId: wide ? '' : projectId, scope } };
  };
  const some = async () => {
    const { id, projectId } = random.pick(policies);
    return { by: system, place: { namespaceId: namespace.id, projectId, scope: {} }, id };
  };
  const words = () => ({
    pattern: random.pick(patterns),
    matches: random.integer({ min: 0, max: 9 }) > 0,
    description: '',
  });
  const soon = () => registry.clock.nowUs() + random.integer({ min: 1, max: 5_000_000 });
  const steps: (() => Promise<unknown>)[] = [
    async () => retag(registry, { ...(await on()), digest: random.pick(digests) }),
    async () => retag(registry, { ...(await on()), digest: random.pick(digests) }),
    async () => retag(registry, { ...(await on()), digest: random.pick(digests) }),
    async () => restoreTag(registry, { ...(await on()), digest: random.pick(digests) }),
    async () => deleteTag(registry, await on()),
    async () => setTagExpiry(registry, { ...(await on()), expiresAtUs: random.boolean() ? soon() : null }),
    async () => expireTags(registry),
    async () => registry.clock.advanceMs(2_000),
    async () => lockTag(registry, { ...(await on()), note: undefined }),
    async () => unlockTag(registry, { ...(await on()), reason: 'as it happens' }),
    async () => unlockTag(registry, { ...(await on()), reason: 'as it happens' }),
    async () => deleteManifest(registry, { ...(await on()), digest: random.pick(digests) }),
    async () => {
      const to = { path: random.pick(paths), auth: alice.auth, reference: random.pick(tagNames) };
      await putManifest(registry, to, imageOf(random.pick(['one', 'two'])));
    },
    async () => {
      const to = { path: random.pick(paths), auth: alice.auth };
      for (const config of ['one', 'two']) await pushBlob(registry, to, config);
      const reference = random.pick(tagNames);
      await putManifest(registry, { ...to, reference }, imageOf(random.pick(['one', 'two'])));
    },
    // What a policy or a person locked keeps it from going. Its name stays reserved; the next one has another.
    async () => {
      const path = random.pick(paths);
      if (await registry.access.findProject('container', path)) await registry.remove(path);
      paths[paths.indexOf(path)] = `${path}-again`;
    },
    async () => {
      const { place, by } = await placed();
      const { id, projectId } = await createPolicy(registry, { by, place, words: words() });
      policies.push({ id, projectId });
    },
    async () => changePolicy(registry, { ...(await some()), words: words() }),
    async () => deletePolicy(registry, await some()),
    async () => releasePolicy(registry, { ...(await some()), reason: 'as it happens' }),
    async () => registry.jobs.settle(),
    async () => registry.jobs.settle(),
  ];
  return { registry, steps };
}

for (const { engine, skip } of engines) {
  describe(`what the events tell on ${engine}`, { skip }, () => {
    for (const seed of engine === 'sqlite' ? [1, 2, 3, 4] : [5]) {
      test(`is what there is (seed ${seed})`, async () => {
        const random = createSeededRandom(seed);
        const { registry, steps } = await open(engine, random);
        await using _ = registry;
        const refused = new Map<string, number>();
        for (let at = 0; at < 250; at++) {
          try {
            await random.pick(steps)();
          } catch (error) {
            // What is not there, not allowed or refused by a lock changes nothing.
            if (!(error instanceof AppError) && !/pick needs/.test(String(error))) throw error;
            const reason = error instanceof AppError ? String(error.reason) : 'nothing to pick';
            refused.set(reason, (refused.get(reason) ?? 0) + 1);
          }
          if (at % 50 === 49) assert.deepEqual(rebuild(await registry.events()), await stored(registry));
        }
        assert.ok((refused.get('tag_immutable') ?? 0) > 5, JSON.stringify([...refused]));
        const types = new Set((await registry.events()).map(({ type }) => type));
        if (engine === 'sqlite' && seed === 1) assert.ok(types.has('project.entry.delete'));
        for (const verb of ['create', 'move', 'delete', 'lock', 'unlock'])
          assert.ok(types.has(`container.tag.${verb}`), verb);
      });
    }
  });
}
