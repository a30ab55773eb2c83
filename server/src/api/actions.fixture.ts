/**
 * The stories of actions.test.ts that belong to organisations and projects, and what tells them: an action is one
 * request of somebody who may, whose answer fits its schema and whose events are exactly those expected.
 */
import assert from 'node:assert/strict';
import { type ApiRoute, type ApiRouteId, type AuditEvent, apiRoute } from '@tallyman/contract';
import { type Answer, type Ask, digests, openApi, populate, type World } from '../../../tests/support/api.ts';
import type { Engine } from '../../../tests/support/house.ts';

type Step = Ask & {
  params?: Record<string, string>;
  query?: string;
  /** Exactly these, in this order; what one leaves out is not looked at. */
  events?: Told[];
};
type Told = { type: AuditEvent['type']; details?: unknown; scope?: AuditEvent['scope'] | undefined };

/** `used` collects the endpoints that had a place in a story. */
export async function openStory(engine: Engine, used: Set<ApiRouteId>) {
  const api = await openApi(engine);
  const world = await populate(api);
  const act = async (id: ApiRouteId, auth: string | undefined, step: Step = {}): Promise<Answer> => {
    const row = apiRoute(id);
    const answer = await api.ask(row.method, pathOf(row, step), {
      ...step,
      ...(auth !== undefined && { auth }),
    });
    assert.equal(answer.status, row.status, `${id}: ${answer.text}`);
    if (row.response !== undefined) row.response.parse(answer.json);
    else assert.equal(answer.text, '', id);
    assert.equal(answer.headers['cache-control'], 'no-store', id);
    const expected = (step.events ?? []).map((event, at) => ({ ...told(answer.events[at]), ...event }));
    assert.deepEqual(answer.events.map(told), expected, id);
    assertActor(answer, auth, world);
    for (const { type, request } of answer.events) {
      assert.ok(type.startsWith('trail.') || isDeclared(row, type), `${id} records ${type}`);
      if (request.protocol === 'http') assert.equal(request.status, row.status, `${id}: ${type}`);
    }
    used.add(id);
    return answer;
  };
  return { api, world, act, [Symbol.asyncDispose]: () => api[Symbol.asyncDispose]() };
}
export type Story = Awaited<ReturnType<typeof openStory>>;

/** As an owner: members, applications, robots, roles, and another organisation from beginning to end. */
export async function useOrganisation(story: Story): Promise<void> {
  const { act, world } = story;
  const { ada, acme } = world;
  const scope = { namespace: world.scope.namespace ?? assert.fail() };
  const organisation = { organisation: 'acme' };
  await act('organisations.list', ada.auth);
  await act('organisations.get', ada.auth, { params: organisation });
  await act('namespaces.get', ada.auth, { params: { namespace: 'acme' } });
  await act('organisations.put_default_role', ada.auth, {
    params: organisation,
    body: { role: 'reader' },
    events: [
      {
        type: 'organisation.default_role.change',
        scope,
        details: { role: { from: 'none', to: 'reader' } },
      },
    ],
  });
  await act('organisations.members.list', ada.auth, { params: organisation });
  await act('organisations.members.put', ada.auth, {
    params: { ...organisation, user: 'sid' },
    body: { role: 'member' },
    events: [{ type: 'organisation.member.add', details: { role: 'member' } }],
  });
  await act('organisations.members.put', ada.auth, {
    params: { ...organisation, user: 'sid' },
    body: { role: 'owner' },
    events: [{ type: 'organisation.member.change', details: { role: { from: 'member', to: 'owner' } } }],
  });
  await act('organisations.members.delete', ada.auth, {
    params: { ...organisation, user: 'sid' },
    events: [{ type: 'organisation.member.remove', details: { role: 'owner' } }],
  });
  const made = await act('applications.create', ada.auth, {
    params: organisation,
    body: { name: 'deployer' },
    events: [{ type: 'oauth.application.create', scope, details: {} }],
  });
  const application = { ...organisation, application: String(made.json.id) };
  await act('applications.list', ada.auth, { params: organisation });
  await act('applications.get', ada.auth, { params: application });
  await act('applications.update', ada.auth, {
    params: application,
    body: { description: 'puts things live' },
    events: [
      {
        type: 'oauth.application.update',
        details: { description: { from: '', to: 'puts things live' } },
      },
    ],
  });
  const grant = async () => {
    const granted = await act('applications.tokens.create', ada.auth, {
      params: application,
      body: { name: 'for ada', scopes: ['project:read'] },
      events: [
        {
          type: 'oauth.token.create',
          scope,
          details: {
            application: 'deployer',
            applicationId: application.application,
            scopes: ['project:read'],
          },
        },
      ],
    });
    return (granted.json as { token: { id: string } }).token.id;
  };
  const ended = {
    type: 'oauth.token.revoke',
    scope,
    details: { application: 'deployer', applicationId: application.application },
  };
  const first = await grant();
  await act('applications.tokens.list', ada.auth, { params: application });
  await act('applications.tokens.revoke', ada.auth, {
    params: { ...application, token: first },
    events: [ended],
  });
  const second = await grant();
  await act('me.oauth_tokens.list', ada.auth);
  await act('me.oauth_tokens.revoke', ada.auth, { params: { token: second }, events: [ended] });
  await act('applications.delete', ada.auth, {
    params: application,
    events: [{ type: 'oauth.application.delete', details: { tokensRevoked: 0 } }],
  });
  await act('robots.list', ada.auth, { params: { owner: 'acme' } });
  await act('robots.create', ada.auth, {
    params: { owner: 'acme' },
    body: { name: 'cd', description: 'deploys' },
    events: [{ type: 'robot.account.create', scope, details: { description: 'deploys' } }],
  });
  const robot = { owner: 'acme', robot: 'cd' };
  const { token: before } = (await act('robots.get', ada.auth, { params: robot })).json as {
    token: { id: string };
  };
  const rotated = await story.api.ask('POST', '/api/v1/robots/acme/cd/rotate', {
    auth: ada.auth,
    body: {},
  });
  const { robot: after } = rotated.json as { robot: { token: { id: string } } };
  assert.deepEqual(
    rotated.events.map((event) => event.details),
    [{ credential: { from: before.id, to: after.token.id } }],
  );
  await act('robots.rotate', ada.auth, { params: robot, events: [{ type: 'robot.token.rotate' }] });
  await act('robots.disable', ada.auth, {
    params: robot,
    events: [{ type: 'robot.account.disable', details: {} }],
  });
  await act('robots.enable', ada.auth, {
    params: robot,
    events: [{ type: 'robot.account.enable', details: {} }],
  });
  await act('robots.delete', ada.auth, {
    params: robot,
    events: [{ type: 'robot.account.delete', details: {} }],
  });
  const role = { namespace: 'acme', kind: 'user', subject: 'sid' };
  const sid = { subjectKind: 'user', subject: 'sid', subjectId: world.sid.id };
  await act('namespaces.roles.put', ada.auth, {
    params: role,
    body: { role: 'reader' },
    events: [{ type: 'namespace.role.grant', scope, details: { ...sid, role: 'reader' } }],
  });
  await act('namespaces.roles.list', ada.auth, { params: { namespace: 'acme' } });
  await act('namespaces.roles.delete', ada.auth, {
    params: role,
    events: [{ type: 'namespace.role.revoke', details: { ...sid, role: 'reader' } }],
  });
  const fresh = await act('organisations.create', ada.auth, {
    body: { name: 'globex' },
    events: [
      { type: 'organisation.account.create' },
      { type: 'organisation.member.add', details: { role: 'owner' } },
    ],
  });
  assert.notEqual(fresh.json.id, acme.id);
  await act('organisations.rename', ada.auth, {
    params: { organisation: 'globex' },
    body: { name: 'initech' },
    events: [{ type: 'organisation.account.rename', details: { from: 'globex', to: 'initech' } }],
  });
  await act('organisations.delete', ada.auth, {
    params: { organisation: 'initech' },
    events: [{ type: 'organisation.account.delete', details: { projects: 0, robots: 0 } }],
  });
}

/** As maintainer and owner: tags, manifests, roles, and the project itself from beginning to end. */
export async function useProject(story: Story): Promise<void> {
  const { act, world } = story;
  const { ada, max, scope } = world;
  const project = { format: 'container', path: 'acme/app' };
  await act('projects.list', undefined);
  await act('projects.list', max.auth, { query: 'namespace=acme' });
  await act('projects.get', max.auth, { params: project });
  await act('tags.list', max.auth, { params: project });
  const latest = { ...project, tag: 'latest' };
  await act('tags.get', max.auth, { params: latest });
  await act('tags.put', max.auth, {
    params: { ...project, tag: 'v1' },
    body: { digest: digests.one },
    events: [
      { type: 'container.tag.create', scope, details: { by: 'retag', digest: digests.one, tag: 'v1' } },
    ],
  });
  await act('tags.put', max.auth, {
    params: latest,
    body: { digest: digests.two },
    events: [
      {
        type: 'container.tag.move',
        scope,
        details: { by: 'retag', from: digests.one, tag: 'latest', to: digests.two },
      },
    ],
  });
  await act('tags.put_expiry', max.auth, {
    params: latest,
    body: { expiresAt: '2027-01-01T00:00:00Z' },
    events: [
      {
        type: 'container.tag.expire',
        details: { digest: digests.two, tag: 'latest', to: '2027-01-01T00:00:00.000000Z' },
      },
    ],
  });
  const history = (await act('tags.history', max.auth, { params: latest })).json as {
    items: { digest: string; fromEventId: string }[];
  };
  assert.deepEqual(
    history.items.map((item) => item.digest),
    [digests.two, digests.one],
  );
  await act('tags.delete', max.auth, {
    params: latest,
    events: [
      { type: 'container.tag.delete', details: { by: 'request', digest: digests.two, tag: 'latest' } },
    ],
  });
  await act('tags.restore', max.auth, {
    params: latest,
    body: { digest: digests.one },
    events: [
      {
        type: 'container.tag.create',
        details: {
          by: 'restore',
          digest: digests.one,
          restores: history.items[1]?.fromEventId,
          tag: 'latest',
        },
      },
    ],
  });
  await act('manifests.list', max.auth, { params: project });
  const manifest = { ...project, digest: digests.two };
  await act('manifests.get', max.auth, { params: manifest });
  await act('manifests.delete', max.auth, {
    params: manifest,
    events: [
      {
        type: 'container.manifest.delete',
        scope,
        details: {
          digest: digests.two,
          mediaType: 'application/vnd.oci.image.manifest.v1+json',
          tagCount: 0,
          tags: [],
        },
      },
    ],
  });
  await act('projects.put_visibility', ada.auth, {
    params: project,
    body: { visibility: 'public' },
    events: [
      {
        type: 'project.visibility.change',
        scope,
        details: { visibility: { from: 'private', to: 'public' } },
      },
    ],
  });
  await act('tags.list', undefined, { params: project });
  await act('projects.put_description', ada.auth, {
    params: project,
    body: { description: 'The app' },
    events: [{ type: 'project.description.change', details: { description: { from: '', to: 'The app' } } }],
  });
  const subject = { ...project, kind: 'robot', subject: 'acme+ci' };
  const robot = { subjectKind: 'robot', subject: 'acme+ci', subjectId: world.robot.id };
  await act('projects.roles.put', ada.auth, {
    params: subject,
    body: { role: 'maintainer' },
    events: [{ type: 'project.role.grant', details: { ...robot, role: 'maintainer', previous: 'reader' } }],
  });
  await act('projects.roles.list', ada.auth, { params: project });
  await act('projects.roles.delete', ada.auth, {
    params: subject,
    events: [{ type: 'project.role.revoke', details: { ...robot, role: 'maintainer' } }],
  });
  await act('projects.create', ada.auth, {
    body: { format: 'container', path: 'acme/new/one', description: 'Another' },
    events: [
      { type: 'project.entry.create', details: { visibility: 'private', by: 'request' } },
      { type: 'project.description.change', details: { description: { from: '', to: 'Another' } } },
    ],
  });
  await act('projects.rename', ada.auth, {
    params: { ...project, path: 'acme/new/one' },
    body: { name: 'two' },
    events: [{ type: 'project.entry.rename', details: { from: 'acme/new/one', to: 'acme/two' } }],
  });
  await act('projects.delete', ada.auth, {
    params: project,
    events: [{ type: 'project.entry.delete', scope, details: { tags: 2, manifests: 1, by: 'request' } }],
  });
}

/** Whoever asked did it, proven, with what they presented. */
function assertActor({ events }: Answer, auth: string | undefined, world: World): void {
  const people = [world.boss, world.audrey, world.ada, world.mia, world.max, world.rita, world.sid];
  const who = people.find((person) => person.auth === auth);
  if (who === undefined) return;
  for (const { actor, credential, outcome } of events) {
    assert.deepEqual(actor, { kind: 'user', id: who.id, name: who.name, proven: true });
    assert.deepEqual([credential.kind, credential.id, outcome], ['access_token', who.token.id, 'success']);
  }
}

export function account({ id, name }: { id: string; name: string }): AuditEvent['scope'] {
  return { namespace: { kind: 'user', id, name } };
}

function isDeclared(row: ApiRoute, type: string): boolean {
  return (row.records as readonly string[]).includes(type);
}

function pathOf(row: ApiRoute, { params = {}, query }: Step): string {
  const path = row.path.replace(/\{(\w+)\}/g, (_whole, name: string) =>
    encodeURIComponent(params[name] ?? assert.fail(name)),
  );
  return query === undefined ? path : `${path}?${query}`;
}

function told(event: AuditEvent | undefined): Told {
  if (event === undefined) return { type: 'none' };
  return { type: event.type, details: event.details, scope: event.scope };
}
