/** Roles, decisions and what changes them: organisations, projects, grants. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AuditEvent } from '@tallyman/contract';
import { sql } from 'kysely';
import {
  basic,
  deleteNothing,
  engines,
  type House,
  openHouse,
  refusal,
  root,
} from '../../../tests/support/house.ts';
import type { Tx } from '../db/store.ts';
import type { Caller } from '../domain/caller.ts';
import { createRobot, deleteRobot } from '../identity/robots.ts';
import { createToken } from '../identity/tokens.ts';
import { renameUser } from '../identity/users.ts';
import { resumeDeletions } from './deletions.ts';
import { grantRole, listGrants, revokeRole } from './grants.ts';
import type { Namespace, Project, ProjectAction } from './model.ts';
import {
  addMember,
  changeDefaultRole,
  changeMember,
  createOrganisation,
  deleteOrganisation,
  freeName,
  listOrganisations,
  listReservedNames,
  mayCreateOrganisation,
  removeMember,
  renameOrganisation,
} from './organisations.ts';
import {
  changeDescription,
  changeVisibility,
  createProjectOnRequest,
  deleteProject,
  findProjectEntry,
  listProjects,
  pageQueries,
  renameProject,
} from './projects.ts';
import { requireNamespaceOwner, requireProjectRole } from './require.ts';
import { endRightsOfRobot } from './rights.ts';

/** Private projects of many others. */
async function crowd({ db, clock }: House, count: number): Promise<void> {
  const created_at = clock.nowUs();
  for (let at = 0; at < count; at += 400) {
    const rows = Array.from({ length: 400 }, (_, more) => ({
      id: `crowd-${at + more}`,
      created_at,
      deleted_at: null,
    }));
    await db.transact(async (tx) => {
      const namespaces = rows.map((row) => ({ ...row, name: row.id, kind: 'user' as const }));
      await tx.q.insertInto('namespace').values(namespaces).execute();
      const projects = rows.map((row) => ({ ...row, namespace_id: row.id, name: 'app', description: '' }));
      const same = { format: 'container', visibility: 'private' } as const;
      await tx.q
        .insertInto('project')
        .values(projects.map((row) => ({ ...row, ...same })))
        .execute();
    });
  }
  if (db.engine === 'postgres') await db.transact((tx) => sql`analyze`.execute(tx.q));
}

const short = (event: AuditEvent) => [event.type, event.target?.name, event.details];

async function settle(house: House) {
  const { parts } = house;
  const people = {
    owner: await house.user('owner'),
    member: await house.user('member'),
    granted: await house.user('granted'),
    stranger: await house.user('stranger'),
    admin: await house.user('adm', { roles: ['admin'] }),
    auditor: await house.user('aud', { roles: ['auditor'] }),
  };
  const acme = await createOrganisation(parts, { by: root, name: 'acme', ownerId: people.owner.id });
  await addMember(parts, { by: root, organisationId: acme.id, userId: people.member.id, role: 'member' });
  const namespace = (await house.access.findNamespace('acme')) as Namespace;
  const make = async (name: string, visibility: 'private' | 'public' = 'private') =>
    createProjectOnRequest(parts, { by: root, namespace, format: 'container', name, visibility });
  const project = await make('app');
  const open = await make('open', 'public');
  await grantRole(parts, {
    by: root,
    namespaceId: acme.id,
    projectId: project.id,
    subject: { kind: 'user', id: people.granted.id },
    role: 'reader',
  });
  const caller = async (name: string): Promise<Caller> =>
    house.signIn(basic(name, `password of ${name}`), { surface: 'console' });
  return { ...people, acme, namespace, project, open, make, caller };
}

for (const { engine, skip } of engines) {
  describe(`access on ${engine}`, { skip }, () => {
    it('decides by role, visibility and scope', async () => {
      await using house = await openHouse(engine);
      const { acme, namespace, project, open, caller, owner, member } = await settle(house);
      const { access, parts } = house;
      const ci = await createRobot(parts, { by: root, namespaceId: acme.id, name: 'ci' });
      const idle = await createRobot(parts, { by: root, namespaceId: acme.id, name: 'idle' });
      const own = await createRobot(parts, { by: root, namespaceId: owner.id, name: 'bot' });
      await grantRole(parts, {
        by: root,
        namespaceId: acme.id,
        subject: { kind: 'robot', id: ci.robot.id },
        role: 'maintainer',
      });
      const robot = async (name: string, made: typeof ci) => house.signIn(basic(name, made.secret.reveal()));
      const pat = await createToken(parts, {
        by: root,
        userId: owner.id,
        kind: 'access_token',
        name: 'x',
        scopes: ['project:read'],
      });
      const writer = await createToken(parts, {
        by: root,
        userId: owner.id,
        kind: 'access_token',
        name: 'y',
        scopes: ['project:write'],
      });
      const who: Record<string, Caller | undefined> = {
        nobody: undefined,
        owner: await caller('owner'),
        member: await caller('member'),
        granted: await caller('granted'),
        stranger: await caller('stranger'),
        admin: await caller('adm'),
        auditor: await caller('aud'),
        'robot with a grant': await robot('acme+ci', ci),
        'robot without': await robot('acme+idle', idle),
        'robot of an owner': await robot('owner+bot', own),
        'owner, token to read': await house.signIn(basic('owner', pat.secret.reveal())),
        'owner, token to write': await house.signIn(basic('owner', writer.secret.reveal())),
      };
      const say = async (
        name: string,
        action: ProjectAction,
        on: { project?: Project; path: string; namespace?: Namespace },
      ) => {
        const decision = await access.decide(who[name], action, { namespace, ...on });
        return decision.allowed
          ? `yes as ${decision.role}`
          : `${decision.reason}${decision.visible ? '' : ', hidden'}`;
      };
      const rows: [string, string, string, string, string][] = [
        // who, pull private, push private, pull public, push new
        [
          'nobody',
          'not_signed_in, hidden',
          'not_signed_in, hidden',
          'yes as reader',
          'not_signed_in, hidden',
        ],
        ['owner', 'yes as owner', 'yes as owner', 'yes as owner', 'yes as owner'],
        [
          'member',
          'not_permitted, hidden',
          'not_permitted, hidden',
          'yes as reader',
          'not_permitted, hidden',
        ],
        ['granted', 'yes as reader', 'not_permitted', 'yes as reader', 'not_permitted, hidden'],
        [
          'stranger',
          'not_permitted, hidden',
          'not_permitted, hidden',
          'yes as reader',
          'not_permitted, hidden',
        ],
        ['admin', 'yes as owner', 'yes as owner', 'yes as owner', 'yes as owner'],
        [
          'auditor',
          'not_permitted, hidden',
          'not_permitted, hidden',
          'yes as reader',
          'not_permitted, hidden',
        ],
        [
          'robot with a grant',
          'yes as maintainer',
          'yes as maintainer',
          'yes as maintainer',
          'yes as maintainer',
        ],
        [
          'robot without',
          'not_permitted, hidden',
          'not_permitted, hidden',
          'yes as reader',
          'not_permitted, hidden',
        ],
        [
          'robot of an owner',
          'not_permitted, hidden',
          'not_permitted, hidden',
          'yes as reader',
          'not_permitted, hidden',
        ],
        ['owner, token to read', 'yes as owner', 'scope_missing', 'yes as owner', 'scope_missing, hidden'],
        ['owner, token to write', 'scope_missing, hidden', 'yes as owner', 'yes as owner', 'yes as owner'],
      ];
      for (const [name, ...expected] of rows) {
        const seen = [
          await say(name, 'pull', { project, path: project.path }),
          await say(name, 'push', { project, path: project.path }),
          await say(name, 'pull', { project: open, path: open.path }),
          await say(name, 'push', { path: 'acme/new' }),
        ];
        assert.deepEqual(seen, expected, name);
      }
      const inspecting: Record<string, string> = {};
      for (const name of ['granted', 'robot with a grant', 'owner, token to read', 'owner, token to write'])
        inspecting[name] = await say(name, 'inspect', { project: open, path: open.path });
      assert.deepEqual(inspecting, {
        granted: 'not_permitted',
        'robot with a grant': 'yes as maintainer',
        'owner, token to read': 'yes as owner',
        'owner, token to write': 'scope_missing',
      });
      const missing = await access.decide(who.owner, 'pull', { namespace, path: 'acme/none' });
      assert.equal(!missing.allowed && missing.reason, 'project_unknown');
      const nowhere = await access.decide(who.owner, 'push', { path: 'nemo/none' });
      assert.equal(!nowhere.allowed && nowhere.reason, 'namespace_unknown');
      // What a member holds follows the default role and the membership at once.
      await changeDefaultRole(parts, { by: root, organisationId: acme.id, role: 'maintainer' });
      const now = (await access.findNamespace('acme')) as Namespace;
      assert.equal(
        (await access.decide(who.member, 'push', { namespace: now, path: 'acme/new' })).allowed,
        true,
      );
      await changeMember(parts, { by: root, organisationId: acme.id, userId: member.id, role: 'owner' });
      assert.equal(await access.roleOf(who.member, { namespace: now, project }), 'owner');
      await removeMember(parts, { by: root, organisationId: acme.id, userId: member.id });
      assert.equal(await access.roleOf(who.member, { namespace: now, project }), 'none');
      // A list shows what may be pulled, and nothing else.
      for (const [name, asked] of Object.entries(who)) {
        const { projects } = await listProjects(parts, { caller: asked });
        const pulled = [];
        for (const one of [project, open]) {
          if ((await access.decide(asked, 'pull', { namespace: now, project: one, path: one.path })).allowed)
            pulled.push(one.path);
        }
        assert.deepEqual(
          projects.map((one) => one.path),
          pulled,
          name,
        );
      }
    });

    it('ends very many projects of a deleted account in bounded units, and goes on after a crash', async () => {
      await using house = await openHouse(engine);
      const { acme, make, caller, stranger } = await settle(house);
      const { parts, access } = house;
      for (let at = 0; at < 248; at++) await make(`p${at}`, at === 247 ? 'public' : 'private');
      const perUnit = new Map<Tx, number>();
      let ended = 0;
      const deleteContent = async (tx: Tx) => {
        perUnit.set(tx, (perUnit.get(tx) ?? 0) + 1);
        ended++;
        if (ended === 120) throw new Error('the power went');
        return { tags: 0, manifests: 0 };
      };
      const head = await house.db.head();
      await deleteOrganisation(parts, { by: root, organisationId: acme.id, deleteContent });
      const before = await house.eventsSince(head);
      assert.deepEqual(before[0]?.details, { projects: 250, robots: 0 });
      assert.deepEqual([before.length, await access.findNamespace('acme')], [101, undefined]);
      const living = await house.db.read.q
        .selectFrom('project')
        .select(['id', 'visibility'])
        .where('deleted_at', 'is', null)
        .execute();
      assert.equal(living.length, 150);
      for (const { id } of living) assert.equal(await access.findProjectById(id), undefined);
      assert.deepEqual((await listProjects(parts, { caller: await caller(stranger.name) })).projects, []);

      const middle = await house.db.head();
      const by = { ...root, actor: { kind: 'system', id: 'later', name: 'later', proven: true } } as const;
      const again = () => resumeDeletions(parts, { by, deleteContent });
      await Promise.all([again(), again()]);
      const after = await house.eventsSince(middle);
      assert.deepEqual([after.length, after[0]?.actor.id], [150, 'later']);
      for (const event of [...before.slice(1), ...after]) {
        assert.deepEqual(
          [event.type, event.cause, event.scope.namespace?.name],
          ['project.entry.delete', before[0]?.id, 'acme'],
        );
      }
      assert.equal(new Set([...before, ...after].map((event) => event.target?.id)).size, 251);
      assert.ok(Math.max(...perUnit.values()) <= 100);
      await again();
      assert.equal(await house.db.head(), middle + 150);
    });

    it('finds the projects of one among those of thousands by indexes alone', async () => {
      await using house = await openHouse(engine);
      const { owner, member, granted, stranger, caller, acme, namespace } = await settle(house);
      await crowd(house, 8_000);
      const at = { namespaceId: acme.id, by: root, subject: { kind: 'user' as const, id: member.id } };
      await grantRole(house.parts, { ...at, role: 'reader' });
      const { name } = namespace;
      for (const [person, paths] of [
        [owner, [`${name}/app`, `${name}/open`]],
        [member, [`${name}/app`, `${name}/open`]],
        [granted, [`${name}/app`, `${name}/open`]],
        [stranger, [`${name}/open`]],
      ] as const) {
        const page = { caller: await caller(person.name) };
        const { projects, next } = await listProjects(house.parts, page);
        assert.deepEqual([projects.map((one) => one.path), next], [paths, undefined], person.name);
        for (const query of pageQueries(house.db.read, page, 50)) {
          const plan = await (engine === 'sqlite'
            ? query.explain(undefined, sql`query plan`)
            : query.explain());
          const steps = plan.map((step) => Object.values(step).at(-1) as string);
          const walks = steps.filter((step) => /SCAN (n|p)\b|Seq Scan on (project|namespace)/.test(step));
          assert.deepEqual(
            walks.filter((step) => !step.includes('USING INDEX project_public')),
            [],
            steps.join('\n'),
          );
        }
      }
    });

    it('forgets a grant, a robot and a visibility at once', async () => {
      await using house = await openHouse(engine);
      const { acme, namespace, project, granted, caller } = await settle(house);
      const { access, parts } = house;
      const ci = await createRobot(parts, { by: root, namespaceId: acme.id, name: 'ci' });
      const robot = await house.signIn(basic('acme+ci', ci.secret.reveal()));
      const person = await caller('granted');
      const from = await house.db.head();
      const at = { namespaceId: acme.id, projectId: project.id };
      const subject = { kind: 'robot', id: ci.robot.id } as const;
      for (const role of ['reader', 'reader', 'owner'] as const) {
        await grantRole(parts, { by: root, ...at, subject, role });
        assert.equal(await access.roleOf(robot, { namespace, project }), role);
      }
      assert.deepEqual(
        (await listGrants(parts, at)).grants.map((one) => [one.subject.name, one.role]).sort(),
        [
          ['acme+ci', 'owner'],
          ['granted', 'reader'],
        ],
      );
      await revokeRole(parts, { by: root, ...at, subject: { kind: 'user', id: granted.id } });
      assert.equal(await access.roleOf(person, { namespace, project }), 'none');
      assert.equal(
        (await refusal(revokeRole(parts, { by: root, ...at, subject: { kind: 'user', id: granted.id } })))
          .code,
        'not_found',
      );
      await deleteRobot(parts, {
        by: root,
        robotId: ci.robot.id,
        endRights: endRightsOfRobot(parts, { by: root, robotId: ci.robot.id }),
      });
      assert.equal(await access.roleOf(robot, { namespace, project }), 'none');
      await changeVisibility(parts, { by: root, projectId: project.id, visibility: 'public' });
      const seen = (await access.findProject('container', 'acme/app')) as Project;
      assert.equal(
        (await access.decide(undefined, 'pull', { namespace, project: seen, path: seen.path })).allowed,
        true,
      );
      const ofRobot = { subjectKind: 'robot', subject: 'acme+ci', subjectId: ci.robot.id };
      const events = await house.eventsSince(from);
      assert.deepEqual(events.filter((event) => event.type !== 'account.sign_in.succeed').map(short), [
        ['project.role.grant', 'acme/app', { ...ofRobot, role: 'reader' }],
        ['project.role.grant', 'acme/app', { ...ofRobot, role: 'owner', previous: 'reader' }],
        [
          'project.role.revoke',
          'acme/app',
          { subjectKind: 'user', subject: 'granted', subjectId: granted.id, role: 'reader' },
        ],
        ['robot.account.delete', 'acme+ci', {}],
        ['project.role.revoke', 'acme/app', { ...ofRobot, role: 'owner' }],
        ['project.visibility.change', 'acme/app', { visibility: { from: 'private', to: 'public' } }],
      ]);
    });

    it('gives a robot nothing outside its owner’s namespace', async () => {
      await using house = await openHouse(engine);
      const { acme, owner } = await settle(house);
      const bot = await createRobot(house.parts, { by: root, namespaceId: owner.id, name: 'bot' });
      const grant = grantRole(house.parts, {
        by: root,
        namespaceId: acme.id,
        subject: { kind: 'robot', id: bot.robot.id },
        role: 'reader',
      });
      assert.equal((await refusal(grant)).code, 'conflict');
    });

    it('keeps projects by name: one each, former ones reserved, history found after the end', async () => {
      await using house = await openHouse(engine);
      const { acme, namespace, project, make, caller } = await settle(house);
      const { access, parts } = house;
      const by = await caller('owner');
      const both = await Promise.allSettled([make('twin'), make('twin')]);
      assert.deepEqual(both.map((one) => one.status).sort(), ['fulfilled', 'rejected']);
      for (const name of ['', 'UP', '../up', 'a//b', 'x'.repeat(300)]) {
        assert.equal((await refusal(make(name))).reason, 'name_invalid', name);
      }
      assert.equal((await access.findProject('container', 'acme/app'))?.id, project.id);
      const from = await house.db.head();
      await renameProject(parts, { by, projectId: project.id, name: 'deep/tool' });
      assert.equal(await access.findProject('container', 'acme/app'), undefined);
      assert.equal((await access.findProject('container', 'acme/deep/tool'))?.path, 'acme/deep/tool');
      assert.equal((await refusal(make('app'))).reason, 'name_reserved');
      const push = await access.decide(by, 'push', { namespace, path: 'acme/app' });
      assert.equal(!push.allowed && push.reason, 'name_reserved');
      await changeDescription(parts, { by, projectId: project.id, description: 'a tool' });
      await deleteProject(parts, {
        by,
        projectId: project.id,
        deleteContent: async () => ({ tags: 2, manifests: 1 }),
      });
      assert.equal(await access.findProject('container', 'acme/deep/tool'), undefined);
      assert.equal(await access.findProjectById(project.id), undefined);
      const entry = await findProjectEntry(parts, project.id);
      assert.deepEqual([entry?.path, entry?.deletedAtUs !== undefined], ['acme/deep/tool', true]);
      assert.deepEqual((await house.eventsSince(from)).map(short), [
        ['project.entry.rename', 'acme/deep/tool', { from: 'acme/app', to: 'acme/deep/tool' }],
        ['project.description.change', 'acme/deep/tool', { description: { from: '', to: 'a tool' } }],
        ['project.entry.delete', 'acme/deep/tool', { tags: 2, manifests: 1, by: 'request' }],
      ]);
      assert.equal((await refusal(make('deep/tool'))).reason, 'name_reserved');
      const { names } = await listReservedNames(parts, { format: 'container' });
      assert.deepEqual(
        names.map((one) => [one.name, one.formerId]),
        [
          ['acme/app', project.id],
          ['acme/deep/tool', project.id],
        ],
      );
      await freeName(parts, { by, format: 'container', name: 'acme/deep/tool' });
      assert.equal(
        (await refusal(freeName(parts, { by, format: 'container', name: 'acme/deep/tool' }))).code,
        'not_found',
      );
      assert.notEqual((await make('deep/tool')).id, project.id);
      assert.equal(acme.id, namespace.id);
    });

    it('keeps organisations with an owner, their names and their end', async () => {
      await using house = await openHouse(engine);
      const { acme, owner, member, project, open, caller } = await settle(house);
      const { access, parts } = house;
      const organisationId = acme.id;
      const last = { by: root, organisationId, userId: owner.id };
      assert.equal((await refusal(removeMember(parts, last))).code, 'conflict');
      assert.equal((await refusal(changeMember(parts, { ...last, role: 'member' }))).code, 'conflict');
      const again = addMember(parts, { by: root, organisationId, userId: member.id, role: 'member' });
      assert.equal((await refusal(again)).code, 'conflict');
      await createRobot(parts, { by: root, namespaceId: acme.id, name: 'ci' });
      const from = await house.db.head();
      await access.findProject('container', 'acme/app');
      await renameOrganisation(parts, { by: root, organisationId, name: 'apex' });
      assert.equal(await access.findProject('container', 'acme/app'), undefined);
      assert.equal((await access.findProject('container', 'apex/app'))?.path, 'apex/app');
      assert.equal((await access.findProjectById(project.id))?.path, 'apex/app');
      assert.equal((await refusal(house.user('acme'))).reason, 'name_reserved');
      const asked = await access.decide(await caller('owner'), 'push', { path: 'acme/app' });
      assert.equal(!asked.allowed && asked.reason, 'name_reserved');
      const head = await house.db.head();
      await deleteOrganisation(parts, { by: root, organisationId, deleteContent: deleteNothing });
      const events = await house.eventsSince(head);
      const gone = { tags: 0, manifests: 0, by: 'namespace' };
      assert.deepEqual(events.map(short), [
        ['organisation.account.delete', 'apex', { projects: 2, robots: 1 }],
        ['project.entry.delete', 'apex/app', gone],
        ['project.entry.delete', 'apex/open', gone],
      ]);
      assert.ok(
        events
          .slice(1)
          .every((event) => event.cause === events[0]?.id && event.scope.namespace?.name === 'apex'),
      );
      assert.equal(await access.findNamespace('apex'), undefined);
      assert.equal(await access.findProjectById(open.id), undefined);
      assert.equal((await refusal(access.getNamespaceById(acme.id))).code, 'not_found');
      const first = await house.eventsSince(from);
      assert.deepEqual(first[0]?.details, { from: 'acme', to: 'apex' });
    });

    it('follows a renamed user into paths and robots', async () => {
      await using house = await openHouse(engine);
      const { owner } = await settle(house);
      const { access, parts } = house;
      const namespace = (await access.findNamespace('owner')) as Namespace;
      await createProjectOnRequest(parts, {
        by: root,
        namespace,
        format: 'container',
        name: 'x',
        visibility: 'private',
      });
      const bot = await createRobot(parts, { by: root, namespaceId: owner.id, name: 'bot' });
      assert.equal((await access.findProject('container', 'owner/x'))?.path, 'owner/x');
      await house.signIn(basic('owner+bot', bot.secret.reveal()));
      await renameUser(parts, { by: root, userId: owner.id, name: 'boss' });
      assert.equal(await access.findProject('container', 'owner/x'), undefined);
      assert.equal((await access.findProject('container', 'boss/x'))?.path, 'boss/x');
      const caller = await house.signIn(basic('boss+bot', bot.secret.reveal()));
      assert.deepEqual([caller.actor.name, caller.credential.name], ['boss+bot', 'boss+bot']);
    });

    it('lists in pages, and asks for ownership of a namespace or a role on a project', async () => {
      await using house = await openHouse(engine);
      const { acme, namespace, project, make, caller, owner } = await settle(house);
      const { access, parts } = house;
      for (const name of ['b', 'a/b', 'a']) await make(name);
      const by = await caller('owner');
      const seen: string[] = [];
      let after: string | undefined;
      do {
        const page = await listProjects(parts, {
          caller: by,
          format: 'container',
          limit: 2,
          ...(after !== undefined && { after }),
        });
        seen.push(...page.projects.map((one) => one.path));
        after = page.next;
      } while (after !== undefined);
      assert.deepEqual(seen, ['acme/a', 'acme/a/b', 'acme/app', 'acme/b', 'acme/open']);
      const holding = async (text: string) =>
        (await listProjects(parts, { caller: by, text })).projects.map((one) => one.path);
      assert.deepEqual(await holding('ME/A'), ['acme/a', 'acme/a/b', 'acme/app']);
      assert.deepEqual(await holding('_'), []);
      assert.deepEqual(await holding('%'), []);
      assert.deepEqual(
        (await listOrganisations(parts, { memberId: owner.id })).organisations.map((one) => one.id),
        [acme.id],
      );
      assert.equal(await mayCreateOrganisation(parts, by), true);
      const nowUs = house.clock.nowUs();
      await house.db.transact(async (tx) => {
        const row = {
          namespace_id: '',
          key: 'organisations.create',
          value: 'administrators',
          changed_at: nowUs,
        };
        await tx.q.insertInto('setting').values(row).execute();
      });
      assert.equal(await mayCreateOrganisation(parts, by), false);
      assert.equal(await mayCreateOrganisation(parts, await caller('adm')), true);
      const scope = 'project:admin';
      await requireNamespaceOwner(access, by, { namespace, scope });
      const member = await refusal(
        requireNamespaceOwner(access, await caller('member'), { namespace, scope }),
      );
      assert.deepEqual([member.code, member.reason], ['forbidden', 'not_permitted']);
      const asked = { namespace, project, role: 'maintainer', scope: 'project:write' } as const;
      assert.equal(await requireProjectRole(access, by, asked), 'owner');
      const hidden = await refusal(requireProjectRole(access, await caller('stranger'), asked));
      assert.deepEqual([hidden.code, hidden.reason], ['not_found', 'project_unknown']);
      assert.equal(
        (await refusal(requireProjectRole(access, await caller('granted'), asked))).code,
        'forbidden',
      );
      assert.equal((await refusal(requireProjectRole(access, undefined, asked))).code, 'unauthenticated');
    });
  });
}
