/** Organisations and their members. */
import type { Member, Organisation } from '@tallyman/contract';
import type { Access } from '../access/access.ts';
import {
  addMember,
  changeDefaultRole,
  changeMember,
  createOrganisation,
  deleteOrganisation,
  findMember,
  getOrganisation,
  listMembers,
  listOrganisations,
  type MemberRole,
  mayCreateOrganisation,
  type Organisation as OrganisationState,
  removeMember,
  renameOrganisation,
} from '../access/organisations.ts';
import type { AccessParts } from '../access/parts.ts';
import type { DeleteContent } from '../access/projects.ts';
import type { Caller } from '../domain/caller.ts';
import { AppError } from '../domain/error.ts';
import { getUser } from '../identity/users.ts';
import { formatUs } from '../stdx/clock.ts';
import { userIdOf } from './accounts.ts';
import type { ApiHandlers } from './call.ts';
import { nextOf, pageOf } from './pages.ts';
import { selectMember } from './rows.ts';

export type OrganisationParts = AccessParts & {
  access: Pick<Access, 'scopeOf'>;
  /** What ends with a project, in the unit that deletes it. */
  deleteContent: DeleteContent;
};

type OrganisationRoutes =
  | `organisations.${'list' | 'create' | 'get' | 'rename' | 'put_default_role' | 'delete'}`
  | `organisations.members.${'list' | 'put' | 'delete'}`;

export function organisationHandlers(parts: OrganisationParts): ApiHandlers<OrganisationRoutes> {
  const view = async (caller: Caller, organisation: OrganisationState): Promise<Organisation> => {
    const { id, name, defaultRole, createdAtUs } = organisation;
    const userId = caller.actor.kind === 'user' ? caller.actor.id : undefined;
    const role = userId === undefined ? undefined : await findMember(parts, { organisationId: id, userId });
    return { id, name, defaultRole, createdAt: formatUs(createdAtUs), role: role ?? null };
  };
  return {
    'organisations.list': async ({ caller, query }) => {
      const all = query.view === 'all';
      if (all && !caller.roles.admin) {
        throw new AppError('forbidden', 'Only administrators may list all organisations.', {
          reason: 'not_permitted',
        });
      }
      const whose = all ? {} : { memberId: caller.actor.id ?? '' };
      const { organisations, next } = await listOrganisations(parts, { ...pageOf(query), ...whose });
      return {
        items: await Promise.all(organisations.map((found) => view(caller, found))),
        next: nextOf(next),
      };
    },
    'organisations.create': async ({ caller, body }) => {
      if (!(await mayCreateOrganisation(parts, caller))) {
        throw new AppError(
          'forbidden',
          'Only administrators may create organisations here. Ask one of them.',
          {
            reason: 'not_permitted',
          },
        );
      }
      return view(
        caller,
        await createOrganisation(parts, { by: caller, name: body.name, ownerId: userIdOf(caller) }),
      );
    },
    'organisations.get': async ({ caller, namespace }) =>
      view(caller, await getOrganisation(parts, namespace.id)),
    'organisations.rename': async ({ caller, namespace, body }) =>
      view(
        caller,
        await renameOrganisation(parts, { by: caller, organisationId: namespace.id, name: body.name }),
      ),
    'organisations.put_default_role': async ({ caller, namespace, body }) =>
      view(
        caller,
        await changeDefaultRole(parts, { by: caller, organisationId: namespace.id, role: body.role }),
      ),
    'organisations.delete': async ({ caller, namespace }) =>
      deleteOrganisation(parts, {
        by: caller,
        organisationId: namespace.id,
        deleteContent: parts.deleteContent,
      }),
    'organisations.members.list': async ({ namespace, query }) => {
      const { members, next } = await listMembers(parts, { organisationId: namespace.id, ...pageOf(query) });
      return { items: members.map(viewMember), next: nextOf(next) };
    },
    'organisations.members.put': async ({ caller, namespace, params, body }) =>
      putMember(parts, caller, { organisationId: namespace.id, name: params.user, role: body.role }),
    'organisations.members.delete': async ({ caller, namespace, params }) => {
      const user = await getUser(parts, { name: params.user });
      await removeMember(parts, { by: caller, organisationId: namespace.id, userId: user.id });
    },
  };
}

async function putMember(
  parts: AccessParts,
  by: Caller,
  { organisationId, name, role }: { organisationId: string; name: string; role: MemberRole },
): Promise<Member> {
  const { id: userId } = await getUser(parts, { name });
  const present = await findMember(parts, { organisationId, userId });
  const change = { by, organisationId, userId, role };
  await (present === undefined ? addMember(parts, change) : changeMember(parts, change));
  const member = await selectMember(parts.db.read, { organisationId, userId });
  if (member !== undefined) return viewMember({ userId, name, ...member });
  throw new AppError('conflict', 'The member was removed a moment ago.', { reason: 'conflict' });
}

function viewMember({
  userId,
  name,
  role,
  sinceUs,
}: {
  userId: string;
  name: string;
  role: MemberRole;
  sinceUs: number;
}): Member {
  return { user: { id: userId, name }, role, since: formatUs(sinceUs) };
}
