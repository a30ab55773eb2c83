/** Immutability policies and locks over REST. Policies are a room of their own; tags are the container host's, handed in. */
import type { PolicyInFull, PolicyPreview, PolicyRun, Scope, WhyImmutable } from '@tallyman/contract';
import type { Namespace, Project } from '../access/model.ts';
import { AppError } from '../domain/error.ts';
import {
  changePolicy,
  createPolicy,
  deletePolicy,
  getPolicy,
  listDeletedPolicies,
  listPolicies,
  type PolicyParts,
  type PolicyPlace,
  type PolicyWords,
  releasePolicy,
  requireWords,
  viewPolicy,
} from '../policies/policies.ts';
import { findLastRun } from '../policies/runs.ts';
import type { Performer } from '../trail/draft.ts';
import type { ApiHandlers } from './call.ts';
import type { Visit } from './refusals.ts';

type OfTag = { project: Project; scope: Scope; tag: string };

/** What the container host does: each throws not_found (tag_unknown) or conflict. */
export type TagLocks = {
  why(of: OfTag): Promise<WhyImmutable>;
  lock(by: Performer, of: OfTag, note: string | undefined): Promise<WhyImmutable>;
  unlock(by: Performer, of: OfTag, reason: string): Promise<WhyImmutable>;
  preview(of: {
    namespaceId: string;
    projectId: string;
    pattern: string;
    matches: boolean;
  }): Promise<PolicyPreview>;
  held(of: { namespaceId: string; projectId: string; policyId: string }): Promise<PolicyInFull['holds']>;
};

export type ImmutabilityParts = PolicyParts & { containers: { locks: TagLocks } };

type On = { namespace: Namespace; project?: Project; visit: Visit };
type PolicyRoutes =
  `${'namespaces' | 'projects'}.policies.${'list' | 'get' | 'create' | 'preview' | 'put' | 'delete' | 'release'}`;
type TagRoutes = `tags.${'immutability' | 'lock' | 'unlock'}`;

export function immutabilityHandlers(parts: ImmutabilityParts): ApiHandlers<PolicyRoutes | TagRoutes> {
  const { locks } = parts.containers;
  const ofTag = (call: { project: Project; visit: Visit; params: { tag: string } }): OfTag => ({
    project: call.project,
    scope: call.visit.scope,
    tag: call.params.tag,
  });
  return {
    ...namespaceHandlers(parts),
    ...projectHandlers(parts),
    'tags.immutability': async (call) => locks.why(ofTag(call)),
    'tags.lock': async (call) => locks.lock(call.caller, ofTag(call), call.body.note),
    'tags.unlock': async (call) => locks.unlock(call.caller, ofTag(call), call.body.reason),
  };
}

function namespaceHandlers(
  parts: ImmutabilityParts,
): ApiHandlers<Extract<PolicyRoutes, `namespaces.${string}`>> {
  return {
    'namespaces.policies.list': async (call) => list(parts, call, call.query),
    'namespaces.policies.get': async (call) => get(parts, call, call.params.policy),
    'namespaces.policies.create': async (call) => create(parts, call, call.body),
    'namespaces.policies.preview': async (call) => preview(parts, call, call.body),
    'namespaces.policies.put': async (call) =>
      change(parts, call, { id: call.params.policy, words: call.body }),
    'namespaces.policies.delete': async (call) =>
      deletePolicy(parts, { by: call.caller, place: placeOf(call), id: call.params.policy }),
    'namespaces.policies.release': async (call) =>
      release(parts, call, { id: call.params.policy, reason: call.body.reason }),
  };
}

function projectHandlers(parts: ImmutabilityParts): ApiHandlers<Extract<PolicyRoutes, `projects.${string}`>> {
  return {
    'projects.policies.list': async (call) => list(parts, call, call.query),
    'projects.policies.get': async (call) => get(parts, call, call.params.policy),
    'projects.policies.create': async (call) => create(parts, call, call.body),
    'projects.policies.preview': async (call) => preview(parts, call, call.body),
    'projects.policies.put': async (call) =>
      change(parts, call, { id: call.params.policy, words: call.body }),
    'projects.policies.delete': async (call) =>
      deletePolicy(parts, { by: call.caller, place: placeOf(call), id: call.params.policy }),
    'projects.policies.release': async (call) =>
      release(parts, call, { id: call.params.policy, reason: call.body.reason }),
  };
}

function placeOf({ namespace, project, visit }: On): PolicyPlace {
  return { namespaceId: namespace.id, projectId: project?.id ?? '', scope: visit.scope };
}

type Acting = On & { caller: Performer };

/** There are few enough for one page; of deleted ones the last are shown. */
async function list(
  { db }: ImmutabilityParts,
  on: On,
  { state, limit }: { state: 'live' | 'deleted'; limit: number },
) {
  const place = placeOf(on);
  const rows =
    state === 'live' ? await listPolicies(db.read, place) : await listDeletedPolicies(db.read, place, limit);
  return { items: await Promise.all(rows.map((row) => viewPolicy(db.read, row))), next: null };
}

async function get({ db, containers }: ImmutabilityParts, on: On, id: string): Promise<PolicyInFull> {
  const row = await getPolicy(db.read, placeOf(on), id);
  const { namespaceId, projectId } = row;
  const holds = await containers.locks.held({ namespaceId, projectId, policyId: id });
  return { ...(await viewPolicy(db.read, row)), holds };
}

async function create(parts: ImmutabilityParts, on: Acting, words: PolicyWords) {
  return viewPolicy(parts.db.read, await createPolicy(parts, { by: on.caller, place: placeOf(on), words }));
}

async function change(
  parts: ImmutabilityParts,
  on: Acting,
  { id, words }: { id: string; words: PolicyWords },
) {
  const changed = await changePolicy(parts, { by: on.caller, place: placeOf(on), id, words });
  return viewPolicy(parts.db.read, changed);
}

async function preview(parts: ImmutabilityParts, on: Acting, words: PolicyWords): Promise<PolicyPreview> {
  const place = placeOf(on);
  const { pattern, matches } = await requireWords(parts, place, words);
  const { namespaceId, projectId } = place;
  const found = await parts.containers.locks.preview({ namespaceId, projectId, pattern, matches });
  const { tags, wouldLock, complete } = found;
  await parts.trail.read({
    type: 'policy.immutability.preview',
    by: on.caller,
    scope: place.scope,
    details: { pattern, matches, tags, wouldLock, complete },
  });
  return found;
}

async function release(
  parts: ImmutabilityParts,
  on: Acting,
  { id, reason }: { id: string; reason: string },
): Promise<PolicyRun> {
  await releasePolicy(parts, { by: on.caller, place: placeOf(on), id, reason });
  const run = await findLastRun(parts.db.read, id);
  if (run !== null) return run;
  throw new AppError('not_found', 'The policy was taken away a moment ago.', { reason: 'target_unknown' });
}
