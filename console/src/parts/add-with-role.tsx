/** One line that gives somebody a role: a name, the role, a button. A name that was refused stays, to be corrected. */
import { Button, Group, Select } from '@mantine/core';
import { useState } from 'react';
import { valuesOf } from './dialog-form.tsx';
import { NameInput } from './name-input.tsx';

type Props<Role extends string> = {
  label: string;
  placeholder: string;
  action: string;
  maxLength: number;
  /** The first is chosen until another one is. */
  roles: readonly { value: Role; label: string }[];
  rolesWidth: number;
  pending: boolean;
  onAdd: (name: string, role: Role, onDone: () => void) => void;
};

export function AddWithRole<Role extends string>(props: Props<Role>) {
  const { label, placeholder, action, maxLength, roles, rolesWidth, pending, onAdd } = props;
  const [role, setRole] = useState(roles[0]?.value);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        const form = event.currentTarget;
        if (role !== undefined) onAdd(valuesOf(form).textOf('name') ?? '', role, () => form.reset());
      }}
    >
      <Group align="flex-end" gap="xs" mb="md">
        <NameInput label={label} placeholder={placeholder} maxLength={maxLength} />
        <Select
          aria-label="Role"
          data={roles}
          value={role ?? null}
          allowDeselect={false}
          w={rolesWidth}
          onChange={(value) => value !== null && setRole(value as Role)}
        />
        <Button type="submit" variant="default" loading={pending}>
          {action}
        </Button>
      </Group>
    </form>
  );
}
