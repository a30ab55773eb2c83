/** Who belongs to an organisation. */
import { Menu } from '@mantine/core';
import type { Member } from '@tallyman/contract';
import { useInfiniteQuery } from '@tanstack/react-query';
import { apiList, useApiMutation } from '../../api/queries.ts';
import { AddWithRole } from '../../parts/add-with-role.tsx';
import { Confirm } from '../../parts/confirm.tsx';
import { Nothing, Section } from '../../parts/page.tsx';
import { PagedTable } from '../../parts/paged-table.tsx';
import classes from '../../parts/parts.module.css';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import { DangerItem, RowMenu } from '../../parts/row-menu.tsx';
import { actionsColumn, type Column } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { useAsked } from '../../parts/use-asked.ts';

type Role = Member['role'];
const roles = [
  { value: 'member', label: 'Member' },
  { value: 'owner', label: 'Owner' },
] as const;

const columns: Column<Member>[] = [
  { id: 'user', header: 'User', cell: ({ user }) => <span className={classes.strong}>{user.name}</span> },
  { id: 'role', header: 'Role', cell: ({ role }) => role },
  { id: 'since', header: 'Since', hideBelow: 'narrow', cell: ({ since }) => <Time at={since} /> },
];

export function Members({ organisation, owner }: { organisation: string; owner: boolean }) {
  const members = useInfiniteQuery(apiList('organisations.members.list', { params: { organisation } }));
  const put = useApiMutation('organisations.members.put', ['organisations.members.list', 'me.get']);
  const remove = useApiMutation('organisations.members.delete', ['organisations.members.list', 'me.get']);
  const leaving = useAsked<Member>();
  const change = (user: string, role: Role, onSuccess?: () => void): void =>
    put.mutate({ params: { organisation, user }, body: { role } }, { ...(onSuccess && { onSuccess }) });
  const actions = actionsColumn<Member>((member) => (
    <RowMenu label={`Actions for ${member.user.name}`}>
      <Menu.Item onClick={() => change(member.user.name, member.role === 'owner' ? 'member' : 'owner')}>
        {member.role === 'owner' ? 'Make a plain member' : 'Make an owner'}
      </Menu.Item>
      <DangerItem onClick={() => leaving.ask(member)}>Remove</DangerItem>
    </RowMenu>
  ));
  return (
    <Section
      title="Members"
      lead="Owners see and may do everything here; members hold the organisation’s default role."
    >
      {owner && (
        <AddWithRole
          label="Add a user"
          placeholder="user name"
          action="Add"
          maxLength={64}
          roles={roles}
          rolesWidth={130}
          pending={put.isPending}
          onAdd={change}
        />
      )}
      <ProblemAlert error={put.error} />
      <PagedTable
        label="Members"
        query={members}
        columns={owner ? [...columns, actions] : columns}
        rowId={({ user }) => user.id}
        empty={<Nothing title="No members" />}
      />
      <Confirm
        opened={leaving.opened}
        title={`Remove ${leaving.item?.user.name ?? ''}?`}
        action="Remove"
        danger
        change={remove}
        onClose={leaving.close}
        onConfirm={() =>
          leaving.item &&
          remove.mutate(
            { params: { organisation, user: leaving.item.user.name } },
            { onSuccess: leaving.close },
          )
        }
      >
        The user no longer sees the organisation. Roles granted on single projects stay.
      </Confirm>
    </Section>
  );
}
