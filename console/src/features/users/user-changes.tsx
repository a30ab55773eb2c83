/** What an administrator can do with a user, each asked about first. */
import { PasswordInput, TextInput } from '@mantine/core';
import type { User } from '@tallyman/contract';
import { useState } from 'react';
import { useApiMutation } from '../../api/queries.ts';
import { Confirm } from '../../parts/confirm.tsx';
import { RolePicker } from './role-picker.tsx';

type Role = User['roles'][number];
export type UserWhat = 'disable' | 'roles' | 'password' | 'delete' | 'sign_out';
type Props = { user: User; opened: boolean; onClose: () => void };

export function UserChange({ what, ...props }: Props & { what: UserWhat }) {
  switch (what) {
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

function Disable({ user: { name }, opened, onClose }: Props) {
  const change = useApiMutation('users.disable', ['users.list']);
  const [note, setNote] = useState('');
  return (
    <Confirm
      opened={opened}
      title={`Disable ${name}?`}
      action="Disable"
      danger
      change={change}
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
        data-autofocus
        mt="sm"
        maxLength={500}
        value={note}
        onChange={(event) => setNote(event.currentTarget.value)}
      />
    </Confirm>
  );
}

function Roles({ user, opened, onClose }: Props) {
  const change = useApiMutation('users.put_roles', ['users.list']);
  const [roles, setRoles] = useState<Role[]>(user.roles);
  return (
    <Confirm
      opened={opened}
      title={`Roles of ${user.name}`}
      action="Change roles"
      change={change}
      onClose={onClose}
      onConfirm={() =>
        change.mutate({ params: { user: user.name }, body: { roles } }, { onSuccess: onClose })
      }
    >
      <RolePicker roles={roles} onChange={setRoles} />
    </Confirm>
  );
}

function Password({ user: { name }, opened, onClose }: Props) {
  const change = useApiMutation('users.put_password', ['users.list']);
  const [password, setPassword] = useState('');
  return (
    <Confirm
      opened={opened}
      title={`Set a password for ${name}`}
      action="Set password"
      change={change}
      onClose={onClose}
      onConfirm={() => change.mutate({ params: { user: name }, body: { password } }, { onSuccess: onClose })}
    >
      Ends the user’s sessions and lock-out.
      <PasswordInput
        label="New password"
        data-autofocus
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

function SignOut({ user: { name }, opened, onClose }: Props) {
  const change = useApiMutation('users.end_sessions', ['users.list']);
  return (
    <Confirm
      opened={opened}
      title={`Sign ${name} out everywhere?`}
      action="Sign out"
      change={change}
      onClose={onClose}
      onConfirm={() => change.mutate({ params: { user: name } }, { onSuccess: onClose })}
    >
      Ends every console session of this user. Tokens go on.
    </Confirm>
  );
}

function Delete({ user: { name }, opened, onClose }: Props) {
  const remove = useApiMutation('users.delete', ['users.list']);
  return (
    <Confirm
      opened={opened}
      title={`Delete ${name}?`}
      action="Delete"
      danger
      typed={name}
      change={remove}
      onClose={onClose}
      onConfirm={() => remove.mutate({ params: { user: name } }, { onSuccess: onClose })}
    >
      The user’s namespace with its projects, robots and tokens goes. The name stays reserved, and what the
      user did stays on the trail.
    </Confirm>
  );
}
