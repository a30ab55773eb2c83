/** Who belongs to an organisation. */
import { Button, Group, Menu, Select, TextInput } from '@mantine/core';
import type { Member } from '@tallyman/contract';
import { useInfiniteQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { apiList, useApiMutation } from '../../api/queries.ts';
import { Confirm } from '../../parts/confirm.tsx';
import { Nothing, Section } from '../../parts/page.tsx';
import { PagedTable } from '../../parts/paged-table.tsx';
import classes from '../../parts/parts.module.css';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import { RowMenu } from '../../parts/row-menu.tsx';
import type { Column } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';

type Role = Member['role'];
const roles = [
  { value: 'member', label: 'Member' },
  { value: 'owner', label: 'Owner' },
];

export function Members({ organisation, owner }: { organisation: string; owner: boolean }) {
  const members = useInfiniteQuery(apiList('organisations.members.list', { params: { organisation } }));
  const put = useApiMutation('organisations.members.put', ['organisations.members.list']);
  const remove = useApiMutation('organisations.members.delete', ['organisations.members.list']);
  const [leaving, setLeaving] = useState<Member | undefined>();
  const change = (user: string, role: Role): void =>
    put.mutate({ params: { organisation, user }, body: { role } });
  const columns: Column<Member>[] = [
    { id: 'user', header: 'User', cell: ({ user }) => <span className={classes.strong}>{user.name}</span> },
    { id: 'role', header: 'Role', cell: ({ role }) => role },
    { id: 'since', header: 'Since', hideBelow: 'narrow', cell: ({ since }) => <Time at={since} /> },
  ];
  const actions: Column<Member> = {
    id: 'actions',
    header: '',
    cell: (member) => (
      <RowMenu label={`Actions for ${member.user.name}`}>
        <Menu.Item onClick={() => change(member.user.name, member.role === 'owner' ? 'member' : 'owner')}>
          {member.role === 'owner' ? 'Make a plain member' : 'Make an owner'}
        </Menu.Item>
        <Menu.Item color="red" onClick={() => setLeaving(member)}>
          Remove
        </Menu.Item>
      </RowMenu>
    ),
  };
  return (
    <Section
      title="Members"
      lead="Owners see and may do everything here; members hold the organisation’s default role."
    >
      {owner && <AddMember pending={put.isPending} onAdd={change} />}
      <ProblemAlert error={put.error} />
      <PagedTable
        label="Members"
        query={members}
        columns={owner ? [...columns, actions] : columns}
        rowId={({ user }) => user.id}
        empty={<Nothing title="No members" />}
      />
      <Confirm
        opened={leaving !== undefined}
        title={`Remove ${leaving?.user.name ?? ''}?`}
        action="Remove"
        danger
        pending={remove.isPending}
        error={remove.error}
        onClose={() => {
          setLeaving(undefined);
          remove.reset();
        }}
        onConfirm={() =>
          leaving &&
          remove.mutate(
            { params: { organisation, user: leaving.user.name } },
            { onSuccess: () => setLeaving(undefined) },
          )
        }
      >
        The user no longer sees the organisation. Roles granted on single projects stay.
      </Confirm>
    </Section>
  );
}

function AddMember({ pending, onAdd }: { pending: boolean; onAdd: (user: string, role: Role) => void }) {
  const [role, setRole] = useState<Role>('member');
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    onAdd(String(new FormData(event.currentTarget).get('user')).trim(), role);
    event.currentTarget.reset();
  };
  return (
    <form onSubmit={submit}>
      <Group align="flex-end" gap="xs" mb="md">
        <TextInput
          name="user"
          label="Add a user"
          placeholder="user name"
          required
          withAsterisk={false}
          maxLength={64}
          autoCapitalize="none"
          spellCheck={false}
          autoComplete="off"
        />
        <Select
          aria-label="Role"
          data={roles}
          value={role}
          allowDeselect={false}
          w={130}
          onChange={(value) => setRole((value ?? 'member') as Role)}
        />
        <Button type="submit" variant="default" loading={pending}>
          Add
        </Button>
      </Group>
    </form>
  );
}
