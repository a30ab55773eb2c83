/** Every way in which the management API would change or take away a locked tag: 409 that says why, and one event. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { digests, openApi, populate } from '../../../tests/support/api.ts';
import { engines, root } from '../../../tests/support/house.ts';
import { lockTag } from '../containers/locks.ts';
import { createPolicy } from '../policies/policies.ts';

const app = '/api/v1/projects/container/acme%2Fapp';

for (const { engine, skip } of engines) {
  describe(`a locked tag on ${engine}`, { skip }, () => {
    test('is not changed or taken away by anybody, and each attempt is an event that names the policy', async () => {
      await using api = await openApi(engine);
      const { ada, max, acme, scope } = await populate(api);
      const as = (auth: string) => (method: string, path: string, body?: unknown) =>
        api.ask(method, path, { auth, body });
      const [maintainer, owner] = [as(max.auth), as(ada.auth)];
      const tag = `${app}/tags/v1`;
      await maintainer('PUT', tag, { digest: digests.two });
      await maintainer('PUT', tag, { digest: digests.one });
      const place = { namespaceId: acme.id, projectId: '', scope: { namespace: scope.namespace } };
      const words = { pattern: '^v.*$', matches: true, description: '' };
      const policy = await createPolicy(api, { by: root, place, words });
      await api.jobs.settle();
      const snapshot = { id: policy.id, version: 1, scope: 'namespace', pattern: '^v.*$', matches: true };
      const expiresAt = '2999-01-01T00:00:00Z';
      for (const [ask, method, path, body, type] of [
        [maintainer, 'PUT', tag, { digest: digests.two }, 'container.push.refuse'],
        [maintainer, 'PATCH', tag, { expiresAt }, 'container.push.refuse'],
        [maintainer, 'POST', `${tag}/restore`, { digest: digests.two }, 'container.push.refuse'],
        [maintainer, 'DELETE', tag, undefined, 'container.delete.refuse'],
        [maintainer, 'DELETE', `${app}/manifests/${digests.one}`, undefined, 'container.delete.refuse'],
        [owner, 'DELETE', app, undefined, 'container.delete.refuse'],
        [owner, 'DELETE', '/api/v1/organisations/acme', undefined, 'api.action.refuse'],
      ] as const) {
        const { status, json, events } = await ask(method, path, body);
        const told = `${method} ${path}`;
        assert.deepEqual([status, json.reason], [409, 'tag_immutable'], told);
        assert.match(
          String(json.detail),
          /The tag v1 .*the policy \^v\.\*\$ of the namespace .* locked it on \d{4}-/,
        );
        const [event, ...others] = events;
        assert.deepEqual(
          [event?.type, event?.outcome, event?.request.status, others],
          [type, 'denied', 409, []],
          told,
        );
        const lock = event?.details.lock as Record<string, unknown> | undefined;
        assert.deepEqual([lock?.tag, lock?.trigger, lock?.policy], ['v1', 'policy', snapshot], told);
        assert.equal(lock?.project, type === 'api.action.refuse' ? 'acme/app' : undefined);
      }
      // The same again changes nothing and is refused to nobody.
      const again = await maintainer('PUT', tag, { digest: digests.one });
      assert.deepEqual([again.status, again.events], [200, []]);
    });

    test('of a user keeps the user from being deleted, and names the person who locked it', async () => {
      await using api = await openApi(engine);
      const { boss, max, ada } = await populate(api);
      const created = await api.ask('POST', '/api/v1/projects', {
        auth: max.auth,
        body: { format: 'container', path: 'max/own', visibility: 'private' },
      });
      assert.equal(created.status, 201, created.text);
      const project = await api.access.findProject('container', 'max/own');
      const namespace = await api.access.findNamespace('max');
      assert.ok(project !== undefined && namespace !== undefined);
      const scope = api.access.scopeOf(namespace, project);
      await api.db.transact(async (tx) => {
        const manifest = await tx.q.selectFrom('manifest').selectAll().executeTakeFirstOrThrow();
        await tx.q
          .insertInto('manifest')
          .values({ ...manifest, project_id: project.id, digest: digests.one })
          .execute();
      });
      const path = '/api/v1/projects/container/max%2Fown/tags/kept';
      await api.ask('PUT', path, { auth: max.auth, body: { digest: digests.one } });
      const by = { ...root, actor: { kind: 'user', id: ada.id, name: 'ada', proven: true } } as const;
      await lockTag(api, { by, projectId: project.id, scope, tag: 'kept', note: undefined });
      const refused = await api.ask('DELETE', '/api/v1/users/max', { auth: boss.auth });
      assert.deepEqual([refused.status, refused.json.reason], [409, 'tag_immutable'], refused.text);
      assert.match(
        String(refused.json.detail),
        /The tag kept of max\/own is immutable .*: ada locked it on /,
      );
      const lock = refused.events[0]?.details.lock as { by: unknown } | undefined;
      assert.deepEqual(lock?.by, { id: ada.id, name: 'ada' });
      const setting = await api.ask('PUT', '/api/v1/settings/projects.delete_locked', {
        auth: boss.auth,
        body: { value: 'allow' },
      });
      assert.equal(setting.status, 200, setting.text);
      assert.equal((await api.ask('DELETE', '/api/v1/users/max', { auth: boss.auth })).status, 204);
    });
  });
}
