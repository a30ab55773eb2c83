/** Every user, for administrators: create, enable and disable, roles, lock-out. */
import { Button, Checkbox, Group, Menu, Modal, PasswordInput, Stack, TextInput } from '@mantine/core';
import type { User } from '@tallyman/contract';
import { useInfiniteQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { apiList, useApiMutation } from '../../api/queries.ts';
import { Confirm } from '../../parts/confirm.tsx';
import { PlusIcon } from '../../parts/icons.tsx';
import { TextLink } from '../../parts/links.tsx';
import { StateBadge } from '../../parts/outcome-badge.tsx';
import { Nothing, Page } from '../../parts/page.tsx';
import { PagedTable } from '../../parts/paged-table.tsx';
import classes from '../../parts/parts.module.css';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import { RowMenu } from '../../parts/row-menu.tsx';
import type { Column } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';

type Role = User['roles'][number];
type What = 'disable' | 'roles' | 'password' | 'delete' | 'sign_out';

export function UsersPage() {
  const [name, setName] = useState('');
  const [creating, setCreating] = useState(false);
  const [asked, setAsked] = useState<{ user: User; what: What } | undefined>();
  const users = useInfiniteQuery(apiList('users.list', { query: name === '' ? {} : { name } }));
  const enable = useApiMutation('users.enable', ['users.list']);
  const unlock = useApiMutation('users.end_lockout', ['users.list']);
  const ask = (what: What, user: User) => () => setAsked({ what, user });
  return (
    <Page
      title="Users"
      place="Administration"
      actions={
        <Button leftSection={<PlusIcon />} onClick={() => setCreating(true)}>
          New user
        </Button>
      }
    >
      <TextInput
        aria-label="Beginning of the name"
        placeholder="Beginning of the name"
        type="search"
        value={name}
        maw={280}
        mb="sm"
        maxLength={64}
        onChange={(event) => setName(event.currentTarget.value.trim())}
      />
      <ProblemAlert error={enable.error ?? unlock.error} />
      <PagedTable
        label="Users"
        query={users}
        columns={[
          ...columns,
          {
            id: 'actions',
            header: '',
            cell: (user) => (
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
                <Menu.Item color="red" onClick={ask('delete', user)}>
                  Delete
                </Menu.Item>
              </RowMenu>
            ),
          },
        ]}
        rowId={({ id }) => id}
        empty={<Nothing title="Nobody of that name">Names are compared from their beginning.</Nothing>}
      />
      <Modal opened={creating} onClose={() => setCreating(false)} title="New user">
        {creating && <CreateForm onDone={() => setCreating(false)} />}
      </Modal>
      {asked && <Asked key={asked.user.id + asked.what} {...asked} onClose={() => setAsked(undefined)} />}
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
    header: '',
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
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const values = new FormData(event.currentTarget);
    const given = (field: string): string => String(values.get(field)).trim();
    const email = given('email');
    const body = {
      name: given('name'),
      password: String(values.get('password')),
      roles,
      ...(email !== '' && { email }),
    };
    create.mutate({ body }, { onSuccess: onDone });
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        <TextInput
          name="name"
          label="User name"
          required
          withAsterisk={false}
          maxLength={64}
          autoCapitalize="none"
          spellCheck={false}
          autoComplete="off"
          data-autofocus
        />
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
        <ProblemAlert error={create.error} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onDone}>
            Cancel
          </Button>
          <Button type="submit" loading={create.isPending}>
            Create user
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function RolePicker({ roles, onChange }: { roles: Role[]; onChange: (roles: Role[]) => void }) {
  return (
    <Checkbox.Group label="Roles" value={roles} onChange={(value) => onChange(value as Role[])}>
      <Stack gap={6} mt={6}>
        <Checkbox value="admin" label="Administrator: everything on this server" />
        <Checkbox value="auditor" label="Auditor: reads every event, no content" />
      </Stack>
    </Checkbox.Group>
  );
}

type AskedProps = { user: User; what: What; onClose: () => void };

function Asked(props: AskedProps) {
  switch (props.what) {
    case 'disable':
      return <Disable {...props} />;
    case 'roles':
      return <Roles {...props} />;
    case 'password':
      return <Password {...props} />;
    case 'sign_out':
      return <SignOut {...props} />;
    case 'delete':
      return <Delete {...props} />;
  }
}

function Disable({ user: { name }, onClose }: AskedProps) {
  const change = useApiMutation('users.disable', ['users.list']);
  const [note, setNote] = useState('');
  return (
    <Confirm
      opened
      title={`Disable ${name}?`}
      action="Disable"
      danger
      pending={change.isPending}
      error={change.error}
      onClose={onClose}
      onConfirm={() =>
        change.mutate(
          { params: { user: name }, body: note.trim() === '' ? {} : { note } },
          { onSuccess: onClose },
        )
      }
    >
      Every credential of this user stops at once: password, sessions, tokens. Nothing is deleted.
      <TextInput
        label="Why (optional, stands in the event)"
        mt="sm"
        maxLength={500}
        value={note}
        onChange={(event) => setNote(event.currentTarget.value)}
      />
    </Confirm>
  );
}

function Roles({ user, onClose }: AskedProps) {
  const change = useApiMutation('users.put_roles', ['users.list']);
  const [roles, setRoles] = useState<Role[]>(user.roles);
  return (
    <Confirm
      opened
      title={`Roles of ${user.name}`}
      action="Change roles"
      pending={change.isPending}
      error={change.error}
      onClose={onClose}
      onConfirm={() =>
        change.mutate({ params: { user: user.name }, body: { roles } }, { onSuccess: onClose })
      }
    >
      <RolePicker roles={roles} onChange={setRoles} />
    </Confirm>
  );
}

function Password({ user: { name }, onClose }: AskedProps) {
  const change = useApiMutation('users.put_password', ['users.list']);
  const [password, setPassword] = useState('');
  return (
    <Confirm
      opened
      title={`Set a password for ${name}`}
      action="Set password"
      pending={change.isPending}
      error={change.error}
      onClose={onClose}
      onConfirm={() => change.mutate({ params: { user: name }, body: { password } }, { onSuccess: onClose })}
    >
      Ends the user’s sessions and lock-out.
      <PasswordInput
        label="New password"
        mt="sm"
        autoComplete="new-password"
        required
        withAsterisk={false}
        value={password}
        onChange={(event) => setPassword(event.currentTarget.value)}
      />
    </Confirm>
  );
}

function SignOut({ user: { name }, onClose }: AskedProps) {
  const change = useApiMutation('users.end_sessions', ['users.list']);
  return (
    <Confirm
      opened
      title={`Sign ${name} out everywhere?`}
      action="Sign out"
      pending={change.isPending}
      error={change.error}
      onClose={onClose}
      onConfirm={() => change.mutate({ params: { user: name } }, { onSuccess: onClose })}
    >
      Ends every console session of this user. Tokens go on.
    </Confirm>
  );
}

function Delete({ user: { name }, onClose }: AskedProps) {
  const remove = useApiMutation('users.delete', ['users.list']);
  return (
    <Confirm
      opened
      title={`Delete ${name}?`}
      action="Delete"
      danger
      typed={name}
      pending={remove.isPending}
      error={remove.error}
      onClose={onClose}
      onConfirm={() => remove.mutate({ params: { user: name } }, { onSuccess: onClose })}
    >
      The user’s namespace with its projects, robots and tokens goes. The name stays reserved, and what the
      user did stays on the trail.
    </Confirm>
  );
}
