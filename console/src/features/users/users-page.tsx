/** Every user, for administrators: create, enable and disable, roles, lock-out. */
import { Menu, PasswordInput, TextInput } from '@mantine/core';
import type { User } from '@tallyman/contract';
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { apiList, useApiMutation } from '../../api/queries.ts';
import { CreateButton } from '../../parts/create-button.tsx';
import { DialogForm } from '../../parts/dialog-form.tsx';
import { TextLink } from '../../parts/links.tsx';
import { NameInput } from '../../parts/name-input.tsx';
import { StateBadge } from '../../parts/outcome-badge.tsx';
import { Nothing, Page } from '../../parts/page.tsx';
import { PagedTable } from '../../parts/paged-table.tsx';
import classes from '../../parts/parts.module.css';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import { DangerItem, RowMenu } from '../../parts/row-menu.tsx';
import { SearchField } from '../../parts/search-field.tsx';
import { actionsColumn, type Column } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { useAsked } from '../../parts/use-asked.ts';
import { RolePicker } from './role-picker.tsx';
import { UserChange, type UserWhat } from './user-changes.tsx';

type Role = User['roles'][number];

export function UsersPage() {
  const [name, setName] = useState('');
  const asked = useAsked<{ user: User; what: UserWhat }>();
  const users = useInfiniteQuery({
    ...apiList('users.list', { query: name === '' ? {} : { name } }),
    placeholderData: keepPreviousData,
  });
  const enable = useApiMutation('users.enable', ['users.list']);
  const unlock = useApiMutation('users.end_lockout', ['users.list']);
  const ask = (what: UserWhat, user: User) => () => asked.ask({ what, user });
  return (
    <Page
      title="Users"
      place="Administration"
      actions={
        <CreateButton label="New user" primary>
          {(close) => <CreateForm onDone={close} />}
        </CreateButton>
      }
    >
      <SearchField label="Beginning of the name" text={name} maxLength={64} onSearch={setName} />
      <ProblemAlert error={enable.error ?? unlock.error} />
      <PagedTable
        label="Users"
        query={users}
        columns={[
          ...columns,
          actionsColumn<User>((user) => (
            <RowMenu label={`Actions for ${user.name}`}>
              <Menu.Item onClick={ask('roles', user)}>Change roles</Menu.Item>
              <Menu.Item onClick={ask('password', user)}>Set a password</Menu.Item>
              <Menu.Item onClick={ask('sign_out', user)}>Sign out everywhere</Menu.Item>
              {user.lockedUntil !== null && (
                <Menu.Item onClick={() => unlock.mutate({ params: { user: user.name } })}>
                  End lock-out
                </Menu.Item>
              )}
              {user.disabled ? (
                <Menu.Item onClick={() => enable.mutate({ params: { user: user.name } })}>Enable</Menu.Item>
              ) : (
                <Menu.Item onClick={ask('disable', user)}>Disable</Menu.Item>
              )}
              <Menu.Divider />
              <DangerItem onClick={ask('delete', user)}>Delete</DangerItem>
            </RowMenu>
          )),
        ]}
        rowId={({ id }) => id}
        empty={<Nothing title="Nobody of that name">Names are compared from their beginning.</Nothing>}
      />
      {asked.item && (
        <UserChange key={asked.turn} {...asked.item} opened={asked.opened} onClose={asked.close} />
      )}
    </Page>
  );
}

const columns: Column<User>[] = [
  {
    id: 'name',
    header: 'User',
    cell: ({ name, displayName, email }) => (
      <>
        <span className={classes.strong}>{name}</span>
        <div className={classes.under}>{[displayName, email].filter(Boolean).join(' · ')}</div>
      </>
    ),
  },
  { id: 'state', header: 'State', cell: (user) => <UserState user={user} /> },
  {
    id: 'roles',
    header: 'Roles',
    hideBelow: 'narrow',
    cell: ({ roles }) =>
      roles.length === 0 ? <span className={classes.dim}>none</span> : roles.map(roleText).join(', '),
  },
  { id: 'created', header: 'Created', hideBelow: 'medium', cell: ({ createdAt }) => <Time at={createdAt} /> },
  {
    id: 'trail',
    header: 'Trail',
    hideHeader: true,
    hideBelow: 'wide',
    cell: ({ id }) => (
      <TextLink to="/administration/trail" search={{ actor: [id] } as never} size="sm">
        Events
      </TextLink>
    ),
  },
];

const roleText = (role: Role): string => (role === 'admin' ? 'administrator' : role);

function UserState({ user: { disabled, lockedUntil } }: { user: User }) {
  return (
    <div className={classes.chips}>
      {disabled ? <StateBadge text="disabled" tone="bad" /> : <StateBadge text="enabled" tone="good" />}
      {lockedUntil !== null && (
        <span>
          <StateBadge text="locked out" tone="warn" />{' '}
          <span className={classes.under}>
            until <Time at={lockedUntil} />
          </span>
        </span>
      )}
    </div>
  );
}

function CreateForm({ onDone }: { onDone: () => void }) {
  const create = useApiMutation('users.create', ['users.list']);
  const [roles, setRoles] = useState<Role[]>([]);
  return (
    <DialogForm
      action="Create user"
      change={create}
      onClose={onDone}
      onSubmit={({ textOf, secretOf }) => {
        const email = textOf('email');
        const body = {
          name: textOf('name') ?? '',
          password: secretOf('password'),
          roles,
          ...(email && { email }),
        };
        create.mutate({ body }, { onSuccess: onDone });
      }}
    >
      <NameInput label="User name" data-autofocus />
      <TextInput name="email" type="email" label="E-mail (optional)" maxLength={254} autoComplete="off" />
      <PasswordInput
        name="password"
        label="Password"
        description="Tell it to the user in a safe way"
        required
        withAsterisk={false}
        autoComplete="new-password"
      />
      <RolePicker roles={roles} onChange={setRoles} />
    </DialogForm>
  );
}
