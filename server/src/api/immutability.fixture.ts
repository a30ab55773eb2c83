/** The stories of actions.test.ts about immutability: policies of namespaces and projects, locks of single tags. */
import assert from 'node:assert/strict';
import { digests } from '../../../tests/support/api.ts';
import type { Story } from './actions.fixture.ts';

/** As the owner of a namespace: from the preview of a policy to the release of what it locked. */
export async function useNamespacePolicies({ act, api, world }: Story): Promise<void> {
  const { ada, mia, max, scope } = world;
  const inNamespace = { namespace: scope.namespace ?? assert.fail() };
  const params = { namespace: 'acme' };
  const words = { pattern: '^v.*$', description: 'what was released' };
  await act('tags.put', max.auth, {
    params: { format: 'container', path: 'acme/app', tag: 'v1' },
    body: { digest: digests.one },
    events: [{ type: 'container.tag.create' }],
  });
  const preview = await act('namespaces.policies.preview', ada.auth, {
    params,
    body: words,
    events: [
      {
        type: 'policy.immutability.preview',
        scope: inNamespace,
        details: { pattern: '^v.*$', matches: true, tags: 2, wouldLock: 1, complete: true },
      },
    ],
  });
  assert.deepEqual(preview.json.sample, [{ project: 'acme/app', tag: 'v1' }]);
  const made = await act('namespaces.policies.create', ada.auth, {
    params,
    body: words,
    events: [{ type: 'policy.immutability.create', scope: inNamespace }],
  });
  const { id } = made.json as { id: string };
  const from = await api.db.head();
  await api.jobs.settle();
  const policy = { ...params, policy: id };
  const shown = await act('namespaces.policies.get', mia.auth, { params: policy });
  const { run } = shown.json as { run: { state: string; tags: number; locked: number } };
  assert.deepEqual([run.state, run.tags, run.locked], ['done', 2, 1]);
  assert.ok((await api.db.head()) > from);
  await act('namespaces.policies.list', mia.auth, { params });
  const changed = {
    params: policy,
    body: { pattern: '^latest$', matches: true, description: '' },
    events: [
      {
        type: 'policy.immutability.change',
        scope: inNamespace,
        details: {
          policyId: id,
          version: { from: 1, to: 2 },
          scope: 'namespace',
          pattern: { from: '^v.*$', to: '^latest$' },
          matches: { from: true, to: true },
          description: { from: 'what was released', to: '' },
        },
      },
    ],
  };
  await act('namespaces.policies.put', ada.auth, changed);
  await act('namespaces.policies.put', ada.auth, { ...changed, events: [] });
  await api.jobs.settle();
  await act('namespaces.policies.release', ada.auth, {
    params: policy,
    body: { reason: 'v1 was a mistake' },
    events: [{ type: 'policy.immutability.release', scope: inNamespace }],
  });
  await api.jobs.settle();
  await act('namespaces.policies.delete', ada.auth, {
    params: policy,
    events: [{ type: 'policy.immutability.delete', scope: inNamespace }],
  });
}

/** As owner and maintainer of a project: its own policies, and one tag by hand. */
export async function useProjectPolicies({ act, api, world }: Story): Promise<void> {
  const { ada, max, scope } = world;
  const params = { format: 'container', path: 'acme/app' };
  const words = { pattern: 'v\\d+' };
  await act('projects.policies.preview', ada.auth, {
    params,
    body: words,
    events: [{ type: 'policy.immutability.preview', scope }],
  });
  const made = await act('projects.policies.create', ada.auth, {
    params,
    body: words,
    events: [{ type: 'policy.immutability.create', scope }],
  });
  const policy = { ...params, policy: String(made.json.id) };
  await api.jobs.settle();
  await act('projects.policies.list', max.auth, { params });
  await act('projects.policies.get', max.auth, { params: policy });
  await act('projects.policies.put', ada.auth, {
    params: policy,
    body: { pattern: 'v\\d+', matches: true, description: 'releases' },
    events: [{ type: 'policy.immutability.change', scope }],
  });
  await act('projects.policies.release', ada.auth, {
    params: policy,
    body: { reason: 'to be sure' },
    events: [{ type: 'policy.immutability.release', scope }],
  });
  await act('projects.policies.delete', ada.auth, {
    params: policy,
    events: [{ type: 'policy.immutability.delete', scope }],
  });
  const tag = { ...params, tag: 'latest' };
  const locked = await act('tags.lock', max.auth, {
    params: tag,
    body: { note: 'shown to customers' },
    events: [
      {
        type: 'container.tag.lock',
        scope,
        details: {
          digest: digests.one,
          note: 'shown to customers',
          // The policy is gone, and what it locked is not: the lock is max's from now on.
          previous: 'locked',
          tag: 'latest',
          trigger: 'manual',
        },
      },
    ],
  });
  assert.deepEqual([locked.json.immutable, locked.json.by], [true, { id: max.id, name: 'max' }]);
  const why = await act('tags.immutability', max.auth, { params: tag });
  assert.match(String(why.json.because), /^The tag latest is immutable: max locked it on \d{4}-/);
  const unlocked = await act('tags.unlock', ada.auth, {
    params: tag,
    body: { reason: 'the customers have moved on' },
    events: [{ type: 'container.tag.unlock', scope }],
  });
  assert.equal(unlocked.json.immutable, false);
}
